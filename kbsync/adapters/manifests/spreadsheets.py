"""What spreadsheets do to cells that they take for something else, recognised."""

import re
from dataclasses import dataclass
from typing import Final

from kbsync.adapters.manifests.problems import Place

__all__ = ("RoundedIds", "is_error", "is_exponent")

_ERRORS: Final = frozenset(
    f"#{word}" for word in ("NAME?", "VALUE!", "REF!", "N/A", "DIV/0!", "NUM!", "NULL!", "SPILL!", "CALC!", "FIELD!")
)
_EXPONENT: Final = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.ASCII)
# What spreadsheets keep of a number.
KEPT_DIGITS: Final = 15
# Of ids that nobody rounded, one in a thousand and less ends so.
_ROUNDED_ZEROS: Final = "000"
_MIN_ROUNDED: Final = 2
_MIN_ROUNDED_PERCENT: Final = 10


def is_error(cell: str) -> bool:
    """Tell whether *cell* is what a spreadsheet shows where it could not evaluate a formula."""
    return cell in _ERRORS


def is_exponent(cell: str) -> bool:
    """Tell whether *cell* is how a spreadsheet writes a large number that does not fit into its column."""
    return _EXPONENT.fullmatch(cell) is not None


@dataclass(slots=True)
class RoundedIds:
    """The ids of a file, of which a spreadsheet may have kept fifteen digits. *first* is where the first such stands.

    A single one proves nothing; several, and a tenth of all, do not happen by themselves.
    """

    first: Place | None = None
    _ids: int = 0
    _rounded: int = 0

    def see(self, id_: str) -> bool:
        """Count *id_*; tell whether it looks rounded."""
        self._ids += 1
        if not id_.endswith(_ROUNDED_ZEROS) or not id_.isdecimal():
            return False
        rounded = len(id_) >= KEPT_DIGITS + len(_ROUNDED_ZEROS) and not id_[KEPT_DIGITS:].strip("0")
        self._rounded += rounded
        return rounded

    def message(self) -> str | None:
        """Return what to say of all ids together when they were rounded."""
        if self._rounded < _MIN_ROUNDED or self._rounded * 100 < self._ids * _MIN_ROUNDED_PERCENT:
            return None
        found = f"{self._rounded:,} of {self._ids:,} ids have only zeros after their {KEPT_DIGITS}th digit"
        return f"{found}, as spreadsheets leave numbers: import the column as text, and take the ids anew"
