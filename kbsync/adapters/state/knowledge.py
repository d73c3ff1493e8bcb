"""How an accepted change becomes what is known."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from kbsync.adapters.state.rows import Rows
from kbsync.core.fields import REMOVED, Fields, Value, canonical, digest_of, fields_from_plain

__all__ = ("Update", "forget_known", "know", "update_by")

_PUT_ITEMS: Final = Rows(
    4,
    lambda rows: f"INSERT INTO items VALUES {rows} ON CONFLICT (container, id) DO UPDATE SET digest = excluded.digest",
)
_PUT_KNOWN: Final = Rows(
    2, lambda rows: f"INSERT INTO known VALUES {rows} ON CONFLICT (known) DO UPDATE SET fields = excluded.fields"
)
# The answer is one row of JSON, because each row would be one more step. Values are JSON in the table already.
_GET_KNOWN: Final = Rows(
    3,
    lambda rows: (
        "SELECT '[' || group_concat('[' || v.column1 || ',' || i.known || ',' || k.fields || ']') || ']' "
        f"FROM (VALUES {rows}) AS v CROSS JOIN items AS i ON i.container = v.column2 AND i.id = v.column3 "
        "CROSS JOIN known AS k ON k.known = i.known"
    ),
)
_PLACE: Final = "container = ? AND id = ?"
_FORGET: Final = (
    f"DELETE FROM known WHERE known = (SELECT known FROM items WHERE {_PLACE})",
    f"DELETE FROM items WHERE {_PLACE}",
)
_NOTHING: Final[Mapping[str, Any]] = {}


class Update(NamedTuple):
    """What the item *id* was updated to. Of its other fields those that are *unsure* may have any value."""

    container: int
    id: str
    desired: Fields
    unsure: Collection[str] = ()


def update_by(container: int, id_: str, desired: Fields, unsure: Collection[str] = ()) -> Update:
    """Return the update that an accepted request makes, which set *desired*.

    That it has removed a field no answer says. Only a read does, and until then the field may have any value.
    """
    removed = {name for name, value in desired.items() if value == REMOVED}
    if not removed:
        return Update(container, id_, desired, unsure)
    left = {name: value for name, value in desired.items() if name not in removed}
    return Update(container, id_, left, removed.union(unsure))


def know(connection: sqlite3.Connection, updates: Sequence[Update], new_known: Iterator[int]) -> None:
    """Make what *updates* desire known, in their order, and forget the other fields that are unsure.

    Of an item that has no field left nothing is known. *new_known* numbers what was not known before.
    """
    # Several changes of one item are merged one after the other, so each item is read and written once.
    keys = {(update.container, update.id): place for place, update in enumerate(updates)}
    wanted = [(place, container, id_) for (container, id_), place in keys.items()]
    before: dict[int, tuple[int, Mapping[str, Any]]] = {
        place: (known, fields)
        for (text,) in _GET_KNOWN.run(connection, wanted)
        if text is not None
        for place, known, fields in orjson.loads(text)
    }
    merged: dict[tuple[int, str], dict[str, Value]] = {}
    for container, id_, desired, unsure in updates:
        key = (container, id_)
        if key not in merged:
            others = before[keys[key]][1] if keys[key] in before else _NOTHING
            merged[key] = fields_from_plain(others) if others.keys() - desired.keys() else {}
        for field in unsure:
            merged[key].pop(field, None)
        merged[key].update(desired)

    items: list[tuple[int, str, bytes, int]] = []
    known_rows: list[tuple[int, str]] = []
    for (container, id_), fields in merged.items():
        if not fields:
            continue
        place = keys[container, id_]
        known = before[place][0] if place in before else next(new_known)
        text = canonical(fields)
        items.append((container, id_, digest_of(text), known))
        known_rows.append((known, text.decode()))
    _PUT_ITEMS.run(connection, items)
    _PUT_KNOWN.run(connection, known_rows)
    forget_known(connection, [place for place, fields in merged.items() if not fields])


def forget_known(connection: sqlite3.Connection, places: Sequence[tuple[int, str]]) -> None:
    """Forget what is known of the items at *places*, each a container and an id."""
    for statement in _FORGET if places else ():
        connection.executemany(statement, places)
