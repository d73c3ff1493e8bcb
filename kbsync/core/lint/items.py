"""Lints of a container's items, one after the other, at little cost for those that nothing is wrong with."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, cast

from kbsync.core.fields import META_PREFIX, Fields, MetaValue
from kbsync.core.inert import CHARACTERS
from kbsync.core.items import Source
from kbsync.core.lint.captions import Captions
from kbsync.core.lint.placeholders import (
    BEGINNINGS,
    ENDS,
    LONG_BEGINNINGS,
    MAX_WORD_CHARACTERS,
    is_placeholder,
)
from kbsync.core.lint.wording import quoted
from kbsync.core.rules import Finding

__all__ = ("ItemLint",)

_IDS: Final = frozenset(
    {
        "blank-text",
        "duplicate-caption",
        "empty-caption",
        "non-ascii-field-name",
        "placeholder-caption",
        "surrounding-space",
    }
)
_PREFIX_CHARACTERS: Final = len(META_PREFIX)
_SPACES: Final = {" ": "a space", "\n": "a line feed", "\t": "a tab"}
_NOTHING: Final[Sequence[Finding]] = ()
# White space, and what is not seen or is obeyed: a text with none of it at either end is neither blank nor padded.
_UNSEEN: Final = frozenset(
    chr(code)
    for first, last in re.findall("(.)(?:-(.))?", CHARACTERS.pattern[1:-1], re.DOTALL)
    for code in range(ord(first), ord(last or first) + 1)
) | frozenset(" \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000")
# A text with neither at its ends is in order: nearly all are told apart from the others by that.
_BEGINNINGS: Final = _UNSEEN | BEGINNINGS
_LONG_BEGINNINGS: Final = _UNSEEN | LONG_BEGINNINGS
_ENDS: Final = _UNSEEN | ENDS


class ItemLint:
    """Looks at the managed fields of one container's items; *captions* are compared with each other.

    It is false when none of its lints is *enabled*. A meta field name that is not ASCII is told once: it belongs to the
    container rather than to an item.
    """

    def __init__(self, enabled: Collection[str]) -> None:
        self._on = _IDS.intersection(enabled)
        self._placeholders = "placeholder-caption" in self._on
        self._ascii_names = "non-ascii-field-name" in self._on
        self._told: set[str] = set()
        self.captions = Captions()
        self._seen = self.captions.seen if "duplicate-caption" in self._on else None

    def __bool__(self) -> bool:
        return bool(self._on)

    def look(self, fields: Fields, source: Source) -> Sequence[Finding]:
        """Return what is found in the item with these *fields* at *source*, at the paths that an entry has them."""
        found = _NOTHING
        for field, value in fields.items():
            if type(value) is not str:
                if type(value) is MetaValue:
                    found = self._of_meta(field[_PREFIX_CHARACTERS:], value.value, found)
            elif (
                not value
                or value[0] in (_BEGINNINGS if len(value) <= MAX_WORD_CHARACTERS else _LONG_BEGINNINGS)
                or value[-1] in _ENDS
            ):
                found = self._of_text((field,), value, found)
            if field == "caption" and value and self._seen is not None:
                key = hash(value)
                if key in self._seen:
                    self.captions.again(key, cast("str", value), source)
                else:
                    self._seen.add(key)
        return found

    def _of_meta(self, name: str, value: object, found: Sequence[Finding]) -> Sequence[Finding]:
        if isinstance(value, str) and value and (value[0] in _UNSEEN or value[-1] in _UNSEEN):
            found = self._of_text(("meta", name), value, found)
        if name[:1] in _UNSEEN or name[-1:] in _UNSEEN:
            found = self._with(found, _padding(("meta", name), f"the meta field name {quoted(name)}", name))
        if self._ascii_names and not name.isascii() and name not in self._told:
            self._told.add(name)
            message = f"the meta field name {quoted(name)} is not ASCII"
            found = [*found, Finding(("meta", name), "non-ascii-field-name", message)]
        return found

    def _of_text(self, path: tuple[str, ...], text: str, found: Sequence[Finding]) -> Sequence[Finding]:
        is_caption = path[0] == "caption"
        what = "the text" if path[0] == "meta" else f"the {path[0]}"
        if not text:
            return self._with(found, [Finding(path, "empty-caption", f"{what} is empty")]) if is_caption else found
        if text[0] in _UNSEEN or text[-1] in _UNSEEN:
            if not CHARACTERS.sub("", text).strip():
                return self._with(found, [Finding(path, "blank-text", f"{what} holds nothing that can be seen")])
            found = self._with(found, _padding(path, what, text))
        if is_caption and self._placeholders and is_placeholder(text):
            message = f"{what} {quoted(text)} says nothing about the image"
            found = [*found, Finding(path, "placeholder-caption", message)]
        return found

    def _with(self, found: Sequence[Finding], more: Iterable[Finding]) -> Sequence[Finding]:
        return [*found, *(finding for finding in more if finding.rule in self._on)]


def _padding(path: tuple[str, ...], what: str, text: str) -> Iterator[Finding]:
    """Find the white space that *text*, which is not empty, begins or ends with; *what* says what it is."""
    for where, character in (("begins", text[0]), ("ends", text[-1])):
        if character.isspace():
            name = _SPACES.get(character) or f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
            hint = "; in YAML, |- in place of | leaves it out" if (where, character) == ("ends", "\n") else ""
            yield Finding(path, "surrounding-space", f"{what} {where} with {name}{hint}")
