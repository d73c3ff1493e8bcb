import asyncio
from collections import Counter
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.exits import Exit
from kbsync.core.fields import MetaValue, Value
from kbsync.core.items import Item, Source
from kbsync.core.plan import Change, FieldChange, GuardResult, Skipped
from kbsync.core.report import AttemptRecord, ItemStory
from kbsync.core.state import Conclusion, Intent, ReadRecord
from kbsync.core.wire import Answer
from kbsync.errors import UsageError
from tests.adapters.state.plans import (
    GONE,
    OK,
    answered,
    began,
    captioned,
    captions,
    document,
    fate,
    image,
    lost,
    plan_of,
    update,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


def test_a_report_is_the_run_as_it_was(path: Path) -> None:
    guards = [GuardResult("max-change", "42 % change", lifted=True), GuardResult("emptied", "12 % are emptied")]
    skipped = [Skipped(captioned(image(3), "锁", "旧"), "protected"), Skipped(captioned(image(4), "x"), "conflict")]
    plan = plan_of(
        [captioned(image(number), f"猫 {number}", "狗", line=number + 1) for number in range(3)],
        skipped=skipped,
        guards=guards,
        in_sync=9,
    )
    now_s = 1000.0
    with StateStore(path, lambda: now_s) as store:
        store.lock("apply")
        journal = store.begin_run(plan, allow_reason="the yearly review")

        async def run() -> None:
            for seq in range(2):
                await journal.intend(Intent(seq, 1, 1.0))
            journal.conclude(answered(0))
            journal.settle(fate(0))
            journal.conclude(answered(1, verdict="refused", answer=GONE))
            journal.settle(fate(1, "failed", 1, GONE))
            journal.settle(fate(2, "not_attempted", 0, Answer()))
            await journal.flush()

        asyncio.run(run())
        now_s = 1060.5
        store.finish_run(journal, exits=[Exit.TERMINATED], stopped={"coze-cn": "quota"})

    report = StateStore(path).load_report(journal.run_id)
    facts = report.facts
    assert [row.change for row in report.rows] == [*plan.changes, *(skip.change for skip in skipped)]
    assert [row.settlement.seq for row in report.rows] == [0, 1, 2, 3, 4]
    assert [row.settlement.outcome for row in report.rows] == [
        "updated",
        "failed",
        "not_attempted",
        "skipped",
        "conflict",
    ]
    assert report.rows[1].settlement == fate(1, "failed", 1, GONE)
    assert [row.settlement.reason for row in report.rows[3:]] == ["protected", "conflict"]
    assert (facts.run_id, facts.plan_id, facts.planned, facts.in_sync) == (journal.run_id, plan.plan_id, 5, 9)
    assert (facts.started_at_s, facts.finished_at_s) == (1000.0, 1060.5)
    assert facts.guards == tuple(guards)
    assert facts.allow_reason == "the yearly review"
    assert facts.stopped == {"coze-cn": "quota"}
    assert facts.exits == (Exit.TERMINATED,)
    assert report.exit is Exit.TERMINATED
    assert report.balanced
    (summary,) = StateStore(path).list_runs()
    assert summary.totals == report.totals
    assert summary.exit is Exit.TERMINATED


def test_a_run_that_did_not_end_is_reported_from_its_attempts(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(6))

        async def run() -> None:
            for seq in range(5):
                await journal.intend(Intent(seq, 1, 1.0))
            journal.conclude(answered(0))
            journal.settle(fate(0))
            journal.conclude(lost(1))
            await journal.intend(Intent(1, 2, 2.0))
            journal.conclude(answered(1, 2, "throttled", Answer(429, 4013, "slow down", "log")))
            journal.conclude(answered(2, verdict="throttled", answer=GONE))
            journal.conclude(Conclusion(3, 1, None, 0.0, "unsent", doubt=False, answer=Answer()))
            await journal.flush()

        asyncio.run(run())

    (first,) = (run.run_id for run in StateStore(path).list_runs())
    for again in range(2):
        report = StateStore(path).load_report(first)
        told = {row.settlement.seq: row.settlement for row in report.rows}
        assert [told[seq].outcome for seq in range(6)] == [
            "updated",
            "unknown",
            "not_attempted",
            "not_attempted",
            "unknown",
            "not_attempted",
        ]
        assert {told[seq].reason for seq in range(1, 6)} == {"unfinished"}
        assert [told[seq].attempts for seq in range(6)] == [1, 2, 1, 1, 1, 0]
        assert told[1].answer == Answer(429, 4013, "slow down", "log")
        assert report.facts.finished_at_s is None
        assert report.exit is Exit.UNFINISHED
        (*_, summary) = StateStore(path).list_runs()
        assert summary.totals == report.totals
        assert summary.exit is None
        assert StateStore(path).failed_of(first) == {image(seq) for seq in range(1, 6)}
        if not again:
            # The next run concludes what this one left open, and its report stays what it was.
            with StateStore(path) as store:
                began(store, plan_of([]))


def test_runs_are_listed_from_the_latest_and_found_by_their_id(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        for number in range(3):
            journal = store.begin_run(captions(number))
            asyncio.run(update(journal, range(number)))
            store.finish_run(journal)
        runs = store.list_runs()

        assert [run.totals["updated"] for run in runs] == [2, 1, 0]
        assert [run.exit for run in runs] == [Exit.OK] * 3
        assert len({run.run_id for run in runs}) == 3
        assert [len(store.load_report(run.run_id).rows) for run in runs] == [2, 1, 0]
        with pytest.raises(UsageError, match=r"no run nonsense; `kbsync runs`"):
            store.load_report("nonsense")
        assert store.failed_of(runs[0].run_id) == frozenset()
    with pytest.raises(UsageError, match="There is no run yet"):
        StateStore(path.with_name("none.db")).load_report()
    with pytest.raises(UsageError, match="There is no run yet"):
        StateStore(path.with_name("none.db")).failed_of()


def test_what_failed_last_time_can_be_asked_for(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(7))

        async def run() -> None:
            for seq, word in enumerate(
                ("updated", "failed", "unknown", "conflict", "stale", "skipped", "not_attempted")
            ):
                journal.settle(fate(seq, word))  # type: ignore[arg-type]
            await journal.flush()

        asyncio.run(run())
        store.finish_run(journal)

    assert StateStore(path).failed_of() == {image(1), image(2), image(6)}


def test_the_story_of_an_item_goes_over_runs_latest_first(path: Path) -> None:
    ids = []
    for text in ("一", "二"):
        with StateStore(path) as store:
            journal = began(store, plan_of([captioned(image(1), text), captioned(image(2), text)]))
            ids.append(journal.run_id)

            async def run(*, last: bool = text == "二") -> None:
                await journal.intend(Intent(0, 1, 10.0))  # noqa: B023
                if last:
                    return
                journal.conclude(lost(0, sent_at_s=11.0))  # noqa: B023
                await journal.intend(Intent(0, 2, 20.0))  # noqa: B023
                journal.conclude(Conclusion(0, 2, 21.0, 5.0, "accepted", doubt=False, answer=OK))  # noqa: B023
                journal.settle(fate(0, attempts=2))  # noqa: B023
                await journal.flush()  # noqa: B023

            asyncio.run(run())

    story = StateStore(path).show(image(1))
    assert story.item == image(1)
    assert story.fields == {"caption": "一"}
    assert story.doubts == ("coze.image.caption",)
    assert story.attempts == (
        AttemptRecord(ids[1], "coze.image.caption", 1, 10.0, "", doubt=True, answer=Answer()),
        AttemptRecord(ids[0], "coze.image.caption", 2, 21.0, "accepted", doubt=False, answer=OK),
        AttemptRecord(ids[0], "coze.image.caption", 1, 11.0, "lost", doubt=False, answer=Answer()),
    )
    assert [(fate.run_id, fate.at_s, fate.outcome, fate.why, fate.answer) for fate in story.fates] == [
        (ids[1], 10.0, "unknown", "unfinished", Answer()),
        (ids[0], 21.0, "updated", "", OK),
    ]
    assert story.fates[1].fields == captioned(image(1), "一").fields
    assert story.confirmed("caption") == story.fates[1]
    assert [fate.outcome for fate in StateStore(path).show(image(2)).fates] == ["not_attempted"] * 2
    assert StateStore(path).show(document(9)) == ItemStory(document(9), {}, (), ())


def test_what_is_known_was_confirmed_by_the_change_that_made_it_so(path: Path) -> None:
    for text in ("一", "二", "三"):
        with StateStore(path) as store:
            journal = began(store, plan_of([captioned(image(1), text)]))
            if text != "三":
                asyncio.run(update(journal, [0]))
            store.finish_run(journal)

    story = StateStore(path).show(image(1))

    assert story.fields == {"caption": "二"}
    assert [fate.outcome for fate in story.fates] == ["not_attempted", "updated", "updated"]
    assert story.confirmed("caption") == story.fates[1]
    assert story.confirmed("name") is None


def test_an_item_that_was_forgotten_keeps_its_story(path: Path) -> None:
    with StateStore(path) as store:
        asyncio.run(update(began(store, captions(2)), range(2)))
        store.forget([image(0)])

    assert StateStore(path).show(image(0)).fields == {}
    assert [fate.outcome for fate in StateStore(path).show(image(0)).fates] == ["updated"]


def test_items_are_found_by_id_and_else_by_a_known_name(path: Path) -> None:
    def named(item: Item, field: str, value: Value) -> Change:
        return Change(item, "x", "new", (FieldChange(field, None, value),), Source("a.yaml", 1, 1))

    plan = plan_of(
        [
            captioned(image(1), '","name":"年报.pdf"'),
            captioned(image(1, container="2"), "x"),
            named(document(1), "name", '年报"\\.pdf'),
            named(document(2), "meta.name", MetaValue("string", "年报.pdf")),
            named(document(3), "name", "年报.pdf"),
            named(document(4), "name", "年报.pdf 2"),
        ]
    )
    with StateStore(path) as store:
        journal = began(store, plan)
        asyncio.run(update(journal, [0, 2, 3, 4, 5]))

    store = StateStore(path)
    assert store.items_called(image(1).id) == {image(1), image(1, container="2")}
    assert store.items_called("年报.pdf") == {document(3)}
    assert store.items_called('年报"\\.pdf') == {document(1)}
    assert store.items_called("nobody") == frozenset()
    assert StateStore(path.with_name("none.db")).items_called("x") == frozenset()


def test_the_last_send_to_each_target_outlives_the_run(path: Path) -> None:
    plan = plan_of([captioned(image(1), "x"), captioned(image(2, target="coze-com"), "x")])
    now_s = 5000.0
    with StateStore(path, lambda: now_s) as store:
        journal = began(store, plan)

        async def run() -> None:
            for number, sent_s in enumerate((300.0, 100.0, None), 1):
                await journal.intend(Intent(0, number, 1.0))
                journal.conclude(Conclusion(0, number, sent_s, 1.0, "transient", doubt=False, answer=Answer()))
            read = await journal.intend_read("coze-com", "coze.image.caption", 1, 1.0)
            journal.conclude_read(read, ReadRecord("coze-com", "coze.image.caption", 1, 250.0, 1.0, "accepted", OK))
            await journal.flush()
            assert store.last_send_s() == {"coze-cn": 300.0, "coze-com": 250.0}
            await journal.intend(Intent(1, 1, 1.0))

        asyncio.run(run())
    store = StateStore(path, lambda: now_s)
    assert store.last_send_s() == {"coze-cn": 300.0, "coze-com": 5000.0}

    with store:
        began(store, plan_of([]))
        now_s = 9000.0
        assert store.last_send_s() == {"coze-cn": 300.0, "coze-com": 5000.0}


def test_a_read_that_a_kill_left_open_counts_as_sent_just_now(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(1))
        asyncio.run(_open_read(journal))

    assert StateStore(path, lambda: 777.0).last_send_s() == {"coze-cn": 777.0}
    assert StateStore(path).load_report().facts.reads == 1


async def _open_read(journal) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    await journal.intend_read("coze-cn", "coze.image.caption", 1, 1.0)


def test_what_a_target_left_is_not_attempted_for_its_reason_without_a_row_for_each(path: Path) -> None:
    changes = [captioned(image(number, target), "x") for target in ("a", "b", "c") for number in range(500)]
    with StateStore(path) as store:
        journal = began(store, plan_of(changes, skipped=[Skipped(captioned(image(1), "锁"), "protected")]))

        async def run() -> None:
            await update(journal, [0, 500])
            for seq in (1, 2, 3):
                await journal.intend(Intent(seq, 1, 1.0))
            journal.conclude(lost(1))
            journal.conclude(answered(2, verdict="refused", answer=GONE))
            journal.settle(fate(501, "failed"))
            journal.leave("a", "signal")
            journal.leave("b", "quota")
            await journal.flush()

        asyncio.run(run())
        before = store.load_report()
        store.finish_run(journal)
        report, (summary,) = store.load_report(), store.list_runs()
        asyncio.run(update(store.begin_run(plan_of(changes[:4])), range(4)))
        assert store._writer is not None
        outcomes = store._writer.run(lambda connection: connection.execute("SELECT count(*) FROM outcomes").fetchone())

    assert Counter((row.settlement.outcome, row.settlement.reason) for row in before.rows) == {
        ("updated", ""): 2,
        ("failed", "told"): 1,
        ("skipped", "protected"): 1,
        ("unknown", "unfinished"): 2,
        ("not_attempted", "unfinished"): 1_495,
    }
    told = {
        ("updated", ""): 2,
        ("failed", "told"): 1,
        ("skipped", "protected"): 1,
        ("unknown", "unfinished"): 2,
        ("not_attempted", "unfinished"): 501,
        ("not_attempted", "signal"): 496,
        ("not_attempted", "quota"): 498,
    }
    assert Counter((row.settlement.outcome, row.settlement.reason) for row in report.rows) == told
    assert report.rows[2].settlement.answer == GONE
    assert report.balanced
    assert summary.totals == report.totals
    assert (summary.exit, report.exit) == (Exit.UNFINISHED, Exit.UNFINISHED)
    assert outcomes == (7 + 4,)

    later = StateStore(path)
    assert later.load_report(summary.run_id).rows == report.rows
    assert later.list_runs()[1] == summary
    assert len(later.failed_of(summary.run_id)) == 1_498
