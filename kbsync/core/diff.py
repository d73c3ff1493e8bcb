"""The comparison: what the manifest wants against what was last confirmed, item by item, in one pass."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from kbsync.core.fields import Fields, digest, family, is_empty
from kbsync.core.findings import Absent
from kbsync.core.items import Item
from kbsync.core.live import Refresh, is_live, live_value
from kbsync.core.manifest import Desired
from kbsync.core.plan import Change, FieldChange, Reason, Recognised, Skipped, Unmanaged
from kbsync.core.state import Hazard, Known
from kbsync.core.three_way import judge
from kbsync.core.wire import Live, Operation

__all__ = ("Comparison", "settled")


class Comparison:
    """Compares desired items with *known* as they come, and keeps only what differs.

    *operations* are the write requests of each target. Every item may be added once. The results are complete after
    the last `add` and `settle`; their order is that of the manifest. Items of which *refresh* tells what is live are
    compared with that too.

    *touched* and *emptied* count, by target and container, the known items that a change would alter, and those of
    them that it would empty: what guards look at. Items that were never known count in neither.
    """

    def __init__(
        self, known: Known, operations: Mapping[str, Sequence[Operation]], refresh: Refresh | None = None
    ) -> None:
        self._known = known
        self._refresh = refresh
        self._doubts = known.doubts()
        self._operations = {
            (target, kind): tuple(operation for operation in table if operation.kind == kind)
            for target, table in operations.items()
            for kind in {operation.kind for operation in table}
        }
        self._seen: dict[tuple[str, str, str], set[str]] = {}
        self._declared: dict[tuple[str, str, str], Callable[[], Collection[str]]] = {}
        self.changes: list[Change] = []
        self.conflicts: list[Skipped] = []
        self.skipped: list[Skipped] = []
        self.recognised: list[Recognised] = []
        self.unmanaged: list[Unmanaged] = []
        self._met = 0
        self.items = 0
        self.in_sync = 0
        self.touched: Counter[tuple[str, str]] = Counter()
        self.emptied: Counter[tuple[str, str]] = Counter()

    def add(self, *items: Desired) -> None:
        """Compare *items*, of which only those that differ need the known fields."""
        digests = zip(items, self._known_digests(items), strict=True)
        differing = [desired for desired, known_digest in digests if not self._is_in_sync(desired, known_digest)]
        known = self._known.fields_of(desired.item for desired in differing)
        for desired, fields in zip(differing, known, strict=True):
            seen = None if self._refresh is None else self._refresh.find(desired.item)
            if self._refresh is None or seen is None:
                self._compare(desired, fields)
            else:
                self._compare_live(desired, fields, seen, self._refresh)

    def _known_digests(self, items: Iterable[Desired]) -> Iterator[bytes | None]:
        for place, some in groupby(items, lambda desired: desired.item[:3]):
            yield from self._known.digests_of(place, [desired.item.id for desired in some])

    def _is_in_sync(self, desired: Desired, known_digest: bytes | None) -> bool:
        item = desired.item
        self.items += 1
        place = item[:3]
        seen = self._seen.get(place)
        if seen is None:
            seen = self._seen[place] = set()
        seen.add(item.id)

        self._met += known_digest is not None
        in_sync = known_digest is not None and digest(desired.fields) == known_digest and item not in self._doubts
        if in_sync and self._refresh is not None:
            in_sync = _shows(self._refresh.find(item), desired.fields)
        self.in_sync += in_sync
        return in_sync

    def settle(self, place: tuple[str, str, str], ids: Callable[[], Collection[str]], in_sync: int) -> None:
        """Take in the items of *place* (target, container, kind) at once.

        So many of them are *in_sync*: the digest of each is the known one, and it is not in doubt. Those are not added,
        the others are. *ids* returns all that the place declares; it is called only if something may be released.
        """
        self.items += in_sync
        self.in_sync += in_sync
        self._met += in_sync
        self._declared[place] = ids

    def released(self) -> Iterator[Item]:
        """Yield the items that the state manages and the manifest no longer declares; those in doubt stay managed."""
        if self._met == sum(self._known.counts().values()):
            return  # all that is known is declared, and what is in doubt alone stays managed anyway
        declared = {place: ids() for place, ids in self._declared.items()}
        for item in self._known.items():
            place = item[:3]
            seen = item.id in declared.get(place, ()) or item.id in self._seen.get(place, ())
            if not seen and item not in self._doubts:
                yield item

    def _compare(self, desired: Desired, known: Fields) -> None:
        changes = list(self._changes(desired, known))
        if not changes:
            self.in_sync += 1
        elif desired.protect:
            self.skipped.extend(Skipped(change, "protected") for change in changes)
        else:
            self.changes.extend(changes)
            # A request of which nothing was ever confirmed is new, as it is to an item of which nothing is: what an
            # interrupted apply has left of an item is no change of something known.
            if any(field.known is not None for change in changes for field in change.fields):
                self._count(changes)

        self._note_unmanaged(desired, known)

    def _compare_live(self, desired: Desired, known: Fields, seen: Live | Absent, refresh: Refresh) -> None:
        in_doubt = self._doubts.get(desired.item, frozenset())
        operations = self._operations[desired.item.target, desired.item.kind]
        # Hazards cost a look at each attempt that may come late; most items are not in doubt.
        hazards: Mapping[tuple[Item, str], Hazard] = self._known.hazards() if in_doubt else {}
        judged = judge(desired, known, in_doubt, operations, seen, refresh, hazards)
        self.changes += judged.changes
        self.conflicts += judged.conflicts
        self.skipped += judged.skipped
        if judged.recognised is not None:
            self.recognised.append(judged.recognised)
        if judged.in_sync:
            self.in_sync += 1
        elif judged.changes and known:
            self._count(judged.changes)
        self._note_unmanaged(desired, known)

    def _note_unmanaged(self, desired: Desired, known: Fields) -> None:
        left = tuple(sorted(known.keys() - desired.fields.keys() - desired.ignored))
        if left:
            self.unmanaged.append(Unmanaged(desired.item, left))

    def _count(self, changes: list[Change]) -> None:
        container = changes[0].item[:2]
        self.touched[container] += 1
        if any(_empties(field) for change in changes for field in change.fields):
            self.emptied[container] += 1

    def _changes(self, desired: Desired, known: Fields) -> Iterator[Change]:
        in_doubt = self._doubts.get(desired.item, frozenset())
        for operation in self._operations[desired.item.target, desired.item.kind]:
            fields = tuple(
                FieldChange(field, known.get(field), desired.fields[field])
                for field in sorted(desired.fields)
                if family(field) in operation.families
            )
            reason = _reason(fields, doubtful=operation.name in in_doubt)
            if reason is not None:
                yield Change(desired.item, operation.name, reason, fields, desired.source)


def settled(
    known: Known,
) -> Callable[[tuple[str, str, str], Sequence[str]], list[bytes | None]]:
    """Return what tells, of ids of a target, container and kind, the digests with which a desired item is in sync.

    It returns None for an item with which it is not, whatever its digest: one that is in doubt or not known.
    """
    doubtful: dict[tuple[str, str, str], set[str]] = {}
    for item in known.doubts():
        doubtful.setdefault(item[:3], set()).add(item.id)

    def digests_of(place: tuple[str, str, str], ids: Sequence[str]) -> list[bytes | None]:
        digests = known.digests_of(place, ids)
        if (odd := doubtful.get(place)) and not odd.isdisjoint(ids):
            return [None if id_ in odd else digest for id_, digest in zip(ids, digests, strict=True)]
        return digests

    return digests_of


def _shows(seen: Live | Absent | None, fields: Fields) -> bool:
    """Tell whether what was *seen* of an item has exactly these values, and nobody works on it; or nobody asked."""
    match seen:
        case None:
            return True
        case Absent():
            return False
        case Live(pending=pending):
            return not pending and all(is_live(value, live_value(seen, name)) for name, value in fields.items())


def _empties(change: FieldChange) -> bool:
    return is_empty(change.desired) and change.before is not None and not is_empty(change.before)


def _reason(fields: tuple[FieldChange, ...], *, doubtful: bool) -> Reason | None:
    """Say why *fields* have to be sent, or None when they do not."""
    if not fields:
        return None
    if doubtful:
        return "in_doubt"
    if not any(change.differs for change in fields):
        return None
    return "new" if all(change.known is None for change in fields if change.differs) else "changed"
