"""What outlives the runs of a simulation: known values, doubts, and when was sent last."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from kbsync.core.fields import Fields, Value, digest
from kbsync.core.items import Item
from kbsync.core.plan import Change, Plan
from kbsync.core.state import Conclusion, Hazard, Intent, Settlement
from kbsync.simulator.journal import Entry, ReadEnd, ReadIntent

__all__ = ("ModelState",)

_NOTHING: Final[Fields] = {}
# How long after its end an attempt that nobody answered counts as one that may still be applied.
_LATEST_S: Final = 3600.0
_Key: TypeAlias = tuple[Item, str]
_Number: TypeAlias = tuple[int, int, int]


@dataclass(slots=True)
class _Attempt:
    """An attempt that may have been applied although nothing confirmed it. *ended_s* is None while it is open."""

    fields: Fields
    ended_s: float | None = None


class ModelState:
    """`kbsync.core.state.Known` in memory, of which each run knows what was durable when the one before it ended.

    `begin` starts a run, and `record` takes what becomes durable of it. *wall* tells seconds since the epoch.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self.lineage = "model"
        self.serial = 0
        self.declared_items = 0
        self._known: dict[Item, dict[str, Value]] = {}
        self._digests: dict[Item, bytes] = {}
        self._changes: tuple[Change, ...] = ()
        self._doubts: dict[_Key, dict[_Number, _Attempt]] = {}
        # Those whose doubt was ended by something newer: they may come late all the same.
        self._late: dict[_Key, list[_Attempt]] = {}
        self._open: dict[_Number, str] = {}
        self._open_reads: dict[int, str] = {}
        self._last_send_s: dict[str, float] = {}

    # ---- what the comparison asks

    def digest(self, item: Item) -> bytes | None:
        """Return the digest of all known fields of *item*, or None when nothing is known of it."""
        found = self._digests.get(item)
        if found is None and item in self._known:
            found = self._digests[item] = digest(self._known[item])
        return found

    def digests(self, place: tuple[str, str, str]) -> Mapping[str, bytes]:
        """Return the digests of all known fields of the items of a target, container and kind, by id."""
        return {item.id: digest(fields) for item, fields in self._known.items() if item[:3] == place}

    def fields(self, item: Item) -> Fields:
        """Return the known fields of *item*; empty when nothing is known."""
        return self._known.get(item, _NOTHING)

    def fields_of(self, items: Iterable[Item]) -> Iterator[Fields]:
        """Yield what `fields` returns for each of *items*."""
        return map(self.fields, items)

    def doubts(self) -> Mapping[Item, frozenset[str]]:
        """Return the items in doubt, each with the operations that may or may not have been applied."""
        found: dict[Item, set[str]] = {}
        for item, operation in self._doubts:
            found.setdefault(item, set()).add(operation)
        return {item: frozenset(operations) for item, operations in found.items()}

    def hazards(self) -> Mapping[tuple[Item, str], Hazard]:
        """Return what may still be set behind our back, by item and operation."""
        now_s = self._wall()
        found: dict[_Key, list[_Attempt]] = {}
        for key, late in self._late.items():
            found.setdefault(key, []).extend(one for one in late if _ended_s(one, now_s) >= now_s - _LATEST_S)
        for key, doubted in self._doubts.items():
            found.setdefault(key, []).extend(doubted.values())
        return {
            key: Hazard(
                _distinct([attempt.fields for attempt in attempts]),
                max(_ended_s(attempt, now_s) for attempt in attempts),
                len(attempts),
            )
            for key, attempts in found.items()
            if attempts
        }

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many items are known, by target and container."""
        return Counter(item[:2] for item in self._known)

    def items(self) -> Iterator[Item]:
        """Yield every item that the state manages: known, or in doubt."""
        yield from self._known
        yield from (item for item in self.doubts() if item not in self._known)

    def last_send_s(self, target: str) -> float | None:
        """Return when *target* was last sent to at the latest, or None when it never was.

        That is now while an attempt is open, whose end its run did not live to record.
        """
        if target in self._open.values() or target in self._open_reads.values():
            return self._wall()
        return self._last_send_s.get(target)

    # ---- what a run does

    def begin(self, plan: Plan) -> None:
        """Begin the run of *plan*: what earlier runs left open stays in doubt, and what is released is forgotten."""
        now_s = self._wall()
        for doubted in self._doubts.values():
            for attempt in doubted.values():
                attempt.ended_s = _ended_s(attempt, now_s)
        for target in sorted({*self._open.values(), *self._open_reads.values()}):
            self._sent(target, now_s)
        self._open.clear()
        self._open_reads.clear()
        self.serial += 1
        self._changes = plan.changes
        if plan.whole:
            self.declared_items = plan.summary.items
        in_doubt = self.doubts()
        for item in plan.released:
            if item not in in_doubt:
                self._forget(item, tuple(self.fields(item)))
        for left in plan.unmanaged:
            self._forget(left.item, left.fields)

    def record(self, entry: Entry) -> None:
        """Take *entry* of the run that was begun last."""
        match entry:
            case Intent():
                change = self._changes[entry.seq]
                number = (self.serial, entry.seq, entry.number)
                self._open[number] = change.item.target
                self._doubts.setdefault(_key(change), {})[number] = _Attempt(change.desired)
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
        number = (self.serial, conclusion.seq, conclusion.number)
        self._sent(self._open.pop(number), conclusion.sent_at_s)
        key = _key(self._changes[conclusion.seq])
        if conclusion.doubt:
            began_s = self._wall() if conclusion.sent_at_s is None else conclusion.sent_at_s
            self._doubts[key][number].ended_s = began_s + conclusion.duration_ms / 1000
        else:
            del self._doubts[key][number]
            if not self._doubts[key]:
                del self._doubts[key]

    def _know(self, change: Change) -> None:
        """Make what *change* set known; other fields that the doubt it ends was about may have either value."""
        doubted = list(self._doubts.pop(_key(change), {}).values())
        if doubted:
            self._late.setdefault(_key(change), []).extend(doubted)
            self._forget(change.item, {field for attempt in doubted for field in attempt.fields})
        self._known.setdefault(change.item, {}).update(change.desired)
        self._digests.pop(change.item, None)

    def _forget(self, item: Item, fields: Iterable[str]) -> None:
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


def _ended_s(attempt: _Attempt, now_s: float) -> float:
    return now_s if attempt.ended_s is None else attempt.ended_s


def _distinct(values: Iterable[Fields]) -> tuple[Fields, ...]:
    found: list[Fields] = []
    for fields in values:
        if fields not in found:
            found.append(fields)
    return tuple(found)
