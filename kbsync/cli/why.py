"""`kbsync why`: all there is about one item, from the line that declares it to its last attempts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from kbsync.adapters.manifests import find_files
from kbsync.adapters.state import StateStore
from kbsync.cli.complaints import note
from kbsync.cli.options import as_utf8, config_option, console_of
from kbsync.cli.origin import origin_of
from kbsync.cli.workspace import Workspace, open_workspace
from kbsync.core.diff import Comparison
from kbsync.core.entries import nearest
from kbsync.core.exits import Exit
from kbsync.core.holds import holds_of
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.report import ItemStory
from kbsync.core.state import Known
from kbsync.core.why import Origin, Why
from kbsync.errors import KbsyncError, UsageError
from kbsync.views.paint import Paint
from kbsync.views.why_json import why_json
from kbsync.views.why_text import why_text
from kbsync.views.wording import count

__all__ = ("why",)

_SHOWN: Final = 20
# Who mistook an id or a name is told of a near one among so many.
_MOST_REMEMBERED: Final = 10_000


@click.command()
@click.argument("item", callback=as_utf8)
@config_option
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.pass_context
def why(context: click.Context, *, item: str, config_file: Path | None, form: str) -> int:
    """Tell all there is about ITEM: who declared it where, what is known, what differs, and its last attempts.

    ITEM is TARGET/CONTAINER/KIND/ID as kbsync prints it, or an id or name that only one item has. Nothing is changed,
    and no provider is asked. Exit 1 when there is no such item.
    """
    console = console_of(context)
    workspace = open_workspace(config_file)
    with workspace.store() as store:
        told = _explain(workspace, store, item)
    if form == "json":
        console.out.pieces([why_json(told)])
    else:
        console.out.lines(why_text(told, paint=Paint(colour=console.colour), width=console.width))
    return Exit.OK


def _explain(workspace: Workspace, store: StateStore, word: str) -> Why:
    stream = workspace.read((), lint=False)
    declared = _Declared(word)
    for desired in stream:
        declared.look(desired)
    mistakes = sum(problem.severity == "error" for problem in stream.problems)
    if mistakes:
        note(f"the manifests have {count(mistakes, 'mistake')}, and what has one is not seen here: `kbsync validate`")

    item = _the_one(declared, store)
    story = store.show(item)
    if item not in declared.matches:
        return Why(item, None, None, story)
    return _compared(workspace, store.known(), declared.matches[item], story)


def _compared(workspace: Workspace, known: Known, desired: Desired, story: ItemStory) -> Why:
    """Return what an apply would make of *desired*, and where it comes from."""
    comparison = Comparison(known, workspace.operations())
    comparison.add(desired)
    changes = tuple(comparison.changes)
    holds = holds_of(changes, known.hazards(), workspace.config.retry.quarantine_s, time.time())
    return Why(
        item=desired.item,
        desired=desired,
        origin=_origin(workspace, desired.source),
        story=story,
        changes=changes,
        skipped=tuple(comparison.skipped),
        unmanaged=tuple(name for left in comparison.unmanaged for name in left.fields),
        held_until_s={changes[position].operation: hold.until_s for position, hold in holds.items()},
    )


def _origin(workspace: Workspace, source: Source) -> Origin:
    files, _ = find_files(workspace.config.manifests.paths, workspace.config.folder)
    return next((origin_of(file.path, source.line) for file in files if file.name == source.file), Origin(()))


@dataclass
class _Declared:
    """Those of the declared items that *word* may mean, and what it may be a mistake for."""

    word: str
    matches: dict[Item, Desired] = field(default_factory=dict[Item, Desired])

    def __post_init__(self) -> None:
        # A container may itself hold slashes, and so may a name.
        parts = self.word.split("/")
        whole = len(parts) >= 4 and all(parts)
        self.item = Item(parts[0], "/".join(parts[1:-2]), parts[-2], parts[-1]) if whole else None
        self._others: set[str] = set()

    def look(self, desired: Desired) -> None:
        """Remember *desired* if it may be meant."""
        item, name = desired.item, desired.fields.get("name")
        if item == self.item or self.word in (item.id, name):
            self.matches[item] = desired
        elif len(self._others) < _MOST_REMEMBERED:
            self._others.update(((str(item) if self.item else item.id), str(name or item.id)))

    def hint(self) -> str:
        """Return `; did you mean …?`, or nothing."""
        return nearest(self.word, sorted(self._others))


def _the_one(declared: _Declared, store: StateStore) -> Item:
    """Return the one item that is meant. Raises UsageError when it may be several, KbsyncError when there is none."""
    item, word = declared.item, declared.word
    if item is not None and (item in declared.matches or _has_any(store.show(item))):
        return item
    found = sorted({*declared.matches, *store.items_called(word)})
    if not found:
        raise KbsyncError(f"there is no item {word!r}, neither in the manifests nor in the state{declared.hint()}")
    if len(found) > 1:
        raise UsageError("\n".join(_ambiguous(word, found)))
    return found[0]


def _has_any(story: ItemStory) -> bool:
    return bool(story.fields or story.doubts or story.fates)


def _ambiguous(word: str, found: Sequence[Item]) -> list[str]:
    more = [f"and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
    return [f"{word!r} may be {count(len(found), 'item')}; say which:", *map(str, found[:_SHOWN]), *more]
