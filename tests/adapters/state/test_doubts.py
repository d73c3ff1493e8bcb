"""Doubt and knowledge against a model that fits on a page: any order of runs, attempts, answers, kills."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kbsync.adapters.state import RunJournal, StateStore
from kbsync.core.fields import Value, digest
from kbsync.core.items import Item, Source
from kbsync.core.plan import Change, FieldChange, Unmanaged
from kbsync.core.state import Intent
from tests.adapters.state.plans import answered, document, fate, lost, plan_of

_FIELDS = {"coze.document.name": "name", "coze.document.caption": "caption"}
_CHANGES = [(document(number), operation) for number in range(3) for operation in _FIELDS]
_PICK = st.integers(0, len(_CHANGES) - 1)
_Doubt = tuple[Item, str, int, int, int]


class States(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "state.db"
        self.loop = asyncio.new_event_loop()
        self.store: StateStore | None = None
        self.runs = 0
        self.known: dict[Item, dict[str, Value]] = {}
        self.doubts: set[_Doubt] = set()
        self.idle()

    def idle(self) -> None:
        self.journal: RunJournal | None = None
        self.plan: list[Change] = []
        self.open_: set[tuple[int, int]] = set()
        self.numbers: dict[int, int] = {}
        self.settled: set[int] = set()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            if self.store is not None:
                self.store.close()
            self.loop.close()
            shutil.rmtree(self.folder)

    @precondition(lambda self: self.journal is None)
    @rule(
        chosen=st.sets(_PICK),
        released=st.sets(st.integers(0, 2)),
        unmanaged=st.sets(st.sampled_from(sorted(_FIELDS.values()))),
    )
    def begin(self, chosen: set[int], released: set[int], unmanaged: set[str]) -> None:
        self.runs += 1
        self.plan = [
            Change(item, name, "new", (FieldChange(_FIELDS[name], None, f"{self.runs}/{place}"),), Source("f", 1, 1))
            for place in sorted(chosen)
            for item, name in [_CHANGES[place]]
        ]
        gone = [document(number) for number in released if not any(doc.item == document(number) for doc in self.plan)]
        trims = [Unmanaged(document(0), tuple(unmanaged))] if unmanaged and document(0) not in gone else []
        self.store = self.store or StateStore(self.path)
        if self.store._lock is None:
            self.store.lock("apply")
        self.journal = self.store.begin_run(plan_of(self.plan, released=gone, unmanaged=trims))

        in_doubt = {doubt[0] for doubt in self.doubts}
        for item in gone:
            if item not in in_doubt:
                self.known.pop(item, None)
        for trim in trims:
            left = {name: value for name, value in self.known.get(trim.item, {}).items() if name not in trim.fields}
            self.known.pop(trim.item, None)
            if left:
                self.known[trim.item] = left

    @precondition(lambda self: self.journal is not None)
    @rule(pick=_PICK)
    def intend(self, pick: int) -> None:
        if pick < len(self.plan) and pick not in self.settled:
            assert self.journal is not None
            number = self.numbers[pick] = self.numbers.get(pick, 0) + 1
            self.loop.run_until_complete(self.journal.intend(Intent(pick, number, 1.0)))
            self.open_.add((pick, number))
            self.doubts.add(self._doubt(pick, number))

    @precondition(lambda self: self.open_)
    @rule(data=st.data(), doubt=st.booleans())
    def conclude(self, data: st.DataObject, *, doubt: bool) -> None:
        assert self.journal is not None
        seq, number = data.draw(st.sampled_from(sorted(self.open_)))
        self.open_.remove((seq, number))
        end = lost(seq, number) if doubt else answered(seq, number, "refused")
        self.loop.run_until_complete(_now(self.journal.conclude, end))
        if not doubt:
            self.doubts.discard(self._doubt(seq, number))

    @precondition(lambda self: self.journal is not None)
    @rule(pick=_PICK, outcome=st.sampled_from(["updated", "failed", "unknown", "stale", "not_attempted"]))
    def settle(self, pick: int, outcome: str) -> None:
        if pick < len(self.plan) and pick not in self.settled:
            assert self.journal is not None
            self.settled.add(pick)
            self.loop.run_until_complete(_now(self.journal.settle, fate(pick, outcome)))  # type: ignore[arg-type]
            if outcome == "updated":
                change = self.plan[pick]
                self.known.setdefault(change.item, {}).update(change.desired)
                about = (change.item, change.operation)
                self.doubts = {doubt for doubt in self.doubts if doubt[:2] != about}

    @precondition(lambda self: self.journal is not None)
    @rule(killed=st.booleans(), closed=st.booleans())
    def end(self, *, killed: bool, closed: bool) -> None:
        assert self.journal is not None
        assert self.store is not None
        self.loop.run_until_complete(self.journal.flush())
        if not killed:
            self.store.finish_run(self.journal)
        if killed or closed:
            self.store.close()
            self.store = None
        self.idle()

    @precondition(lambda self: self.journal is None and self.store is not None)
    @rule(numbers=st.sets(st.integers(0, 2)))
    def forget(self, numbers: set[int]) -> None:
        assert self.store is not None
        items = [document(number) for number in numbers]
        assert self.store.forget(items) == sum(item in self.known for item in items)
        for item in items:
            self.known.pop(item, None)
        self.doubts = {doubt for doubt in self.doubts if doubt[0] not in items}

    @invariant()
    def the_state_says_what_the_model_says(self) -> None:
        if not hasattr(self, "path"):
            return
        if self.journal is not None:
            self.loop.run_until_complete(self.journal.flush())
        doubts: dict[Item, set[str]] = {}
        for item, operation, *_ in self.doubts:
            doubts.setdefault(item, set()).add(operation)
        with StateStore(self.path).known() as known:
            assert known.doubts() == doubts
            assert known.serial == self.runs
            assert set(known.items()) == self.known.keys() | doubts.keys()
            assert sum(known.counts().values()) == len(self.known)
            for number in range(3):
                fields = self.known.get(document(number), {})
                assert known.fields(document(number)) == fields
                assert known.digest(document(number)) == (digest(fields) if fields else None)
        if self.runs:
            report = StateStore(self.path).load_report()
            assert report.balanced
            for row in report.rows if self.journal is not None else ():
                if row.settlement.seq not in self.settled:
                    about = (row.change.item, row.change.operation, self.runs, row.settlement.seq)
                    expected = "unknown" if any(doubt[:4] == about for doubt in self.doubts) else "not_attempted"
                    assert row.settlement.outcome == expected

    def _doubt(self, seq: int, number: int) -> _Doubt:
        return self.plan[seq].item, self.plan[seq].operation, self.runs, seq, number


async def _now(function, *arguments) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002
    function(*arguments)


TestStates = States.TestCase
TestStates.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
