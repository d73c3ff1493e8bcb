"""Which items of the manifests a command is about, and what to say when that is not what was meant."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from kbsync.cli.complaints import note
from kbsync.core.items import Item
from kbsync.core.manifest import Desired
from kbsync.core.plan import Plan
from kbsync.core.selection import Selection
from kbsync.core.touched import Touched
from kbsync.errors import UsageError

__all__ = ("Choice",)


@dataclass(frozen=True, slots=True)
class Choice:
    """The items that *selection* chooses, that are *among* those and were *touched*, where that is given."""

    selection: Selection
    among: Collection[Item] | None = None
    touched: Touched | None = None

    def predicate(self) -> Callable[[Desired], bool] | None:
        """Return what tells of each item whether it is chosen; None when all are."""
        if not self.selection and self.among is None and self.touched is None:
            return None
        return self._chooses

    def check(self, drawn: Plan) -> None:
        """Say what of the choice chose nothing, once *drawn* is made of it.

        Raises UsageError when a selector of `--only` matched no item: what was meant would look as if it were in sync.
        """
        idle = [f"--only {selector.text}: {why}" for selector, why in self.selection.idle_only()]
        if idle:
            raise UsageError("\n".join(idle))
        for selector, why in self.selection.idle_excluded():
            note(f"--exclude {selector.text}: {why}")
        if not drawn.summary.items and (self.selection or self.touched is not None):
            note("no item is chosen: nothing was compared")

    def _chooses(self, desired: Desired) -> bool:
        chosen = self.selection.chooses(desired)
        among = self.among is None or desired.item in self.among
        return chosen and among and (self.touched is None or self.touched.holds(desired))
