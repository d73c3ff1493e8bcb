"""The comparison: what the manifest wants against what was last confirmed, item by item, in one pass."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kbsync.core.fields import Fields, digest, family, is_empty
from kbsync.core.items import Item
from kbsync.core.live import Refresh
from kbsync.core.manifest import Desired
from kbsync.core.plan import Change, FieldChange, Reason, Recognised, Skipped, Unmanaged
from kbsync.core.state import Hazard, Known
from kbsync.core.three_way import judge
from kbsync.core.wire import Operation

__all__ = ("Comparison", "settled")


class Comparison:
    """Compares desired items with *known* as they come, and keeps only what differs.

    *operations* are the write requests of each target. Every item may be added once. The results are complete after
    the last `add` and `settle`; their order is that of the manifest. Items of a place that *refresh* has read are
    compared with what is live there too.

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
        differing = [desired for desired in items if not self._is_in_sync(desired)]
        known = self._known.fields_of(desired.item for desired in differing)
        for desired, fields in zip(differing, known, strict=True):
            if self._refresh is not None and desired.item[:3] in self._refresh.lists:
                self._compare_live(desired, fields, self._refresh)
            else:
                self._compare(desired, fields)

    def _is_in_sync(self, desired: Desired) -> bool:
        item = desired.item
        self.items += 1
        place = item[:3]
        seen = self._seen.get(place)
        if seen is None:
            seen = self._seen[place] = set()
        seen.add(item.id)

        known_digest = self._known.digest(item)
        self._met += known_digest is not None
        in_sync = known_digest is not None and digest(desired.fields) == known_digest and item not in self._doubts
        if in_sync and self._refresh is not None and place in self._refresh.lists:
            in_sync = self._refresh.shows(item, desired.fields)
        self.in_sync += in_sync
        return in_sync

    def settle(self, place: tuple[str, str, str], ids: set[str], in_sync: int) -> None:
        """Take in the items of *place* (target, container, kind) at once: *ids* are all that it declares.

        So many of them are *in_sync*: the digest of each is the known one, and it is not in doubt. Those are not added,
        the others are.
        """
        self.items += in_sync
        self.in_sync += in_sync
        self._met += in_sync
        self._seen[place] = ids

    def released(self) -> Iterator[Item]:
        """Yield the items that the state manages and the manifest no longer declares; those in doubt stay managed."""
        if self._met == sum(self._known.counts().values()):
            return  # all that is known is declared, and what is in doubt alone stays managed anyway
        for item in self._known.items():
            if item.id not in self._seen.get(item[:3], ()) and item not in self._doubts:
                yield item

    def _compare(self, desired: Desired, known: Fields) -> None:
        changes = list(self._changes(desired, known))
        if not changes:
            self.in_sync += 1
        elif desired.protect:
            self.skipped.extend(Skipped(change, "protected") for change in changes)
        else:
            self.changes.extend(changes)
            if known:
                self._count(changes)

        self._note_unmanaged(desired, known)

    def _compare_live(self, desired: Desired, known: Fields, refresh: Refresh) -> None:
        in_doubt = self._doubts.get(desired.item, frozenset())
        operations = self._operations[desired.item.target, desired.item.kind]
        # Hazards cost a look at each attempt that may come late; most items are not in doubt.
        hazards: Mapping[tuple[Item, str], Hazard] = self._known.hazards() if in_doubt else {}
        judged = judge(desired, known, in_doubt, operations, refresh, hazards)
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


def settled(known: Known, place: tuple[str, str, str]) -> Mapping[str, bytes]:
    """Return, by id, the digests of a target, container and kind that a desired item needs not be compared with.

    An item with that digest is in sync. Those in doubt are left out.
    """
    digests = known.digests(place)
    doubtful = {item.id for item in known.doubts() if item[:3] == place}
    return {id_: digest for id_, digest in digests.items() if id_ not in doubtful} if doubtful else digests


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
