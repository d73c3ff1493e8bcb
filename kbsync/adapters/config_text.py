"""The text of `kbsync.toml`: reading it, and where in it tables and keys stand."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kbsync.adapters.files import read_regular
from kbsync.errors import InputError

__all__ = ("places_in", "read_text", "shown", "syntax_problem")

_MAX_BYTES: Final = 1024 * 1024


def read_text(file: Path) -> str:
    """Return what *file* holds. Raises InputError when that is no text, or far too much of it."""
    try:
        data = read_regular(file, _MAX_BYTES)
    except OSError as error:
        raise InputError([f"{shown(file)}:1:1: cannot be read: {error.strerror} [config]"]) from None
    if len(data) > _MAX_BYTES:
        raise InputError([f"{shown(file)}:1:1: a configuration is at most 1 MiB [config]"])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise InputError([f"{shown(file)}:{line}:{column}: this is not UTF-8 text [not-utf8]"]) from None


def syntax_problem(file: Path, error: Exception) -> str:
    """Return the problem that made the TOML reader give *file* up with *error*, with its place."""
    found = re.search(r"^(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$", str(error))
    if found is None:  # `at end of document`, or nested too deep
        what = "nested too deep" if isinstance(error, RecursionError) else str(error)
        return f"{shown(file)}:1:1: {what} [syntax]"
    return f"{shown(file)}:{found['line']}:{found['column']}: {found['what']} [syntax]"


def places_in(text: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return the line and column at which each table and key begins.

    Looks at lines only, which is enough for the tables that a configuration has; what it does not find is told at the
    nearest place above.
    """
    places: dict[tuple[str, ...], tuple[int, int]] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?(?P<name>[^\]]*)\]", line)
        if header is not None:
            table = tuple(_keys(header["name"]))
            places.setdefault(table, (number, header.start("name") + 1))
            continue
        pair = re.match(r"\s*(?P<name>(?:[A-Za-z0-9_.-]|\"[^\"]*\"|'[^']*'|\s)+?)\s*=", line)
        if pair is not None:
            column = len(line) - len(line.lstrip()) + 1
            places.setdefault((*table, *_keys(pair["name"])), (number, column))

    for path, place in list(places.items()):
        for length in range(1, len(path)):
            places.setdefault(path[:length], place)
    return places


def _keys(dotted: str) -> Iterator[str]:
    for part in re.finditer(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)", dotted):
        yield part[1] or part[2] or part[3] or ""


def shown(file: Path) -> str:
    """Return *file* as people know it: from the working directory on, when it is below that."""
    try:
        return str(file.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(file)
