"""The file of a cache: what it holds can be trusted or is not seen.

Each piece has a mark, a digest of it, and so have all rows together: pieces of two saves, or of one that was cut short,
do not pass for one. So nothing waits for the disk, and there is no journal to find; losing a cache costs time only.
"""

import os
import sqlite3
import stat
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from kbsync.adapters.manifests.cache_rows import Blobs, Row, mark_of
from kbsync.adapters.manifests.extract_form import (
    desired_from_plain,
    desired_to_plain,
    problem_from_plain,
    problem_to_plain,
)
from kbsync.core.manifest import Desired
from kbsync.core.rules import Problem

__all__ = ("CacheFile", "CacheLostError", "Findings", "Kept")

_NAME: Final = "manifests.db"
_PAGE_BYTES: Final = 32 << 10
_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SCHEMA: Final = """
CREATE TABLE findings (only INTEGER PRIMARY KEY CHECK (only = 1), data BLOB NOT NULL, mark BLOB NOT NULL);
CREATE TABLE files (name TEXT PRIMARY KEY, data BLOB NOT NULL, mark BLOB NOT NULL);
CREATE TABLE differing (name TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE items (name TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE captions (name TEXT PRIMARY KEY, data BLOB NOT NULL);
"""


class CacheLostError(Exception):
    """Raised when something that a cache has promised is not there, or is damaged. The manifests are all there is."""


class Findings(NamedTuple):
    """What was found in all rows of a cache.

    *across* are the problems that only all manifests together show, or None when they are not known. *differing* are
    the items that were not what was known as of *version*, by file; an empty version says that this is not known.
    """

    across: tuple[Problem, ...] | None = None
    version: bytes = b""
    differing: Mapping[str, Sequence[Desired]] = {}


class Kept(NamedTuple):
    """What is in a cache: rows by name, and what was found in exactly these."""

    rows: Mapping[str, Row] = {}
    findings: Findings = Findings()


