"""YAML events to values, one node at a time, by the shape of the position.

libyaml gives the events. Nothing of YAML's own notion of types is used: a value means what its position says.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from kbsync.adapters.manifests.plain_scalars import NULLS, NoValue, resolve
from kbsync.adapters.manifests.problems import Fault, Path, Place, shown
from kbsync.adapters.manifests.shapes import FREE, Shape
from kbsync.core.entries import control_character

__all__ = ("LOADER", "EventTrail", "NodeBuilder", "TooDeep", "place_of")

# The pure Python parser, twenty times slower, gives the same events where PyYAML was built without libyaml.
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH: Final = 32

# What stands in for a value that could not be read. Only the place counts, and that is already blamed.
_BLANK: Final = ""


class TooDeep(Exception):  # noqa: N818 - it ends the reading of one file and is no error of the program
    """Raised with the place where values are nested too deeply."""


def place_of(event: Any) -> Place:
    """Return the place where *event* begins."""
    return event.start_mark.line + 1, event.start_mark.column + 1


class NodeBuilder:
    """Builds values from the events that *following* returns one by one.

    *events* holds those of the last node, and *faults* what was wrong in it: the owner clears both between nodes.
    """

    def __init__(self, following: Callable[[], Any]) -> None:
        self.events: list[Any] = []
        self.faults: list[Fault] = []
        self._following = following

    def node(self, event: Any, shape: Shape, depth: int) -> Any:
        """Return the value of the node that begins with *event*, which is already among the events."""
        kind = event.__class__
        if kind is ScalarEvent:
            return self._scalar(event, shape)
        if kind is AliasEvent:
            self._blame(event, "yaml-alias", "aliases are not used in manifests: write the value out")
            return _BLANK
        self._properties(event)
        if depth > MAX_DEPTH:
            raise TooDeep(place_of(event))
        return self.mapping(shape, depth) if kind is MappingStartEvent else self._sequence(shape, depth)

    def mapping(self, shape: Shape, depth: int) -> dict[str, Any]:  # noqa: C901, PLR0912 - the one hot loop
        """Return the mapping whose start was the last event."""
        following, record, keys = self._following, self.events.append, shape.keys
        begin = len(self.events)
        result: dict[str, Any] = {}
        while True:
            event = following()
            record(event)
            if type(event) is ScalarEvent:
                key: str = event.value
                if event.style:
                    if event.style == '"' and not key.isprintable():
                        self._text(event)
                elif key in NULLS or key == "<<":
                    self._odd_key(event)
                    self._next_node(depth)
                    continue
                if event.anchor is not None or event.tag is not None:
                    self._properties(event)
            elif type(event) is MappingEndEvent:
                return result
            else:
                self._node_as_key(event, depth)
                self._next_node(depth)
                continue

            event = following()
            record(event)
            if key in result:
                self._again(key, begin)
                self.node(event, shape.under(key), depth + 1)
                continue
            child = keys.get(key) or shape.under(key)
            if type(event) is not ScalarEvent:
                result[key] = self.node(event, child, depth + 1)
                continue

            # The same as `_scalar`, here because nearly every event comes this way.
            value = event.value
            if not event.style:
                if not child.text or value in NULLS:
                    value = self._plain(event, child)
            elif event.style == '"' and not value.isprintable():
                self._text(event)
            if event.anchor is not None or event.tag is not None:
                self._properties(event)
            result[key] = value

    def drain(self, event: Any) -> None:
        """Pass over the node that begins with *event*, and keep nothing of it."""
        depth = 0
        while True:
            if isinstance(event, CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise TooDeep(place_of(event))
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = self._following()

    def _sequence(self, shape: Shape, depth: int) -> list[Any]:
        result: list[Any] = []
        while True:
            event = self._following()
            self.events.append(event)
            if type(event) is SequenceEndEvent:
                return result
            result.append(self.node(event, shape.element, depth + 1))

    def _scalar(self, event: Any, shape: Shape) -> Any:
        value = event.value
        if not event.style:
            if not shape.text or value in NULLS:
                value = self._plain(event, shape)
        elif event.style == '"' and not value.isprintable():
            self._text(event)
        self._properties(event)
        return value

    def _plain(self, event: Any, shape: Shape) -> Any:
        text: str = event.value
        value = NoValue.NULL if text in NULLS else resolve(text)
        if value is NoValue.NULL and shape.null and text:
            return None  # nothing at all is a value that was forgotten
        if value is NoValue.NULL:
            self._blame(event, "null-value", "there is no value here: leave the key out, or write one")
        elif value is NoValue.AMBIGUOUS:
            advice = "quote it if it is text, or write it plainly (true, false, 12, 0.5)"
            self._blame(event, "ambiguous-scalar", f"YAML parsers disagree about an unquoted {shown(text)}: {advice}")
        else:
            return value
        return _BLANK

    def _properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._blame(event, "yaml-alias", "anchors are not used in manifests: write the value out")
        if event.tag is not None:
            self._blame(event, "yaml-tag", "tags are not used in manifests: leave it out")

    def _text(self, event: Any) -> None:
        name = control_character(event.value)
        if name is not None:
            self._blame(event, "control-character", f"the text holds {name}")

    def _odd_key(self, event: Any) -> None:
        if event.value == "<<":
            self._blame(event, "yaml-alias", "merge keys are not used in manifests; `defaults` may be what you want")
        else:
            self._blame(event, "null-value", "a key is null: quote it if it is text")

    def _next_node(self, depth: int) -> None:
        """Read a value that has no key, for what is wrong inside it."""
        event = self._following()
        self.events.append(event)
        self.node(event, FREE, depth + 1)

    def _node_as_key(self, event: Any, depth: int) -> None:
        if type(event) is AliasEvent:
            self._blame(event, "yaml-alias", "aliases are not used in manifests: write the key out")
            return
        self._blame(event, "wrong-type", "a key is text, never a list or mapping")
        self.node(event, FREE, depth + 1)

    def _again(self, key: str, begin: int) -> None:
        # The second key is the event before the value that was just recorded.
        second = self.events[-2]
        first = next(place for name, place in _keys(self.events, begin) if name == key)
        line, column = first
        self._blame(second, "duplicate-key", f"{shown(key)} stands twice in one mapping: first at {line}:{column}")

    def _blame(self, event: Any, rule: str, message: str) -> None:
        self.faults.append(Fault(place_of(event), rule, message))


class EventTrail:
    """The places of the parts of the node whose events are *events*, its first event included."""

    def __init__(self, events: Sequence[Any]) -> None:
        self._events = events

    def of(self, path: Path) -> Place:
        """Return the place of the value at *path*; of the innermost there is when there is none."""
        return place_of(self._events[self._walk(path)[0]])

    def of_key(self, path: Path) -> Place:
        """Return the place of the key that *path* ends with; as `of` when there is none."""
        index, steps = self._walk(path)
        return place_of(self._events[index - 1 if steps == len(path) and path else index])

    def _walk(self, path: Path) -> tuple[int, int]:
        """Return the index of the event at *path*, and how many of its steps lead there."""
        index = 0
        for number, step in enumerate(path):
            found = self._child(index, step)
            if found is None:
                return index, number
            index = found
        return index, len(path)

    def _child(self, index: int, step: str | int) -> int | None:
        start = self._events[index].__class__
        if start is MappingStartEvent and isinstance(step, str):
            children = iter(_children(self._events, index + 1))
            for key, value in zip(children, children, strict=False):
                event = self._events[key]
                if type(event) is ScalarEvent and event.value == step:
                    return value
        elif start is SequenceStartEvent and isinstance(step, int):
            return next((at for n, at in enumerate(_children(self._events, index + 1)) if n == step), None)
        return None


def _keys(events: Sequence[Any], begin: int) -> Iterator[tuple[str, Place]]:
    children = iter(_children(events, begin))
    for key in children:
        if type(events[key]) is ScalarEvent:
            yield events[key].value, place_of(events[key])
        next(children, None)


def _children(events: Sequence[Any], begin: int) -> Iterator[int]:
    """Yield the index of each node directly inside the collection whose events begin at *begin*."""
    depth = 0
    for index in range(begin, len(events)):
        event = events[index]
        if depth == 0 and isinstance(event, NodeEvent):
            yield index
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
            if depth < 0:
                return
