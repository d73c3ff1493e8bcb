"""Pieces of a YAML manifest, cut out of it by their lines, and read by libyaml."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import yaml
from yaml.events import MappingStartEvent, SequenceEndEvent, SequenceStartEvent, StreamEndEvent

from kbsync.adapters.manifests.heads import Head
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.problems import Path, Place, Trail
from kbsync.adapters.manifests.shapes import Shape
from kbsync.adapters.manifests.yaml_documents import ENTRY_DEPTH, Documents
from kbsync.adapters.manifests.yaml_forms import IrregularError
from kbsync.adapters.manifests.yaml_nodes import LOADER, EventTrail, NodeBuilder, TooDeep, place_of

__all__ = ("LateTrail", "entries_in", "head_in")


def head_in(text: str, line: int, names: list[str], intake: Intake) -> Head:
    """Return the head that *text* is, which begins at *line*. Raises IrregularError unless it has just these keys."""
    above = "\n" * (line - 1)
    try:
        heads = Documents(BytesIO(f"{above}{text}".encode()), intake).heads()
    except (yaml.YAMLError, TooDeep):
        raise IrregularError from None
    if len(heads) != 1 or [*heads[0].keys] != names:
        raise IrregularError
    return heads[0]


def entries_in(text: str, line: int, shape: Shape) -> Iterator[tuple[dict[str, Any], Place, Trail]]:
    """Yield the entries in *text*, a list that begins at this line of its file, with their places.

    Raises IrregularError for whatever would have to be told.
    """
    following = LOADER(text).get_event
    try:
        _skip_to_list(following)
        while type(event := following()) is not SequenceEndEvent:
            if type(event) is not MappingStartEvent or event.anchor is not None or event.tag is not None:
                raise IrregularError
            builder = NodeBuilder(following)
            builder.events.append(event)
            written = builder.mapping(shape, ENTRY_DEPTH)
            if builder.faults:
                raise IrregularError
            at, column = place_of(event)
            yield written, (at + line - 1, column), _Moved(EventTrail(builder.events), line - 1)
        following()
        if type(following()) is not StreamEndEvent:
            raise IrregularError
    except (yaml.YAMLError, TooDeep):
        raise IrregularError from None


def _skip_to_list(following: Any) -> None:
    """Take the events of the stream, the document and the list that begin."""
    following()
    following()
    first = following()
    if type(first) is not SequenceStartEvent or first.anchor is not None or first.tag is not None:
        raise IrregularError


@dataclass(frozen=True, slots=True)
class _Moved:
    """The places of *trail*, so many *lines* further down."""

    trail: Trail
    lines: int

    def of(self, path: Path) -> Place:
        line, column = self.trail.of(path)
        return line + self.lines, column

    def of_key(self, path: Path) -> Place:
        line, column = self.trail.of_key(path)
        return line + self.lines, column


@dataclass(frozen=True, slots=True)
class LateTrail:
    """The places in the one entry that *text* is, a list that begins at *line*: read when somebody asks."""

    text: str
    line: int
    shape: Shape

    def of(self, path: Path) -> Place:
        """Return the place of the value at *path*."""
        return self._read().of(path)

    def of_key(self, path: Path) -> Place:
        """Return the place of the key that *path* ends with."""
        return self._read().of_key(path)

    def _read(self) -> Trail:
        ((_, _, trail),) = entries_in(self.text, self.line, self.shape)
        return trail
