"""`kbsync plan`: compare, and show. Neither a provider nor the state is changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kbsync.adapters.files import write_whole
from kbsync.cli.options import Console, allow_option, config_option, console_of, lint_options, paths_argument
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit, most_telling
from kbsync.core.plan import Plan
from kbsync.core.plan_document import plan_lines
from kbsync.core.rules import Level
from kbsync.core.settings import GuardSettings
from kbsync.views.paint import Paint
from kbsync.views.plan_markdown import plan_markdown
from kbsync.views.plan_text import plan_text
from kbsync.views.problems import problem_lines

__all__ = ("plan", "show_plan")


@click.command()
@paths_argument
@config_option
@allow_option
@lint_options
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan for `apply --plan FILE`.")
@click.option("--format", "form", type=click.Choice(["human", "json", "markdown"]), default="human", show_default=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@click.option("--max-changes", type=click.IntRange(min=0), metavar="N", help="A guard: refuse more changes than N.")
@click.pass_context
def plan(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    levels: Mapping[str, Level],
    out: Path | None,
    form: str,
    detailed_exitcode: bool,
    max_changes: int | None,
) -> int:
    """Compare the manifests with what is known, and show what apply would send.

    Changes neither a provider nor the state. Exit 4 when a guard would refuse the plan; it is shown all the same.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed, levels)
    if out is not None:
        workspace.check_output("--out", out, paths)
    with workspace.store() as store:
        drawn, warnings = workspace.plan(
            store.known(), paths, guards=with_max_changes(workspace.config.guards, max_changes)
        )

    console.err.lines(problem_lines(warnings))
    show_plan(drawn, form, console)
    if out is not None:
        write_whole(out, plan_lines(drawn))
        console.say(f"kbsync: the plan is in {out}; `kbsync apply --plan {out}` runs exactly this")
    return most_telling(_exits(drawn, detailed=detailed_exitcode))


def show_plan(drawn: Plan, form: str, console: Console, *, max_changes_shown: int = 50) -> None:
    """Write *drawn* to stdout in *form*: `human` (the first changes only), `json` or `markdown`."""
    match form:
        case "json":
            console.out.pieces(plan_lines(drawn))
        case "markdown":
            console.out.lines([plan_markdown(drawn)])
        case _:
            paint = Paint(colour=console.colour)
            console.out.lines(plan_text(drawn, paint=paint, max_changes_shown=max_changes_shown, width=console.width))


def with_max_changes(guards: GuardSettings, max_changes: int | None) -> GuardSettings:
    """Return *guards*, with the command line's limit in place of the configured one."""
    return guards if max_changes is None else guards.model_copy(update={"max_changes": max_changes})


def refused(drawn: Plan) -> bool:
    """Tell whether a guard refuses *drawn*."""
    return any(not guard.lifted for guard in drawn.guards)


def _exits(drawn: Plan, *, detailed: bool) -> set[Exit]:
    exits = {Exit.OK}
    if refused(drawn):
        exits.add(Exit.GUARD)
    if detailed and (drawn.changes or drawn.released or drawn.unmanaged):
        exits.add(Exit.CHANGES)
    return exits
