"""A state as an older kbsync left it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ("contents", "format_1", "format_2", "format_of", "is_sound")

_FORMAT_1 = Path(__file__).with_name("format_1.sql")


def format_1(path: Path) -> Path:
    """Put the state of format 1 at *path*."""
    path.parent.mkdir(mode=0o700, parents=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_FORMAT_1.read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def format_2(path: Path) -> Path:
    """Put the same state at *path* as the kbsync after that made it one of format 2."""
    format_1(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            ALTER TABLE state ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
            DROP INDEX attempts_in_doubt;
            CREATE INDEX attempts_in_doubt ON attempts (doubt) WHERE doubt;
            PRAGMA user_version = 2;
            """
        )
    return path


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Give the rows of each table, without what format 1 does not have."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    rows["state"] = [row[:6] for row in rows["state"]]
    rows["runs"] = [row[:19] for row in rows["runs"]]
    return rows


def format_of(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
