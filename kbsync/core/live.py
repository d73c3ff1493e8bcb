"""What is live, as far as it was read for a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from kbsync.core.fields import REMOVED, Value
from kbsync.core.findings import Absent
from kbsync.core.items import Item
from kbsync.core.plan import UNSET, LiveValue, ReadPlace
from kbsync.core.policies import Policies
from kbsync.core.wire import Live

__all__ = ("Place", "ReadItems", "ReadList", "Refresh", "is_live", "live_value")

Place: TypeAlias = tuple[str, str, str]
"""A target, a container, and the kind of its items."""

_ABSENT: Final = Absent()


class ReadList(NamedTuple):
    """The whole list of one place, by id: an item that is not among *items* does not exist.

    It was asked for from *read_at_s* on, in seconds since the epoch: what happened before that is seen in it.
    """

    items: Mapping[str, Live]
    read_at_s: float

    def find(self, id_: str) -> Live | Absent:
        """Return what is live of an item."""
        return self.items.get(id_, _ABSENT)

    def read_of(self, place: Place) -> ReadPlace:
        """Return what a plan says of this list, which is that of *place*."""
        return ReadPlace(*place, len(self.items), self.read_at_s)


class ReadItems(NamedTuple):
    """Chosen items of one place, by id, each read by itself: what is not among *seen* was not asked for.

    They were asked for from *read_at_s* on, as lists are.
    """

    seen: Mapping[str, Live | Absent]
    read_at_s: float

    def find(self, id_: str) -> Live | Absent | None:
        """Return what is live of an item; None when it was not asked for."""
        return self.seen.get(id_)

    def read_of(self, place: Place) -> ReadPlace:
        """Return what a plan says of these items, which are of *place*."""
        there = sum(isinstance(one, Live) for one in self.seen.values())
        return ReadPlace(*place, there, self.read_at_s, len(self.seen))


@dataclass(frozen=True, slots=True)
class Refresh:
    """What was *read* for a plan, by place, and what its differences mean: *policies* by target.

    An attempt that nobody answered may be applied for *quarantine_s* after its end.
    """

    read: Mapping[Place, ReadList | ReadItems]
    policies: Mapping[str, Policies] = field(default_factory=dict[str, Policies])
    quarantine_s: float = 0.0

    def find(self, item: Item) -> Live | Absent | None:
        """Return what is live of *item*; None when nobody asked."""
        read = self.read.get(item[:3])
        return None if read is None else read.find(item.id)

    def read_at_s(self, item: Item) -> float:
        """Return from when on *item*, which was read, was asked for."""
        return self.read[item[:3]].read_at_s

    def places(self) -> tuple[ReadPlace, ...]:
        """Return what was read, for the plan that is made of it."""
        return tuple(read.read_of(place) for place, read in sorted(self.read.items()))


def live_value(live: Live, name: str) -> LiveValue | None:
    """Return what the field *name* is: a value, or `UNSET`; None when the provider does not tell."""
    if not live.tells(name):
        return None
    return live.fields.get(name, UNSET)


def is_live(value: Value, seen: LiveValue | None) -> bool:
    """Tell whether *value*, desired or known, is what was *seen* of its field: `REMOVED` is a field that is not set."""
    return seen == value or (seen is UNSET and value == REMOVED)
