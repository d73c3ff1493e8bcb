"""Entries of YAML written in a plain way, taken apart by a regular expression.

A form is what some of them have in common: their keys, in their order, and how far each is indented. What libyaml may
take for anything else than is said here has no form.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, TypeAlias

import orjson

from kbsync.adapters.manifests.plain_scalars import NULLS, NoValue, resolve
from kbsync.adapters.manifests.shapes import Shape
from kbsync.core.columns import Column, Columns

__all__ = ("EntryForm", "IrregularError", "Written", "form_of")

Written: TypeAlias = Sequence[str]
"""The values of an entry as they stand there, in the order of the paths of its form."""

# A word, or anything in quotes without an escape; far shorter than what YAML lets stand before a colon.
_KEY: Final = r"""(?:[^\W\d][\w-]{0,99}|"[^"\\\n]{1,99}"|'[^'\n]{1,99}')"""
# In double quotes, with no escapes but some that JSON has too; in single quotes, without one; or without quotes, and
# then with no mark before, no colon, which could end a key, and no hash, which could begin a comment.
_SCALAR: Final = r"""(?:"[^"\\\n]*+(?:\\["\\n][^"\\\n]*+)*+"|'[^'\n]*+'|[-./]?\w(?:[^\n:#]*[^\n:# ])?)"""
# The same within brackets, where more marks mean something, and no escapes.
_INNER: Final = r"""(?:"[^"\\\n]*+"|'[^'\n]*+'|[-./]?\w(?:[^\n:#,?\[\]{}"']*[^\n:#,?\[\]{}"' ])?)"""
_LIST: Final = rf"\[(?:{_INNER}(?:, {_INNER})*)?\]"
_MAPPING: Final = rf"\{{{_KEY}: {_INNER}(?:, {_KEY}: {_INNER})*\}}"
_VALUE: Final = rf"({_SCALAR}|{_LIST}|{_MAPPING})"
_BLANK_LINES: Final = r"(?:\n *)*+"

_LINE: Final = re.compile(rf"( *)({_KEY}):(?: (?:{_VALUE}|(\|-)))?")
_PAIRS: Final = re.compile(rf"({_KEY}): ({_INNER})")
_ELEMENTS: Final = re.compile(_INNER)
_NO_VALUES: Final = frozenset(NoValue)


class IrregularError(Exception):
    """Raised where a file has to be read by libyaml: for what it has to say, or because it might say something else."""


@dataclass(frozen=True, slots=True)
class EntryForm:
    """The *paths* of the values of an entry, which *pattern* takes out of its text."""

    paths: tuple[tuple[str, ...], ...]
    pattern: re.Pattern[str]

    def written(self, texts: Iterable[str]) -> list[Written | None]:
        """Return the values in each of *texts*, entries without indent and dash; None for those of another form."""
        return [None if match is None else match.groups() for match in map(self.pattern.fullmatch, texts)]

    def columns(self, rows: Sequence[Written], shape: Shape) -> Columns:
        """Return what *rows* mean in entries of *shape*. Raises IrregularError when one means nothing."""
        columns = zip(*rows, strict=True)
        return {path: _values(column, _under(shape, path)) for path, column in zip(self.paths, columns, strict=True)}


# ------------------------------------------------------------------------------------------------------------- a form
def form_of(text: str, indent: int) -> EntryForm | None:
    """Return the form of the entry *text*, whose first key stands so far in its line; None if it has none."""
    lines = (" " * indent + text).rstrip(" \n").split("\n")
    forming = _Forming(indent)
    number = 0
    while number < len(lines):
        match = _LINE.fullmatch(lines[number])
        if match is None:
            return None
        space, key, value, bar = match.groups()
        if bar is None:
            fits = forming.add(len(space), key, value)
        else:
            block = _block(lines[number + 1 :])
            fits = forming.add_block(len(space), key, block)
            number += len(block)
        if not fits:
            return None
        number += 1
    return forming.form()


