"""The short way for documents that are like nearly all: a name that can be seen, and meta of simple values."""

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from kbsync.core.columns import Column, Columns, Pieces, are_in, are_texts, matcher, woven
from kbsync.core.fields import META_PREFIX
from kbsync.core.lint import are_quiet
from kbsync.providers.volcengine.entries import DOCUMENT_ID
from kbsync.providers.volcengine.usual import (
    UNUSUAL_CHARACTERS,
    USUAL_DOCUMENT_NAME_CHARACTERS,
    USUAL_STRING_BYTES,
    is_usual_field_name,
)
from kbsync.providers.volcengine.values import USUAL_INTEGERS, is_field_name

__all__ = ("plain_documents",)

_are_ids: Final = matcher(DOCUMENT_ID)
_TEXTS: Final = {str}
_BOOLS: Final = {bool}
_BOOL: Final = {False: "false", True: "true"}


def plain_documents(columns: Columns, *, strict: bool) -> Sequence[str] | None:
    """Return what `KindDialect.plain` does; *strict* is about the names of meta fields."""
    values: dict[str, Pieces | None] = {}
    for path, column in columns.items():
        match path:
            case ("id",):
                pass
            case ("name",):
                values["name"] = _name(column)
            case ("meta", name) if is_field_name(name) and is_usual_field_name(name, strict=strict):
                values[META_PREFIX + name] = _meta(column) if are_quiet([name]) else None
            case _:
                return None
    if ("id",) not in columns or not _are_ids(columns["id",]):
        return None

    pieces: list[str | Iterable[str]] = []
    for field, value in sorted(values.items()):
        if value is None:
            return None
        pieces += ["," if pieces else "{", orjson.dumps(field).decode(), ":", *value]
    return woven([*pieces, "}"]) if pieces else None


def _name(column: Column) -> Pieces | None:
    if not are_texts(column, USUAL_DOCUMENT_NAME_CHARACTERS) or not are_quiet(column):
        return None
    return ('"', column, '"') if UNUSUAL_CHARACTERS.search("".join(column)) is None else None


def _meta(column: Column) -> Pieces | None:
    types = set(map(type, column))
    if types == _TEXTS:
        distinct: Sequence[str] = [*set(column)]
        fine = are_texts(distinct, USUAL_STRING_BYTES, least=0) and are_quiet(distinct)
        fine = fine and max(map(len, map(str.encode, distinct))) <= USUAL_STRING_BYTES
        return ('{"type":"string","value":"', column, '"}') if fine else None
    if types == _BOOLS:
        return ('{"type":"bool","value":', map(_BOOL.__getitem__, column), "}")
    return ('{"type":"int64","value":', map(str, column), "}") if are_in(column, USUAL_INTEGERS) else None
