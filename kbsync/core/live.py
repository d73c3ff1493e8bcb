"""What is live, as far as it was read for a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.plan import UNSET, LiveValue, ReadPlace
from kbsync.core.policies import Policies
from kbsync.core.wire import Live

__all__ = ("Place", "ReadList", "Refresh", "live_value")

Place: TypeAlias = tuple[str, str, str]
"""A target, a container, and the kind of its items."""


class ReadList(NamedTuple):
    """The whole list of one place, by id: an item that is not among *items* does not exist.

    It was asked for from *read_at_s* on, in seconds since the epoch: what happened before that is seen in it.
    """

    items: Mapping[str, Live]
    read_at_s: float


@dataclass(frozen=True, slots=True)
class Refresh:
    """The *lists* that were read for a plan, and what their differences mean: *policies* by target.

    An attempt that nobody answered may be applied for *quarantine_s* after its end.
    """

    lists: Mapping[Place, ReadList]
    policies: Mapping[str, Policies] = field(default_factory=dict[str, Policies])
    quarantine_s: float = 0.0

    def shows(self, item: Item, fields: Fields) -> bool:
        """Tell whether *item*, of a place that was read, has exactly these values, and nobody works on it."""
        live = self.lists[item[:3]].items.get(item.id)
        return live is not None and not live.pending and all(live_value(live, name) == fields[name] for name in fields)

    def places(self) -> tuple[ReadPlace, ...]:
        """Return what was read, for the plan that is made of it."""
        return tuple(ReadPlace(*place, len(read.items), read.read_at_s) for place, read in sorted(self.lists.items()))


def live_value(live: Live, name: str) -> LiveValue | None:
    """Return what the field *name* is: a value, or `UNSET`; None when the list does not tell."""
    if not live.tells(name):
        return None
    return live.fields.get(name, UNSET)
