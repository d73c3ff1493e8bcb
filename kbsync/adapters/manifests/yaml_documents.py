"""YAML manifests: one entry in memory at a time, every mistake with its line and column."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from kbsync.adapters.manifests.heads import Container, Head, HeadKey, Value
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.leaks import leaks_in_file
from kbsync.adapters.manifests.plain_scalars import NULLS
from kbsync.adapters.manifests.problems import Place, shown
from kbsync.adapters.manifests.sections import Section
from kbsync.adapters.manifests.shapes import Shape
from kbsync.adapters.manifests.yaml_faults import UTF_16_MARKS, end_of, syntax_fault
from kbsync.adapters.manifests.yaml_nodes import LOADER, EventTrail, NodeBuilder, TooDeep, place_of
from kbsync.adapters.manifests.yaml_outline import heads_come_first
from kbsync.core.manifest import Desired

__all__ = ("ENTRY_DEPTH", "Documents", "read_yaml")

ENTRY_DEPTH: Final = 3
NODE_AS_KEY: Final = ("wrong-type", "a key is text, never a list, a mapping or an alias")
NO_MANIFEST: Final = "the file holds no manifest: it begins with `kbsync: 1` and `target: …`"


def read_yaml(file: BinaryIO, intake: Intake) -> Iterator[Desired]:
    """Yield the items of the YAML manifest *file*, which is seekable and stands at its beginning."""
    # libyaml would read it; other readers of the same file, people's tools among them, would not.
    if file.read(2) in UTF_16_MARKS:
        intake.problems.add((1, 1), "not-utf8", "the file is UTF-16: save it as UTF-8")
        return
    for fault in leaks_in_file(file):
        intake.problems.add(*fault)
    try:
        yield from Documents(file, intake).items()
    except TooDeep as error:
        place: Place = error.args[0]
        intake.problems.add(place, "too-deep", "values are nested more than 32 levels deep")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        intake.problems.add(*syntax_fault(error, file))
    # libyaml ends a file with a line of its own, where a value that is missing at the end seems to stand.
    intake.problems.confine(lambda: end_of(file))


class Documents:
    """The documents of one file."""

    def __init__(self, file: BinaryIO, intake: Intake) -> None:
        self._file = file
        self._intake = intake
        self._problems = intake.problems
        self._heads: list[Head] | None = None
        self._first_pass_will_do: bool | None = None
        self._parser = LOADER(file)
        self._next = self._parser.get_event
        self._builder = NodeBuilder(self._next)

    def items(self) -> Iterator[Desired]:
        """Yield the items of all documents."""
        held = 0
        for number, root in enumerate(self._roots()):
            if type(root) is MappingStartEvent:
                held += 1
                yield from self._document(number, root)
            elif type(root) is not ScalarEvent or root.style or root.value not in NULLS:
                held += 1
                self._problems.add(place_of(root), "wrong-type", "a manifest is a mapping of keys: `kbsync: 1`, …")
                self._builder.drain(root)
        if not held:
            self._problems.add((1, 1), "missing-key", NO_MANIFEST)

    def heads(self) -> list[Head]:
        """Return the head of every document, and read nothing else."""
        found: list[Head] = []
        for root in self._roots():
            head = Head(place_of(root))
            found.append(head)
            if type(root) is not MappingStartEvent:
                self._builder.drain(root)
                continue
            for key, value in self._pairs(first_pass=True):
                if key.value in self._intake.words.sections:
                    self._builder.drain(value)
                else:
                    head.add(self._head_key(key, value))
        return found

    def _roots(self) -> Iterator[Any]:
        """Yield the first event of each document's content. Whoever asks for the next has taken the content."""
        while type(event := self._next()) is not StreamEndEvent:
            if type(event) is DocumentStartEvent:
                yield self._next()

    def _pairs(self, *, first_pass: bool = False) -> Iterator[tuple[Any, Any]]:
        """Yield key and first event of the value, for each key of a top level. Whoever asks for more took the value.

        A key that is no text is a problem, which a *first_pass* leaves to the second to tell.
        """
        while type(key := self._next()) is not MappingEndEvent:
            if type(key) is ScalarEvent:
                yield key, self._next()
            else:
                if not first_pass:
                    self._problems.add(place_of(key), *NODE_AS_KEY)
                self._builder.drain(key)
                self._builder.drain(self._next())

    def _document(self, number: int, root: Any) -> Iterator[Desired]:
        head = Head(place_of(root)) if self._heads is None else self._heads[number]
        container: Container | None = None
        seen: dict[str, Place] = {}
        self._strange(root)
        for key, value in self._pairs():
            name, place = key.value, place_of(key)
            self._strange(key)
            if name in seen:
                line, column = seen[name]
                message = f"{shown(name)} stands twice in one manifest: first at {line}:{column}"
                self._problems.add(place, "duplicate-key", message)
                self._builder.drain(value)
                continue
            seen[name] = place
            if name in self._intake.words.sections:
                if container is None:
                    head = self._whole(head, number, root)
                    container = self._intake.open(head)
                yield from self._section(container.section(name, place), value)
            elif self._heads is not None:
                self._builder.drain(value)
            elif container is None:
                head.add(self._head_key(key, value))
            else:
                # The outline saw no such key, so the file holds something stranger than it knows.
                self._problems.add(place, "syntax", f"{shown(name)} has to stand above the lists in this file")
                self._builder.drain(value)
        (container or self._intake.open(head)).close(seen)

    def _whole(self, head: Head, number: int, root: Any) -> Head:
        """Return the whole *head* of the document, of which its lists are about to be read."""
        if self._heads is None and not self._head_is_above(root):
            here = self._file.tell()
            self._file.seek(0)
            self._heads = Documents(self._file, self._intake).heads()
            self._file.seek(here)
        return head if self._heads is None else self._heads[number]

    def _head_is_above(self, root: Any) -> bool:
        if root.flow_style or root.start_mark.column:
            return False
        if self._first_pass_will_do is None:
            here = self._file.tell()
            self._file.seek(0)
            self._first_pass_will_do = heads_come_first(self._file, self._intake.words.sections)
            self._file.seek(here)
        return self._first_pass_will_do

    def _head_key(self, key: Any, value: Any) -> HeadKey:
        events = [value, *self._rest_of(value)]

        def read(shape: Shape) -> Value:
            builder = NodeBuilder(iter(events[1:]).__next__)
            builder.events.append(value)
            return Value(builder.node(value, shape, ENTRY_DEPTH - 1), builder.faults, EventTrail(builder.events))

        return HeadKey(key.value, place_of(key), read)

    def _rest_of(self, event: Any) -> list[Any]:
        """Return the events of the node that begins with *event*, without it."""
        events: list[Any] = []

        def following() -> Any:
            events.append(self._next())
            return events[-1]

        NodeBuilder(following).drain(event)
        return events

    def _section(self, section: Section | None, first: Any) -> Iterator[Desired]:
        """Yield the items of the list that begins with *first*."""
        if type(first) is not SequenceStartEvent:
            self._no_list(first)
            return
        if section is None:
            self._builder.drain(first)
            return
        self._strange(first)
        following, builder, shape, problems = self._next, self._builder, section.shape, self._problems
        events, faults, take = builder.events, builder.faults, section.take
        while type(event := following()) is not SequenceEndEvent:
            if type(event) is not MappingStartEvent:
                self._strange(event)
                if type(event) is not AliasEvent:
                    problems.add(place_of(event), "wrong-type", "an entry is a mapping that begins with an id")
                builder.drain(event)
                continue
            events.clear()
            events.append(event)
            if event.anchor is not None or event.tag is not None:
                self._strange(event)
            written = builder.mapping(shape, ENTRY_DEPTH)
            place = place_of(event)
            if faults:
                with problems.blaming(faults):
                    section.admit(written, place, EventTrail(events))
                faults.clear()
            elif (desired := take(written, place, EventTrail(events.copy()))) is not None:
                yield desired
        section.finish()

    def _no_list(self, event: Any) -> None:
        if type(event) is ScalarEvent and not event.style and event.value in NULLS:
            self._problems.add(place_of(event), "null-value", "the list is null: write [] for an empty one")
        else:
            self._strange(event)
            self._problems.add(place_of(event), "wrong-type", "a list of entries is expected here")
            self._builder.drain(event)

    def _strange(self, event: Any) -> None:
        """Record what manifests do not use of YAML."""
        if type(event) is AliasEvent:
            self._problems.add(place_of(event), "yaml-alias", "aliases are not used in manifests: write it out")
            return
        if event.anchor is not None:
            self._problems.add(place_of(event), "yaml-alias", "anchors are not used in manifests: write it out")
        if event.tag is not None:
            self._problems.add(place_of(event), "yaml-tag", "tags are not used in manifests: leave it out")
