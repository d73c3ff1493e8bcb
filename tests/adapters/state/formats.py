"""States as older kbsyncs left them."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ("OLD_FORMATS", "contents", "format_of", "is_sound", "old_contents", "old_state")

OLD_FORMATS = (1, 2)

_NEW_TABLES = ("verifications", "findings")


def old_state(path: Path, number: int) -> Path:
    """Put the state of format *number* at *path*."""
    path.parent.mkdir(mode=0o700, parents=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(Path(__file__).with_name(f"format_{number}.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Give the rows of each table."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def old_contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Give the rows of each table, without what format 1 does not have."""
    rows = contents(path)
    rows["state"] = [row[:6] for row in rows["state"]]
    rows["runs"] = [row[:19] for row in rows["runs"]]
    for table in _NEW_TABLES:
        assert not rows.pop(table, ())
    return rows


def format_of(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
