"""Which items were touched since an earlier state of the manifests."""

from collections.abc import Collection, Iterable

from kbsync.core.fields import digest
from kbsync.core.manifest import Desired

__all__ = ("Touched",)


class Touched:
    """Tells which items are declared otherwise than *before*, or were not declared at all.

    What is declared is the managed fields, what is ignored, and whether the item is protected; where it is declared
    does not matter. *before* need hold no items that an unchanged file holds now: those in *unchanged* are not touched.
    """

    def __init__(self, before: Iterable[Desired], unchanged: Collection[str] = ()) -> None:
        self._before = {desired.item: _declared(desired) for desired in before}
        self._unchanged = frozenset(unchanged)

    def holds(self, desired: Desired) -> bool:
        """Tell whether *desired* was touched."""
        return desired.source.file not in self._unchanged and self._before.get(desired.item) != _declared(desired)


def _declared(desired: Desired) -> tuple[bytes, bool, frozenset[str]]:
    return digest(desired.fields), desired.protect, desired.ignored
