"""From a finished comparison to a plan: order, guards, forecast."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from kbsync.core.diff import Comparison
from kbsync.core.guards import Blast, tripped
from kbsync.core.items import Item
from kbsync.core.plan import Base, Change, Forecast, Plan, Summary
from kbsync.core.settings import GuardSettings
from kbsync.core.state import Known
from kbsync.core.wire import Operation

__all__ = ("Pace", "draw_up")


@dataclass(frozen=True, slots=True)
class Pace:
    """What a forecast needs to know of one target."""

    rate_per_s: float
    operations: Mapping[str, Operation]


def draw_up(
    comparison: Comparison,
    known: Known,
    *,
    base: Base,
    paces: Mapping[str, Pace],
    guards: GuardSettings,
    allowed: Collection[str],
    whole: bool,
) -> Plan:
    """Return the plan of *comparison*, not yet sealed: its `plan_id` is empty.

    The order is that of item and operation, so that the same manifest in any order, file layout or format gives the
    same plan.
    """
    changes = tuple(sorted(comparison.changes, key=_order))
    conflicts, skipped = (
        tuple(sorted(skips, key=lambda skip: _order(skip.change)))
        for skips in (comparison.conflicts, comparison.skipped)
    )
    released = tuple(sorted(comparison.released())) if whole else ()
    blast = Blast(
        items=comparison.items,
        changes=len(changes),
        last_items=known.declared_items,
        whole=whole,
        known=known.counts(),
        touched=comparison.touched,
        emptied=comparison.emptied,
    )
    return Plan(
        plan_id="",
        changes=changes,
        skipped=skipped,
        released=released,
        # A manifest beside the others, or some items of one, says nothing about the fields that it does not mention.
        unmanaged=tuple(sorted(comparison.unmanaged, key=lambda left: left.item)) if whole else (),
        guards=tripped(blast, guards, allowed),
        summary=Summary(
            items=comparison.items,
            in_sync=comparison.in_sync,
            changes=len(changes),
            released=len(released),
            conflicts=len(conflicts),
            skipped=len(skipped),
        ),
        forecast=forecast(changes, paces),
        base=base,
        whole=whole,
        conflicts=conflicts,
        recognised=tuple(sorted(comparison.recognised, key=lambda found: found.item)),
    )


def forecast(changes: Sequence[Change], paces: Mapping[str, Pace]) -> Forecast:
    """Return the requests of *changes* when nothing fails, bulk reads included, and the time of the slowest target."""
    writes = Counter((change.item.target, change.item.container, change.operation) for change in changes)
    requests: Counter[str] = Counter()
    for (target, _, operation), count in writes.items():
        pace = paces[target]
        shape = pace.operations[operation]
        requests[target] += count
        if shape.overlays:
            requests[target] += ceil(count / shape.batch_at(pace.rate_per_s))

    seconds = max((count / paces[target].rate_per_s for target, count in requests.items()), default=0.0)
    return Forecast(requests.total(), round(seconds, 1))


def _order(change: Change) -> tuple[Item, str]:
    return change.item, change.operation
