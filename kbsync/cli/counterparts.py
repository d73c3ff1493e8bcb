"""Both sides of a match: the items that are to have a counterpart, and those that may be one."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import ValidationError

from kbsync.adapters.manifests import Declared, ManifestFile, Spool
from kbsync.cli.options import Console
from kbsync.cli.reading import Place, Reading, accesses_to, not_before_s
from kbsync.cli.running import WINDOW_S
from kbsync.cli.sources import reader_of
from kbsync.cli.workspace import Workspace
from kbsync.core.carrying import Loss, held_by, kind_there, written_live
from kbsync.core.entries import findings
from kbsync.core.items import Item, Source
from kbsync.core.live import ReadList
from kbsync.core.manifest import Header
from kbsync.core.matching import Candidate
from kbsync.core.rules import Problem
from kbsync.core.wire import Live
from kbsync.errors import UsageError

__all__ = ("Container", "Kinds", "Lists", "Origin", "parse_container", "read_lists")


class Container(NamedTuple):
    """A container of a configured target."""

    target: str
    name: str

    def __str__(self) -> str:
        return f"{self.target}/{self.name}"

    def place(self, kind: str) -> Place:
        """Return which list its items of *kind* stand in."""
        return self.target, self.name, kind


def parse_container(option: str, text: str, workspace: Workspace) -> Container:
    """Return the container that *text*, the value of *option*, names as TARGET/CONTAINER. Raises UsageError."""
    target, slash, name = text.partition("/")
    dialects = workspace.dialects()
    if target not in dialects:
        near = get_close_matches(target, dialects, n=1)
        hint = f"did you mean {near[0]}?" if near else f"these are: {', '.join(dialects)}"
        raise UsageError(f"{option} {text}: there is no target {target!r}; {hint}")
    header: type[Header] = dialects[target].header
    try:
        return Container(target, header.naming(name).container())
    except ValidationError as error:
        why = findings(error, header)[0].message if slash else "the container is missing"
        raise UsageError(
            f"{option} {text}: {why}; write TARGET/CONTAINER, as items are called everywhere: `kbsync state list`"
        ) from None


class Kinds(NamedTuple):
    """The kinds of items that are paired, with the kind that each has at the *destination*."""

    origin: Container
    destination: Container
    there: Mapping[str, str]

    @classmethod
    def between(
        cls, origin: Container, destination: Container, wanted: Collection[str], workspace: Workspace
    ) -> "Kinds":
        """Return those among *wanted*; without any, all that can be paired. Raises UsageError."""
        dialects = workspace.dialects()
        here, there = dialects[origin.target].kinds, dialects[destination.target].kinds
        for kind in wanted:
            if kind not in here:
                raise UsageError(f"--kind {kind}: {origin.target} has items of the kinds {', '.join(here)}")
            if kind_there(kind, there) is None:
                raise UsageError(f"--kind {kind}: no kind of {destination.target} is like it: {', '.join(there)}")
        pairs = ((kind, kind_there(kind, there)) for kind in here if not wanted or kind in wanted)
        return cls(origin, destination, {kind: like for kind, like in pairs if like is not None})


@dataclass
class Origin:
    """The items that are to have a counterpart, kept in *spool*; *losses* are what of live ones cannot be declared."""

    kinds: Kinds
    spool: Spool
    losses: dict[Item, Sequence[Loss]] = field(default_factory=dict[Item, Sequence[Loss]])
    ids: dict[Place, list[str]] = field(default_factory=dict[Place, list[str]])
    is_nameless: bool = False

    def read(self, files: Sequence[ManifestFile], workspace: Workspace) -> Sequence[Problem]:
        """Take what *files* declare in the container; return what is wrong with them."""
        reader = reader_of(workspace)
        for file in files:
            for declared in reader.read(file):
                item = declared.item
                if item[:2] == self.kinds.origin and item.kind in self.kinds.there:
                    self._add(declared)
        return reader.problems

    def take(self, lists: Mapping[Place, ReadList], workspace: Workspace) -> None:
        """Take what is live in the container, by id."""
        operations = workspace.operations()[self.kinds.origin.target]
        for kind in self.kinds.there:
            place = self.kinds.origin.place(kind)
            held = held_by(operations, kind)
            for id_, live in sorted(lists[place].items.items(), key=lambda one: (len(one[0]), one[0])):
                item = Item(*place, id_)
                keys, losses = written_live(live, held)
                if losses:
                    self.losses[item] = losses
                self._add(Declared(item, {"id": id_, **keys}, Source(str(item), 1, 1)))

    def _add(self, declared: Declared) -> None:
        self.spool.add(declared)
        self.ids.setdefault(declared.item[:3], []).append(declared.item.id)
        self.is_nameless = self.is_nameless or not declared.keys.get("name")

    def candidates(self, lists: Mapping[Place, ReadList], *, declared: bool) -> Iterator[Candidate]:
        """Yield the items; a name that is declared stands for the one in *lists*.

        Unless they are *declared*, they have no place in a manifest.
        """
        for found in self.spool.all():
            item = found.item
            live = lists[item[:3]].items.get(item.id) if item[:3] in lists else None
            one = _candidate(item, self.kinds.there[item.kind], live)
            one = one._replace(name=_name(found.keys) or one.name)
            yield one._replace(source=found.source) if declared else one


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists that were read whole."""

    lists: Mapping[Place, ReadList]

    def candidates(self, kinds: Kinds) -> Iterator[Candidate]:
        """Yield the items that may be a counterpart."""
        for kind in dict.fromkeys(kinds.there.values()):
            place = kinds.destination.place(kind)
            if place in self.lists:
                yield from (_candidate(Item(*place, id_), kind, live) for id_, live in self.lists[place].items.items())


def read_lists(places: Mapping[Place, Collection[str]], workspace: Workspace, console: Console) -> Lists:
    """Return the lists of *places*; the ids of each are those whose absence means something.

    The state is locked meanwhile, so that nobody else sends, and the rate holds for whoever sends next. Raises
    UnreadError when not all of them can be read whole, CredentialsError and LockedError.
    """
    accesses = accesses_to({target for target, _, _ in places}, workspace.config)
    with workspace.store() as store:
        store.lock("match")
        reading = Reading(workspace.config, places, console, not_before_s(store))
        try:
            return Lists(reading.read_whole(accesses, "nothing was written"))
        finally:
            time.sleep(WINDOW_S)


def _candidate(item: Item, kind: str, live: Live | None) -> Candidate:
    if live is None:
        return Candidate(item, kind)
    hints = live.hints
    return Candidate(item, kind, _name(live.fields) or hints.name, hints.size_bytes, hints.type)


def _name(keys: Mapping[str, Any]) -> str | None:
    name = keys.get("name")
    return name if isinstance(name, str) and name else None
