"""What arrived and what became of it: a record of each request, and running totals."""

from collections import defaultdict
from typing import Literal, NamedTuple

__all__ = ("Fate", "Ledger", "Record")

Fate = Literal["read", "applied", "not_applied", "late"]
"""What became of a write; `read` for a request that is none, `late` for one applied after it was recorded."""


class Record(NamedTuple):
    """One request. It never holds a header, so no secret either.

    *nth* counts the requests for this item in this operation from 1; *status* is 0 when nothing was answered.
    """

    number: int
    at_s: float
    provider: str
    operation: str
    container: str
    item: str
    page: int
    credential: str
    nth: int
    fault: str
    fate: Fate
    status: int
    code: int | None
    log_id: str
    body: bytes


class Ledger:
    """All records since the last clearing, and totals since the last reset."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.clear()

    def clear(self) -> None:
        """Forget records and totals. Numbers go on."""
        self._number = getattr(self, "_number", 0)
        self.records.clear()
        self.requests: dict[str, int] = defaultdict(int)
        self.applied: dict[str, int] = defaultdict(int)
        self.throttled: dict[str, int] = defaultdict(int)
        self.faults: dict[str, int] = defaultdict(int)
        self.statuses: dict[int, int] = defaultdict(int)
        self.seen: dict[tuple[str, str], int] = defaultdict(int)
        self.written: dict[tuple[str, str], int] = defaultdict(int)
        self.late = 0

    def next_number(self) -> int:
        """Number a request."""
        self._number += 1
        return self._number

    def count(self, operation: str, key: str) -> tuple[int, int]:
        """Count a request that was read; give how many the item and the operation have had."""
        self.requests[operation] += 1
        nth = self.seen[operation, key] + 1
        self.seen[operation, key] = nth
        return nth, self.requests[operation]

    def add(self, record: Record) -> None:
        """Keep *record* and add it up."""
        self.records.append(record)
        self.statuses[record.status] += 1
        if record.fault:
            self.faults[record.fault] += 1
        if record.fate == "applied":
            self.note_applied(record.operation, record.item)

    def note_applied(self, operation: str, item: str) -> None:
        """Count a write that took effect."""
        self.applied[operation] += 1
        self.written[operation, item] += 1

    def totals(self) -> dict[str, object]:
        """Give all totals, ready for JSON."""
        distinct: dict[str, int] = defaultdict(int)
        for operation, _ in self.seen:
            distinct[operation] += 1
        distinct_written: dict[str, int] = defaultdict(int)
        for operation, _ in self.written:
            distinct_written[operation] += 1
        return {
            "requests": dict(self.requests),
            "distinct": dict(distinct),
            "applied": dict(self.applied),
            "distinct_applied": dict(distinct_written),
            "applied_late": self.late,
            "throttled": dict(self.throttled),
            "faults": dict(self.faults),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }
