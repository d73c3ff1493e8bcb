import asyncio
import os
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from kbsync.adapters.state import RunJournal, StateStore
from kbsync.adapters.state.recorder import Concluded, Settled
from kbsync.core.state import Intent, ReadRecord, Settlement
from kbsync.core.wire import Answer
from kbsync.errors import StateWriteError
from tests.adapters.state.plans import (
    OK,
    answered,
    began,
    captioned,
    captions,
    fate,
    image,
    lost,
    plan_of,
    update,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


def _rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """Ask with a connection of its own: it sees what is committed and nothing else."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def test_an_intent_is_committed_when_its_wait_ends(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(3))

        async def run() -> None:
            for seq in range(3):
                await journal.intend(Intent(seq, 1, 1000.5))
                assert _rows(path, "SELECT count(*), max(intended_s) FROM intents") == [(seq + 1, 1000.5)]

        asyncio.run(run())


def test_observers_hear_of_an_outcome_once_it_is_committed_in_order_and_on_the_loop(path: Path) -> None:
    heard: list[int] = []
    with StateStore(path) as store:

        def observe(settlement: Settlement) -> None:
            assert threading.current_thread() is threading.main_thread()
            asyncio.get_running_loop()
            (count,) = _rows(path, f"SELECT count(*) FROM outcomes WHERE change = {settlement.seq + 1}")
            assert count == (1,)
            heard.append(settlement.seq)

        journal = began(store, captions(40), observe)
        asyncio.run(update(journal, range(40)))

    assert heard == list(range(40))


def test_an_observer_that_fails_holds_nothing_up_and_its_first_error_is_raised_when_all_is_durable(path: Path) -> None:
    heard: list[int] = []

    def observe(settlement: Settlement) -> None:
        heard.append(settlement.seq)
        if settlement.seq % 2:
            raise RuntimeError(f"no eyes for {settlement.seq}")

    with StateStore(path) as store:
        journal = began(store, captions(40), observe)

        async def run() -> None:
            async def send(seq: int) -> None:
                await journal.intend(Intent(seq, 1, 1.0))
                journal.conclude(answered(seq))
                journal.settle(fate(seq))

            async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
                for seq in range(40):
                    tasks.create_task(send(seq))
            with pytest.raises(RuntimeError, match=r"no eyes for 1$"):
                await journal.flush()
            assert _rows(path, "SELECT count(*) FROM outcomes") == [(40,)]

        asyncio.run(run())

    assert heard == list(range(40))


def test_an_outcome_is_told_soon_although_nothing_follows_it(path: Path) -> None:
    with StateStore(path) as store:

        async def run() -> None:
            told = asyncio.Event()
            journal = began(store, captions(1), lambda _: told.set())
            await journal.intend(Intent(0, 1, 1.0))
            journal.conclude(answered(0))
            journal.settle(fate(0))
            await asyncio.wait_for(told.wait(), 5)

        asyncio.run(run())


def test_many_waiting_at_once_share_a_commit(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(512))
        assert store._writer is not None
        commits = 0

        def count(statement: str) -> None:
            nonlocal commits
            commits += statement == "COMMIT"

        store._writer.run(lambda connection: connection.set_trace_callback(count))

        async def run() -> None:
            async with asyncio.TaskGroup() as tasks:
                for seq in range(512):
                    tasks.create_task(journal.intend(Intent(seq, 1, 1.0)))

        asyncio.run(run())

    assert len(_rows(path, "SELECT * FROM intents")) == 512
    assert 1 < commits < 10


def test_a_change_has_one_outcome_and_an_attempt_one_end(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(2))

        async def run() -> None:
            await journal.intend(Intent(0, 1, 1.0))
            with pytest.raises(ValueError, match="attempt 1 of change 0 has begun"):
                await journal.intend(Intent(0, 1, 1.0))
            journal.conclude(answered(0))
            with pytest.raises(ValueError, match="is not open"):
                journal.conclude(answered(0))
            journal.settle(fate(0))
            with pytest.raises(ValueError, match="has an outcome already"):
                journal.settle(fate(0, "failed"))
            with pytest.raises(ValueError, match="the change is settled"):
                await journal.intend(Intent(0, 2, 1.0))
            for seq, number in ((2, 1), (-1, 1), (1, 0), (1, 1000)):
                with pytest.raises(ValueError, match="there is no attempt"):
                    await journal.intend(Intent(seq, number, 1.0))
            await journal.flush()

        asyncio.run(run())
        store.finish_run(journal)
    assert StateStore(path).load_report().totals["updated"] == 1


def test_a_cancelled_intent_leaves_no_doubt_and_blocks_nobody(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(64))

        async def run() -> None:
            waiting = [asyncio.create_task(journal.intend(Intent(seq, 1, 1.0))) for seq in range(63)]
            await asyncio.sleep(0)
            for task in waiting[::2]:
                task.cancel()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert [isinstance(end, asyncio.CancelledError) for end in ends] == [seq % 2 == 0 for seq in range(63)]
            await journal.intend(Intent(63, 1, 1.0))
            await journal.intend(Intent(0, 2, 1.0))
            await journal.flush()

        asyncio.run(run())

    with StateStore(path).known() as known:
        assert set(known.doubts()) == {image(seq) for seq in range(64) if seq % 2 or not seq}


def test_a_cancelled_read_is_no_longer_open(path: Path) -> None:
    with StateStore(path, lambda: 5000.0) as store:
        journal = began(store, captions(1))

        async def run() -> None:
            task = asyncio.create_task(journal.intend_read("coze-cn", "coze.image.caption", 1, 1.0))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await journal.flush()

        asyncio.run(run())
        assert store.last_send_s() == {}


def test_reads_are_counted_apart_from_attempts(path: Path) -> None:
    with StateStore(path) as store:
        for reads in (2, 3):
            journal = began(store, captions(1)) if reads == 2 else store.begin_run(captions(1))

            async def run(count: int = reads, journal: RunJournal = journal) -> None:
                numbers = [await journal.intend_read("coze-cn", "coze.image.caption", 20, 1.0) for _ in range(count)]
                assert len(set(numbers)) == count
                record = ReadRecord("coze-cn", "coze.image.caption", 20, 77.0, 12.0, "accepted", OK)
                journal.conclude_read(numbers[0], record)
                with pytest.raises(ValueError, match="is not open"):
                    journal.conclude_read(numbers[0], record)
                await journal.flush()

            asyncio.run(run())
            store.finish_run(journal)

        assert store.load_report().facts.reads == 3
        assert store.load_report(store.list_runs()[1].run_id).facts.reads == 2
    assert len(_rows(path, "SELECT * FROM reads WHERE verdict = 'accepted' AND sent_s = 77.0 AND items = 20")) == 2


def test_hostile_text_and_huge_codes_are_recorded_without_breaking_anything(path: Path) -> None:
    answers = [
        Answer(200, 2**70, "\ud800 half a pair", "\udc80"),
        Answer(200, -(2**63), "\x00\x1b[31m'); DROP TABLE items; --", "id"),
        Answer(200, "\udfff", "", ""),
        Answer(None, None, "图" * 500, ""),
    ]
    with StateStore(path) as store:
        journal = began(store, captions(4))

        async def run() -> None:
            for seq, answer in enumerate(answers):
                await journal.intend(Intent(seq, 1, 1.0))
                journal.conclude(answered(seq, verdict="refused", answer=answer))
                journal.settle(fate(seq, "failed", answer=answer))
            await journal.flush()

        asyncio.run(run())
        told = [row.settlement.answer for row in store.load_report().rows]

    assert told == [
        Answer(200, str(2**70), "? half a pair", "?"),
        answers[1],
        Answer(200, "?", "", ""),
        answers[3],
    ]


@contextmanager
def _no_room(path: Path) -> Generator[None]:
    """Let no file grow beyond what the WAL has now, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _deleted(path: Path) -> Generator[None]:
    path.unlink()
    yield


@contextmanager
def _replaced(path: Path) -> Generator[None]:
    copy = path.with_name("copy")
    copy.write_bytes(b"another file")
    copy.rename(path)
    yield


@pytest.mark.parametrize("fault", [_no_room, _deleted, _replaced])
def test_when_a_write_fails_all_who_wait_learn_it_and_nothing_is_told_as_settled(
    path: Path, fault: Callable[[Path], AbstractContextManager[None]]
) -> None:
    heard: list[Settlement] = []
    kept = (answered(0), fate(0))
    with StateStore(path) as store:
        journal = began(store, captions(200), heard.append)

        async def run() -> None:
            for seq in (0, 1):
                await journal.intend(Intent(seq, 1, 1.0))
            with fault(path):
                journal.conclude(kept[0])
                journal.settle(kept[1])
                waiting = [journal.intend(Intent(seq, 1, 1.0)) for seq in range(2, 200)]
                ends = await asyncio.gather(*waiting, journal.flush(), return_exceptions=True)
                assert {type(end) for end in ends} == {StateWriteError}
                assert str(path) in str(ends[0])
                assert "could not be written" in str(ends[0])
            before_s = time.monotonic()
            for late in (
                journal.intend(Intent(1, 2, 1.0)),
                journal.intend_read("coze-cn", "coze.image.caption", 1, 1.0),
                journal.flush(),
            ):
                with pytest.raises(StateWriteError):
                    await late
            assert time.monotonic() - before_s < 0.1
            journal.conclude(answered(1))
            await asyncio.sleep(0.05)

        asyncio.run(run())
        with pytest.raises(StateWriteError):
            store.finish_run(journal)
        assert [entry[0] for entry in journal.unwritten[:2]] == list(kept)
        assert [type(entry) for entry in journal.unwritten] == [Concluded, Settled, Concluded]

    assert heard == []
    if fault is _no_room:
        with StateStore(path).known() as known:
            assert set(known.doubts()) == {image(0), image(1)}
        assert _rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_plan_that_cannot_be_recorded_leaves_the_state_as_it_was(path: Path) -> None:
    with StateStore(path) as store:
        asyncio.run(update(began(store, captions(3)), range(3)))
        with _no_room(path), pytest.raises(StateWriteError):
            store.begin_run(captions(20_000, "新"))

    with StateStore(path).known() as known:
        assert known.serial == 1
        assert len(StateStore(path).list_runs()) == 1
    assert _rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_loop_that_ended_early_does_not_keep_what_was_handed_in_from_the_state(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(1))

        async def run() -> None:
            await journal.intend(Intent(0, 1, 1.0))
            journal.conclude(lost(0))
            journal.settle(fate(0, "unknown"))

        asyncio.run(run())

    assert StateStore(path).load_report().totals["unknown"] == 1


def test_a_run_holds_few_descriptors_and_leaves_none(path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208

    before = descriptors()
    with StateStore(path) as store:
        journal = began(store, captions(500))
        asyncio.run(update(journal, range(500)))
        store.load_report()
        assert descriptors() - before <= 5
    assert descriptors() == before
    assert "kbsync-state" not in {thread.name for thread in threading.enumerate()}


def test_two_runs_of_one_process_follow_each_other(path: Path) -> None:
    with StateStore(path) as store:
        first = began(store, captions(2))
        asyncio.run(update(first, [0]))
        store.finish_run(first)
        second = store.begin_run(plan_of([captioned(image(0), "新", known="小猫 0"), captioned(image(1), "小猫 1")]))
        asyncio.run(update(second, [0, 1]))
        store.finish_run(second)

    with StateStore(path).known() as known:
        assert known.fields(image(0)) == {"caption": "新"}
        assert known.fields(image(1)) == {"caption": "小猫 1"}
        assert known.serial == 2


def test_at_no_moment_is_a_confirmed_update_neither_known_nor_in_doubt(path: Path) -> None:
    async def main(store: StateStore, journal: RunJournal) -> None:
        await journal.intend(Intent(0, 1, time.time()))
        journal.conclude(answered(0))
        committed(store)
        with StateStore(path).known() as known:
            assert known.doubts() == {image(0): frozenset({"coze.image.caption"})}
        journal.settle(fate(0))
        committed(store)
        with StateStore(path).known() as known:
            assert known.doubts() == {}
            assert known.fields(image(0)) is not None
        await journal.flush()

    def committed(store: StateStore) -> None:
        # A job comes after all that was handed in.
        assert store._writer is not None
        store._writer.run(lambda _: None)

    with StateStore(path) as store:
        asyncio.run(main(store, began(store, captions(1))))
