"""How a new state takes the place of the one that is there, whatever that is: a sound one, a damaged one, or none."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from typing import Final
from uuid import uuid4

from kbsync.adapters.state.advice import code_of, foreign
from kbsync.adapters.state.creation import make_new, put_in_place, sync_folder
from kbsync.adapters.state.knowledge import Update, know
from kbsync.adapters.state.lock import StateLock
from kbsync.adapters.state.lockfile import Guarded
from kbsync.adapters.state.names import Names
from kbsync.adapters.state.schema import APPLICATION_ID
from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.errors import LockLostError, StateError

__all__ = ("replace",)

_BUSY_TIMEOUT_S: Final = 30.0
_AT_ONCE: Final = 256
# Beside the file itself: what SQLite keeps next to it, and would take for a part of any other that stands there.
_PARTS: Final = ("", "-journal", "-wal", "-shm")


def replace(
    path: Path, lock: StateLock, items: Iterable[tuple[Item, Fields]], clock: Callable[[], float]
) -> Path | None:
    """Put a new state, which knows *items* and nothing else, in the place of the one at *path*.

    Return where that one is kept, or None when there was none. *clock* tells the seconds since the epoch: until now
    the targets of *items* may have been sent to. The new state is complete before anything is moved; a kill in between
    leaves the old one, none, which is noticed, or the new one. Raises StateError, with nothing moved, when it cannot be
    made, another process has the old one open, or that belongs to another program; and what *items* raises.
    """
    lineage = str(uuid4())
    try:
        new = make_new(path, lineage, lambda connection: _fill(connection, items, clock))
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"A new state beside {path} cannot be made: {error}.") from error

    try:
        _let_go(path)
        if not lock.stands:
            raise LockLostError(f"The lock of the state {path} was broken. Nothing was changed.")
        before = lock.guarded or Guarded("", 0, "")
        lock.remember(before._replace(heir=lineage))
        old = _move_aside(path, clock())
        put_in_place(new, path)
    except OSError as error:
        raise StateError(f"The state {path} cannot be replaced: {error.strerror}.") from error
    finally:
        new.unlink(missing_ok=True)
    lock.remember(Guarded(lineage, 0, ""))
    return old


def _fill(connection: sqlite3.Connection, items: Iterable[tuple[Item, Fields]], clock: Callable[[], float]) -> None:
    names, numbers, left = Names(connection), count(1), iter(items)
    while some := list(islice(left, _AT_ONCE)):
        updates = [Update(names.container(connection, item), item.id, fields) for item, fields in some]
        know(connection, updates, numbers)
    connection.execute("UPDATE targets SET last_send_s = ?", (clock(),))


def _let_go(path: Path) -> None:
    """Have all of the state at *path* in its one file, and nobody reading it.

    Whoever still reads it would, as it closes, clear away what SQLite keeps under the names of the new one.
    """
    if not path.is_file() or path.is_symlink() or not path.stat().st_size:
        return
    try:
        with closing(
            sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None
            )
        ) as connection:
            if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
                raise StateError(foreign(path))
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.DatabaseError as error:
        # What is damaged or no database is moved as it is.
        if code_of(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise StateError(
                f"The state {path} has been in use by another process for {_BUSY_TIMEOUT_S:.0f} seconds: a kbsync that "
                "reads it, or another program.\nNothing was changed. End it, or run again later."
            ) from error


def _move_aside(path: Path, now_s: float) -> Path | None:
    """Give all that is at *path* another name, and return that of the file itself, if there is one."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    names = (f"{path.name}.old-{stamp}{f'-{number}' if number else ''}" for number in count())
    old = next(place for name in names if not os.path.lexists(place := path.with_name(name)))
    moved = [part for part in _PARTS if _renamed(path.with_name(path.name + part), old.with_name(old.name + part))]
    sync_folder(path.parent)
    return old if "" in moved else None


def _renamed(path: Path, name: Path) -> bool:
    try:
        path.rename(name)
    except FileNotFoundError:
        return False
    return True
