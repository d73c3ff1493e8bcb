"""Rows of the same form, put together and seen column by column."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from kbsync.core.columns import Column, Columns

__all__ = ("Numbers", "alike", "grouped", "picked", "some")

Numbers: TypeAlias = Sequence[int]
"""Positions of rows."""

_MAPPING: Final = {dict}
_VALUES: Final = dict[str, Any].values
_One = TypeVar("_One", bound=Hashable)
_Any = TypeVar("_Any")


def alike(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[Numbers, Columns]]:
    """Yield the positions of *rows* that have the same paths, and their columns. Every row comes once.

    A mapping in a row is seen through, unless it is empty.
    """
    for keys, numbers in grouped([*map(tuple, rows)]):
        outer = dict(zip(keys, _columns(picked(rows, numbers)), strict=True))
        nested = [key for key, column in outer.items() if type(column[0]) is dict and {*map(type, column)} == _MAPPING]
        forms = [*zip(*(map(tuple, outer[key]) for key in nested), strict=True)] or [()] * len(numbers)
        for form, places in grouped(forms):
            within = dict(zip(nested, form, strict=True))
            yield [numbers[place] for place in places], _flat(outer, within, places)


def grouped(keys: Sequence[_One]) -> Iterator[tuple[_One, Numbers]]:
    """Yield each of *keys* once, with the positions where it stands."""
    if keys and keys.count(keys[0]) == len(keys):
        yield keys[0], range(len(keys))
        return
    groups: dict[_One, list[int]] = {}
    for number, key in enumerate(keys):
        groups.setdefault(key, []).append(number)
    yield from groups.items()


def picked(values: Sequence[_Any], places: Numbers) -> Sequence[_Any]:
    """Return the *values* at *places*, which are different ones and ascend."""
    return values if len(places) == len(values) else [values[place] for place in places]


def some(columns: Columns, places: Numbers) -> Columns:
    """Return of *columns* the values at *places*."""
    return {path: picked(column, places) for path, column in columns.items()}


def _flat(outer: Mapping[str, Column], within: Mapping[str, Sequence[str]], places: Numbers) -> Columns:
    """Return the columns at *places* of *outer*; those that hold mappings have the keys that stand *within*."""
    columns: dict[tuple[str, ...], Column] = {}
    for key, column in outer.items():
        mine = picked(column, places)
        if inner := within.get(key):
            columns.update(((key, name), value) for name, value in zip(inner, _columns(mine), strict=True))
        else:
            columns[key,] = mine
    return columns


def _columns(rows: Iterable[dict[str, Any]]) -> Iterator[Column]:
    """Yield the values of *rows*, which have the same keys in the same order, key by key."""
    return zip(*map(_VALUES, rows), strict=True)
