"""Where each item was first declared: what finds the second declaration."""

from kbsync.adapters.manifests.problems import Place
from kbsync.core.items import Source

__all__ = ("Places", "Register")

_COLUMN_BITS = 12
# More lines than any file has: a thousand times 64 MiB.
_LINE_BITS = 36
_MAX_COLUMN = (1 << _COLUMN_BITS) - 1
_MAX_LINE = (1 << _LINE_BITS) - 1


class Places:
    """The first place of every item of a manifest set. One small number is kept for each item, and its id."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._known: dict[tuple[str, ...], dict[str, int]] = {}

    def begin(self, file: str) -> int:
        """Return the number that stands for *file* in `Register.mark`."""
        self._files.append(file)
        return len(self._files) - 1

    def register(self, scope: tuple[str, ...]) -> "Register":
        """Return the register of the ids that must not repeat within *scope*."""
        return Register(self._known.setdefault(scope, {}), self._files)


class Register:
    """The ids of one scope."""

    __slots__ = ("_files", "_known")

    def __init__(self, known: dict[str, int], files: list[str]) -> None:
        self._known = known
        self._files = files

    def mark(self, item_id: str, file: int, place: Place) -> Source | None:
        """Remember the place of *item_id*; return the earlier one when there is one, which then stays."""
        line, column = place
        packed = ((file << _LINE_BITS) + line << _COLUMN_BITS) + min(column, _MAX_COLUMN)
        earlier = self._known.setdefault(item_id, packed)
        if earlier is packed:
            return None
        line_of_file, column = earlier >> _COLUMN_BITS, earlier & _MAX_COLUMN
        return Source(self._files[line_of_file >> _LINE_BITS], line_of_file & _MAX_LINE, column)
