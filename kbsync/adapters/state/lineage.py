"""Whether a state is the one that was there before: not missing, not another one, not an older copy of it.

A state that was lost must never be taken for one that knows nothing yet: everything would be sent again, and what is in
doubt would be forgotten. What was there is remembered in the file of the lock.
"""

import sqlite3
from pathlib import Path

from kbsync.adapters.state.advice import ADVICE
from kbsync.adapters.state.files import exists
from kbsync.adapters.state.lockfile import Guarded
from kbsync.errors import StateError

__all__ = ("check_lineage", "guarded_by", "is_there")


def is_there(path: Path, guarded: Guarded | None) -> bool:
    """Tell whether there is a state at *path*. Raises StateError when it is gone: *guarded* was there before."""
    if exists(path):
        return True
    if guarded is None:
        return False
    raise StateError(f"The state {path} is missing, and {_was(guarded)}.\n{ADVICE}")


def check_lineage(connection: sqlite3.Connection, path: Path, guarded: Guarded | None) -> None:
    """Raise StateError when the state at *path*, which *connection* reads, is not the one that was *guarded*, or older.

    One that was never guarded is taken as it is.
    """
    if guarded is None:
        return
    now = guarded_by(connection)
    if not guarded.lineage or now.lineage == guarded.heir:
        return
    if now.lineage != guarded.lineage:
        raise StateError(
            f"The state {path} is not the one that was here: its lineage is {now.lineage}, and {_was(guarded)}.\n"
            f"{_TAKEN}"
        )
    if now.serial < guarded.serial or not _knows(connection, guarded.run_id):
        raise StateError(
            f"The state {path} is an older or another copy: {now.serial} runs have written to it"
            f"{f', the last is {now.run_id}' if now.run_id else ''}, and {_was(guarded)}.\n{_TAKEN}"
        )


def guarded_by(connection: sqlite3.Connection) -> Guarded:
    """Return what is to be remembered of the state that *connection* reads."""
    lineage, serial, run_id = connection.execute(
        "SELECT lineage, serial, coalesce((SELECT run_id FROM runs ORDER BY run DESC LIMIT 1), '') FROM state"
    ).fetchone()
    return Guarded(lineage, serial, run_id)


_TAKEN = (
    "Put back the one that was here, or take this one as it is with `kbsync state accept`: it does not know what was "
    "sent since. `kbsync state rebuild` makes a new one of what is live."
)


def _knows(connection: sqlite3.Connection, run_id: str) -> bool:
    return not run_id or connection.execute("SELECT 1 FROM runs WHERE run_id = ?", (run_id,)).fetchone() is not None


def _was(guarded: Guarded) -> str:
    last = f", the last of them {guarded.run_id}" if guarded.run_id else ""
    return f"{guarded.serial} runs had written to the one that was here{last} (lineage {guarded.lineage or 'unknown'})"
