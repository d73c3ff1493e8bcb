"""How what was read becomes known, as if an answer had confirmed it."""

import sqlite3
from collections.abc import Iterable
from itertools import count, islice
from typing import Final

from kbsync.adapters.state.knowledge import Update, know
from kbsync.adapters.state.names import Names
from kbsync.adapters.state.runs import DOUBTS
from kbsync.core.fields import Fields
from kbsync.core.items import Item

__all__ = ("recognise",)

_AT_ONCE: Final = 256
_REMEMBER_SEND: Final = "UPDATE targets SET last_send_s = max(coalesce(last_send_s, 0.0), ?) WHERE target = ?"


def recognise(
    connection: sqlite3.Connection, items: Iterable[tuple[Item, Fields]], targets: Iterable[str], now_s: float
) -> list[Item]:
    """Make the fields of *items* known, inside a transaction, and return the items in doubt, which stay as they are.

    The provider may hold another value of those by now: a read says nothing about a write that is still on its way.
    Until *now_s*, in seconds since the epoch, *targets* may have been sent to.
    """
    names = Names(connection)
    doubted: list[Item] = []
    doubts = {(container, id_) for container, id_, _ in connection.execute(DOUBTS)}
    (most,) = connection.execute("SELECT coalesce(max(known), 0) FROM known").fetchone()
    new_known, left = count(most + 1), iter(items)
    while some := list(islice(left, _AT_ONCE)):
        updates: list[Update] = []
        for item, fields in some:
            container = names.container(connection, item)
            if (container, item.id) in doubts:
                doubted.append(item)
            elif fields:
                updates.append(Update(container, item.id, fields))
        know(connection, updates, new_known)
    connection.executemany(_REMEMBER_SEND, ((now_s, names.target(connection, target)) for target in targets))
    return doubted
