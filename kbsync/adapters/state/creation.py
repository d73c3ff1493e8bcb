"""How a state comes into being: made whole under another name, then put in its place at once."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

from kbsync import __version__
from kbsync.adapters.state.schema import APPLICATION_ID, FORMAT_VERSION, SCHEMA
from kbsync.errors import StateError

__all__ = (
    "be_durable",
    "copy_whole",
    "create",
    "identity",
    "make_folder",
    "make_new",
    "put_in_place",
    "sync_folder",
)


def create(path: Path) -> None:
    """Create an empty state at *path*, where none is; a kill leaves a complete one, or none. Raises StateError."""
    make_folder(path.parent)
    try:
        put_in_place(make_new(path, str(uuid4())), path)
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"The state {path} cannot be created: {error}.") from error


def make_folder(folder: Path) -> None:
    """Create *folder* for the owner alone, and its parents as usual. One that exists stays as it is."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(0o700)
    except OSError as error:
        raise StateError(f"The folder {folder} for the state cannot be created: {error.strerror}.") from error


def identity(path: Path) -> tuple[int, int]:
    """Return what tells the file at *path* from any other. Raises OSError."""
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def make_new(path: Path, lineage: str, fill: Callable[[sqlite3.Connection], None] | None = None) -> Path:
    """Make a state of a new *lineage* beside *path*, durably, and return where it is.

    *fill* writes into it, inside the one transaction. What earlier attempts left behind is cleared away. Raises OSError
    and sqlite3.Error.
    """
    start = path.name + ".new"
    for left in [entry for entry in path.parent.iterdir() if entry.name.startswith(start)]:
        left.unlink()
    new = path.with_name(f"{start}-{uuid4().hex[:8]}")
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(f"{new.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as made:
            be_durable(made)
            made.executescript(
                f"BEGIN;{SCHEMA}PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {FORMAT_VERSION};"
            )
            made.execute("INSERT INTO state VALUES (1, ?, 0, 0, ?, ?, 0)", (lineage, time.time(), __version__))
            if fill is not None:
                fill(made)
            made.execute("COMMIT")
            made.execute("PRAGMA journal_mode = WAL").fetchall()
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return new


def put_in_place(new: Path, path: Path) -> None:
    """Give the file *new* the name *path*, durably. Raises OSError, FileExistsError when something is there."""
    # A rename would replace what another process may have put there; some file systems have nothing else.
    try:
        path.hardlink_to(new)
    except FileExistsError:
        raise
    except OSError:
        new.rename(path)
    new.unlink(missing_ok=True)
    sync_folder(path.parent)


def copy_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Write all that *connection* reads to *path*, where nothing is, for its owner alone.

    Its name is for the caller to make durable. Raises OSError and sqlite3.Error; nothing stays there then.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        connection.execute("VACUUM INTO ?", (str(path.absolute()),))
        os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def be_durable(connection: sqlite3.Connection) -> None:
    """Have each commit of *connection* reach the disk before it ends."""
    connection.execute("PRAGMA synchronous = FULL")
    if sys.platform == "darwin":
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
