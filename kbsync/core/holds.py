"""Late writes: which changes have to wait, because an earlier value of the same fields may still arrive after them.

An attempt that nobody answered may be applied at any moment until the provider has given it up. To send its value again
does no harm. Another value sent meanwhile could be overwritten by it, and nobody would notice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.plan import UNSET, Change, ReadPlace
from kbsync.core.state import Hazard

__all__ = ("Hold", "holds_of")


@dataclass(frozen=True, slots=True)
class Hold:
    """Keeps a change from being sent before *until_s*, in seconds since the epoch.

    There is one thing that ends it earlier: to read *expected* from the provider, which proves that the one attempt
    that could have come late has arrived. It is None when there were several, for one may still be on its way.
    """

    until_s: float
    expected: Fields | None

    def is_ended_by(self, live: Fields) -> bool:
        """Tell whether *live* proves that nothing can come late any more."""
        return self.expected is not None and all(live.get(field) == value for field, value in self.expected.items())


def holds_of(
    changes: Iterable[Change],
    hazards: Mapping[tuple[Item, str], Hazard],
    quarantine_s: float,
    now_s: float,
    read: Iterable[ReadPlace] = (),
) -> dict[int, Hold]:
    """Return the holds on *changes*, by position. A late write is one until *quarantine_s* after its last attempt.

    What was *read* for the changes may have shown that it has arrived.
    """
    read_at_s = {place[:3]: place.at_s for place in read}
    found: dict[int, Hold] = {}
    for seq, change in enumerate(changes) if hazards else ():
        hazard = hazards.get((change.item, change.operation))
        if hazard is None or hazard.last_s + quarantine_s <= now_s:
            continue
        desired = change.desired
        # A write of fewer or more fields is another value too: it may replace those that it does not name.
        if any(fields != desired for fields in hazard.fields):
            # A clock that was set back must not hold anything for longer than what it is held for.
            until_s = min(hazard.last_s, now_s) + quarantine_s
            hold = Hold(until_s, _proof(change, hazard))
            if hazard.last_s >= read_at_s.get(change.item[:3], -inf) or not hold.is_ended_by(_live(change)):
                found[seq] = hold
    return found


def _live(change: Change) -> Fields:
    """Return what was read of the fields of *change*."""
    return {one.field: one.live for one in change.fields if one.live is not None and one.live is not UNSET}


def _proof(change: Change, hazard: Hazard) -> Fields | None:
    """Return the values that only the attempt of *hazard* can have set, if there is one attempt and such values.

    They were not live before it, which only what is known can tell; and nothing has set them since, as what ended the
    doubt may have.
    """
    if hazard.attempts != 1 or change.reason != "in_doubt":
        return None
    (expected,) = hazard.fields
    known = {field.field: field.known for field in change.fields if field.known is not None}
    return expected if any(known.get(field, value) != value for field, value in expected.items()) else None
