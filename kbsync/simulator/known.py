"""What outlives the runs of a simulation: known values, doubts, and when was sent last."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from kbsync.core.fields import Fields, Value, digest
from kbsync.core.items import Item
from kbsync.core.plan import Change, Plan
from kbsync.core.state import Conclusion, Intent, Settlement
from kbsync.simulator.journal import Entry, ReadEnd, ReadIntent

__all__ = ("ModelState",)

_NOTHING: Final[Fields] = {}
_Key = tuple[Item, str]
_Attempt = tuple[int, int, int]


class ModelState:
    """`kbsync.core.state.Known` in memory, of which each run knows what was durable when the one before it ended.

    `begin` starts a run, and `record` takes what becomes durable of it.
    """

    def __init__(self) -> None:
        self.lineage = "model"
        self.serial = 0
        self.declared_items = 0
        self._known: dict[Item, dict[str, Value]] = {}
        self._digests: dict[Item, bytes] = {}
        self._changes: tuple[Change, ...] = ()
        # The attempts that may have been applied although nothing confirmed it, with the fields that each carried.
        self._doubts: dict[_Key, dict[_Attempt, frozenset[str]]] = {}
        self._open: dict[_Attempt, str] = {}
        self._open_reads: dict[int, str] = {}
        self._last_send_s: dict[str, float] = {}

    # ---- what the comparison asks

    def digest(self, item: Item) -> bytes | None:
        """Return the digest of all known fields of *item*, or None when nothing is known of it."""
        found = self._digests.get(item)
        if found is None and item in self._known:
            found = self._digests[item] = digest(self._known[item])
        return found

    def fields(self, item: Item) -> Fields:
        """Return the known fields of *item*; empty when nothing is known."""
        return self._known.get(item, _NOTHING)

    def doubts(self) -> Mapping[Item, frozenset[str]]:
        """Return the items in doubt, each with the operations that may or may not have been applied."""
        found: dict[Item, set[str]] = {}
        for item, operation in self._doubts:
            found.setdefault(item, set()).add(operation)
        return {item: frozenset(operations) for item, operations in found.items()}

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many items are known, by target and container."""
        return Counter(item[:2] for item in self._known)

    def items(self) -> Iterator[Item]:
        """Yield every item that the state manages: known, or in doubt."""
        yield from self._known
        yield from (item for item in self.doubts() if item not in self._known)

    def last_send_s(self, target: str, now_s: float) -> float | None:
        """Return when *target* was last sent to at the latest, or None when it never was.

        That is now while an attempt is open, whose end its run did not live to record.
        """
        if target in self._open.values() or target in self._open_reads.values():
            return now_s
        return self._last_send_s.get(target)

    # ---- what a run does

    def begin(self, plan: Plan, now_s: float) -> None:
        """Begin the run of *plan*: what earlier runs left open stays in doubt, and what is released is forgotten."""
        for target in sorted({*self._open.values(), *self._open_reads.values()}):
            self._sent(target, now_s)
        self._open.clear()
        self._open_reads.clear()
        self.serial += 1
        self._changes = plan.changes
        if plan.whole:
            self.declared_items = plan.summary.items
        doubted = {item for item, _ in self._doubts}
        for item in plan.released:
            if item not in doubted:
                self._forget(item, frozenset(self.fields(item)))
        for left in plan.unmanaged:
            self._forget(left.item, frozenset(left.fields))

    def record(self, entry: Entry) -> None:
        """Take *entry* of the run that was begun last."""
        match entry:
            case Intent():
                change = self._changes[entry.seq]
                attempt = (self.serial, entry.seq, entry.number)
                self._open[attempt] = change.item.target
                self._doubts.setdefault(_key(change), {})[attempt] = frozenset(change.desired)
            case Conclusion():
                self._conclude(entry)
            case Settlement():
                if entry.outcome == "updated":
                    self._know(self._changes[entry.seq])
            case ReadIntent():
                self._open_reads[entry.number] = entry.target
            case ReadEnd():
                self._sent(self._open_reads.pop(entry.number), entry.record.sent_at_s)

    def _conclude(self, conclusion: Conclusion) -> None:
        attempt = (self.serial, conclusion.seq, conclusion.number)
        self._sent(self._open.pop(attempt), conclusion.sent_at_s)
        key = _key(self._changes[conclusion.seq])
        if not conclusion.doubt:
            del self._doubts[key][attempt]
            if not self._doubts[key]:
                del self._doubts[key]

    def _know(self, change: Change) -> None:
        """Make what *change* set known; other fields that the doubt it ends was about may have either value."""
        doubted = self._doubts.pop(_key(change), {})
        unsure = frozenset[str]().union(*doubted.values())
        self._forget(change.item, unsure)
        self._known.setdefault(change.item, {}).update(change.desired)
        self._digests.pop(change.item, None)

    def _forget(self, item: Item, fields: frozenset[str]) -> None:
        known = self._known.get(item)
        if known is not None:
            for field in fields:
                known.pop(field, None)
            self._digests.pop(item, None)
            if not known:
                del self._known[item]

    def _sent(self, target: str, at_s: float | None) -> None:
        if at_s is not None:
            self._last_send_s[target] = max(at_s, self._last_send_s.get(target, at_s))


def _key(change: Change) -> _Key:
    return change.item, change.operation
