"""Lints of one item's texts, at little cost for texts that nothing is wrong with."""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from kbsync.core.fields import META_PREFIX, Fields, MetaValue
from kbsync.core.inert import CHARACTERS
from kbsync.core.lint.placeholders import MAX_PLACEHOLDER_CHARACTERS, is_placeholder
from kbsync.core.rules import Finding

__all__ = ("TextLint", "quoted")

_MAX_QUOTED_CHARACTERS: Final = 40
_SPACES: Final = {" ": "a space", "\n": "a line feed", "\t": "a tab"}
_IDS: Final = frozenset(
    {"empty-caption", "blank-text", "placeholder-caption", "surrounding-space", "non-ascii-field-name"}
)


def quoted(text: str) -> str:
    """Return *text* for a message: cut, and in quotation marks, but not made inert."""
    return f'"{text if len(text) <= _MAX_QUOTED_CHARACTERS else text[: _MAX_QUOTED_CHARACTERS - 1] + "…"}"'


class TextLint:
    """Looks at the managed fields of one item after the other. It is false when all its lints are off.

    A meta field name that is not ASCII is told once: it belongs to the collection rather than to an item.
    """

    def __init__(self, enabled: Collection[str]) -> None:
        self._on = _IDS.intersection(enabled)
        self._placeholders_to = MAX_PLACEHOLDER_CHARACTERS if "placeholder-caption" in self._on else 0
        self._ascii_names = "non-ascii-field-name" in self._on
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._on)

    def findings(self, fields: Fields) -> Sequence[Finding]:
        """Return what is found in *fields*, at the paths that an entry has them."""
        found: list[Finding] = []
        for field, value in fields.items():
            if type(value) is str:
                if not _is_plain(value) or (len(value) <= self._placeholders_to and field == "caption"):
                    found += self._enabled(_of_text((field,), value))
            elif type(value) is MetaValue:
                if not _is_plain(field) or field[len(META_PREFIX)] == " " or self._ascii_names:
                    found += self._enabled(self._of_name(field[len(META_PREFIX) :]))
                text = value.value
                if isinstance(text, str) and not _is_plain(text):
                    found += self._enabled(_of_text(("meta", field[len(META_PREFIX) :]), text))
        return found

    def _enabled(self, found: Iterator[Finding]) -> Iterator[Finding]:
        return (finding for finding in found if finding.rule in self._on)

    def _of_name(self, name: str) -> Iterator[Finding]:
        path = ("meta", name)
        for where, character in _outer_spaces(name):
            yield Finding(path, "surrounding-space", f"the meta field name {quoted(name)} {where} with {character}")
        if self._ascii_names and not name.isascii() and name not in self._told:
            self._told.add(name)
            yield Finding(path, "non-ascii-field-name", f"the meta field name {quoted(name)} is not ASCII")


def _is_plain(text: str) -> bool:
    """Tell whether *text* is seen from its first to its last character, as nearly all are."""
    # The only white space that is printable is U+0020.
    return text.isprintable() and text != "" and text[0] != " " and text[-1] != " "


def _of_text(path: tuple[str, ...], text: str) -> Iterator[Finding]:
    what = "the caption" if path == ("caption",) else "the name" if path == ("name",) else "the text"
    if not text:
        if path == ("caption",):
            yield Finding(path, "empty-caption", f"{what} is empty")
    elif not CHARACTERS.sub("", text).strip():
        yield Finding(path, "blank-text", f"{what} holds nothing that can be seen")
    else:
        for where, character in _outer_spaces(text):
            hint = "; in YAML, |- in place of | leaves it out" if character == _SPACES["\n"] else ""
            yield Finding(path, "surrounding-space", f"{what} {where} with {character}{hint}")
        if path == ("caption",) and is_placeholder(text):
            yield Finding(path, "placeholder-caption", f"{what} {quoted(text)} says nothing about the image")


def _outer_spaces(text: str) -> Iterator[tuple[str, str]]:
    """Yield `begins` and `ends` with the name of the white space that *text*, which is not empty, does so with."""
    for where, character in (("begins", text[0]), ("ends", text[-1])):
        if character.isspace():
            code = f"U+{ord(character):04X}"
            yield where, _SPACES.get(character) or f"{code} {unicodedata.name(character, '')}".rstrip()
