"""`kbsync apply`: plan, ask, send, and tell what became of every change."""

import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from kbsync.adapters.files import write_whole
from kbsync.adapters.state import StateStore
from kbsync.cli.changed_since import touched_since
from kbsync.cli.choosing import Choice
from kbsync.cli.complaints import complain
from kbsync.cli.options import (
    Asked,
    Console,
    Duration,
    Percentage,
    RefreshingCommand,
    allow_option,
    config_option,
    console_of,
    lint_options,
    lock_timeout_option,
    paths_argument,
    reason_option,
    refresh_options,
    selection_options,
)
from kbsync.cli.plan import refused, show_plan, with_max_changes
from kbsync.cli.refreshing import Refresher, open_refresher
from kbsync.cli.report import report_format
from kbsync.cli.running import Ended, Run, accesses_for
from kbsync.cli.saved import check_encodable, moved, read_saved
from kbsync.cli.signals import Signals
from kbsync.cli.workspace import Workspace, open_workspace
from kbsync.core.exits import Exit, most_telling
from kbsync.core.plan import Plan
from kbsync.core.report import Report
from kbsync.core.rules import Level
from kbsync.core.selection import Selection
from kbsync.core.settings import ApplySettings
from kbsync.engine.target import Policy
from kbsync.errors import KbsyncError, UsageError
from kbsync.views.log import Log, stamped
from kbsync.views.paint import Paint
from kbsync.views.plan_text import plan_text
from kbsync.views.problems import problem_lines
from kbsync.views.progress import REMARKED, Progress, open_progress
from kbsync.views.reports import REPORT_FORMATS, render_report
from kbsync.views.result_text import result_text
from kbsync.views.stream import Stream

__all__ = ("apply",)

