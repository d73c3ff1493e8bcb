"""`kbsync apply`: what the command line asks of it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kbsync.cli.applying import Wishes, carry_out
from kbsync.cli.options import (
    Asked,
    Duration,
    Percentage,
    RefreshingCommand,
    allow_option,
    cache_option,
    config_option,
    console_of,
    lint_options,
    lock_timeout_option,
    paths_argument,
    reason_option,
    refresh_options,
    selection_options,
)
from kbsync.cli.refreshing import open_refresher
from kbsync.cli.report import report_format
from kbsync.cli.signals import Signals
from kbsync.cli.workspace import open_workspace
from kbsync.core.rules import Level
from kbsync.core.sampling import SAMPLE_SIZE
from kbsync.core.selection import Selection
from kbsync.core.settings import ApplySettings
from kbsync.core.verification import VerifyMode
from kbsync.engine.target import Policy
from kbsync.errors import UsageError
from kbsync.views.reports import REPORT_FORMATS

__all__ = ("apply",)


@click.command(cls=RefreshingCommand)
@paths_argument
@config_option
@allow_option
@lint_options
@selection_options
@refresh_options
@cache_option
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
@click.option(
    "--verify",
    type=click.Choice(["none", "sample", "all"]),
    help=f"Read back what was updated: nothing, {SAMPLE_SIZE} changes at random, or all of it. [default: none]",
)
@click.option(
    "--verify-wait", type=Duration(), metavar="TIME", help="How long a provider may take to show it. [default: 60s]"
)
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
    cached: bool,
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
    verify: VerifyMode | None,
    verify_wait: float | None,
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
    wishes = Wishes(
        paths=paths,
        plan_file=plan_file,
        selection=selection,
        changed_since=changed_since,
        cached=cached,
        failed=failed,
        yes=yes,
        reason=reason,
        max_changes=max_changes,
        policy=_policy(workspace.config.apply, on_error, max_errors, max_error_rate, limit, max_duration, max_outage),
        verify=verify or workspace.config.apply.verify,
        verify_wait_s=workspace.config.apply.verify_wait if verify_wait is None else verify_wait,
        reports=reports,
        form=form,
    )
    console = console_of(context)
    if not yes and (sys.stdin is None or not sys.stdin.isatty()):
        raise UsageError("without a terminal there is nobody to ask: say --yes")

    with Signals() as signals, workspace.store() as store:
        store.lock("apply", lock_timeout)
        limits = {"otherwise": "nothing was sent", "max_duration_s": wishes.policy.max_duration_s}
        if asked is None:
            return carry_out(workspace, store, wishes, console, signals, None)
        with open_refresher(workspace, store, console, asked, **limits) as refresher:
            return carry_out(workspace, store, wishes, console, signals, refresher)


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
