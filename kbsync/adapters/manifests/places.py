"""Where each item was first declared: what finds the second declaration."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kbsync.adapters.manifests.problems import Place
from kbsync.core.items import Source

__all__ = ("Places", "Register")

_COLUMN_BITS: Final = 12
# More lines than any file has.
_LINE_BITS: Final = 36
_MAX_COLUMN: Final = (1 << _COLUMN_BITS) - 1
_MAX_LINE: Final = (1 << _LINE_BITS) - 1


class Places:
    """The first place of every item of a manifest set. One small number is kept for each item, and its id."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._known: dict[tuple[str, ...], dict[str, int]] = {}

    def begin(self, file: str) -> int:
        """Return the number that stands for *file* in `register`."""
        self._files.append(file)
        return len(self._files) - 1

    def scopes(self) -> Iterable[Mapping[str, int]]:
        """Return the ids of each scope, with a number that `source` takes."""
        return self._known.values()

    def source(self, number: int) -> Source:
        """Return the place that *number* stands for."""
        return _unpacked(number, self._files)

    def register(self, scope: tuple[str, ...], file: int) -> "Register":
        """Return the register of the ids that must not repeat within *scope*, for the items of *file*."""
        return Register(self._known.setdefault(scope, {}), self._files, file)


class Register:
    """The ids of one scope, as one file adds to them."""

    __slots__ = ("_file", "_files", "_first")

    def __init__(self, known: dict[str, int], files: list[str], file: int) -> None:
        self._first = known.setdefault
        self._files = files
        self._file = file << _LINE_BITS

    def mark(self, item_id: str, place: Place) -> Source | None:
        """Remember the place of *item_id*; return the earlier one when there is one, which then stays."""
        line, column = place
        packed = (self._file + line << _COLUMN_BITS) + (column if column < _MAX_COLUMN else _MAX_COLUMN)  # noqa: FURB136
        earlier = self._first(item_id, packed)
        if earlier is packed:
            return None
        return _unpacked(earlier, self._files)


def _unpacked(number: int, files: Sequence[str]) -> Source:
    line_of_file, column = number >> _COLUMN_BITS, number & _MAX_COLUMN
    return Source(files[line_of_file >> _LINE_BITS], line_of_file & _MAX_LINE, column)
