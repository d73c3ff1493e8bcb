"""The state's file: how it is opened, and what it must look like.

The file is never opened here but by SQLite: closing any other descriptor of it would drop the locks that SQLite holds,
and two processes would write at once.

It stays in WAL mode for good: there a writer and readers never wait for each other. In any other mode a writer needs
every reader gone, be it for a commit or to change the mode, and `kbsync state list | less` would keep a run from
beginning. The price is that even a reader needs the files `-wal` and `-shm` beside the state.
* Without a WAL a reader opens the file as if to write, though it never does: only then SQLite removes both files again
  with the last connection.
* With a WAL, that of a run or of a killed one, it opens the file to read only: SQLite would otherwise move what the WAL
  holds into the file as it closes, and reading changes nothing.
* Where nothing can be created, it makes a copy for itself, and sees to it that nobody wrote meanwhile.
"""

import sqlite3
import stat
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

from kbsync import __version__
from kbsync.adapters.signatures import Signature, signature_of
from kbsync.adapters.state.advice import ADVICE, code_of, foreign, told
from kbsync.adapters.state.creation import be_durable, create
from kbsync.adapters.state.migrations import migrate
from kbsync.adapters.state.schema import APPLICATION_ID, FORMAT_VERSION
from kbsync.errors import StateError

__all__ = ("Facts", "exists", "facts_of", "open_beside", "open_reader", "open_writer", "reading", "rest", "wal_path")

# Of the file, and of the WAL beside it.
Facts: TypeAlias = tuple[Signature | None, Signature | None]

_BUSY_TIMEOUT_S: Final = 30.0
_WRITER_CACHE_KIB: Final = 32 * 1024
_READER_CACHE_KIB: Final = 256
_CHECKPOINT_PAGES: Final = 4096
_WAL_LIMIT_BYTES: Final = 64 * 1024 * 1024


def exists(path: Path) -> bool:
    """Tell whether there is a state at *path*. Raises StateError when what is there cannot be one."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StateError(f"The state {path} cannot be reached: {error.strerror}.") from error

    if stat.S_ISLNK(found.st_mode):
        raise StateError(
            f"The state {path} is a symbolic link, and links are not followed.\n"
            "Name the file itself in [state] url of kbsync.toml."
        )
    if not stat.S_ISREG(found.st_mode):
        raise StateError(f"The state {path} is not a regular file.")
    if not found.st_size:
        raise StateError(f"The state {path} was emptied: it has 0 bytes, and kbsync never leaves it so.\n{ADVICE}")
    return True


def wal_path(path: Path) -> Path:
    """Return where SQLite keeps what was committed and not yet moved into the file at *path*."""
    return path.with_name(path.name + "-wal")


def facts_of(path: Path) -> Facts:
    """Return what tells whether the state at *path* is still as it was. A WAL that holds nothing does not count."""
    wal = signature_of(wal_path(path))
    return signature_of(path), wal if wal is not None and wal.size_bytes else None


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the state at *path* for reading; what is there is the same afterwards. Raises StateError."""
    with reading(path):
        try:
            connection = _open(path, "mode=ro" if _has_wal(path) else "mode=rw", _READER_CACHE_KIB)
        except sqlite3.OperationalError as error:
            if code_of(error) not in _NO_PLACE or _has_wal(path):
                raise
            return _copied(path)
        connection.execute("PRAGMA query_only = ON")
        return connection


def open_writer(path: Path, say: Callable[[str], None]) -> sqlite3.Connection:
    """Open the state at *path* for writing; create it when there is none. The caller holds the state's lock.

    Every commit of the connection is durable. A state of an older format is brought to this one, and *say* is told.
    Raises StateError.
    """
    if not exists(path):
        create(path)
    with reading(path):
        connection = _open(path, "mode=rw", _WRITER_CACHE_KIB)
        try:
            _to_wal(connection, path)
            migrate(connection, path, say)
        except BaseException:
            connection.close()
            raise
        return connection


def open_beside(path: Path, patience_s: float) -> sqlite3.Connection:
    """Open the state at *path* to write beside a holder that may be frozen. Waits *patience_s* for it at a time.

    Raises StateError.
    """
    connection = _open(path, "mode=rw", _READER_CACHE_KIB, patience_s)
    # What the holder has begun to move out of the WAL is its own business.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def rest(connection: sqlite3.Connection) -> None:
    """Leave as little as can be in the WAL, which goes when the last connection is closed.

    With a reader in the way something may stay there, which is as good.
    """
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 200")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def reading(path: Path) -> Generator[None]:
    """Turn what SQLite says of the state at *path* into StateError with advice."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StateError(told(path, error)) from error


def _has_wal(path: Path) -> bool:
    """Tell whether something is committed beside the file at *path*. A killed reader leaves an empty WAL."""
    try:
        return wal_path(path).stat().st_size > 0
    except FileNotFoundError:
        return False


def _copied(path: Path) -> sqlite3.Connection:
    """Return a copy of the state at *path*, which goes when it is closed. Nothing is created beside the state."""
    before = _facts(path)
    copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        with closing(_open(path, "mode=ro&immutable=1", _READER_CACHE_KIB)) as connection:
            connection.backup(copy)
    except BaseException:
        copy.close()
        raise
    if _has_wal(path) or _facts(path) != before:
        copy.close()
        raise StateError(f"The state {path} was written while it was read. Run again.")
    return copy


def _facts(path: Path) -> tuple[int, ...]:
    found = path.lstat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _open(path: Path, mode: str, cache_kib: int, timeout_s: float = _BUSY_TIMEOUT_S) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        _check_format(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise StateError(foreign(path))
    if version > FORMAT_VERSION:
        raise StateError(
            f"The state {path} has format {version}, and kbsync {__version__} knows formats up to {FORMAT_VERSION}: "
            "a newer kbsync wrote it.\nUpdate kbsync. The state was left alone."
        )
    if version < 1 or connection.execute("SELECT count(*) FROM state").fetchone() != (1,):
        raise StateError(f"The state {path} is damaged: it does not say what it is.\n{ADVICE}")


def _to_wal(connection: sqlite3.Connection, path: Path) -> None:
    try:
        mode: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_BUSY:
            raise
        raise StateError(
            f"The state {path} has been in use by another process for {_BUSY_TIMEOUT_S:.0f} seconds: "
            "a kbsync that reads it, or another program.\nNothing was sent. End it, or run again later."
        ) from error
    if mode != "wal":
        raise StateError(f"The state {path} lies on a file system that SQLite cannot use its WAL on. Move it.")
    be_durable(connection)
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")


# What SQLite says where it cannot create the files that it needs beside a database.
_NO_PLACE: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
