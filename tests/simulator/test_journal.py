from collections.abc import Awaitable, Callable

import anyio
import pytest

from kbsync.core.state import Conclusion, Intent, ReadRecord, Settlement
from kbsync.core.wire import Answer
from kbsync.errors import StateWriteError
from kbsync.simulator.clock import run_virtually
from kbsync.simulator.journal import Entry, ModelJournal, ReadEnd, ReadIntent

INTENT = Intent(0, 1, 0.0)
END = Conclusion(0, 1, 0.0, 1.0, "accepted", doubt=False, answer=Answer())
SETTLED = Settlement(0, "updated", "accepted", 1, Answer(), 1.0)


def journalled(
    scenario: Callable[[ModelJournal], Awaitable[None]], breaks_at_s: float | None = None
) -> list[tuple[float, Entry]]:
    """Return what is durable after *scenario*, and since when."""
    durable: list[tuple[float, Entry]] = []

    async def run() -> None:
        journal = ModelJournal(lambda entry: durable.append((round(anyio.current_time(), 3), entry)), 0.1, breaks_at_s)
        await scenario(journal)

    run_virtually(run)
    return durable


def test_an_intent_is_durable_when_it_returns() -> None:
    async def scenario(journal: ModelJournal) -> None:
        await journal.intend(INTENT)
        assert anyio.current_time() == pytest.approx(0.1, abs=0.001)

    assert journalled(scenario) == [(0.1, INTENT)]


def test_what_is_handed_in_during_a_commit_waits_for_the_next_one() -> None:
    async def scenario(journal: ModelJournal) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.intend, INTENT)
            await anyio.sleep(0.05)
            journal.conclude(END)
            journal.settle(SETTLED)
        await journal.flush()

    assert journalled(scenario) == [(0.1, INTENT), (0.2, END), (0.2, SETTLED)]


def test_how_something_ended_waits_a_moment_for_company() -> None:
    async def scenario(journal: ModelJournal) -> None:
        journal.conclude(END)
        await anyio.sleep(0.002)
        journal.settle(SETTLED)
        await anyio.sleep(1)

    assert journalled(scenario) == [(0.105, END), (0.105, SETTLED)]


def test_reads_have_numbers() -> None:
    async def scenario(journal: ModelJournal) -> None:
        assert await journal.intend_read("t", "o", 3, 0.0) == 1
        assert await journal.intend_read("t", "o", 3, 0.0) == 2
        journal.conclude_read(2, ReadRecord("t", "o", 3, 0.0, 1.0, "accepted", Answer()))
        await journal.flush()

    entries = [entry for _, entry in journalled(scenario)]
    assert entries[:2] == [ReadIntent(1, "t"), ReadIntent(2, "t")]
    assert isinstance(entries[2], ReadEnd)


def test_what_is_not_durable_when_the_process_is_killed_is_gone() -> None:
    async def scenario(journal: ModelJournal) -> None:
        await journal.intend(INTENT)
        journal.conclude(END)
        await anyio.sleep(0.05)
        journal.die()
        journal.settle(SETTLED)
        await journal.flush()
        await journal.intend(Intent(1, 1, 0.0))
        await anyio.sleep(1)

    assert journalled(scenario) == [(0.1, INTENT)]


def test_whoever_waits_when_the_process_is_killed_ends_with_it() -> None:
    async def scenario(journal: ModelJournal) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.intend, INTENT)
            tasks.start_soon(journal.intend_read, "t", "o", 1, 0.0)
            await anyio.sleep(0.05)
            journal.die()
        assert anyio.current_time() == pytest.approx(0.05, abs=0.001)

    assert journalled(scenario) == []


def test_an_intent_that_is_cancelled_is_concluded_unsent() -> None:
    async def scenario(journal: ModelJournal) -> None:
        with anyio.move_on_after(0.05):
            await journal.intend(INTENT)
        with anyio.move_on_after(0.01):
            await journal.intend_read("t", "o", 1, 0.0)
        await journal.flush()

    entries = [entry for _, entry in journalled(scenario)]
    (end,) = [entry for entry in entries if isinstance(entry, Conclusion)]
    assert (end.seq, end.number, end.sent_at_s, end.verdict, end.doubt) == (0, 1, None, "unsent", False)
    assert [entry.record.verdict for entry in entries if isinstance(entry, ReadEnd)] == ["unsent"]


def test_nothing_is_written_on_a_full_disk() -> None:
    async def scenario(journal: ModelJournal) -> None:
        await journal.intend(INTENT)
        await anyio.sleep(1)
        for _ in range(2):
            with pytest.raises(StateWriteError):
                await journal.intend(Intent(1, 1, 0.0))
        journal.conclude(END)
        with pytest.raises(StateWriteError):
            await journal.flush()

    assert journalled(scenario, breaks_at_s=0.5) == [(0.1, INTENT)]
