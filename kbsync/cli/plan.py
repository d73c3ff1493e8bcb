"""`kbsync plan`: compare, and show. Neither a provider nor the state is changed."""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from kbsync.adapters.files import write_whole
from kbsync.cli.changed_since import touched_since
from kbsync.cli.choosing import Choice
from kbsync.cli.options import (
    Asked,
    Console,
    RefreshingCommand,
    allow_option,
    cache_option,
    config_option,
    console_of,
    lint_options,
    lock_timeout_option,
    paths_argument,
    refresh_options,
    selection_options,
)
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit, most_telling
from kbsync.core.plan import Plan
from kbsync.core.plan_document import plan_lines
from kbsync.core.rules import Level
from kbsync.core.selection import Selection
from kbsync.core.settings import GuardSettings
from kbsync.views.paint import Paint
from kbsync.views.plan_markdown import plan_markdown
from kbsync.views.plan_outline import LARGE_PLAN
from kbsync.views.plan_text import plan_text
from kbsync.views.problems import problem_lines

__all__ = ("plan", "show_plan")

_LINK_BASE: Final = re.compile(r"https?://[A-Za-z0-9._~:/%-]+")


def _link_base(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return *value* with a slash at its end; empty stays empty."""
    if value and not _LINK_BASE.fullmatch(value):
        raise click.BadParameter("not a web address", context, parameter)
    return value if not value or value.endswith("/") else value + "/"


@click.command(cls=RefreshingCommand)
@paths_argument
@config_option
@allow_option
@lint_options
@selection_options
@cache_option
@refresh_options
@lock_timeout_option
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan for `apply --plan FILE`.")
@click.option("--format", "form", type=click.Choice(["human", "json", "markdown"]), default="human", show_default=True)
@click.option("--all", "every", is_flag=True, help="List every change, however many (human).")
@click.option(
    "--link-base",
    metavar="URL",
    default="",
    callback=_link_base,
    help="Where files are, like https://github.com/OWNER/NAME/blob/REVISION (markdown).",
)
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
    selection: Selection,
    changed_since: str | None,
    cached: bool,
    asked: Asked | None,
    lock_timeout: float,
    out: Path | None,
    form: str,
    every: bool,
    link_base: str,
    detailed_exitcode: bool,
    max_changes: int | None,
) -> int:
    """Compare the manifests with what is known, and show what apply would send.

    Changes neither a provider nor the state. Exit 4 when a guard would refuse the plan, 5 when --refresh finds
    conflicts; it is shown all the same.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed, levels)
    if out is not None:
        workspace.check_output("--out", out, paths)
    touched = None if changed_since is None else touched_since(workspace, paths, changed_since)
    choice = Choice(selection, touched=touched)
    with ExitStack() as stack:
        store = stack.enter_context(workspace.store())
        refresh = None
        if asked is not None:
            # A client of HTTP takes a while to import, and most plans ask nobody.
            from kbsync.cli.refreshing import open_refresher  # noqa: PLC0415

            store.lock("plan", lock_timeout)  # whoever holds the state uses up the rate
            refresh = stack.enter_context(open_refresher(workspace, store, console, asked)).refresh
        guards = with_max_changes(workspace.config.guards, max_changes)
        drawn, warnings = workspace.plan(
            store.known(),
            paths,
            guards=guards,
            chosen=choice.predicate(),
            refresh=refresh,
            cached=cached,
        )

        console.err.lines(problem_lines(warnings))
        choice.check(drawn)
        max_changes_shown = len(drawn.changes) if every else LARGE_PLAN
        show_plan(drawn, form, console, max_changes_shown=max_changes_shown, link_base=link_base)
        if out is not None:
            write_whole(out, plan_lines(drawn))
            console.say(f"kbsync: the plan is in {out}; `kbsync apply --plan {out}` runs exactly this")
    return most_telling(_exits(drawn, detailed=detailed_exitcode))


def show_plan(
    drawn: Plan, form: str, console: Console, *, max_changes_shown: int = LARGE_PLAN, link_base: str = ""
) -> None:
    """Write *drawn* to stdout in *form*: `human`, `json` or `markdown`.

    For people, more than *max_changes_shown* changes are told in groups; Markdown links files below *link_base*.
    """
    match form:
        case "json":
            console.out.pieces(plan_lines(drawn))
        case "markdown":
            console.out.lines([plan_markdown(drawn, link_base=link_base)])
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
    if drawn.conflicts:
        exits.add(Exit.CONFLICT)
    if detailed and (drawn.changes or drawn.released or drawn.unmanaged):
        exits.add(Exit.CHANGES)
    return exits
