"""What may still be set behind our back, by attempts that nobody confirmed."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from collections.abc import Iterable
from typing import Final

import orjson

from kbsync.adapters.state.runs import LATEST_S
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE, ENDED_S, IN_DOUBT, MAY_BE_LATE
from kbsync.core.fields import Fields, from_plain
from kbsync.core.items import Item
from kbsync.core.state import Hazard

__all__ = ("read_hazards",)

# Of an open intent nobody knows until when it may have been sent.
_UNCONFIRMED: Final = f"""
    SELECT t.name, c.name, c.kind, h.id, o.name, h.fields, a.last_s FROM (
        SELECT attempt, :now_s AS last_s FROM intents
        UNION ALL SELECT attempt, {ENDED_S} FROM attempts WHERE {IN_DOUBT}
        UNION ALL SELECT attempt, {ENDED_S} FROM attempts WHERE {MAY_BE_LATE} AND {ENDED_S} >= :since_s
    ) AS a CROSS JOIN changes AS h ON h.change = a.attempt / {ATTEMPTS_PER_CHANGE}
    JOIN containers AS c USING (container) JOIN targets AS t USING (target) JOIN operations AS o USING (operation)
    ORDER BY a.attempt
"""


def read_hazards(connection: sqlite3.Connection, now_s: float) -> dict[tuple[Item, str], Hazard]:
    """Return the hazards by item and operation, as they are at *now_s*."""
    found: dict[tuple[Item, str], list[tuple[str, float]]] = {}
    for target, container, kind, id_, operation, fields, last_s in connection.execute(
        _UNCONFIRMED, {"now_s": now_s, "since_s": now_s - LATEST_S}
    ):
        found.setdefault((Item(target, container, kind, id_), operation), []).append((fields, last_s))
    return {
        about: Hazard(_distinct(fields for fields, _ in attempts), max(last_s for _, last_s in attempts), len(attempts))
        for about, attempts in found.items()
    }


def _distinct(texts: Iterable[str]) -> tuple[Fields, ...]:
    """Return what the changes with these *texts* desire, each value once."""
    desired: list[Fields] = []
    for text in dict.fromkeys(texts):
        fields = {field: from_plain(field, values[0]) for field, values in orjson.loads(text).items()}
        if fields not in desired:
            desired.append(fields)
    return tuple(desired)
