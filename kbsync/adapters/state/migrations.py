"""How a state of an older format becomes one of this format: copied first, then changed in one transaction."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kbsync.adapters.state.creation import copy_whole, sync_folder
from kbsync.adapters.state.schema import FORMAT_VERSION, VERIFYING
from kbsync.errors import StateError

__all__ = ("migrate",)

# What makes of each format the next one.
_STEPS: Final[dict[int, tuple[str, ...]]] = {
    1: (
        "ALTER TABLE state ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX attempts_in_doubt",
        "CREATE INDEX attempts_in_doubt ON attempts (doubt) WHERE doubt",
    ),
    2: ("ALTER TABLE runs ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0", *VERIFYING),
}


def migrate(connection: sqlite3.Connection, path: Path, say: Callable[[str], None]) -> None:
    """Bring the state at *path* to this format; *say* is told once it is done. Does nothing when it has it already.

    A copy as it was stays beside it. A kill leaves the old format or this one. Raises StateError, with nothing changed,
    when there is no place for a copy, and sqlite3.Error.
    """
    version = _version(connection)
    if version == FORMAT_VERSION:
        return

    backup = _back_up(connection, path, version)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, FORMAT_VERSION):
            for statement in _STEPS[step]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    say(
        f"the state {path} was brought from format {version} to {FORMAT_VERSION}, which an older kbsync cannot read; "
        f"what it was is kept in {backup.name}"
    )


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Make a durable copy of the state, readable by its owner only, and return where it is.

    One of the same name is replaced: the state itself is what it was made of, or is newer.
    """
    backup = path.with_name(f"{path.name}.format-{version}.backup")
    unfinished = backup.with_name(backup.name + ".new")
    size: int = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[
        0
    ]
    try:
        unfinished.unlink(missing_ok=True)
        _check_room(path.parent, size)
        copy_whole(connection, unfinished)
        unfinished.rename(backup)
        sync_folder(path.parent)
    except (OSError, sqlite3.OperationalError) as error:
        raise StateError(
            f"The state {path} has format {version}. Before it becomes format {FORMAT_VERSION} a copy is made, and "
            f"that is not possible: {error}.\n"
            f"Nothing was changed. Make {max(1, size >> 20)} MiB of room beside it, and run again."
        ) from error
    return backup


def _check_room(folder: Path, size: int) -> None:
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < size:
        raise OSError("the disk has no room")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
