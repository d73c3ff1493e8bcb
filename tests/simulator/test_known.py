"""The model of the state against the state: whatever a run leaves, both know the same."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.fields import MetaValue, Value
from kbsync.core.items import Item, Source
from kbsync.core.plan import Change, FieldChange, Plan, Unmanaged
from kbsync.core.state import Conclusion, Intent, OutcomeName, Settlement
from kbsync.core.wire import Answer
from kbsync.simulator.journal import Entry
from kbsync.simulator.known import ModelState
from tests.adapters.state.plans import document, plan_of

FIELDS = {"one.name": ("name",), "two.meta": ("meta.a", "meta.b")}
ITEMS = [document(number) for number in range(3)]
OUTCOMES: tuple[OutcomeName, ...] = ("updated", "updated", "failed", "unknown")


@dataclass
class Twins:
    """The state at *path* and the model of it, at one time."""

    path: Path
    random: Random
    now_s: float = 1_000_000.0
    model: ModelState = field(init=False)

    def __post_init__(self) -> None:
        self.model = ModelState(lambda: self.now_s)

    def run(self) -> None:
        """Have a run of some plan in both, which is killed somewhere."""
        plan = self._plan()
        with StateStore(self.path, lambda: self.now_s) as store:
            store.lock("apply")
            journal = store.begin_run(plan)
            self.model.begin(plan)

            async def apply() -> None:
                for entry in self._entries(plan):
                    self.model.record(entry)
                    match entry:
                        case Intent():
                            await journal.intend(entry)
                        case Conclusion():
                            journal.conclude(entry)
                        case Settlement():
                            journal.settle(entry)
                        case _:
                            pass
                await journal.flush()

            asyncio.run(apply())

    def compare(self) -> None:
        model, target = self.model, ITEMS[0].target
        with StateStore(self.path, lambda: self.now_s) as store:
            known = store.known()
            assert {item: known.fields(item) for item in ITEMS} == {item: model.fields(item) for item in ITEMS}
            assert {item: known.digest(item) for item in ITEMS} == {item: model.digest(item) for item in ITEMS}
            assert known.doubts() == model.doubts()
            assert known.hazards() == model.hazards()
            assert known.counts() == model.counts()
            assert set(known.items()) == set(model.items())
            assert (known.serial, known.declared_items) == (model.serial, model.declared_items)
            assert store.last_send_s([target]).get(target) == model.last_send_s(target)

    def _plan(self) -> Plan:
        random = self.random
        changes = [self._change(item, name) for item in ITEMS for name in FIELDS if random.random() < 0.6]
        gone: set[Item] = {item for item in ITEMS if random.random() < 0.2} - {change.item for change in changes}
        trims = [Unmanaged(ITEMS[0], ("meta.a",))] if random.random() < 0.2 else []
        return plan_of(changes, released=sorted(gone), unmanaged=trims, whole=random.random() < 0.8)

    def _change(self, item: Item, name: str) -> Change:
        text = self.random.choice(("a", "b"))
        value: Value = text if name == "one.name" else MetaValue("string", text)
        names = FIELDS[name][: self.random.randint(1, len(FIELDS[name]))]
        known = self.model.fields(item)
        fields = tuple(FieldChange(field, known.get(field), value) for field in names)
        return Change(item, name, "changed", fields, Source("f", 1, 1))

    def _entries(self, plan: Plan) -> list[Entry]:
        """Return what a run writes that is killed somewhere: each change's attempts, and perhaps its end."""
        random = self.random
        entries: list[Entry] = []
        for seq in range(len(plan.changes)):
            number = 0
            for number in range(1, random.randint(0, 3) + 1):
                entries.append(Intent(seq, number, self.now_s))
                if number == 3 and random.random() < 0.5:
                    break  # and its run does not live to see the answer
                doubt = random.random() < 0.5
                sent_s = self.now_s + random.choice((0.5, 1.0)) if doubt or random.random() < 0.5 else None
                entries.append(Conclusion(seq, number, sent_s, 250.0, "lost", doubt, Answer()))
            else:
                if number and random.random() < 0.7:
                    entries.append(Settlement(seq, random.choice(OUTCOMES), "", number, Answer(), 1.0))
        return entries


@pytest.mark.parametrize("seed", range(25))
def test_the_model_knows_what_the_state_knows(seed: int, tmp_path: Path) -> None:
    twins = Twins(tmp_path / "state.db", Random(seed))

    for _ in range(6):
        twins.run()
        twins.compare()
        twins.now_s += twins.random.choice((0.25, 60.0, 4_000.0))
        twins.compare()
