"""Where the parts of one entry stand in a text, to be changed in their places and nothing around them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from kbsync.adapters.manifests.problems import Path, Place

__all__ = (
    "Amendment",
    "CannotAmend",
    "Edit",
    "ListSpot",
    "MappingSpot",
    "Refusal",
    "ScalarSpot",
    "Spot",
    "Wishes",
)

# By the place of an entry: what is to stand at paths in it, as JSON has it.
Wishes: TypeAlias = Mapping[Place, Mapping[Path, Any]]


class Edit(NamedTuple):
    """What takes the place of the bytes from *begin* to *end* of a file."""

    begin: int
    end: int
    data: bytes


class Refusal(NamedTuple):
    """A wish that the text cannot be given without losing something, and why."""

    place: Place
    path: Path
    why: str


class Amendment(NamedTuple):
    """The *edits* that fulfil some wishes, in the order of the file, and the wishes that they do not fulfil."""

    edits: list[Edit]
    refused: list[Refusal]


class CannotAmend(Exception):  # noqa: N818 - it is told of one entry and is no error of the program
    """Raised inside the editors when an entry cannot be changed in its place; `str` of it says why."""


@dataclass(frozen=True, slots=True)
class ScalarSpot:
    """A scalar, with the value that it has by the way in which it is written.

    *style* is `'`, `"`, `|` or `>`, and empty for a plain one; a *kept* block has its last line breaks in its value.
    """

    begin: int
    end: int
    value: Any
    style: str = ""
    kept: bool = False


@dataclass(slots=True)
class MappingSpot:
    """A mapping. *column* is that of a block, 0-based; one in brackets is in *flow*."""

    begin: int
    column: int
    flow: bool
    end: int = 0
    members: list[tuple[ScalarSpot, "Spot"]] = field(default_factory=list[tuple[ScalarSpot, "Spot"]])

    def find(self, key: str) -> "tuple[ScalarSpot, Spot] | None":
        """Return the member with this *key*."""
        return next((member for member in self.members if member[0].value == key), None)

    def inner(self) -> "Iterator[Spot]":
        """Yield the values in it."""
        return (value for _, value in self.members)


@dataclass(slots=True)
class ListSpot:
    """A list; as `MappingSpot`."""

    begin: int
    column: int
    flow: bool
    end: int = 0
    elements: "list[Spot]" = field(default_factory=list["Spot"])

    def inner(self) -> "Iterator[Spot]":
        """Yield the values in it."""
        return iter(self.elements)


Spot: TypeAlias = ScalarSpot | MappingSpot | ListSpot
