"""`kbsync drift`: what is live against what is known. Nothing is sent, and nothing changes."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from kbsync.cli.complaints import note
from kbsync.cli.options import (
    Asked,
    RefreshingCommand,
    allow_option,
    config_option,
    console_of,
    lock_timeout_option,
    refresh_option,
)
from kbsync.cli.reading import Place
from kbsync.cli.refreshing import open_refresher
from kbsync.cli.workspace import Workspace, open_workspace, refuse
from kbsync.core.drift import Drift, find_drift
from kbsync.core.exits import Exit
from kbsync.core.live import ReadList
from kbsync.core.policies import Policy
from kbsync.core.state import Known
from kbsync.views.drift import MOST_SHOWN, drift_json, drift_markdown, drift_text
from kbsync.views.paint import Paint
from kbsync.views.wording import count

__all__ = ("drift",)


@click.command(cls=RefreshingCommand)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@config_option
@allow_option
@lock_timeout_option
@refresh_option("Take lists that were read before, if they are at most so old.")
@click.option("--format", "form", type=click.Choice(["human", "json", "markdown"]), default="human", show_default=True)
@click.option("--all", "every", is_flag=True, help="List every item, however many (human).")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when something drifted or vanished.")
@click.pass_context
def drift(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    lock_timeout: float,
    refresh: float | None,
    form: str,
    every: bool,
    detailed_exitcode: bool,
) -> int:
    """Read what is live, and tell what differs from what was last confirmed: what somebody else changed.

    Without PATH, all known items are looked at, and no manifest is read. With PATH, those of the containers that these
    manifests name. Sends no update, and changes neither the state nor a manifest.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed)
    asked = Asked(refresh or 0.0, Policy())
    with ExitStack() as stack:
        store = stack.enter_context(workspace.store())
        store.lock("drift", lock_timeout)
        refresher = stack.enter_context(
            open_refresher(workspace, store, console, asked, otherwise="nothing was compared")
        )
        assert refresher is not None
        known = store.known()
        declared = _declared(workspace, paths) if paths else None
        places = _places(workspace, known, declared)
        lists: Mapping[Place, ReadList] = refresher.lists(places)
        found = find_drift(known, lists, declared)

        if form == "json":
            console.out.pieces(drift_json(found))
        elif form == "markdown":
            console.out.lines([drift_markdown(found)])
        else:
            paint = Paint(colour=console.colour)
            shown = None if every else MOST_SHOWN
            console.out.lines(drift_text(found, paint=paint, max_items_shown=shown, width=console.width))
    return _exit(found, detailed=detailed_exitcode)


def _declared(workspace: Workspace, paths: Sequence[str]) -> Mapping[Place, Collection[str]]:
    survey = workspace.survey(paths)
    refuse(survey.problems)
    return survey.declared


def _places(
    workspace: Workspace, known: Known, declared: Mapping[Place, Collection[str]] | None
) -> dict[Place, Collection[str]]:
    """Return the lists to read, with the ids that are known of each."""
    if declared is not None:
        return {place: known.digests(place) for place in declared}
    places: dict[Place, list[str]] = {}
    for item in known.items():
        places.setdefault(item[:3], []).append(item.id)
    for target in sorted({place[0] for place in places} - workspace.config.targets.keys()):
        gone = {place: ids for place, ids in places.items() if place[0] == target}
        note(f"{target} is no target any more: {count(sum(map(len, gone.values())), 'known item')} of it left out")
    return {place: ids for place, ids in places.items() if place[0] in workspace.config.targets}


def _exit(found: Drift, *, detailed: bool) -> Exit:
    return Exit.CHANGES if detailed and found.is_there else Exit.OK
