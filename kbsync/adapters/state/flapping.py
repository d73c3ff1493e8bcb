"""Changes that run after run has to make again: somebody or something takes them back in between."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from itertools import takewhile
from typing import Any, Final

import orjson

from kbsync.core.report import Flap

__all__ = ("flaps",)

# So many of the last runs are looked at, and from so many equal changes on it is told.
_RUNS: Final = 10
_TIMES: Final = 3

_UPDATED_BEFORE: Final = """
    FROM changes AS e JOIN outcomes AS p USING (change)
    WHERE e.container = h.container AND e.id = h.id AND e.operation = h.operation
    AND e.change >= :oldest AND e.change < :first AND p.outcome = 'updated'
"""
_AGAIN: Final = f"""
    SELECT h.change, h.container, h.id, h.operation, h.fields FROM changes AS h JOIN outcomes AS o USING (change)
    WHERE h.change BETWEEN :first AND :last AND o.outcome = 'updated'
    AND (SELECT count(*) {_UPDATED_BEFORE}) >= {_TIMES - 1}
    ORDER BY h.change
"""
_EARLIER: Final = """
    SELECT e.fields,
        (SELECT started_s FROM runs WHERE first_change <= e.change ORDER BY first_change DESC, run DESC LIMIT 1)
    FROM changes AS e JOIN outcomes AS p USING (change)
    WHERE e.container = ? AND e.id = ? AND e.operation = ? AND e.change >= ? AND e.change < ? AND p.outcome = 'updated'
    ORDER BY e.change DESC
"""


def flaps(connection: sqlite3.Connection, run_id: str) -> dict[int, Flap]:
    """Return, by position, the changes of the run *run_id* that the last runs made too, to the same values."""
    runs = connection.execute(
        "SELECT first_change, changes FROM runs WHERE run <= (SELECT run FROM runs WHERE run_id = ?) "
        f"ORDER BY run DESC LIMIT {_RUNS}",
        (run_id,),
    ).fetchall()
    if len(runs) < _TIMES:
        return {}

    (first, changes), oldest = runs[0], runs[-1][0]
    found: dict[int, Flap] = {}
    bounds = {"first": first, "last": first + changes - 1, "oldest": oldest}
    for change, container, id_, operation, fields in connection.execute(_AGAIN, bounds).fetchall():
        wanted = _desired(fields)
        earlier = connection.execute(_EARLIER, (container, id_, operation, oldest, first)).fetchall()
        same = list(takewhile(lambda row: _desired(row[0]) == wanted, earlier))  # noqa: B023  # it is used at once
        if len(same) >= _TIMES - 1:
            found[change - first] = Flap(1 + len(same), same[-1][1])
    return found


def _desired(fields: str) -> dict[str, Any]:
    return {field: values[0] for field, values in orjson.loads(fields).items()}
