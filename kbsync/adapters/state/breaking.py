"""How a state is taken away from a holder that is frozen, and may wake up at any moment."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import uuid4

from kbsync.adapters.state.advice import code_of
from kbsync.adapters.state.creation import sync_folder
from kbsync.adapters.state.files import exists, open_beside, reading
from kbsync.adapters.state.lock import holder, remembered
from kbsync.adapters.state.lockfile import Holder, lock_path, write
from kbsync.adapters.state.schema import EPOCHS_SINCE_FORMAT
from kbsync.errors import LockedError, StateError, UsageError

__all__ = ("break_lock",)

_PATIENCE_S: Final = 2.0


def break_lock(state: Path, id_: str) -> Holder:
    """Take *state* away from the holder whose lock has the *id_*, and return who that was.

    Whatever it does when it wakes up, it can write nothing any more. Raises UsageError when nobody holds that lock,
    LockedError when it is in the middle of a write, and StateError; nothing is changed then.
    """
    found = _held(state, id_)
    if not exists(state):
        _replace_lock(state)
        return found

    with reading(state), closing(open_beside(state, _PATIENCE_S)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if code_of(error) != sqlite3.SQLITE_BUSY:
                raise
            raise LockedError(
                f"{found} is in the middle of a write to the state {state}, which nobody can take over.\n"
                f"Nothing was changed. Wake it up for a moment (`kill -CONT {found.pid}`), or end it "
                f"(`kill -KILL {found.pid}`): then the state is free at once, and sound."
            ) from error
        # From here to the end of the transaction no holder can write, and the lock is still the one that was named.
        _held(state, id_)
        if connection.execute("PRAGMA user_version").fetchone()[0] >= EPOCHS_SINCE_FORMAT:
            connection.execute("UPDATE state SET epoch = epoch + 1")
        _replace_lock(state)
        connection.execute("COMMIT")
    return found


def _held(state: Path, id_: str) -> Holder:
    found = holder(state)
    if found is None:
        raise UsageError(f"Nobody holds the state {state}: there is no lock to break.")
    if not found.id or id_ != found.id:
        raise UsageError(
            f"The lock of the state {state} is {found.id or 'held by somebody who has not said who it is'}, not {id_}: "
            "`kbsync state lock` tells who holds it."
        )
    return found


def _replace_lock(state: Path) -> None:
    """Put a lock that nobody holds in the place of the one that somebody does."""
    path = lock_path(state)
    new = path.with_name(f"{path.name}.new-{uuid4().hex[:8]}")
    try:
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            write(descriptor, remembered(state), None)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        new.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StateError(f"The lock {path} cannot be replaced: {error.strerror}.") from error
