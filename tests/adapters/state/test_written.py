"""What the state holds to undo a run with: from before its first write on."""

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.items import Source
from kbsync.core.plan import FieldChange
from kbsync.core.state import Intent
from kbsync.core.undo import Write
from tests.adapters.state.plans import GONE, answered, began, captioned, fate, image, lost, plan_of, update


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


def writes(path: Path, run_id: str = "last") -> list[Write]:
    return [*StateStore(path).written_by(run_id).writes]


@pytest.mark.fault("F1", seen="the values that a run replaces are durable before anything is sent")
def test_the_values_that_a_run_replaces_are_in_the_state_before_its_first_write(path: Path) -> None:
    plan = plan_of([captioned(image(number), f"new {number}", f"old {number}") for number in range(3)])
    with StateStore(path) as store:
        began(store, plan)

        report = StateStore(path).load_report()
        assert [row.change for row in report.rows] == list(plan.changes)
        assert writes(path) == []


def test_what_was_sent_is_written_and_what_was_refused_or_never_sent_is_not(path: Path) -> None:
    plan = plan_of([captioned(image(number), f"new {number}", f"old {number}") for number in range(6)])
    with StateStore(path) as store:
        journal = began(store, plan)

        async def run() -> None:
            await update(journal, [0])
            for seq in (1, 2, 3, 4):
                await journal.intend(Intent(seq, 1, time.time()))
            journal.conclude(answered(1, verdict="refused", answer=GONE))
            journal.settle(fate(1, "failed", answer=GONE))
            journal.conclude(lost(2))
            journal.settle(fate(2, "unknown"))
            journal.conclude(answered(3, verdict="throttled"))
            await journal.flush()

        asyncio.run(run())
        found = StateStore(path).written_by()

    # The last one is open: it may be on its way.
    assert [(write.item, write.sure) for write in found.writes] == [
        (image(0), True),
        (image(2), False),
        (image(4), False),
    ]
    fields = (FieldChange("caption", "old 0", "new 0"),)
    assert found.writes[0][2:] == (fields, True, {}, Source("a.yaml", 1, 5))
    assert (found.run_id, found.has_ended) == (journal.run_id, False)


def test_what_a_killed_run_may_have_written_stays_so_when_a_later_one_has_settled_it(path: Path) -> None:
    plan = plan_of([captioned(image(1), "new", "old")])
    with StateStore(path, lambda: 1000.0) as store:
        journal = began(store, plan)
        asyncio.run(journal.intend(Intent(0, 1, 1000.0)))
    # After an hour not even a late arrival is feared any more.
    for now_s in (1001.0, 9000.0):
        with StateStore(path, partial(float, now_s)) as store:
            again = began(store, plan)
            asyncio.run(update(again, [0]))
            store.finish_run(again)

    assert [(write.item, write.sure, write.since) for write in writes(path, journal.run_id)] == [(image(1), False, {})]
    assert StateStore(path).load_report(journal.run_id).totals["unknown"] == 0


def test_the_last_run_that_wrote_another_value_since_is_named(path: Path) -> None:
    ids: list[str] = []
    with StateStore(path) as store:
        store.lock("apply")
        for desired in ("b", "b", "c", "d", "b"):
            journal = store.begin_run(plan_of([captioned(image(1), desired, "a"), captioned(image(2), "b", "a")]))
            asyncio.run(update(journal, [0, 1]))
            store.finish_run(journal)
            ids.append(journal.run_id)

    assert [write.since for write in writes(path, ids[0])] == [{"caption": ids[3]}, {}]
    assert [write.since for write in writes(path, ids[3])] == [{"caption": ids[4]}, {}]
    assert [write.since for write in writes(path)] == [{}, {}]
