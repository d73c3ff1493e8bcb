"""What is kept of older runs: what something may still depend on, and a line."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.adapters.state.recovery_file import leave
from kbsync.core.plan import Plan
from kbsync.core.report import Report, RunSummary
from kbsync.core.state import Intent, ReadRecord
from kbsync.errors import InputError, UsageError
from tests.adapters.state.formats import is_sound, old_state
from tests.adapters.state.plans import OK, began, captioned, captions, fate, image, lost, plan_of, update
from tests.faults.boundaries import Boundaries, watch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


def run(store: StateStore, plan: Plan, *, doubtful: Sequence[int] = (), reads: int = 0) -> str:
    """Have a run that updates what is not *doubtful*, and return its id."""
    journal = store.begin_run(plan)

    async def send() -> None:
        for _ in range(reads):
            number = await journal.intend_read("volc-bj", "volcengine.docs", 100, 1.0)
            journal.conclude_read(number, ReadRecord("volc-bj", "volcengine.docs", 100, 1.0, 5.0, "accepted", OK))
        for seq in doubtful:
            await journal.intend(Intent(seq, 1, 1.0))
            journal.conclude(lost(seq, sent_at_s=1000.0))
            journal.settle(fate(seq, "unknown"))
        await update(journal, [seq for seq in range(len(plan.changes)) if seq not in doubtful])

    asyncio.run(send())
    store.finish_run(journal)
    return journal.run_id


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return number


def known_of(path: Path) -> object:
    """Give all that the comparison and the engine take from a state."""
    with StateStore(path).known() as known:
        items = {item: (known.digest(item), dict(known.fields(item))) for item in known.items()}
        sends = StateStore(path).last_send_s()
        return items, known.doubts(), known.hazards(), known.counts(), known.declared_items, known.serial, sends


def test_of_older_runs_a_line_is_kept_and_of_the_others_all(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        ids = [run(store, captions(3, f"text {number}")) for number in range(4)]
        reports = [store.load_report(run_id) for run_id in ids]
        before = store.list_runs()

        assert store.prune(2)

        assert [one.pruned for one in store.list_runs()] == [False, False, True, True]
        assert tuple(replace(one, pruned=False) for one in store.list_runs()) == before
        assert [store.load_report(run_id) for run_id in ids[2:]] == reports[2:]
        for run_id in ids[:2]:
            for ask in (store.load_report, store.written_by, store.failed_of):
                with pytest.raises(UsageError, match=f"The run {run_id} was pruned(?s:.*)keep_runs"):
                    ask(run_id)
    assert [rows(path, table) for table in ("changes", "outcomes", "attempts", "runs")] == [6, 6, 6, 4]


def test_a_run_without_changes_pushes_none_out_that_has_something_to_undo(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        first = run(store, captions(1))
        for _ in range(5):
            run(store, plan_of([]))

        store.prune(1)

        assert not any(one.pruned for one in store.list_runs())
        assert store.load_report(first).totals["updated"] == 1


def test_what_is_in_doubt_stays_until_it_is_settled(path: Path) -> None:
    now_s = 1000.0
    with StateStore(path, lambda: now_s) as store:
        store.lock("apply")
        run(store, captions(3), doubtful=[1])
        run(store, captions(1, first=5))
        before = known_of(path)

        assert store.prune(1)
        assert known_of(path) == before
        assert rows(path, "changes") == 2
        assert [fate.outcome for fate in store.show(image(1)).fates] == ["unknown"]

        run(store, captions(1, "again", first=1))
        assert store.prune(1)
        # It may arrive late, for an hour.
        assert rows(path, "changes") == 2
        now_s += 4000.0
        run(store, captions(1, "once more", first=1))
        assert store.prune(1)
        assert rows(path, "changes") == 1
        assert rows(path, "attempts") == 1


def test_a_killed_run_keeps_the_totals_that_it_had(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(4))
        asyncio.run(update(journal, [0, 1]))
    with StateStore(path) as store:
        store.lock("apply")
        run(store, captions(1, "other"))
        store.prune(1)
        _, killed = store.list_runs()

    assert (killed.pruned, killed.exit, killed.finished_at_s) == (True, None, None)
    assert (killed.totals["updated"], killed.totals["not_attempted"]) == (2, 2)


def test_numbers_of_what_is_gone_are_not_given_again(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        run(store, captions(2), reads=7)
        kept = run(store, captions(2, "more"))
        store.prune(1)
        assert rows(path, "reads") == 0
        last = run(store, captions(2, "most"), reads=2)

        assert store.load_report(kept).facts.reads == 0
        assert store.load_report(last).facts.reads == 2
        assert [fate.run_id for fate in store.show(image(0)).fates] == [last, kept]


def test_released_items_of_older_runs_go_and_the_size_of_the_last_manifest_stays(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        run(store, captions(9))
        run(store, plan_of([captioned(image(8), "x", "小猫 8")], released=[image(number) for number in range(8)]))
        last = run(store, plan_of([captioned(image(8), "y", "x")], released=[], items=1))
        store.prune(1, at_once=3)

        assert store.load_report(last).facts.released == ()
        with store.known() as known:
            assert known.declared_items == 1
    assert rows(path, "released") == 0


def test_it_stops_after_a_while_and_goes_on_the_next_time(path: Path) -> None:
    ticks = iter(range(0, 1000, 1))
    with StateStore(path) as store:
        store.lock("apply")
        first, last = run(store, captions(10)), run(store, captions(1, "x"))
        before = known_of(path)

        assert not store.prune(1, clock=lambda: float(next(ticks)), at_once=1)

        assert 1 < rows(path, "changes") < 11
        assert known_of(path) == before
        with pytest.raises(UsageError, match="was pruned"):
            store.load_report(first)
        assert store.prune(1)
        assert rows(path, "changes") == 1
        assert store.load_report(last).totals["updated"] == 1


def test_the_file_does_not_grow_with_the_number_of_runs(path: Path) -> None:
    sizes: list[int] = []
    with StateStore(path) as store:
        store.lock("apply")
        for number in range(12):
            run(store, captions(20, f"{'text ' * 200}{number}"))
            store.prune(2)
            with closing(sqlite3.connect(path)) as connection:
                sizes.append(connection.execute("PRAGMA page_count").fetchone()[0])

    assert max(sizes[4:]) <= 1.1 * sizes[4]


def test_a_recovery_file_of_a_pruned_run_is_refused(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        first = run(store, captions(2), doubtful=[0])
        run(store, captions(1, "x", first=5))
        store.prune(1)
        with store.known() as known:
            file = leave(path, known.lineage, first, [])
        assert file is not None

        with pytest.raises(InputError) as caught:
            store.recover(file)
    assert caught.value.problems == (
        f"{file}:1:1: the run {first}, which left it, was pruned, and later ones settled the rest [bad-recovery]",
    )


def test_a_state_of_format_2_has_no_pruned_runs(path: Path) -> None:
    old_state(path, 2)

    assert [one.pruned for one in StateStore(path).list_runs()] == [False, False]
    with StateStore(path) as store:
        store.lock("apply")
        run(store, captions(1, "x"))
        assert store.prune(1)
        assert [one.pruned for one in store.list_runs()] == [False, True, True]


# ------------------------------------------------------------------------------------------------------------- kills
@pytest.mark.fault("F5", seen="killed before and after each commit of the pruning: nothing known or kept is lost")
def test_a_kill_in_the_middle_leaves_all_that_is_to_be_kept(path: Path, tmp_path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        for number in range(3):
            run(store, captions(6, f"text {number}", first=2 * number), doubtful=[number], reads=3)
        last = store.load_report()
    before, lines = known_of(path), StateStore(path).list_runs()
    kills = 0
    for moment in ("before BEGIN IMMEDIATE", "before COMMIT", "after COMMIT"):
        for number in range(1, 20):
            folder = tmp_path / f"{moment[-6:]}-{moment[:5]}-{number}"
            shutil.copytree(path.parent, folder)
            status = _pruned_and_killed(folder / path.name, f"{moment} #{number}")
            if status == 0:
                break
            assert status == -signal.SIGKILL
            kills += 1
            _check(folder / path.name, before, lines, last)
    assert kills >= 20


def _pruned_and_killed(state: Path, fatal: str) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            watch(
                state.parent, Boundaries(state.with_name("boundaries"), fatal, [signal.SIGKILL]), pytest.MonkeyPatch()
            )
            with StateStore(state) as store:
                store.lock("apply")
                code = not store.prune(1, at_once=2)
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _check(state: Path, before: object, lines: tuple[RunSummary, ...], last: Report) -> None:
    assert is_sound(state)
    assert known_of(state) == before
    with StateStore(state) as store:
        assert tuple(replace(one, pruned=False) for one in store.list_runs()) == lines
        assert store.load_report() == last
        for one in store.list_runs():
            if not one.pruned:
                report = store.load_report(one.run_id)
                assert report.totals == one.totals
                assert len(report.rows) == 6
        store.lock("apply")
        assert store.prune(1, at_once=2)
        assert [one.pruned for one in store.list_runs()] == [False, True, True]
    assert known_of(state) == before
    assert rows(state, "changes") == 6 + 2
