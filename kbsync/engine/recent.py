"""Live values that were read a moment ago, so that an update may be laid over them without reading them again."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

from kbsync.core.items import Item
from kbsync.core.wire import FRESH_S

__all__ = ("MOST_S", "Recent", "WasRead")

MOST_S: Final = 2 * FRESH_S
"""Nothing is written over values that were read longer ago, but at a rate at which this is less than three turns."""


class WasRead(NamedTuple):
    """What `Codec.encode` takes for an item, and when it was read, in seconds of the monotonic clock."""

    live: object
    at_s: float


class Recent:
    """What lists and reads of chosen items told in the last `MOST_S` seconds of reading.

    It outlives one engine: what is read for a plan serves the run that applies it. Nothing in it comes from another
    process, or from a list that was kept.
    """

    def __init__(self) -> None:
        self._read: OrderedDict[Item, WasRead] = OrderedDict()

    def add(self, live: Mapping[Item, object], now_s: float) -> None:
        """Take in what was *live* when it was read, which is now, and forget what is too old."""
        for item, one in live.items():
            self._read[item] = WasRead(one, now_s)
            self._read.move_to_end(item)
        while self._read and next(iter(self._read.values())).at_s + MOST_S < now_s:
            self._read.popitem(last=False)

    def of(self, item: Item) -> WasRead | None:
        """Return what is known of *item*; whoever uses it looks how old it is."""
        return self._read.get(item)
