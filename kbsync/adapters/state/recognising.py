"""What a read has shown becomes what is known, without a write to the provider."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from kbsync.adapters.state.knowledge import Update, know
from kbsync.adapters.state.names import Names
from kbsync.adapters.state.recorder import END_DOUBTS, doubted_fields
from kbsync.adapters.state.schema import LATE
from kbsync.core.plan import Recognised

__all__ = ("recognise",)

_AT_ONCE: Final = 512


def recognise(
    connection: sqlite3.Connection, names: Names, found: Iterable[Recognised], new_known: Iterator[int], now_s: float
) -> None:
    """Make known what was *found*, and end the doubts that it ends.

    An attempt that was in doubt may still be applied: it stays a hazard. *new_known* numbers what was not known before.
    """
    left = iter(found)
    while some := list(islice(left, _AT_ONCE)):
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
