"""The small numbers that stand for names in the tables."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from typing import Final

from kbsync.core.items import Item

__all__ = ("Names",)

_TABLES: Final = {"targets": "target", "operations": "operation", "files": "file"}


class Names:
    """Numbers for targets, containers, operations and files; a name without one gets one when it is asked for.

    Belongs to the transaction or the writer that asks; a rollback makes it worthless.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._numbers: dict[str, dict[str, int]] = {
            table: dict(connection.execute(f"SELECT name, {key} FROM {table}")) for table, key in _TABLES.items()
        }
        self._containers: dict[tuple[str, str, str], int] = {
            (target, name, kind): container
            for target, name, kind, container in connection.execute(
                "SELECT t.name, c.name, c.kind, c.container FROM containers AS c JOIN targets AS t USING (target)"
            )
        }

    def target(self, connection: sqlite3.Connection, name: str) -> int:
        """Return the number of the target *name*."""
        return self._number(connection, "targets", name)

    def operation(self, connection: sqlite3.Connection, name: str) -> int:
        """Return the number of the operation *name*."""
        return self._number(connection, "operations", name)

    def file(self, connection: sqlite3.Connection, name: str) -> int:
        """Return the number of the manifest file *name*."""
        return self._number(connection, "files", name)

    def container(self, connection: sqlite3.Connection, item: Item) -> int:
        """Return the number of the container, kind included, that holds *item*."""
        key = item[:3]
        number = self._containers.get(key)
        if number is None:
            target = self.target(connection, item.target)
            number = self._containers[key] = _inserted(
                connection,
                "INSERT INTO containers (target, name, kind) VALUES (?, ?, ?)",
                (target, item.container, item.kind),
            )
        return number

    def find(self, item: Item) -> int | None:
        """Return the number of the container that holds *item*; None when the state never heard of it."""
        return self._containers.get(item[:3])

    def _number(self, connection: sqlite3.Connection, table: str, name: str) -> int:
        number = self._numbers[table].get(name)
        if number is None:
            number = self._numbers[table][name] = _inserted(
                connection,
                f"INSERT INTO {table} (name) VALUES (?)",
                (name,),
            )
        return number


def _inserted(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> int:
    number = connection.execute(statement, values).lastrowid
    assert number is not None
    return number
