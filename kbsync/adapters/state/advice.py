"""What is said of a state that cannot be used, and what to do about it."""

import sqlite3
from pathlib import Path
from typing import Final

__all__ = ("ADVICE", "code_of", "foreign", "told")

ADVICE: Final = (
    "Restore it from a backup (remove what lies beside it as -wal and -shm, and then run `kbsync state accept`), "
    "make a new one of what is live with `kbsync state rebuild`, or begin without known values with "
    "`kbsync state init`: the next apply then sends every declared field once."
)


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def foreign(path: Path) -> str:
    """Return what is said of a file that is none of ours."""
    return (
        f"{path} is a database of another program, not a state of kbsync. It was left alone.\n"
        "Name another file in [state] url of kbsync.toml."
    )


def told(path: Path, error: sqlite3.DatabaseError) -> str:
    """Return what *error* says of the state at *path*, with advice."""
    match code_of(error):
        case sqlite3.SQLITE_NOTADB:
            return f"The state {path} is not a database.\n{ADVICE}"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR | sqlite3.SQLITE_FORMAT:
            return f"The state {path} is damaged ({error}).\n{ADVICE}"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_READONLY:
            return f"The state {path} cannot be opened ({error}).\nCheck the permissions of the file and its folder."
        case sqlite3.SQLITE_BUSY:
            return f"The state {path} is in use by another process. Run again later."
        case _:
            return f"The state {path} cannot be read ({error})."
