"""What the columns of a CSV manifest stand for: the same keys as elsewhere, with a dot between two."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kbsync.adapters.manifests.json_scan import JsonSyntaxError, scan_json
from kbsync.adapters.manifests.problems import FileProblems, Path, Place, shown
from kbsync.adapters.manifests.shapes import TEXT, Shape
from kbsync.adapters.manifests.vocabulary import Words, unknown
from kbsync.core.fields import META_TYPES

__all__ = ("TRUTHS", "Column", "columns_of", "nearest_column")

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})", re.ASCII)
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
REQUIRED: Final = ("target", "kind", "id")
# The capitals are those of spreadsheets.
TRUTHS: Final[Mapping[str, bool]] = {"true": True, "TRUE": True, "false": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. *path* is where its cells stand in an entry; *parse* raises ValueError with what is expected."""

    path: tuple[str, ...]
    parse: Callable[[str], Any] | None = None
    text: bool = False

    def put(self, entry: dict[str, Any], value: Any) -> None:
        """Put *value* in its place in *entry*."""
        for key in self.path[:-1]:
            entry = entry.setdefault(key, {})
        entry[self.path[-1]] = value


def columns_of(
    names: Sequence[str], places: Sequence[Place], words: Words, problems: FileProblems
) -> list[Column | None] | None:
    """Return what each name in a header stands for, None for none and a wrong one.

    Returns None when rows cannot be read at all.
    """
    keys = _keys(words)
    columns: list[Column | None] = []
    seen: dict[tuple[str, ...], Place] = {}
    for name, place in zip(names, places, strict=True):
        if not name:
            columns.append(None)
            continue
        column = _column(name, keys)
        if not isinstance(column, Column):
            problems.add(place, *column)
        elif column.path in seen:
            line, at = seen[column.path]
            problems.add(place, "duplicate-key", f"the column {shown(name)} stands twice: first at {line}:{at}")
        else:
            seen[column.path] = place
            columns.append(column)
            continue
        columns.append(None)
    missing = [name for name in REQUIRED if (name,) not in seen]
    for name in missing:
        problems.add(places[0], "missing-key", f"the column `{name}` is missing")
    return None if missing else columns


def _keys(words: Words) -> Mapping[str, Shape]:
    """Return the shapes of all keys that any row may have."""
    keys: dict[str, Shape] = dict.fromkeys(("target", "kind", *words.header_keys), TEXT)
    for vocabulary in words.targets.values():
        for kind in vocabulary.by_kind.values():
            for key, shape in kind.shape.keys.items():
                keys.setdefault(key, shape)
    return keys


def _column(name: str, keys: Mapping[str, Shape]) -> Column | tuple[str, str]:
    key, dot, inner = name.partition(".")
    shape = keys.get(key)
    if shape is None:
        return unknown(name, sorted(_names(keys)))
    if not dot:
        if shape.items is not None:
            return Column((key,), _list)
        if shape.keys or shape.open:
            names = ", ".join(_names({key: shape}))
            return "unknown-key", f"{shown(name)} does not fit into one column; known: {names}"
        return Column((key,), None if shape.text else _plain, shape.text)
    if shape.open:
        return _open_column(key, inner, shape.rest)
    if inner not in shape.keys:
        return unknown(name, sorted(_names(keys)))
    return Column((key, inner), None if shape.keys[inner].text else _plain)


def _open_column(key: str, inner: str, rest: Shape | None) -> Column | tuple[str, str]:
    """Return the column of a name of the user's choice, which may end with a type."""
    name, colon, type_ = inner.rpartition(":")
    if not colon or rest is None or "type" not in rest.keys:
        return Column((key, inner))
    if type_ not in META_TYPES:
        return "bad-value", f"{shown(type_)} is no type of a column; known: {', '.join(META_TYPES)}"
    parse = _PARSERS.get(type_, str)
    return Column((key, name), lambda cell: {"type": type_, "value": parse(cell)})


def _names(keys: Mapping[str, Shape]) -> Iterator[str]:
    for key, shape in keys.items():
        if shape.open:
            yield f"{key}.NAME"
        elif shape.keys:
            yield from (f"{key}.{inner}" for inner in shape.keys)
        else:
            yield key


def _plain(cell: str) -> Any:
    """Return the truth value or whole number that *cell* is."""
    if cell in TRUTHS:
        return TRUTHS[cell]
    if _INTEGER.fullmatch(cell):
        return int(cell)
    raise ValueError("true, false or a whole number")


def _bool(cell: str) -> bool:
    if cell not in TRUTHS:
        raise ValueError("true or false")
    return TRUTHS[cell]


def _int(cell: str) -> int:
    if not _INTEGER.fullmatch(cell):
        raise ValueError("a whole number")
    return int(cell)


def _float(cell: str) -> float:
    if not _NUMBER.fullmatch(cell):
        raise ValueError("a number with a decimal point" if "," in cell else "a number")
    return float(cell)


def _list(cell: str) -> list[Any]:
    expected = 'a list in the manner of JSON, such as ["a","b"]'
    try:
        value, scan = scan_json(cell)
    except JsonSyntaxError:
        raise ValueError(expected) from None
    if not isinstance(value, list) or scan.faults:
        raise ValueError(expected)
    return value  # pyright: ignore[reportUnknownVariableType]  # its elements are the model's business


_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "bool": _bool,
    "int64": _int,
    "float32": _float,
    "list<string>": _list,
    "list<int64>": _list,
}


def nearest_column(columns: Sequence[Column | None], path: Path) -> int | None:
    """Return the number of the column that holds what is at *path* in an entry, or the beginning of that."""
    for length in range(len(path), 0, -1):
        for number, column in enumerate(columns):
            if column is not None and column.path[:length] == path[:length]:
                return number
    return None
