"""Changes of values in the text of an entry, in YAML or JSON: nothing moves, and nothing else changes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from kbsync.adapters.manifests.csv_layout import typed
from kbsync.adapters.manifests.problems import Path
from kbsync.adapters.manifests.shapes import as_mapping
from kbsync.adapters.manifests.spots import CannotAmend, ListSpot, MappingSpot, ScalarSpot, Spot

__all__ = ("Hand", "Replacement", "replacements")

_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COMMENT: Final = re.compile(r"(?:^|\s)#", re.MULTILINE)
_COLON: Final = re.compile(r"\s*:")
_DEFAULT_BREAK: Final = "\n"
_STEP: Final = "  "
_OPEN_END: Final = "a text that ends with empty lines stands before"


class Replacement(NamedTuple):
    """What takes the place of the characters from *begin* to *end*."""

    begin: int
    end: int
    text: str


class Hand(Protocol):
    """How values are written in one format. *comments* says that it has some."""

    comments: bool

    def inline(self, value: Any, *, flow: bool) -> str:
        """Return *value* in one line: in a list or mapping that is in brackets, if *flow*."""
        ...

    def like(self, value: Any, text: str, spot: ScalarSpot, *, flow: bool, column: int, line_break: str) -> str:
        """Return *value* in the manner of *spot* in *text*, which is in a collection at *column*."""
        ...


def replacements(text: str, entry: MappingSpot, wishes: Mapping[Path, Any], hand: Hand) -> list[Replacement]:
    """Return what makes *entry* in *text* say *wishes*, in the order of the text. Raises CannotAmend."""
    nested: dict[str, Any] = {}
    for path, value in wishes.items():
        inner = nested
        for key in path[:-1]:
            inner = inner.setdefault(str(key), {})
        inner[str(path[-1])] = value
    found = _Editor(text, hand).merged(entry, nested)
    return sorted(found, key=lambda replacement: replacement.begin)


@dataclass(frozen=True, slots=True)
class _Editor:
    text: str
    hand: Hand

    def merged(self, mapping: MappingSpot, values: Mapping[str, Any]) -> Iterator[Replacement]:
        """Yield what sets *values* in *mapping*, and leaves its other keys."""
        new: dict[str, Any] = {}
        for key, value in values.items():
            member = mapping.find(key)
            if member is None:
                new[key] = value
            else:
                yield from self._replaced(member[1], value, mapping, member[0])
        if new:
            yield self._inserted(mapping, list(new.items()))

    def _replaced(
        self, spot: Spot, value: Any, inside: MappingSpot | ListSpot, key: ScalarSpot | None = None
    ) -> Iterator[Replacement]:
        mapping = as_mapping(value)
        if isinstance(spot, MappingSpot):
            if mapping is None:  # a value whose type is told stays one
                type_, plain = typed(value)
                mapping = {"type": type_, "value": plain}
            yield from self.merged(spot, mapping)
        elif isinstance(spot, ListSpot) and isinstance(value, list):
            yield from self._listed(spot, value)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(spot, ScalarSpot) and mapping is None and not isinstance(value, list):
            if type(spot.value) is not type(value) or spot.value != value:
                line_break = self._line_break()
                like = self.hand.like(
                    value, self.text, spot, flow=inside.flow, column=inside.column, line_break=line_break
                )
                yield Replacement(spot.begin, spot.end, like)
        else:
            yield self._whole(spot, value, inside, key)

    def _whole(self, spot: Spot, value: Any, inside: MappingSpot | ListSpot, key: ScalarSpot | None) -> Replacement:
        """Return what puts *value* in the place of one of another kind."""
        written = self.hand.inline(value, flow=inside.flow)
        if key is None or inside.flow:
            return self._replacement(spot.begin, spot.end, written)
        colon = _COLON.match(self.text, key.end)
        if colon is None:
            raise CannotAmend("a comment stands before it")
        return self._replacement(colon.end(), spot.end, f" {written}")

    def _listed(self, spot: ListSpot, values: Sequence[Any]) -> Iterator[Replacement]:
        elements = spot.elements
        if not elements or not values:
            if elements or values:
                yield self._replacement(spot.begin, spot.end, self.hand.inline(values, flow=True))
            return
        for element, value in zip(elements, values, strict=False):
            yield from self._replaced(element, value, spot)
        if len(values) > len(elements):
            yield self._appended(spot, values[len(elements) :])
        elif len(values) < len(elements):
            kept, last = elements[len(values) - 1], elements[-1]
            if _is_kept(kept):
                raise CannotAmend(_OPEN_END)
            ends = (kept.end, last.end) if spot.flow else (self._line_end(kept.end), self._line_end(last.end))
            yield self._replacement(*ends, "")

    def _appended(self, spot: ListSpot, values: Sequence[Any]) -> Replacement:
        written = [self.hand.inline(value, flow=spot.flow) for value in values]
        last = spot.elements[-1]
        if spot.flow:
            comma = self._between([(element.begin, element.end) for element in spot.elements])
            return Replacement(last.end, last.end, "".join(comma + one for one in written))
        if _is_kept(last):
            raise CannotAmend(_OPEN_END)
        lines = [f"{' ' * spot.column}- {one}" for one in written]
        return self._lines(last.end, lines)

    def _inserted(self, mapping: MappingSpot, new: Sequence[tuple[str, Any]]) -> Replacement:
        """Return what adds the pairs *new* at the end of *mapping*."""
        if mapping.flow:
            pairs = [
                f"{self.hand.inline(key, flow=True)}{self._colon(mapping)}{self._flow(value)}" for key, value in new
            ]
            if not mapping.members:
                return Replacement(mapping.begin + 1, mapping.begin + 1, ", ".join(pairs))
            comma = self._between([(key.begin, value.end) for key, value in mapping.members])
            end = mapping.members[-1][1].end
            return Replacement(end, end, "".join(comma + pair for pair in pairs))

        # Behind a text that ends with empty lines they would end nowhere.
        before = next((value for _, value in reversed(mapping.members) if not _is_kept(value)), None)
        if before is None:
            raise CannotAmend(_OPEN_END)
        indent, lines = " " * mapping.column, list[str]()
        for key, value in new:
            inner = as_mapping(value)
            if inner is not None and key == "meta":
                lines.append(f"{indent}{key}:")
                lines += [f"{indent}{_STEP}{self._pair(name, one)}" for name, one in inner.items()]
            else:
                lines.append(f"{indent}{self._pair(key, value)}")
        return self._lines(before.end, lines)

    def _pair(self, key: str, value: Any) -> str:
        return f"{self.hand.inline(key, flow=False)}: {self.hand.inline(value, flow=False)}"

    def _flow(self, value: Any) -> str:
        return self.hand.inline(value, flow=True)

    def _lines(self, end: int, lines: Sequence[str]) -> Replacement:
        """Return what puts *lines* below the line in which what ends at *end* does."""
        at, line_break = self._line_end(end), self._line_break()
        return Replacement(at, at, "".join(line_break + line for line in lines))

    def _line_end(self, at: int) -> int:
        found = _BREAK.search(self.text, at)
        return len(self.text) if found is None else found.start()

    def _between(self, members: Sequence[tuple[int, int]]) -> str:
        """Return what stands between two *members* of a collection in brackets."""
        if len(members) > 1:
            written = self.text[members[-2][1] : members[-1][0]]
            if not (self.hand.comments and _COMMENT.search(written)):
                return written
        return ", "

    def _colon(self, mapping: MappingSpot) -> str:
        """Return what stands between key and value in *mapping*."""
        for key, value in mapping.members:
            written = self.text[key.end : value.begin]
            if written.strip(" ") == ":":
                return written if not self.hand.comments else ": "
        return ": "

    def _replacement(self, begin: int, end: int, text: str) -> Replacement:
        if self.hand.comments and _COMMENT.search(self.text, begin, end):
            raise CannotAmend("a comment stands inside of it")
        return Replacement(begin, end, text)

    def _line_break(self) -> str:
        found = _BREAK.search(self.text)
        return _DEFAULT_BREAK if found is None or found[0] in "\x85\u2028\u2029" else found[0]


def _is_kept(spot: Spot) -> bool:
    """Tell whether the end of *spot* is a block that has the empty lines behind it."""
    if isinstance(spot, ScalarSpot):
        return spot.kept
    inner = list(spot.inner())
    return not spot.flow and bool(inner) and _is_kept(inner[-1])
