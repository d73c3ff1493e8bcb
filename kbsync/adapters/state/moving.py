"""How a target or a container gets another name, and all that the state holds of it with it.

Rows refer to names by numbers, so nearly everything moves by itself: known values, doubts, hazards, and the changes of
earlier runs, which are told under the new name from then on. So the undo of such a run and its recovery file are about
what is there now.
"""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from typing import Any, Final

import orjson

from kbsync.adapters.state.names import Names
from kbsync.adapters.state.schema import DOUBTS
from kbsync.core.moves import Moved, Place
from kbsync.errors import UsageError

__all__ = ("foreseen", "move")

_CONTAINERS: Final = """
    SELECT c.container, c.name, c.kind FROM containers AS c JOIN targets AS t USING (target)
    WHERE t.name = :target AND (:container IS NULL OR c.name = :container) ORDER BY c.container
"""
_DOUBTFUL: Final = f"SELECT DISTINCT container, id FROM ({DOUBTS}) WHERE container = ?"
_MANAGED: Final = f"SELECT container, id FROM items WHERE container = :c UNION {_DOUBTFUL.replace('?', ':c')}"


def foreseen(connection: sqlite3.Connection, source: Place, destination: Place) -> Moved:
    """Return what `move` would move. Raises UsageError when there is nothing, or something in its way."""
    rows = connection.execute(_CONTAINERS, source._asdict()).fetchall()
    numbers = [number for number, _, _ in rows]
    items = sum(_count(connection, _MANAGED, {"c": number}) for number in numbers)
    if not rows:
        raise UsageError(f"The state knows nothing of {source}; `kbsync state list` shows what it knows.")
    for number, name, _ in connection.execute(_CONTAINERS, destination._asdict()).fetchall():
        there = _count(connection, _MANAGED, {"c": number})
        if there:
            raise UsageError(
                f"The state has {there:,} items in {Place(destination.target, name)} already: nothing was moved.\n"
                f"`kbsync state forget '{destination}/*'` makes room, when they are not wanted."
            )
    return Moved(
        items=items,
        doubts=sum(_count(connection, _DOUBTFUL, (number,)) for number in numbers),
        containers=tuple(dict.fromkeys(name for _, name, _ in rows)),
    )


def move(connection: sqlite3.Connection, source: Place, destination: Place) -> Moved:
    """Call what is at *source* by the name of *destination*, inside a transaction; return what that was.

    Raises UsageError, with nothing changed, as `foreseen` does.
    """
    moved = foreseen(connection, source, destination)
    names = Names(connection)
    old, new = (names.target(connection, place.target) for place in (source, destination))
    for number, name, kind in connection.execute(_CONTAINERS, source._asdict()).fetchall():
        _move_container(connection, number, new, name if destination.container is None else destination.container, kind)
    if new != old:
        _share(connection, old, new)
    if destination.container is None:
        connection.execute("UPDATE reads SET target = ? WHERE target = ?", (new, old))
        connection.execute("DELETE FROM leftovers WHERE target = ?", (old,))
        connection.execute("DELETE FROM targets WHERE target = ?", (old,))
        _rename_stopped(connection, source.target, destination.target)
    return moved


def _move_container(connection: sqlite3.Connection, number: int, target: int, name: str, kind: str) -> None:
    """Give the container its new name. What had that name holds no items: its history becomes a part of this one's."""
    there = connection.execute(
        "SELECT container FROM containers WHERE target = ? AND name = ? AND kind = ?", (target, name, kind)
    ).fetchone()
    if there is not None:
        both = (number, *there)
        connection.execute("UPDATE changes SET container = ? WHERE container = ?", both)
        connection.execute("UPDATE OR IGNORE released SET container = ? WHERE container = ?", both)
        connection.execute("DELETE FROM released WHERE container = ?", there)
        connection.execute("DELETE FROM containers WHERE container = ?", there)
    connection.execute("UPDATE containers SET target = ?, name = ? WHERE container = ?", (target, name, number))


def _share(connection: sqlite3.Connection, old: int, new: int) -> None:
    """Have the target *new* know when *old* was sent to, and why runs left it: so it is for what came from there."""
    (sent_s,) = connection.execute("SELECT last_send_s FROM targets WHERE target = ?", (old,)).fetchone()
    if sent_s is not None:
        connection.execute(
            "UPDATE targets SET last_send_s = max(coalesce(last_send_s, 0.0), ?) WHERE target = ?", (sent_s, new)
        )
    connection.execute(
        "INSERT OR IGNORE INTO leftovers SELECT run, ?, reason FROM leftovers WHERE target = ?", (new, old)
    )


def _rename_stopped(connection: sqlite3.Connection, old: str, new: str) -> None:
    """Have the runs in which the target *old* was stopped say that of *new*."""
    for run, text in connection.execute("SELECT run, stopped FROM runs WHERE stopped != '{}'").fetchall():
        stopped: dict[str, str] = orjson.loads(text)
        if old in stopped:
            renamed = {new if name == old else name: reason for name, reason in stopped.items()}
            connection.execute("UPDATE runs SET stopped = ? WHERE run = ?", (orjson.dumps(renamed).decode(), run))


def _count(connection: sqlite3.Connection, select: str, values: Any) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM ({select})", values).fetchone()[0]
    return number
