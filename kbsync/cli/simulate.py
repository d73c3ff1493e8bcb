"""`kbsync simulate`: how long a plan would take, and what if. Sends nothing, changes nothing, needs no credentials."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from kbsync.cli.assuming import (
    Assumptions,
    each_target,
    every_target,
    model_targets,
    read_count,
    read_latency,
    read_outage,
    read_rate,
)
from kbsync.cli.options import Console, allow_option, config_option, console_of
from kbsync.cli.saved import moved, read_saved
from kbsync.cli.workspace import Workspace, open_workspace
from kbsync.core.events import Event, Settled
from kbsync.core.exits import Exit
from kbsync.core.holds import holds_of
from kbsync.core.plan import Plan
from kbsync.core.settings import ApplySettings
from kbsync.engine.target import Policy
from kbsync.simulator import MIXES, Beginning
from kbsync.simulator import simulate as run_simulation
from kbsync.views.paint import Paint
from kbsync.views.problems import problem_lines
from kbsync.views.simulation_text import simulation_json, simulation_text
from kbsync.views.wording import count

__all__ = ("simulate",)

# Minutes of work say how far they are this often.
_SAY_EVERY_S = 5.0


@click.command()
@click.argument("plan_file", required=False, type=click.Path(path_type=Path), metavar="[PLAN]")
@config_option
@allow_option
@click.option("--faults", type=click.Choice(list(MIXES)), default="calm", show_default=True, help="What goes wrong.")
@click.option(
    "--fault", type=click.FloatRange(0, 1), metavar="SHARE", help="Hit this share of the requests, like 0.2, with them."
)
@click.option(
    "--rate",
    "rates",
    multiple=True,
    callback=each_target(read_rate),
    metavar="[TARGET=]RATE",
    help="As if the rate were set to this, like 5/s.",
)
@click.option(
    "--true-rate",
    "true_rates",
    multiple=True,
    callback=each_target(read_rate),
    metavar="[TARGET=]RATE",
    help="As if the provider allowed no more than this.",
)
@click.option(
    "--latency",
    callback=every_target(read_latency),
    default="50",
    show_default=True,
    metavar="MS[-MS]",
    help="How long a request takes.",
)
@click.option(
    "--outage",
    "outages",
    multiple=True,
    callback=every_target(read_outage),
    metavar="FROM-UNTIL",
    help="Be down between these seconds after the start.",
)
@click.option(
    "--concurrency",
    "concurrencies",
    multiple=True,
    callback=each_target(read_count),
    metavar="[TARGET=]N",
    help="As if N requests might be under way at once.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Draw other luck.")
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.pass_context
def simulate(
    context: click.Context,
    /,
    *,
    plan_file: Path | None,
    config_file: Path | None,
    allowed: Sequence[str],
    seed: int,
    form: str,
    **assumed: Any,
) -> int:
    """Tell how long apply would take, how many requests, and what would come of it.

    The real engine runs, on virtual time and against a model of the provider: PLAN, a saved plan, or what `kbsync plan`
    would plan now. Nothing is sent or changed, and no credentials are needed. A million changes take some minutes.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed)
    assumptions = Assumptions(**assumed)
    assumptions.check(workspace.config.targets)
    plan, beginning = _plan(workspace, plan_file, console)

    changes = (*plan.changes, *(skip.change for skip in plan.unsent))
    names = dict.fromkeys(change.item.target for change in changes)
    targets = {name: workspace.config.targets[name] for name in names}
    found = run_simulation(
        plan,
        model_targets(targets, workspace.operations(), assumptions),
        workspace.config.retry,
        _policy(workspace.config.apply),
        seed,
        beginning=beginning,
        observe=_teller(console, len(plan.changes)),
    )
    for guard in plan.guards:
        if not guard.lifted:
            console.err.lines(problem_lines([f"kbsync: apply would refuse this plan: {guard.message} [{guard.guard}]"]))
    if form == "json":
        console.out.pieces(simulation_json(found))
    else:
        console.out.lines(simulation_text(found, paint=Paint(colour=console.colour)))
    return Exit.OK


def _plan(workspace: Workspace, plan_file: Path | None, console: Console) -> tuple[Plan, Beginning]:
    """Return what would be applied, and what the run would find."""
    now_s = time.time()
    with workspace.store() as store:
        known = store.known()
        stale: Sequence[int] = ()
        if plan_file is not None:
            plan = read_saved(plan_file, workspace, known, workspace.config.guards)
            stale = moved(plan, known)
        else:
            plan, warnings = workspace.plan(known, ())
            console.err.lines(problem_lines(warnings))
        holds = holds_of(plan.changes, known.hazards(), workspace.config.retry.quarantine_s, now_s, plan.base.read)
    return plan, Beginning(now_s, frozenset(stale), holds)


def _policy(settings: ApplySettings) -> Policy:
    return Policy(
        on_error=settings.on_error,
        max_errors=settings.max_errors,
        max_error_rate=settings.max_error_rate,
        max_duration_s=settings.max_duration,
        max_outage_s=settings.max_outage,
    )


def _teller(console: Console, total: int) -> Callable[[Event], None]:
    """Return an observer that says now and then how many of *total* changes are settled."""
    settled, next_s = 0, time.monotonic() + _SAY_EVERY_S

    def observe(event: Event) -> None:
        nonlocal settled, next_s
        if isinstance(event, Settled):
            settled += 1
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + _SAY_EVERY_S
                console.say(f"kbsync: simulated {settled:,} of {count(total, 'change')}")

    return observe
