"""What is live against what is known: what somebody else changed, removed or added."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kbsync.core.fields import Fields, Value, digest
from kbsync.core.items import Item
from kbsync.core.live import Place, ReadList, is_live, live_value
from kbsync.core.plan import LiveValue, ReadPlace
from kbsync.core.state import Known
from kbsync.core.wire import Live

__all__ = ("Deviant", "Deviation", "Drift", "find_drift")


class Deviation(NamedTuple):
    """A field that is live otherwise than it is known."""

    field: str
    known: Value
    live: LiveValue


class Deviant(NamedTuple):
    """An item with fields that are live otherwise than they are known, sorted by name."""

    item: Item
    fields: tuple[Deviation, ...]


@dataclass(slots=True)
class Drift:
    """How the *known* items of the lists that were *read* differ from what is live, each kind sorted by item.

    *drifted* ones were changed by somebody else, *vanished* ones do not exist any more. Of those *in_doubt*, an attempt
    of ours that nobody answered may be to blame; the provider still processes those that are *pending*. *appeared* are
    items that are neither known nor in doubt, nor declared where that was asked.
    """

    read: tuple[ReadPlace, ...] = ()
    known: int = 0
    drifted: list[Deviant] = field(default_factory=list[Deviant])
    in_doubt: list[Deviant] = field(default_factory=list[Deviant])
    pending: list[Deviant] = field(default_factory=list[Deviant])
    vanished: list[Item] = field(default_factory=list[Item])
    appeared: list[Item] = field(default_factory=list[Item])

    @property
    def is_there(self) -> bool:
        """Whether something drifted or vanished. What appeared is nobody's drift, and the rest may end by itself."""
        return bool(self.drifted or self.vanished)


def find_drift(
    known: Known, lists: Mapping[Place, ReadList], declared: Mapping[Place, Collection[str]] | None = None
) -> Drift:
    """Return how *lists* differ from what is *known* of their items; *declared* are ids that are expected there too."""
    drift = Drift()
    drift.read = tuple(read.read_of(place) for place, read in sorted(lists.items()))
    doubts = known.doubts()
    for place, read in sorted(lists.items()):
        digests = known.digests(place)
        drift.known += len(digests)
        drift.vanished += (Item(*place, id_) for id_ in sorted(digests) if id_ not in read.items)
        # Only those that look different need the known fields; they may have less of them than are live.
        suspects = [
            (Item(*place, id_), read.items[id_])
            for id_ in sorted(digests)
            if id_ in read.items and digest(read.items[id_].fields) != digests[id_]
        ]
        for (item, live), fields in zip(suspects, known.fields_of(item for item, _ in suspects), strict=True):
            _look(drift, item, fields, live, in_doubt=item in doubts)

        expected = set(declared.get(place, ())) if declared else set[str]()
        expected |= {item.id for item in doubts if item[:3] == place}
        drift.appeared += (
            Item(*place, id_) for id_ in sorted(read.items) if id_ not in digests and id_ not in expected
        )
    return drift


def _look(drift: Drift, item: Item, known: Fields, live: Live, *, in_doubt: bool) -> None:
    fields = tuple(
        Deviation(name, value, seen)
        for name, value in sorted(known.items())
        if (seen := live_value(live, name)) is not None and not is_live(value, seen)
    )
    if fields:
        kind = drift.pending if live.pending else drift.in_doubt if in_doubt else drift.drifted
        kind.append(Deviant(item, fields))
