"""Lints of a container's items, one after the other, at little cost for those that nothing is wrong with."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from kbsync.core.fields import META_PREFIX, Fields, MetaValue
from kbsync.core.inert import CHARACTERS, RANGES
from kbsync.core.lint.placeholders import (
    BEGINNINGS,
    ENDS,
    LONG_BEGINNINGS,
    MAX_WORD_CHARACTERS,
    is_placeholder,
)
from kbsync.core.lint.wording import quoted
from kbsync.core.rules import Finding

__all__ = ("ItemLint", "are_quiet", "are_quiet_captions")

_IDS: Final = frozenset(
    {
        "blank-text",
        "empty-caption",
        "non-ascii-field-name",
        "placeholder-caption",
        "surrounding-space",
    }
)
_SPACES: Final = {" ": "a space", "\n": "a line feed", "\t": "a tab"}
_NOTHING: Final[Sequence[Finding]] = ()
# White space, and what is not seen or is obeyed: a text with none of it at either end is neither blank nor padded.
_UNSEEN: Final = frozenset(chr(code) for ends in RANGES for code in range(ord(ends[0]), ord(ends[-1]) + 1)) | frozenset(
    " \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
_CAPTION_BEGINS: Final = _UNSEEN | BEGINNINGS
_LONG_CAPTION_BEGINS: Final = _UNSEEN | LONG_BEGINNINGS
_CAPTION_ENDS: Final = _UNSEEN | ENDS
_MAYBE_ODD_BEGINS: Final = _CAPTION_BEGINS | _LONG_CAPTION_BEGINS
_MAX_NAMES: Final = 10_000


def are_quiet(texts: Iterable[str]) -> bool:
    """Tell whether *texts* surely have no lint: at the ends of each, if it is not empty, stands something seen."""
    return _UNSEEN.isdisjoint([text[:1] for text in texts]) and _UNSEEN.isdisjoint([text[-1:] for text in texts])


def are_quiet_captions(captions: Iterable[str]) -> bool:
    """Tell whether *captions*, of which none is empty, surely have no lint of their own."""
    return not any(
        map(_is_odd, [text for text in captions if text[0] in _MAYBE_ODD_BEGINS or text[-1] in _CAPTION_ENDS])
    )


class ItemLint:
    """Looks at the managed fields of one container's items.

    It is false when none of its lints is *enabled*. A meta field name that is not ASCII is told once: it belongs to the
    container rather than to an item.
    """

    def __init__(self, enabled: Collection[str]) -> None:
        self._on = _IDS.intersection(enabled)
        # Field names that were looked at, and need not be again: few stand on all items.
        self._names: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._on)

    def look(self, fields: Fields) -> Sequence[Finding]:
        """Return what is found in the item with these *fields*, at the paths that an entry has them."""
        caption = fields.get("caption")
        if type(caption) is not str:
            return self._of_others(fields)
        begins = _CAPTION_BEGINS if len(caption) <= MAX_WORD_CHARACTERS else _LONG_CAPTION_BEGINS
        found = _NOTHING
        if not caption or ((caption[0] in begins or caption[-1] in _CAPTION_ENDS) and _is_odd(caption)):
            found = [*self._of_text("caption", caption)]
        return found if len(fields) == 1 else [*found, *self._of_others(fields)]

    def _of_others(self, fields: Fields) -> Sequence[Finding]:
        found = _NOTHING
        for field, value in fields.items():
            text: object = value
            if type(value) is MetaValue:
                text = value[1]
                if field not in self._names:
                    found = [*found, *self._of_name(field)]
            if type(text) is str and text and (text[0] in _UNSEEN or text[-1] in _UNSEEN) and field != "caption":
                found = [*found, *self._of_text(field, text)]
        return found

    def _of_text(self, field: str, text: str) -> Iterator[Finding]:
        path = _path(field)
        what = "the text" if len(path) > 1 else f"the {field}"
        if not text:
            if "empty-caption" in self._on:
                yield Finding(path, "empty-caption", f"{what} is empty")
        elif not CHARACTERS.sub("", text).strip():
            if "blank-text" in self._on:
                yield Finding(path, "blank-text", f"{what} holds nothing that can be seen")
        else:
            if "surrounding-space" in self._on:
                yield from _padding(path, what, text)
            if field == "caption" and "placeholder-caption" in self._on and is_placeholder(text):
                yield Finding(path, "placeholder-caption", f"{what} {quoted(text)} says nothing about the image")

    def _of_name(self, field: str) -> Iterator[Finding]:
        path = _path(field)
        name = path[-1]
        if name == name.strip():
            if len(self._names) < _MAX_NAMES:
                self._names.add(field)
        elif "surrounding-space" in self._on:
            yield from _padding(path, f"the meta field name {quoted(name)}", name)
        if "non-ascii-field-name" in self._on and not name.isascii():
            yield Finding(path, "non-ascii-field-name", f"the meta field name {quoted(name)} is not ASCII")


def _is_odd(caption: str) -> bool:
    """Tell whether something may be found in *caption*, at less than it costs to find it."""
    return caption[0] in _UNSEEN or caption[-1] in _UNSEEN or is_placeholder(caption)


def _path(field: str) -> tuple[str, ...]:
    """Return the path that *field* has in an entry."""
    return ("meta", field[len(META_PREFIX) :]) if field.startswith(META_PREFIX) else (field,)


def _padding(path: tuple[str, ...], what: str, text: str) -> Iterator[Finding]:
    """Find the white space that *text*, which is not empty, begins or ends with; *what* says what it is."""
    for where, character in (("begins", text[0]), ("ends", text[-1])):
        if character.isspace():
            name = _SPACES.get(character) or f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
            hint = "; in YAML, |- in place of | leaves it out" if (where, character) == ("ends", "\n") else ""
            yield Finding(path, "surrounding-space", f"{what} {where} with {name}{hint}")
