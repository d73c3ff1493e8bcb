"""What a run wrote or may have written, and what was written over it since: read from the journal."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kbsync.adapters.state.history import Names, fields_of, row_of_run
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE
from kbsync.core.items import Item, Source
from kbsync.core.plan import FieldChange
from kbsync.core.undo import RunWrites, Write

__all__ = ("written_by",)

# Whether the change `h` with the outcome `o` may have been applied. What a killed run tried has no outcome, and its
# doubts may have been ended since; then what became of each attempt tells.
_MAY_BE_APPLIED: Final = f"""
    CASE WHEN o.outcome IS NOT NULL THEN o.outcome IN ('updated', 'unknown') ELSE EXISTS (
        SELECT 1 FROM intents AS n
        WHERE n.attempt >= h.change * {ATTEMPTS_PER_CHANGE} AND n.attempt < (h.change + 1) * {ATTEMPTS_PER_CHANGE}
    ) OR EXISTS (
        SELECT 1 FROM attempts AS a
        WHERE a.attempt >= h.change * {ATTEMPTS_PER_CHANGE} AND a.attempt < (h.change + 1) * {ATTEMPTS_PER_CHANGE}
        AND a.sent_s IS NOT NULL AND a.verdict IN ('lost', 'transient')
    ) END
"""
_WRITES: Final = f"""
    SELECT h.change, h.container, h.id, h.operation, h.fields, coalesce(o.outcome = 'updated', 0),
        h.file, h.line, h."column"
    FROM changes AS h LEFT JOIN outcomes AS o USING (change)
    WHERE h.change BETWEEN :first AND :last AND {_MAY_BE_APPLIED} ORDER BY h.change
"""
_LATER_WRITES: Final = f"""
    SELECT m.change, h.change, h.fields FROM changes AS m CROSS JOIN changes AS h
    ON h.container = m.container AND h.id = m.id AND h.operation = m.operation AND h.change > :last
    LEFT JOIN outcomes AS o ON o.change = h.change
    WHERE m.change BETWEEN :first AND :last AND {_MAY_BE_APPLIED} ORDER BY m.change, h.change
"""


def written_by(connection: sqlite3.Connection, run_id: str) -> RunWrites:
    """Return what the run *run_id* or the `last` one wrote. Raises UsageError when there is no such run any more."""
    row = row_of_run(connection, run_id)
    span = {"first": row["first_change"], "last": row["first_change"] + row["changes"] - 1}
    later: dict[int, list[tuple[int, str]]] = {}
    for mine, change, text in connection.execute(_LATER_WRITES, span):
        later.setdefault(mine, []).append((change, text))
    names, runs = Names(connection), _Runs(connection)
    writes: list[Write] = []
    for change, container, id_, operation, text, sure, file, *place in connection.execute(_WRITES, span):
        fields = fields_of(text)
        writes.append(
            Write(
                Item(*names.places[container], id_),
                names.operations[operation],
                fields,
                bool(sure),
                dict(_overwritten(fields, later.get(change, ()), runs)),
                Source(names.files[file], *place),
            )
        )
    return RunWrites(row["run_id"], row["started_s"], row["finished_s"] is not None, writes)


class _Runs:
    """Which run a change belongs to."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT first_change, run_id FROM runs WHERE changes ORDER BY run").fetchall()
        self._firsts = [first for first, _ in rows]
        self._ids = [run_id for _, run_id in rows]

    def of(self, change: int) -> str:
        """Return the id of the run that *change* belongs to."""
        run_id: str = self._ids[bisect_right(self._firsts, change) - 1]
        return run_id


def _overwritten(
    fields: Sequence[FieldChange], later: Sequence[tuple[int, str]], runs: _Runs
) -> Iterator[tuple[str, str]]:
    """Yield the fields that a *later* change gave another value, in its order, each with the run of it."""
    desired: Mapping[str, Any] = {one.field: one.desired for one in fields} if later else {}
    for change, text in later:
        for one in fields_of(text):
            if one.field in desired and desired[one.field] != one.desired:
                yield one.field, runs.of(change)