# Who is asked wants to see what for; who said yes beforehand has seen a plan, or reads the report.
_SHOWN_ASKED = 50
_SHOWN_UNASKED = 5


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the command line asks of one apply."""

    paths: Sequence[str]
    plan_file: Path | None
    selection: Selection
    changed_since: str | None
    failed: bool
    yes: bool
    reason: str
    max_changes: int | None
    policy: Policy
    reports: Sequence[Path]
    form: str


@click.command(cls=RefreshingCommand)
@paths_argument
@config_option
@allow_option
@lint_options
@selection_options
@refresh_options
@reason_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask. Required without a terminal.")
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE", help="Apply exactly this saved plan."
)
@click.option("--failed", is_flag=True, help="Only items that the last run did not bring to an end.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Write a report; the ending says the format: {', '.join('.' + form for form in REPORT_FORMATS)}.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Begin at most N changes; exit 7 when some are left."
)
@click.option(
    "--on-error", type=click.Choice(["continue", "drain", "abort"]), help="What the first failed change does."
)
@click.option("--max-errors", type=click.IntRange(min=0), metavar="N", help="Stop when more than N changes failed.")
@click.option("--max-error-rate", type=Percentage(), metavar="P", help="Stop when over P % failed.")
@click.option(
    "--max-duration", type=Duration(), metavar="TIME", help="End after so long, like 90s, 10min or 2h; exit 7."
)
@click.option("--max-outage", type=Duration(), metavar="TIME", help="Give a provider up that is down for so long.")
@lock_timeout_option
@click.option("--max-changes", type=click.IntRange(min=0), metavar="N", help="A guard: refuse more changes than N.")
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.pass_context
def apply(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    levels: Mapping[str, Level],
    selection: Selection,
    changed_since: str | None,
    asked: Asked | None,
    reason: str,
    yes: bool,
    plan_file: Path | None,
    failed: bool,
    reports: Sequence[Path],
    limit: int | None,
    on_error: str | None,
    max_errors: int | None,
    max_error_rate: float | None,
    max_duration: float | None,
    max_outage: float | None,
    lock_timeout: float,
    max_changes: int | None,
    form: str,
) -> int:
    """Send the updates that are missing, and tell what became of each.

    Sends nothing before the plan is shown and agreed to. Every outcome is recorded before it is shown; run it again
    after anything went wrong, and it goes on where it was.
    """
    if plan_file is not None and (paths or failed or selection or changed_since is not None or asked is not None):
        raise UsageError(
            "--plan says what is applied; it goes with no PATH, and with none of --failed, --only, --exclude, "
            "--changed-since and --refresh"
        )
    if plan_file is not None and levels:
        raise UsageError("--plan was linted when it was made; it goes with none of --warn, --error and --off")
    if allowed and not reason.strip():
        raise UsageError("--allow needs --reason TEXT: it is kept with the run and in its report")
    for report in reports:
        report_format(report)

    workspace = open_workspace(config_file, allowed, levels)
    for report in reports:
        workspace.check_output("--report", report, paths)
    wishes = _Wishes(
        paths=paths,
        plan_file=plan_file,
        selection=selection,
        changed_since=changed_since,
        failed=failed,
        yes=yes,
        reason=reason,
        max_changes=max_changes,
        policy=_policy(workspace.config.apply, on_error, max_errors, max_error_rate, limit, max_duration, max_outage),
        reports=reports,
        form=form,
    )
    console = console_of(context)
    if not yes and (sys.stdin is None or not sys.stdin.isatty()):
        raise UsageError("without a terminal there is nobody to ask: say --yes")

    with Signals() as signals, workspace.store() as store:
        store.lock("apply", lock_timeout)
        limits = {"otherwise": "nothing was sent", "max_duration_s": wishes.policy.max_duration_s}
        with open_refresher(workspace, store, console, asked, **limits) as refresher:
            return _apply(workspace, store, wishes, console, signals, refresher)


def _apply(
    workspace: Workspace,
    store: StateStore,
    wishes: _Wishes,
    console: Console,
    signals: Signals,
    refresher: Refresher | None,
) -> int:
    known = store.known()
    guards = with_max_changes(workspace.config.guards, wishes.max_changes)
    stale: list[int] = []
    began_s = time.monotonic()
    if wishes.plan_file is not None:
        plan = read_saved(wishes.plan_file, workspace, known, guards)
        stale = moved(plan, known)
    else:
        since = wishes.changed_since
        touched = None if since is None else touched_since(workspace, wishes.paths, since)
        choice = Choice(wishes.selection, store.failed_of() if wishes.failed else None, touched)
        plan, warnings = workspace.plan(
            known,
            wishes.paths,
            guards=guards,
            chosen=choice.predicate(),
            refresh=None if refresher is None else refresher.refresh,
        )
        console.err.lines(problem_lines(warnings))
        choice.check(plan)

    _show_plan(plan, wishes, console)
    if refused(plan):
        return Exit.GUARD
    accesses = accesses_for(plan, workspace.config)
    if wishes.plan_file is not None:
        check_encodable(wishes.plan_file, plan, {name: access.codec for name, access in accesses.items()})
    if not wishes.yes and plan.changes and not click.confirm("\nSend these updates?", err=True):
        console.say("kbsync: nothing was sent")
        return Exit.UNFINISHED

    progress = open_progress(
        console.err.without_waiting(),
        clock=time.monotonic,
        live=console.err.isatty(),
        quiet=console.quiet or not plan.changes,
    )
    with progress, _logs(console, progress) as logs:
        observers = [progress.observe, *(log.observe for log in logs)]
        reads = () if refresher is None else tuple(refresher.reads)
        policy = wishes.policy if refresher is None else _what_is_left(wishes.policy, time.monotonic() - began_s)
        ended = Run(plan, workspace.config, store, progress, observers, policy, signals, reads).apply(
            accesses, stale, known.hazards(), wishes.reason
        )
        if refresher is not None:
            refresher.reads.clear()  # the state has them now
    return _account(ended, store, wishes, console)


def _account(ended: Ended, store: StateStore, wishes: _Wishes, console: Console) -> int:
    """Show and write the report, whatever happened, and then say what went wrong beside it."""
    exits = set(ended.exits)
    try:
        report = store.load_report(ended.run_id)
    except KbsyncError as error:
        complain(ended.failure or error)
        return most_telling({*exits, Exit.ERROR})

    _show(report, wishes.form, console)
    for path in wishes.reports:
        try:
            write_whole(path, render_report(report, report_format(path)))
        except KbsyncError as error:
            complain(error)
            exits.add(Exit.ERROR)
    if ended.failure is not None:
        complain(ended.failure)
    return most_telling({*exits, report.exit})


@contextmanager
def _logs(console: Console, progress: Progress) -> Generator[list[Log]]:
    """Yield the logs that the command line asks for: on stderr above the progress, and in a file."""
    logs = [Log(progress.say, console.verbose, told=REMARKED)] if console.verbose else []
    if console.log_file is None:
        yield logs
        return
    try:
        file = console.log_file.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise UsageError(f"--log-file {console.log_file}: {error.strerror}") from None
    with file:
        stream = Stream(file, waits=False)
        yield [*logs, Log(lambda line: stream.lines([stamped(line, time.time())]), 2)]


def _policy(
    settings: ApplySettings,
    on_error: str | None,
    max_errors: int | None,
    max_error_rate: float | None,
    limit: int | None,
    max_duration_s: float | None,
    max_outage_s: float | None,
) -> Policy:
    """Return what the command line says, and what the configuration says where it does not."""
    return Policy(
        on_error=settings.on_error if on_error is None else on_error,  # type: ignore[arg-type]  # click checked it
        max_errors=settings.max_errors if max_errors is None else max_errors,
        max_error_rate=settings.max_error_rate if max_error_rate is None else max_error_rate,
        limit=limit,
        max_duration_s=settings.max_duration if max_duration_s is None else max_duration_s,
        max_outage_s=settings.max_outage if max_outage_s is None else max_outage_s,
    )


def _what_is_left(policy: Policy, spent_s: float) -> Policy:
    """Return *policy* when so much of the time of a run was spent on reading."""
    if policy.max_duration_s is None:
        return policy
    return replace(policy, max_duration_s=max(0.0, policy.max_duration_s - spent_s))


def _show_plan(plan: Plan, wishes: _Wishes, console: Console) -> None:
    """Show what is about to be sent: on stdout for people, and to whoever is asked in any case."""
    shown = _SHOWN_UNASKED if wishes.yes else _SHOWN_ASKED
    if wishes.form == "human" or refused(plan):
        show_plan(plan, wishes.form, console, max_changes_shown=shown)
    elif not wishes.yes:
        console.err.lines(plan_text(plan, max_changes_shown=shown, width=console.width))


def _show(report: Report, form: str, console: Console) -> None:
    if form == "json":
        console.out.pieces(render_report(report, "json"))
    else:
        console.out.lines(["", *result_text(report, paint=Paint(colour=console.colour), width=console.width)])
