"""Doubt and knowledge against a model that fits on a page: any order of runs, attempts, answers and kills."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kbsync.adapters.state import RunJournal, StateStore
from kbsync.core.fields import Fields, UpdateRule, Value, digest
from kbsync.core.items import Item, Source
from kbsync.core.plan import Change, FieldChange, Unmanaged
from kbsync.core.state import Hazard, Intent, OutcomeName
from tests.adapters.state.plans import answered, document, fate, lost, plan_of

_FIELDS = {"coze.document.caption": ("caption",), "coze.document.name": ("name", "update_rule")}
_CHANGES = [(document(number), operation) for number in range(2) for operation in _FIELDS]
_OUTCOMES: tuple[OutcomeName, ...] = ("updated", "updated", "failed", "unknown")
# A memory file system, where there is one: what is tried here is not the disk.
_FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
# An item, an operation, the number of a run, a change of it, an attempt of that, and the fields that it carried.
Doubt: TypeAlias = tuple[Item, str, int, int, int, tuple[str, ...]]


class World:
    """A state, and what it should say. Each step takes a number and does what it can with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.loop = asyncio.new_event_loop()
        self.store = StateStore(path)
        self.runs = 0
        self.known: dict[Item, dict[str, Value]] = {}
        self.doubts: set[Doubt] = set()
        # Whose doubt was ended by something newer, and which may arrive late.
        self.late: set[Doubt] = set()
        self.values: dict[tuple[int, int], Fields] = {}
        self.journal: RunJournal | None = None
        self.plan: Sequence[Change] = ()
        self.open: list[tuple[int, int]] = []
        self.numbers: dict[int, int] = {}
        self.settled: set[int] = set()

    def begin(self, number: int) -> None:
        if self.journal is not None:
            self.end(number)
        self.runs += 1
        self.plan = [
            Change(item, name, "new", self._fields(name, place, number), Source("f", 1, 1))
            for place, (item, name) in enumerate(_CHANGES)
            if number % 5 == 4 or number >> place & 1
        ]
        gone = {document(0)} - {change.item for change in self.plan} if number % 3 == 0 else set[Item]()
        trims = [Unmanaged(document(1), ("name",))] if number % 4 == 0 else []
        if self.store._lock is None:
            self.store.lock("apply")
        self.journal = self.store.begin_run(plan_of(self.plan, released=sorted(gone), unmanaged=trims))
        self.open, self.numbers, self.settled = [], {}, set()
        self.values.update({(self.runs, seq): change.desired for seq, change in enumerate(self.plan)})

        for item in gone - {doubt[0] for doubt in self.doubts}:
            self.known.pop(item, None)
        for trim in trims:
            self.known.get(trim.item, {}).pop("name", None)
        self.known = {item: fields for item, fields in self.known.items() if fields}

    def intend(self, number: int) -> None:
        left = self._left()
        if not left or self.journal is None:
            return
        seq = left[number % len(left)]
        attempt = self.numbers[seq] = self.numbers.get(seq, 0) + 1
        self.loop.run_until_complete(self.journal.intend(Intent(seq, attempt, 1.0)))
        self.open.append((seq, attempt))
        self.doubts.add(self._doubt(seq, attempt))

    def conclude(self, number: int) -> None:
        if not self.open or self.journal is None:
            return
        seq, attempt = self.open.pop(number // 2 % len(self.open))
        end = lost(seq, attempt) if number % 2 else answered(seq, attempt, "refused")
        self._call(lambda journal: journal.conclude(end))
        if not number % 2:
            self.doubts.discard(self._doubt(seq, attempt))
            self.late.discard(self._doubt(seq, attempt))

    def settle(self, number: int) -> None:
        left = self._left()
        if not left or self.journal is None:
            return
        outcome, seq = _OUTCOMES[number % 4], left[number // 4 % len(left)]
        self._call(lambda journal: journal.settle(fate(seq, outcome)))
        self.settled.add(seq)
        if outcome == "updated":
            item, operation = self.plan[seq].item, self.plan[seq].operation
            known = self.known.setdefault(item, {})
            for field in {field for doubt in self.doubts if doubt[:2] == (item, operation) for field in doubt[5]}:
                known.pop(field, None)
            known.update(self.plan[seq].desired)
            self.late |= {doubt for doubt in self.doubts if doubt[:2] == (item, operation)}
            self.doubts -= self.late

    def end(self, number: int) -> None:
        if self.journal is None:
            return
        self.loop.run_until_complete(self.journal.flush())
        if number % 2:
            if number % 5:
                self.journal.leave("volc-bj", "signal")
            self.store.finish_run(self.journal)
            self._check_the_end("signal" if number % 5 else "unfinished")
        if number % 3:
            self.store.close()
            self.store = StateStore(self.path)
        self.journal = None

    def forget(self, number: int) -> None:
        if self.journal is None and self.store._lock is not None and number % 3 == 0:
            item = document(number % 2)
            assert self.store.forget([item]) == (self.known.pop(item, None) is not None)
            self.doubts = {doubt for doubt in self.doubts if doubt[0] != item}
            self.late = {doubt for doubt in self.late if doubt[0] != item}

    def prune(self, number: int) -> None:
        if self.journal is None and self.store._lock is not None:
            before = self.store.list_runs()
            assert self.store.prune(1 + number % 3, at_once=1 + number % 2)
            lines = zip(before, self.store.list_runs(), strict=True)
            assert all(now == replace(one, pruned=now.pruned) for one, now in lines)

    def check(self) -> None:
        if self.journal is not None:
            self.loop.run_until_complete(self.journal.flush())
        doubts: dict[Item, set[str]] = {}
        for item, operation, *_ in self.doubts:
            doubts.setdefault(item, set()).add(operation)
        with StateStore(self.path).known() as known:
            assert known.doubts() == doubts
            self._check_hazards(known.hazards())
            assert known.serial == self.runs
            assert set(known.items()) == self.known.keys() | doubts.keys()
            assert sum(known.counts().values()) == len(self.known)
            for item in (document(0), document(1)):
                fields = self.known.get(item, {})
                assert known.fields(item) == fields
                assert known.digest(item) == (digest(fields) if fields else None)
        if self.journal is not None:
            report = StateStore(self.path).load_report()
            assert report.balanced
            open_ = {doubt[3] for doubt in self.doubts if doubt[2] == self.runs}
            for seq in self._left():
                assert report.rows[seq].settlement.outcome == ("unknown" if seq in open_ else "not_attempted")

    def _check_hazards(self, hazards: Mapping[tuple[Item, str], Hazard]) -> None:
        expected: dict[tuple[Item, str], list[Doubt]] = {}
        for doubt in sorted(self.doubts | self.late):
            expected.setdefault(doubt[:2], []).append(doubt)
        assert hazards.keys() == expected.keys()
        for about, doubts in expected.items():
            assert hazards[about].attempts == len(doubts)
            values: list[Fields] = []
            for _, _, run, seq, *_ in doubts:
                if self.values[run, seq] not in values:
                    values.append(self.values[run, seq])
            assert hazards[about].fields == tuple(values)

    def _check_the_end(self, reason: str) -> None:
        report, (summary, *_) = self.store.load_report(), self.store.list_runs()
        assert report.balanced
        assert report.totals == summary.totals
        rows = [report.rows[seq].settlement for seq in self._left()]
        assert {row.outcome for row in rows} <= {"unknown", "not_attempted"}
        assert {row.reason for row in rows if not row.attempts} <= {reason}
        open_ = {doubt[3] for doubt in self.doubts if doubt[2] == self.runs}
        assert {row.seq for row in rows if row.outcome == "unknown"} == open_ & set(self._left())

    def close(self) -> None:
        self.store.close()
        self.loop.close()

    def _left(self) -> list[int]:
        return [seq for seq in range(len(self.plan)) if seq not in self.settled]

    def _fields(self, operation: str, place: int, number: int) -> tuple[FieldChange, ...]:
        """Return the fields that are not ignored just now: all of them, or one."""
        fields = _FIELDS[operation]
        declared = fields if number % 3 else fields[number % 2 :][:1] or fields
        rule = UpdateRule(1, 100 * self.runs + place)
        return tuple(
            FieldChange(field, None, rule if field == "update_rule" else f"{self.runs}/{place}") for field in declared
        )

    def _doubt(self, seq: int, attempt: int) -> Doubt:
        change = self.plan[seq]
        return change.item, change.operation, self.runs, seq, attempt, tuple(change.desired)

    def _call(self, method: Callable[[RunJournal], None]) -> None:
        async def call() -> None:
            assert self.journal is not None
            method(self.journal)

        self.loop.run_until_complete(call())


_WORDS = (*["intend"] * 4, *["conclude"] * 3, *["settle"] * 4, "begin", "end", "forget", "prune", "prune")
# All of a group is known, all of it is in doubt, and one field of it is sent again.
_PART_OF_IT = [("settle", 4), ("begin", 14), ("intend", 1), ("begin", 9), ("settle", 4)]
_LATE_ANSWER = [("begin", 4), ("intend", 0), ("conclude", 1), ("intend", 0), ("conclude", 0), ("settle", 2)]


@settings(max_examples=80)
@given(st.lists(st.tuples(st.sampled_from(_WORDS), st.integers(0, 59)), min_size=40, max_size=60))
@example(_PART_OF_IT)
@example([*_LATE_ANSWER, ("begin", 4), ("intend", 0), ("conclude", 0), ("settle", 0)])
def test_the_state_says_what_the_model_says(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        world = World(Path(folder) / "state.db")
        try:
            world.begin(4)
            for word, number in steps:
                getattr(world, word)(number)
                world.check()
        finally:
            world.close()
