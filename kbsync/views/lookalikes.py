"""Differences that are not seen: characters that hide, and characters that look like others, named by code point."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kbsync.core.inert import CHARACTERS
from kbsync.views.difference import Piece
from kbsync.views.escape import visible

__all__ = ("seen", "unseen")

_SHOWN: Final = 3
_NAMED: Final = 3
_MAX_CHARACTERS: Final = 2_000
_BLANK: Final = re.compile(r"[\s\ufe0e\ufe0f]+")
_CONTROLS: Final = {"\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\0": "NULL", "\x1b": "ESCAPE"}
# What is taken for a letter, digit or sign of ASCII; compatibility forms such as full-width letters fold by themselves.
_LIKE: Final = {
    "A": "АΑ", "B": "ВвΒ", "C": "СϹ", "E": "ЕΕ", "G": "Ԍ", "H": "НнΗ", "I": "ІΙꓲ", "J": "ЈͿ", "K": "КΚ", "M": "МмΜ",
    "N": "Ν", "O": "ОΟՕ", "P": "РΡ", "Q": "Ԛ", "S": "ЅՏ", "T": "ТтΤ", "W": "Ԝ", "X": "ХΧ", "Y": "УҮΥ", "Z": "Ζ",
    "a": "аαɑ", "b": "Ьь", "c": "сϲ", "d": "ԁ", "e": "е", "g": "ɡ", "h": "һհ", "i": "іιıɩ", "j": "јϳ", "k": "кκ",
    "l": "Ӏӏ", "n": "ո", "o": "оοσօ", "p": "рρ", "q": "ԛ", "s": "ѕ", "t": "τ", "u": "υսʋ", "v": "ѵν", "w": "ԝ",
    "x": "хχ", "y": "уүγ", "0": "〇○", "3": "Зз",
    "-": "‐‑‒–—―−﹘ーㅡ一", "'": "‘’‛ʼ′´`", '"': "“”‟″", ",": "‚", "/": "⁄∕", ":": "∶꞉։", ".": "․", "*": "∗",
    "·": "∙・•", "|": "∣ǀ", "~": "〜∼",
}  # fmt: skip
_FOLD: Final = {ord(like): plain for plain, likes in _LIKE.items() for like in likes}


def unseen(pieces: Sequence[Piece]) -> str:
    """Return which characters differ where *pieces* differ without looking different; empty when none do.

    A single space between two words is seen well enough.
    """
    named = Counter(name for spot in _spots(pieces) if _look_alike(spot.one, spot.other) for name in _names(spot))
    shown = [name if number == 1 else f"{name} ({number:,} times)" for name, number in list(named.items())[:_SHOWN]]
    more = len(named) - _SHOWN
    return ", ".join(shown) + (f", and {more:,} more" if more > 0 else "")


def seen(text: str) -> str:
    """Return what a reader takes *text* for, without anything blank."""
    folded = unicodedata.normalize("NFKC", CHARACTERS.sub("", text)).translate(_FOLD)
    return _BLANK.sub("", unicodedata.normalize("NFC", folded))


class _Spot(NamedTuple):
    """What was deleted and what was inserted in its place, one of them perhaps empty, between what stayed."""

    before: str
    one: str
    other: str
    after: str


def _spots(pieces: Sequence[Piece]) -> Iterator[_Spot]:
    before = one = other = ""
    for piece in (*pieces, Piece("kept", "")):
        match piece.kind:
            case "deleted":
                one = piece.text
            case "inserted":
                other = piece.text
            case "kept":
                if one or other:
                    yield _Spot(before, one, other, piece.text)
                before, one, other = piece.text, "", ""


def _look_alike(one: str, other: str) -> bool:
    if max(len(one), len(other)) > _MAX_CHARACTERS:
        return False
    return seen(one) == seen(other) or visible(one) == visible(other)


def _names(spot: _Spot) -> Iterator[str]:
    before, one, other, after = spot
    while one and other and one[0] == other[0]:
        before, one, other = one[0], one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        after, one, other = one[-1], one[:-1], other[:-1]

    if len(one) == len(other):
        yield from (f"{_name(a)} → {_name(b)}" for a, b in zip(one, other, strict=True) if a != b)
    elif one and other:
        yield f"{_all(one)} → {_all(other)}"
    elif one + other != " " or not before[-1:].strip() or not after[:1].strip():
        yield f"deleted {_all(one)}" if one else f"inserted {_all(other)}"


def _all(text: str) -> str:
    if len(text) > _NAMED and visible(text) == text:
        return f'the text "{text[:40]}"'
    return " ".join(map(_name, text[:_NAMED])) + (" …" if len(text) > _NAMED else "")


def _name(character: str) -> str:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "") or _CONTROLS.get(character, "")
    return f"{code} {name}" if name else code
