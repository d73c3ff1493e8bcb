"""Two texts compared for people: what stayed, what went, what came, and which look-alikes were exchanged.

The work is bounded: long texts are compared word by word where they begin to differ and up to where they end to, and
what in between is too much for that counts as exchanged whole.
"""

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final, Literal, NamedTuple, TypeAlias

from kbsync.core.inert import ORDER
from kbsync.views.escape import visible, width_of

__all__ = ("Piece", "compare", "excerpt", "tokens")

Kind: TypeAlias = Literal["kept", "deleted", "inserted"]
_MARKS: Final[dict[Kind, tuple[str, str]]] = {"kept": ("", ""), "deleted": ("[-", "-]"), "inserted": ("{+", "+}")}

_MAX_TOKENS: Final = 400
_MAX_MATCHES: Final = 6_000
_MARKS_ABOVE: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f"
)
_UNSPACED: Final = "\u2e80-\u2fff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# A word, a number, or one character: scripts without spaces are compared character by character.
_TOKEN: Final = re.compile(rf"(?:[^\W\d_{_UNSPACED}][{_MARKS_ABOVE}]*)+|[0-9]+|.[{_MARKS_ABOVE}]*", re.DOTALL)
# Texts up to so many columns are easier to read side by side.
_SHORT_COLUMNS: Final = 24
# How many lines an excerpt takes, and how many characters of what stayed around a difference, and of a difference.
_CUTS: Final = (
    (1, 48, 120),
    (1, 24, 120),
    (1, 12, 120),
    (2, 48, 240),
    (2, 24, 120),
    (2, 12, 60),
    (2, 12, 24),
    (3, 12, 24),
)
_ISLAND: Final = 2
_LONG_WORD: Final = 12


class Piece(NamedTuple):
    """A part of two texts. The kept and deleted ones make up the first, the kept and inserted ones the second."""

    kind: Kind
    text: str

    @property
    def marked(self) -> str:
        """The text between its marks: `[-deleted-]`, `{+inserted+}`; what was kept has none."""
        opening, closing = _MARKS[self.kind]
        return f"{opening}{self.text}{closing}"


def tokens(text: str) -> list[str]:
    """Return *text* as words, numbers and single characters."""
    return _TOKEN.findall(text)


def compare(first: list[str], second: list[str]) -> tuple[Piece, ...]:
    """Return the pieces of two texts given as tokens, in order; what was deleted comes before what took its place."""
    start = _same(first, second)
    end = _same(first[start:][::-1], second[start:][::-1])
    middle = _compare(first[start : len(first) - end], second[start : len(second) - end])
    pieces = (
        Piece("kept", "".join(first[:start])),
        *middle,
        Piece("kept", "".join(first[len(first) - end :])),
    )
    return tuple(piece for piece in pieces if piece.text)


def excerpt(pieces: tuple[Piece, ...], width: int) -> tuple[Piece, ...] | None:
    """Return *pieces* made visible and cut short, for a line of *width* columns, or up to three where one is too short.

    Marks and quotes count. None when both texts are better shown beside each other: they are short, have too little in
    common or too many differences, or hold the marks themselves.
    """
    pieces = _without_islands(pieces)
    if not _is_partial(pieces):
        return None
    for lines, context, changed in _CUTS:
        shown = tuple(_cut(pieces, context, changed))
        line = "".join(piece.marked for piece in shown)
        if width_of(line) + 2 <= lines * width:
            return None if ORDER.search(line) else shown
    return None


# ------------------------------------------------------------------------------------------------------- comparing


def _same(first: list[str], second: list[str]) -> int:
    """Return how many tokens both begin with."""
    for position, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return position
    return min(len(first), len(second))


def _compare(first: list[str], second: list[str]) -> Iterator[Piece]:
    if not _is_small(first, second):
        yield Piece("deleted", "".join(first))
        yield Piece("inserted", "".join(second))
        return
    for tag, i, j, k, m in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("kept", "".join(first[i:j]))
        else:
            yield Piece("deleted", "".join(first[i:j]))
            yield Piece("inserted", "".join(second[k:m]))


def _is_small(first: list[str], second: list[str]) -> bool:
    """Tell whether aligning both is little work, whatever they hold."""
    if max(len(first), len(second)) > _MAX_TOKENS:
        return False
    counts = Counter(second)
    return sum(counts[token] for token in first) <= _MAX_MATCHES


# --------------------------------------------------------------------------------------------------------- showing


def _without_islands(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Return *pieces* in which a space or so that stayed between two differences is part of one difference."""
    last = len(pieces) - 1
    changed = [
        not (piece.kind == "kept" and (len(piece.text) > _ISLAND or position in {0, last}))
        for position, piece in enumerate(pieces)
    ]
    merged: list[Piece] = []
    for is_changed, run in groupby(zip(changed, pieces, strict=True), key=lambda pair: pair[0]):
        parts = [piece for _, piece in run]
        if is_changed:
            merged.append(Piece("deleted", "".join(part.text for part in parts if part.kind != "inserted")))
            merged.append(Piece("inserted", "".join(part.text for part in parts if part.kind != "deleted")))
        else:
            merged.extend(parts)
    return tuple(piece for piece in merged if piece.text)


def _is_partial(pieces: tuple[Piece, ...]) -> bool:
    sizes = Counter[str]()
    for kind, text in pieces:
        sizes[kind] += len(text)
    longer = sizes["kept"] + max(sizes["deleted"], sizes["inserted"])
    if sizes["kept"] * 2 < longer or sizes["kept"] == longer:
        return False
    if longer <= _SHORT_COLUMNS and sum(width_of(text) for kind, text in pieces if kind != "deleted") <= _SHORT_COLUMNS:
        return False
    return not any(mark in text for _, text in pieces for mark in ("[-", "-]", "{+", "+}"))


def _cut(pieces: tuple[Piece, ...], context: int, changed: int) -> Iterator[Piece]:
    last = len(pieces) - 1
    for position, (kind, text) in enumerate(pieces):
        length = context if kind == "kept" else changed // 2
        before = 0 if kind == "kept" and position == 0 else length
        after = 0 if kind == "kept" and position == last else length
        if len(text) > before + after + 1:
            text = f"{_head(text, before)}…{_tail(text, after)}"  # noqa: PLW2901
        # A quotation mark stands before the first piece, and text before the others: none begins the line.
        yield Piece(kind, visible('"' + text)[1:])


def _head(text: str, length: int) -> str:
    """Return about *length* characters that *text* begins with, up to the end of a word that is not very long."""
    space = text.rfind(" ", max(0, length - _LONG_WORD), length)
    return text[: space + 1 if space >= 0 else length]


def _tail(text: str, length: int) -> str:
    """Return about *length* characters that *text* ends with, from the beginning of a word that is not very long."""
    start = len(text) - length
    space = text.find(" ", start, start + min(_LONG_WORD, length))
    return text[space if space >= 0 else start :]
