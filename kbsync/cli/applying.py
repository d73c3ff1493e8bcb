"""An apply: plan, ask, send, and tell what became of every change."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from kbsync.adapters.files import write_whole
from kbsync.adapters.state import StateStore
from kbsync.cli.changed_since import touched_since
from kbsync.cli.choosing import Choice
from kbsync.cli.complaints import complain
from kbsync.cli.options import Console
from kbsync.cli.plan import refused, show_plan, with_max_changes
from kbsync.cli.refreshing import Refresher
from kbsync.cli.report import report_format
from kbsync.cli.running import Ended, Run, accesses_for
from kbsync.cli.saved import check_encodable, moved, read_saved
from kbsync.cli.signals import SIGNAL_EXITS, Signals
from kbsync.cli.verifying import verifying_of
from kbsync.cli.workspace import Workspace
from kbsync.core.exits import Exit, most_telling
from kbsync.core.plan import Plan
from kbsync.core.report import Report
from kbsync.core.selection import Selection
from kbsync.core.verification import VerifyMode
from kbsync.engine.recent import Recent
from kbsync.engine.target import Policy
from kbsync.errors import KbsyncError, UsageError
from kbsync.views.log import Log, stamped
from kbsync.views.paint import Paint
from kbsync.views.plan_text import plan_text
from kbsync.views.problems import problem_lines
from kbsync.views.progress import REMARKED, Progress, open_progress
from kbsync.views.reports import render_report
from kbsync.views.result_text import result_text
from kbsync.views.stream import Stream

__all__ = ("Wishes", "carry_out")

# Who is asked wants to see what for; who said yes beforehand has seen a plan, or reads the report.
_SHOWN_ASKED = 50
_SHOWN_UNASKED = 5


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of one apply."""

    paths: Sequence[str]
    plan_file: Path | None
    selection: Selection
    changed_since: str | None
    cached: bool
    failed: bool
    yes: bool
    reason: str
    max_changes: int | None
    policy: Policy
    verify: VerifyMode
    verify_wait_s: float
    reports: Sequence[Path]
    form: str


def carry_out(
    workspace: Workspace,
    store: StateStore,
    wishes: Wishes,
    console: Console,
    signals: Signals,
    refresher: Refresher | None,
) -> int:
    """Do what *wishes* ask, under the lock that *store* has; return the exit code.

    With *refresher*, what is live is read for the plan. *signals* are taken over before the first update is sent.
    """
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
            cached=wishes.cached,
        )
        console.err.lines(problem_lines(warnings))
        choice.check(plan)

    _show_plan(plan, wishes, console)
    if refused(plan):
        return Exit.GUARD
    verifying = verifying_of(plan, workspace.config, store, wishes.verify, wishes.verify_wait_s)
    accesses = accesses_for(plan, workspace.config, () if verifying is None else verifying.earlier.values())
    if wishes.plan_file is not None:
        check_encodable(wishes.plan_file, plan, {name: access.codec for name, access in accesses.items()})
    if not wishes.yes and plan.changes and not click.confirm("\nSend these updates?", err=True):
        console.say("kbsync: nothing was sent")
        return Exit.UNFINISHED

    progress = open_progress(
        console.err.without_waiting(),
        clock=time.monotonic,
        live=console.err.isatty(),
        quiet=console.quiet or not (plan.changes or (verifying is not None and verifying.earlier)),
    )
    with progress, _logs(console, progress) as logs:
        observers = [progress.observe, *(log.observe for log in logs)]
        reads = () if refresher is None else tuple(refresher.reads)
        policy = wishes.policy if refresher is None else _what_is_left(wishes.policy, time.monotonic() - began_s)
        # Who was asked may have slept over it, and a clock with him.
        recent = refresher.recent if refresher is not None and wishes.yes else Recent()
        run = Run(plan, workspace.config, store, progress, observers, policy, signals, verifying, reads, recent)
        ended = run.apply(accesses, stale, known.hazards(), wishes.reason)
        if refresher is not None:
            refresher.reads.clear()  # the state has them now
    code = _account(ended, store, wishes, console)
    if ended.failure is None and not ended.exits & {*SIGNAL_EXITS.values()}:
        _prune(store, workspace.config.state.keep_runs, console)
    return code


def _prune(store: StateStore, keep_runs: int, console: Console) -> None:
    """Keep less of older runs. When that is not possible, what this run did is as good."""
    try:
        store.prune(keep_runs)
    except KbsyncError as error:
        console.say(f"kbsync: what is kept of older runs could not be pruned ({error.__cause__ or error})")


def _account(ended: Ended, store: StateStore, wishes: Wishes, console: Console) -> int:
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


def _what_is_left(policy: Policy, spent_s: float) -> Policy:
    """Return *policy* when so much of the time of a run was spent on reading."""
    if policy.max_duration_s is None:
        return policy
    return replace(policy, max_duration_s=max(0.0, policy.max_duration_s - spent_s))


def _show_plan(plan: Plan, wishes: Wishes, console: Console) -> None:
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
