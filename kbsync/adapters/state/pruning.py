"""Old runs, of which no more is kept than something may still depend on.

What is deleted leaves free pages in the file, which later runs fill: it does not shrink, and does not grow either.
"""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from contextlib import closing
from typing import Any, Final

import orjson

from kbsync.adapters.state.findings import LEFT_OPEN
from kbsync.adapters.state.history import counted_outcomes
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE

__all__ = ("prune",)

# The oldest run of which all is kept. A run without changes has nothing to undo, and pushes none out that has; the last
# one that has is always kept, so that the numbers of changes that are gone are not given again.
_OLDEST_KEPT: Final = """
    SELECT run, first_change, first_read FROM runs WHERE changes ORDER BY run DESC LIMIT 1 OFFSET ? - 1
"""
# Changes with an attempt that may be applied yet, for all that anyone knows: what is in doubt, and what may come late.
# And those that are still to be read back, or were so by a run of which all is kept.
_NEEDED: Final = f"""(
    SELECT attempt / {ATTEMPTS_PER_CHANGE} FROM intents
    UNION SELECT attempt / {ATTEMPTS_PER_CHANGE} FROM attempts WHERE doubt
    UNION SELECT change FROM ({LEFT_OPEN})
    UNION SELECT change FROM findings WHERE run >= :run
)"""
_SOME_CHANGES: Final = f"""
    SELECT min(change), max(change), count(*) FROM (
        SELECT change FROM changes WHERE change < :first AND change NOT IN {_NEEDED} ORDER BY change LIMIT :most
    )
"""
# About the changes from :first to :last. What they depend on goes last.
_DELETE_CHANGES: Final = (
    f"DELETE FROM findings WHERE change BETWEEN :first AND :last AND change NOT IN {_NEEDED}",
    f"""
    DELETE FROM attempts
    WHERE attempt >= :first * {ATTEMPTS_PER_CHANGE} AND attempt < (:last + 1) * {ATTEMPTS_PER_CHANGE}
    AND attempt / {ATTEMPTS_PER_CHANGE} NOT IN {_NEEDED}
    """,
    f"DELETE FROM outcomes WHERE change BETWEEN :first AND :last AND change NOT IN {_NEEDED}",
    f"DELETE FROM changes WHERE change BETWEEN :first AND :last AND change NOT IN {_NEEDED}",
)
_DELETE_VERIFICATIONS: Final = "DELETE FROM verifications WHERE run < ? AND run NOT IN (SELECT run FROM findings)"
_DELETE_READS: Final = """
    DELETE FROM reads WHERE read IN (
        SELECT read FROM reads WHERE read < ? AND verdict IS NOT NULL ORDER BY read LIMIT ?
    )
"""
_DELETE_RELEASED: Final = """
    DELETE FROM released WHERE (run, container, id) IN (SELECT run, container, id FROM released WHERE run < ? LIMIT ?)
"""


def prune(connection: sqlite3.Connection, keep_runs: int, most: int) -> bool:
    """Delete what is kept of the runs before the last *keep_runs* that had changes; return whether there may be more.

    Deletes *most* changes, reads and released items each, at most. What is known, doubts and hazards stay as they are.
    A run that loses anything is marked before, in the same transaction.
    """
    oldest = connection.execute(_OLDEST_KEPT, (keep_runs,)).fetchone()
    if oldest is None:
        return False
    run, first_change, first_read = oldest
    _mark(connection, run)
    bounds = {"run": run, "first": first_change, "most": most}
    first, last, changes = connection.execute(_SOME_CHANGES, bounds).fetchone()
    for statement in _DELETE_CHANGES if changes else ():
        connection.execute(statement, {"run": run, "first": first, "last": last})
    connection.execute(_DELETE_VERIFICATIONS, (run,))
    reads = _deleted(connection, _DELETE_READS, (first_read, most))
    released = _deleted(connection, _DELETE_RELEASED, (run, most))
    return most in (changes, reads, released)


def _mark(connection: sqlite3.Connection, run: int) -> None:
    """Mark the runs before *run* as pruned, and keep the totals of those that have not ended."""
    for other, first, changes in connection.execute(
        "SELECT run, first_change, changes FROM runs WHERE run < ? AND NOT pruned AND totals IS NULL", (run,)
    ).fetchall():
        totals = orjson.dumps(counted_outcomes(connection, first, changes)).decode()
        connection.execute("UPDATE runs SET totals = ? WHERE run = ?", (totals, other))
    connection.execute("UPDATE runs SET pruned = 1 WHERE run < ? AND NOT pruned", (run,))


def _deleted(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> int:
    with closing(connection.execute(statement, values)) as done:
        return done.rowcount
