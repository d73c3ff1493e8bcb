"""A state is taken from a holder that is frozen, which then wakes up."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kbsync.adapters.state import StateLock, StateStore, holder, lock_path
from kbsync.errors import LockedError, LockLostError, StateError, UsageError
from tests.adapters.state.formats import is_sound
from tests.adapters.state.holders import holding
from tests.adapters.state.plans import began, captions, files_of, image, update


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


def _id(path: Path) -> str:
    found = holder(path)
    assert found is not None
    return found.id


def _break(path: Path) -> None:
    StateStore(path).break_lock(_id(path))


def _run(path: Path, text: str = "neu") -> None:
    with StateStore(path) as store:
        journal = began(store, captions(9, text))
        asyncio.run(update(journal, range(9)))
        store.finish_run(journal)


def _knows(path: Path, text: str) -> None:
    with StateStore(path).known() as known:
        assert [known.fields(image(number))["caption"] for number in range(9)] == [f"{text} {n}" for n in range(9)]


@pytest.mark.parametrize("others_run", [True, False])
def test_a_frozen_holder_that_wakes_up_can_write_nothing_any_more(path: Path, *, others_run: bool) -> None:
    with holding(path) as held:
        assert [held.tell(word) for word in ("begin", "update")] == ["done", "done"]
        held.freeze()
        with pytest.raises(LockedError, match="is stopped: `kill -CONT"):
            StateLock(path, "apply")
        _break(path)
        if others_run:
            _run(path)
        held.wake()
        assert held.tell("update") == "LockLostError"
        held.process.communicate()

    if others_run:
        _knows(path, "neu")
    else:
        with StateStore(path).known() as known:
            assert list(known.items()) == [image(0)]
    assert is_sound(path)
    _run(path, "neuer")
    _knows(path, "neuer")
    assert files_of(path.parent) == {"state.db", "state.db.lock"}


@pytest.mark.parametrize("others_run", [True, False])
def test_a_holder_that_was_frozen_before_it_wrote_anything_creates_nothing(path: Path, *, others_run: bool) -> None:
    with holding(path) as held:
        held.freeze()
        _break(path)
        if others_run:
            _run(path)
        held.wake()
        assert held.tell("begin") == "LockLostError"

    if others_run:
        _knows(path, "neu")
        assert len(StateStore(path).list_runs()) == 1
    assert holder(path) is None


def test_the_end_of_a_run_that_lost_its_lock_says_so_and_leaves_a_recovery_file(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(9))
        _break(path)
        with pytest.raises(LockLostError, match="its lock was broken or removed") as told:
            store.finish_run(journal)

    assert f"kbsync state recover {path.parent}" in str(told.value)


def test_a_holder_in_the_middle_of_a_write_keeps_its_lock(path: Path) -> None:
    with holding(path) as held:
        held.tell("begin")
        assert held.tell("hang") == "inside"
        held.freeze()
        with pytest.raises(LockedError, match="is in the middle of a write") as told:
            _break(path)
        assert f"kill -CONT {held.process.pid}" in str(told.value)
        with pytest.raises(LockedError):
            StateLock(path, "apply")

    _run(path)
    _knows(path, "neu")


def test_a_holder_whose_lock_file_was_removed_is_stopped_by_the_next_one(path: Path) -> None:
    with holding(path) as held:
        held.tell("begin")
        lock_path(path).unlink()
        _run(path)
        assert held.tell("update") == "LockLostError"

    _knows(path, "neu")


def test_the_epoch_alone_keeps_a_second_writer_out(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(9, "alt"))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE state SET epoch = epoch + 1")
            connection.commit()
        with pytest.raises(LockLostError):
            asyncio.run(update(journal, [0]))


def test_only_the_lock_that_was_named_is_broken(path: Path) -> None:
    with pytest.raises(UsageError, match="there is no lock to break"):
        StateStore(path).break_lock("0123456789ab")

    with holding(path) as held:
        held.tell("begin")
        with pytest.raises(UsageError, match=f"is {_id(path)}, not 0123456789ab"):
            StateStore(path).break_lock("0123456789ab")
        with pytest.raises(UsageError):
            StateStore(path).break_lock("")
        assert held.tell("update") == "done"


def test_a_broken_lock_remembers_which_state_it_guarded(path: Path) -> None:
    _run(path)
    with holding(path) as held:
        held.freeze()
        _break(path)
    path.unlink()

    with pytest.raises(StateError, match="is missing, and 1 runs had written"):
        StateStore(path).known()


def test_a_lock_that_is_broken_while_it_is_waited_for_is_taken(path: Path) -> None:
    async def wait() -> None:
        waiting = asyncio.create_task(asyncio.to_thread(StateLock, path, "apply", 60.0))
        await asyncio.sleep(0.3)
        _break(path)
        lock = await waiting
        assert lock.stands
        assert _id(path) == lock.holder.id
        lock.release()

    with holding(path) as held:
        held.freeze()
        asyncio.run(wait())


def test_many_that_break_one_lock_leave_one_holder_at_a_time(path: Path) -> None:
    _run(path)
    with holding(path) as held:
        held.tell("begin")
        held.freeze()
        id_ = _id(path)

        def one(_: int) -> str:
            try:
                StateStore(path).break_lock(id_)
            except (UsageError, LockedError) as error:
                return type(error).__name__
            return "broke"

        async def race() -> list[str]:
            return await asyncio.gather(*(asyncio.to_thread(one, number) for number in range(6)))

        told = asyncio.run(race())
        held.wake()
        assert held.tell("update") == "LockLostError"

    assert "broke" in told
    _run(path, "danach")
    _knows(path, "danach")
