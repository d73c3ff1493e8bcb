"""Entries of YAML in which every value ends on the line of its key, taken apart by a regular expression.

A form is what some of them have in common: their keys, in their order, and how far each is indented. What libyaml may
take for anything else than is said here has no form.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from kbsync.adapters.manifests.plain_scalars import NULLS, NoValue, resolve
from kbsync.adapters.manifests.shapes import Shape
from kbsync.core.columns import Column, Columns

__all__ = ("EntryForm", "IrregularError", "Written", "form_of")

Written: TypeAlias = Sequence[str]
"""The values of an entry as they stand there, in the order of the paths of its form."""

# Far shorter than what YAML lets stand before a colon.
_KEY: Final = r"[^\W\d][\w-]{0,99}"
# In double quotes, with no escapes but some that JSON has too; in single quotes, without one; or without quotes, and
# then with no mark before, no colon, which could end a key, and no hash, which could begin a comment.
_VALUE: Final = r"""("[^"\\\n]*+(?:\\["\\n][^"\\\n]*+)*+"|'[^'\n]*+'|[-./]?\w(?:[^\n:#]*[^\n:# ])?)"""
_LINE: Final = re.compile(rf"( *)({_KEY}):(?: {_VALUE})?")
_BLANK_LINES: Final = r"(?:\n *)*+"
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


def form_of(text: str, indent: int) -> EntryForm | None:
    """Return the form of the entry *text*, whose first key stands so far in its line; None if it has none."""
    paths: list[tuple[str, ...]] = []
    patterns: list[str] = []
    seen: set[tuple[str, ...]] = set()
    outer: str | None = None
    inner_indent = 0
    for number, line in enumerate(text.rstrip(" \n").split("\n")):
        match = _LINE.fullmatch(line if number else " " * indent + line)
        if match is None:
            return None
        space, key, value = match.groups()
        if len(space) == indent and (outer is None or inner_indent):
            path: tuple[str, ...] = (key,)
            outer, inner_indent = (key if value is None else None), 0
        elif outer is not None and value is not None and len(space) == (inner_indent or max(len(space), indent + 1)):
            path = (outer, key)
            inner_indent = len(space)
        else:
            return None
        if path in seen or key in NULLS:
            return None
        seen.add(path)
        if value is not None:
            paths.append(path)
        patterns.append(f"{space if number else ''}{re.escape(key)}:{'' if value is None else ' ' + _VALUE}")
    if outer is not None and not inner_indent:
        return None
    return EntryForm(tuple(paths), re.compile("\n".join(patterns) + _BLANK_LINES))


def _under(shape: Shape, path: tuple[str, ...]) -> Shape:
    for key in path:
        shape = shape.under(key)
    return shape


def _values(written: Sequence[str], shape: Shape) -> Column:
    marks = {text[0] for text in written}
    if marks == {'"'} and not any("\\" in text for text in written):
        return [text[1:-1] for text in written]
    if marks.isdisjoint("\"'") and NULLS.isdisjoint(written):
        values = written if shape.text else [*map(resolve, written)]
        if _NO_VALUES.isdisjoint(values):
            return values
    return [_value(text, shape) for text in written]


def _value(text: str, shape: Shape) -> Any:
    if text[0] == '"':
        return orjson.loads(text) if "\\" in text else text[1:-1]
    if text[0] == "'":
        return text[1:-1]
    if text in NULLS:
        value: Any = None if shape.null else NoValue.NULL
    else:
        value = text if shape.text else resolve(text)
    if type(value) is NoValue:
        raise IrregularError
    return value