class CacheFile:
    """The cache in *folder*, which holds something only for who has the *key* of the last save.

    It is seen as of the moment when it was loaded. Whatever is wrong with it, there is nothing in it.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._key = key
        self._connection: sqlite3.Connection | None = None
        self._marks: dict[str, bytes] = {}
        # In use, or not ours: it is not touched.
        self._hands_off = False

    def load(self) -> Kept:
        """Return what the cache holds."""
        try:
            if self._is_there():
                self._connection = _opened(self._path)
                self._connection.execute("BEGIN")
                return self._loaded(self._connection)
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            self._hands_off = _is_busy(error)
            self.close()
        return Kept()

    def blobs(self, row: Row) -> Blobs:
        """Return the blobs of *row*. Raises CacheLostError."""
        return Blobs(self._blob("items", row.name, row.items), self.captions(row))

    def captions(self, row: Row) -> bytes:
        """Return the captions of *row* by themselves. Raises CacheLostError."""
        return self._blob("captions", row.name, row.captions)

    def save(self, rows: Sequence[tuple[Row, Blobs]], gone: Collection[str], findings: Findings) -> None:
        """Put *rows* in, take those that are *gone* out, and keep what was found in all that are left."""
        if self._hands_off:
            return
        try:
            if self._connection is not None:
                self._put(self._connection, rows, gone, findings)
            else:
                self._create(rows, findings)
        except (sqlite3.Error, OSError) as error:
            if not _is_busy(error):
                self.discard()
            self.close()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Have no cache any more."""
        self.close()
        if not self._hands_off:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _is_there(self) -> bool:
        """Tell whether there is a file that nobody else could have written."""
        try:
            for path, is_kind in ((self._folder, stat.S_ISDIR), (self._path, stat.S_ISREG)):
                found = path.lstat()
                if found.st_uid != os.geteuid() or found.st_mode & _WRITABLE_BY_OTHERS or not is_kind(found.st_mode):
                    self._hands_off = True
                    return False
        except FileNotFoundError:
            return False
        return True

    def _loaded(self, connection: sqlite3.Connection) -> Kept:
        data, mark = connection.execute("SELECT data, mark FROM findings").fetchone() or (b"", b"")
        told: Any = orjson.loads(data) if mark_of(data) == mark else None
        if told is None or told[0] != self._key.hex():
            self.close()
            return Kept()
        _, files, across, version, differing = told
        rows: dict[str, Row] = {}
        for data, mark in connection.execute("SELECT data, mark FROM files"):
            if mark_of(data) == mark:
                row = Row.from_bytes(data)
                rows[row.name] = row
                self._marks[row.name] = mark
        if _mark_of_all(self._marks) != files:
            return Kept(rows)
        problems = None if across is None else tuple(map(problem_from_plain, across))
        found = {name: _differing(connection, name, bytes.fromhex(mark)) for name, mark in differing.items()}
        return Kept(rows, Findings(problems, bytes.fromhex(version), found))

    def _blob(self, table: str, name: str, mark: bytes) -> bytes:
        found: Any = None
        with suppress(sqlite3.Error):
            if self._connection is not None:
                found = self._connection.execute(f"SELECT data FROM {table} WHERE name = ?", (name,)).fetchone()  # noqa: S608 - a name from here
        if found is None or not isinstance(found[0], bytes) or mark_of(found[0]) != mark:
            raise CacheLostError
        data: bytes = found[0]
        return data

    def _create(self, rows: Sequence[tuple[Row, Blobs]], findings: Findings) -> None:
        """Put a new file in the place of what is there."""
        self._folder.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        made = self._path.with_name(f"{_NAME}.new")
        made.unlink(missing_ok=True)
        os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _MODE))
        connection = _opened(made)
        try:
            connection.executescript(f"PRAGMA page_size = {_PAGE_BYTES}; {_SCHEMA}")
            self._put(connection, rows, (), findings)
        finally:
            connection.close()
        made.replace(self._path)

    def _put(
        self,
        connection: sqlite3.Connection,
        rows: Sequence[tuple[Row, Blobs]],
        gone: Collection[str],
        findings: Findings,
    ) -> None:
        if not connection.in_transaction:
            connection.execute("BEGIN")
        for table in ("files", "items", "captions"):
            connection.executemany(f"DELETE FROM {table} WHERE name = ?", [(name,) for name in gone])  # noqa: S608
        marks = {name: mark for name, mark in self._marks.items() if name not in gone}
        for row, blobs in rows:
            data = row.to_bytes()
            mark = marks[row.name] = mark_of(data)
            connection.execute("REPLACE INTO files VALUES (?, ?, ?)", (row.name, data, mark))
            connection.execute("REPLACE INTO items VALUES (?, ?)", (row.name, blobs.items))
            connection.execute("REPLACE INTO captions VALUES (?, ?)", (row.name, blobs.captions))
        connection.execute("DELETE FROM differing")
        differing: dict[str, str] = {}
        for name, items in findings.differing.items():
            data = orjson.dumps([*map(desired_to_plain, items)])
            differing[name] = mark_of(data).hex()
            connection.execute("INSERT INTO differing VALUES (?, ?)", (name, data))
        across = None if findings.across is None else [*map(problem_to_plain, findings.across)]
        data = orjson.dumps((self._key.hex(), _mark_of_all(marks), across, findings.version.hex(), differing))
        connection.execute("REPLACE INTO findings VALUES (1, ?, ?)", (data, mark_of(data)))
        connection.execute("COMMIT")


def _opened(path: Path) -> sqlite3.Connection:
    # A cache in use is done without: nothing waits for it.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None)
    try:
        for pragma in ("synchronous = OFF", "journal_mode = MEMORY", "trusted_schema = OFF", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _differing(connection: sqlite3.Connection, name: str, mark: bytes) -> Sequence[Desired]:
    (data,) = connection.execute("SELECT data FROM differing WHERE name = ?", (name,)).fetchone() or (b"",)
    if mark_of(data) != mark:
        raise ValueError("not what was found")
    return [*map(desired_from_plain, orjson.loads(data))]


def _mark_of_all(marks: Mapping[str, bytes]) -> str:
    """Return a digest of rows that have these *marks*."""
    return mark_of(b"".join([mark for _, mark in sorted(marks.items())])).hex()


def _is_busy(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) in _BUSY
