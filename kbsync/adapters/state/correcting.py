"""What a read of live values makes known."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from collections.abc import Iterable, Mapping
from itertools import count, islice
from typing import Final

from kbsync.adapters.state.knowledge import Update, know
from kbsync.adapters.state.names import Names
from kbsync.core.fields import Value
from kbsync.core.items import Item

__all__ = ("forget_known", "recognise")

_AT_ONCE: Final = 256
_PLACE: Final = "container = ? AND id = ?"
_KNOWN_OF: Final = f"SELECT known FROM items WHERE {_PLACE}"
_KNOWS_NOTHING: Final = f"SELECT 1 FROM known WHERE known = ({_KNOWN_OF}) AND fields = '{{}}'"


def recognise(connection: sqlite3.Connection, items: Iterable[tuple[Item, Mapping[str, Value | None]]]) -> None:
    """Make what was read of *items* known, in a transaction: the live value of each field, None if it is not set.

    Their other fields stay as they were; of an item that has no field left nothing is known.
    """
    names, left = Names(connection), iter(items)
    (last,) = connection.execute("SELECT coalesce(max(known), 0) FROM known").fetchone()
    numbers = count(last + 1)
    while some := list(islice(left, _AT_ONCE)):
        updates = [
            Update(
                names.container(connection, item),
                item.id,
                {field: value for field, value in fields.items() if value is not None},
                [field for field, value in fields.items() if value is None],
            )
            for item, fields in some
        ]
        know(connection, updates, numbers)
        places = [(update.container, update.id) for update in updates if not update.desired]
        empty = [place for place in places if connection.execute(_KNOWS_NOTHING, place).fetchone()]
        _forget(connection, empty)


def forget_known(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    """Forget what is known of *items*, in a transaction. What is in doubt stays so."""
    names = Names(connection)
    _forget(connection, [(place, item.id) for item in items if (place := names.find(item)) is not None])


def _forget(connection: sqlite3.Connection, places: list[tuple[int, str]]) -> None:
    connection.executemany(f"DELETE FROM known WHERE known = ({_KNOWN_OF})", places)
    connection.executemany(f"DELETE FROM items WHERE {_PLACE}", places)
