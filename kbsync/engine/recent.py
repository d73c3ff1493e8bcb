# RECONSTRUCTED: at 18:14:38 another helper session, working on the same task in this worktree by mistake, overwrote this
# file. The original could not be recovered. What stands here is made from its uses and from tests/engine/test_recent.py:
# whoever wrote the original should put that back, or read this through, and remove this comment.
"""Live values that were read a moment ago: an update that overlays them need not have them read again."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from kbsync.core.items import Item
from kbsync.core.wire import FRESH_S

__all__ = ("MOST_S", "Recent")

MOST_S: Final = 2 * FRESH_S


class Recent:
    """What was read for a plan, each with the monotonic time of its answer; nothing older than `MOST_S` is kept."""

    def __init__(self) -> None:
        self._found: OrderedDict[Item, tuple[object, float]] = OrderedDict()

    def add(self, live: Mapping[Item, object], now_s: float) -> None:
        """Take *live*, which was read at *now_s*, and forget what is too old by then."""
        for item, value in live.items():
            self._found[item] = value, now_s
            self._found.move_to_end(item)
        while self._found and next(iter(self._found.values()))[1] + MOST_S < now_s:
            self._found.popitem(last=False)

    def of(self, item: Item) -> tuple[object, float] | None:
        """Return what was read of *item*, as `Codec.encode` takes it back, and when; None when there is nothing."""
        return self._found.get(item)