def _block(lines: Sequence[str]) -> Sequence[str]:
    """Return the first of *lines*: as many as are indented like the very first, or more, or empty."""
    column = _column(lines[0]) if lines else 0
    begin = " " * column
    return [*takewhile(lambda line: not line or line.startswith(begin), lines)] if column else []


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class _Forming:
    """A form that is made key by key. *_outer* is the key of the mapping that is open, *_inner* how far it is indented.

    Whether a key fits into a form is returned.
    """

    def __init__(self, indent: int) -> None:
        self._indent = indent
        self._paths: list[tuple[str, ...]] = []
        self._lines: list[str] = []
        self._seen: set[tuple[str, ...]] = set()
        self._outer: str | None = None
        self._inner = 0

    def add(self, column: int, written: str, value: str | None) -> bool:
        """Take a key in that is *written* at *column*, with the *value* on its line; None begins a mapping."""
        path = self._path(column, _text(written), begins=value is None)
        if path is None or written in NULLS:
            return False
        if value is None:
            self._put(column, written, "", ())
        elif value[0] == "{" and len(path) == 1:
            pairs = _PAIRS.findall(value)
            paths = [(*path, _text(key)) for key, _ in pairs]
            if len({*paths}) < len(paths) or any(key in NULLS for key, _ in pairs):
                return False
            inner = ", ".join(f"{re.escape(key)}: ({_INNER})" for key, _ in pairs)
            self._put(column, written, rf" \{{{inner}\}}", paths)
        else:
            self._put(column, written, f" {_VALUE}", (path,))
        return True

    def add_block(self, column: int, written: str, lines: Sequence[str]) -> bool:
        """Take a key in whose value is the text that *lines* are."""
        path = self._path(column, _text(written), begins=False)
        inner = _column(lines[0]) if lines else 0
        if path is None or written in NULLS or inner <= column:
            return False
        begin = rf"\n {{{inner}}}"
        # The first line says how far all are indented; what would be nothing but space is not for us to judge.
        self._put(column, written, rf" (\|-{begin}[^ \n][^\n]*(?:{begin} *[^ \n][^\n]*|\n(?=\n))*+)", (path,))
        return True

    def form(self) -> EntryForm | None:
        """Return the form of all that was taken in."""
        if self._outer is not None and not self._inner:
            return None
        return EntryForm(tuple(self._paths), re.compile("\n".join(self._lines) + _BLANK_LINES))

    def _path(self, column: int, key: str, *, begins: bool) -> tuple[str, ...] | None:
        """Return the path of *key*, which perhaps begins a mapping; None where it cannot stand."""
        path: tuple[str, ...]
        if column == self._indent and (self._outer is None or self._inner):
            path = (key,)
            self._outer, self._inner = (key if begins else None), 0
        elif self._outer is not None and not begins and column > self._indent and self._inner in {0, column}:
            path = (self._outer, key)
            self._inner = column
        else:
            return None
        if path in self._seen:
            return None
        self._seen.add(path)
        return path

    def _put(self, column: int, written: str, pattern: str, paths: Iterable[tuple[str, ...]]) -> None:
        # The text of an entry begins with its first key, behind the space before it.
        space = " " * column if self._lines else ""
        self._lines.append(f"{space}{re.escape(written)}:{pattern}")
        self._paths += paths


# --------------------------------------------------------------------------------------------------------- its values
def _under(shape: Shape, path: tuple[str, ...]) -> Shape:
    for key in path:
        shape = shape.under(key)
    return shape


def _values(written: Sequence[str], shape: Shape) -> Column:
    marks = {text[0] for text in written}
    if marks == {'"'} and not any("\\" in text for text in written):
        return [text[1:-1] for text in written]
    if marks.isdisjoint("\"'[{|") and NULLS.isdisjoint(written):
        values = written if shape.text else [*map(resolve, written)]
        if _NO_VALUES.isdisjoint(values):
            return values
    return [_value(text, shape) for text in written]


def _value(text: str, shape: Shape) -> Any:
    match text[0]:
        case '"' | "'":
            return _text(text)
        case "|":
            return _text_of_block(text)
        case "[":
            return [_value(one, shape.element) for one in _ELEMENTS.findall(text)]
        case "{":
            pairs = _PAIRS.findall(text)
            mapping = {_text(key): _value(one, shape.under(_text(key))) for key, one in pairs}
            if len(mapping) < len(pairs) or any(key in NULLS for key, _ in pairs):
                raise IrregularError
            return mapping
        case _:
            return _plain_value(text, shape)


def _plain_value(text: str, shape: Shape) -> Any:
    if text in NULLS:
        value: Any = None if shape.null else NoValue.NULL
    else:
        value = text if shape.text else resolve(text)
    if type(value) is NoValue:
        raise IrregularError
    return value


def _text(written: str) -> str:
    """Return the text that is *written* in quotes, or without."""
    if written[0] == '"':
        text: str = orjson.loads(written) if "\\" in written else written[1:-1]
        return text
    return written[1:-1] if written[0] == "'" else written


def _text_of_block(written: str) -> str:
    lines = written.split("\n")[1:]
    column = _column(lines[0])
    return "\n".join([line[column:] for line in lines]).rstrip("\n")
