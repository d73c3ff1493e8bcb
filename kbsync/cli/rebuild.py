"""`kbsync state rebuild`: a new state of what is live."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from kbsync.adapters.state import StateStore
from kbsync.cli.complaints import note
from kbsync.cli.options import allow_option, config_option, console_of, paths_argument
from kbsync.cli.reading import Place, Reading, accesses_to, not_before_s
from kbsync.cli.workspace import Workspace, open_workspace, refuse
from kbsync.core.exits import Exit
from kbsync.core.manifest import Desired
from kbsync.core.rebuilding import Rebuilt
from kbsync.core.rebuilding import rebuild as look_up
from kbsync.errors import StateError, UsageError
from kbsync.views.problems import problem_lines
from kbsync.views.wording import count

__all__ = ("rebuild",)

_SHOWN: Final = 20


@click.command()
@paths_argument
@config_option
@allow_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def rebuild(
    context: click.Context, *, paths: Sequence[str], config_file: Path | None, allowed: Sequence[str], yes: bool
) -> int:
    """Make a new state of what is live.

    Lists every container that the manifests name, and knows from then on what is live of their declared fields, and
    nothing else. What was there is kept under another name. Nothing changes at a provider, and nothing is replaced when
    a list cannot be read whole.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed)
    with workspace.store() as store:
        store.lock("state rebuild")
        declared, places = _declared(workspace, paths)
        accesses = accesses_to({target for target, _, _ in places}, workspace.config)
        question = f"Make a new state of what is live in {count(len(places), 'list')}, whatever is there now?"
        if not yes and not click.confirm(question, err=True):
            console.say("kbsync: nothing was changed")
            return Exit.OK

        reading = Reading(workspace.config, places, console, not_before_s(store))
        whole = reading.read_whole(accesses, "nothing was replaced")
        rebuilt = look_up(declared, whole)
        _warn(store)
        old = store.rebuild(rebuilt.known, workspace.config.targets)

    console.err.lines(problem_lines(_lacking(rebuilt)))
    known = (
        f"{len(rebuilt.known):,} of {count(len(declared), 'declared item')} known, {rebuilt.same:,} live as declared"
    )
    console.out.lines([f"made a new state: {known}", *([] if old is None else [f"what was there is {old}"])])
    return Exit.OK


def _declared(workspace: Workspace, paths: Sequence[str]) -> tuple[list[Desired], dict[Place, list[str]]]:
    """Return the declared items, and their ids by the list that they stand in."""
    stream = workspace.read(paths, lint=False)
    declared = list(stream)
    refuse(stream.problems)
    if not declared:
        raise UsageError("the manifests declare no items; `kbsync state init` begins without known values")
    places: dict[Place, list[str]] = {}
    for one in declared:
        places.setdefault(one.item[:3], []).append(one.item.id)
    return declared, places


def _warn(store: StateStore) -> None:
    """Say what the old state, if it can be read, holds that the new one will not know."""
    try:
        with store.known() as known:
            late = len(known.hazards())
    except StateError:
        return
    if late:
        note(
            f"{count(late, 'update')} that nobody confirmed may still arrive late; the new state does not know of them"
        )


def _lacking(rebuilt: Rebuilt) -> Iterator[str]:
    yield from _some(rebuilt.missing, "does not exist there")
    yield from _some(rebuilt.untold, "the list leaves declared fields out; the next apply sends them")


def _some(items: Sequence[Desired], what: str) -> Iterator[str]:
    for one in items[:_SHOWN]:
        yield f"{one.source}: {one.item}: {what}"
    if len(items) > _SHOWN:
        yield f"kbsync: and {len(items) - _SHOWN:,} more: {what}"
