"""What a read has shown becomes what is known, without a write to the provider."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from typing import Any, Final, TypeVar

from kbsync.adapters.state.knowledge import Update, forget_known, know
from kbsync.adapters.state.names import Names
from kbsync.adapters.state.recorder import END_DOUBTS, doubted_fields
from kbsync.adapters.state.schema import DOUBTS, LATE
from kbsync.core.fields import Fields, Value
from kbsync.core.items import Item
from kbsync.core.plan import Recognised

__all__ = ("correct", "forget", "recognise", "take_over")

_AT_ONCE: Final = 512
_REMEMBER_SEND: Final = "UPDATE targets SET last_send_s = max(coalesce(last_send_s, 0.0), ?) WHERE target = ?"

_T = TypeVar("_T")


def recognise(
    connection: sqlite3.Connection, names: Names, found: Iterable[Recognised], new_known: Iterator[int], now_s: float
) -> None:
    """Make known what was *found* for a plan, and end the doubts that it ends, in a transaction.

    An attempt that was in doubt may still be applied: it stays a hazard. *new_known* numbers what was not known before.
    """
    for some in _in_blocks(found):
        updates: list[Update] = []
        ended: list[dict[str, Any]] = []
        for one in some:
            container = names.container(connection, one.item)
            about = [
                {
                    "container": container,
                    "id": one.item.id,
                    "operation": names.operation(connection, operation),
                    "rest": LATE,
                    "now_s": now_s,
                }
                for operation in one.doubts
            ]
            # Fields that were sent and are not declared any more may have either value.
            unsure = {field for doubt in about for field in doubted_fields(connection, doubt)}
            updates.append(Update(container, one.item.id, {field.field: field.desired for field in one.fields}, unsure))
            ended += about
        know(connection, updates, new_known)
        for statement in END_DOUBTS if ended else ():
            connection.executemany(statement, ended)


def take_over(
    connection: sqlite3.Connection, items: Iterable[tuple[Item, Fields]], targets: Iterable[str], now_s: float
) -> list[Item]:
    """Make the fields of *items* known, in a transaction, and return the items in doubt, which stay as they are.

    The provider may hold another value of those by now: a read says nothing about a write that is still on its way.
    Until *now_s*, in seconds since the epoch, *targets* may have been sent to.
    """
    names, new_known = Names(connection), _new_known(connection)
    doubted: list[Item] = []
    doubts = {(container, id_) for container, id_, _ in connection.execute(DOUBTS)}
    for some in _in_blocks(items):
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


def correct(connection: sqlite3.Connection, items: Iterable[tuple[Item, Mapping[str, Value | None]]]) -> None:
    """Make what was read of *items* known, in a transaction: the live value of each field, None if it is not set.

    Their other fields stay as they were.
    """
    names, new_known = Names(connection), _new_known(connection)
    for some in _in_blocks(items):
        updates = (
            Update(
                names.container(connection, item),
                item.id,
                {field: value for field, value in fields.items() if value is not None},
                [field for field, value in fields.items() if value is None],
            )
            for item, fields in some
        )
        know(connection, [*updates], new_known)


def forget(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    """Forget what is known of *items*, in a transaction. What is in doubt stays so."""
    names = Names(connection)
    forget_known(connection, [(place, item.id) for item in items if (place := names.find(item)) is not None])


def _new_known(connection: sqlite3.Connection) -> Iterator[int]:
    (most,) = connection.execute("SELECT coalesce(max(known), 0) FROM known").fetchone()
    return count(most + 1)


def _in_blocks(items: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(items)
    while some := list(islice(left, _AT_ONCE)):
        yield some
