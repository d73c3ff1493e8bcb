"""A state that was lost, emptied, replaced or set back is noticed by whatever would read or write it."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kbsync.adapters.state import Guarded, StateLock, StateStore, lock_path
from kbsync.core.items import Item
from kbsync.errors import StateError
from tests.adapters.state.plans import began, captions, files_of, image, update


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return _run(tmp_path / ".kbsync" / "state.db")


def _run(path: Path, text: str = "小猫") -> Path:
    with StateStore(path) as store:
        journal = began(store, captions(3, text))
        asyncio.run(update(journal, range(3)))
        store.finish_run(journal)
    return path


def _copied(path: Path, name: str) -> Path:
    return Path(shutil.copy(path, path.with_name(name)))


def _missing(path: Path) -> None:
    path.unlink()


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _another(path: Path) -> None:
    path.unlink()
    shutil.copy(_run(path.parent / "other" / "state.db"), path)


def _older(path: Path) -> None:
    before = _copied(path, "before")
    _run(path, "neu")
    before.rename(path)


def _forked(path: Path) -> None:
    """Have as many runs, and more, on a copy elsewhere, and bring it back."""
    elsewhere = path.parent / "elsewhere" / "state.db"
    elsewhere.parent.mkdir()
    shutil.copy(path, elsewhere)
    for text in ("a", "b"):
        _run(elsewhere, text)
    _run(path, "neu")
    elsewhere.rename(path)


_HARMS = [
    pytest.param(_missing, "is missing, and 1 runs had written", id="missing"),
    pytest.param(_emptied, "was emptied", id="emptied"),
    pytest.param(_another, "is not the one that was here: its lineage is", id="another"),
    pytest.param(_older, "is an older or another copy: 1 runs have written to it", id="older"),
    pytest.param(_forked, "is an older or another copy: 3 runs have written to it", id="forked"),
]


@pytest.mark.fault("F47", seen="another state in its place is refused by all commands")
@pytest.mark.parametrize(("harm", "said"), _HARMS)
def test_what_is_not_the_state_that_was_there_is_refused_by_all_and_left_alone(
    path: Path, harm: Callable[[Path], None], said: str
) -> None:
    harm(path)
    before = {file: file.read_bytes() for file in path.parent.glob("state.db*")}

    store = StateStore(path)
    for read in (
        store.known,
        store.list_runs,
        store.load_report,
        store.failed_of,
        lambda: store.show(image(1)),
        store.last_send_s,
    ):
        with pytest.raises(StateError, match=said):
            read()
    with StateStore(path) as writer:
        writer.lock("apply")
        with pytest.raises(StateError, match=said) as told:
            writer.begin_run(captions(1))
        with pytest.raises(StateError, match=said):
            writer.forget([image(1)])

    assert "kbsync state accept" in str(told.value)
    assert "kbsync state rebuild" in str(told.value)
    assert {file: file.read_bytes() for file in path.parent.glob("state.db*") if file.suffix != ".lock"} == {
        file: content for file, content in before.items() if file.suffix != ".lock"
    }


@pytest.mark.parametrize("harm", [_another, _older, _forked])
def test_what_is_accepted_is_used_from_then_on(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path)
    with StateStore(path) as store:
        store.lock("state accept")
        accepted = store.accept()

    with StateStore(path).known() as known:
        assert (known.lineage, known.serial) == accepted[:2]
    _run(path, "danach")
    with StateStore(path).known() as known:
        assert known.fields(image(1)) == {"caption": "danach 1"}


def test_there_must_be_a_sound_state_to_accept(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("state accept")
        path.unlink()
        with pytest.raises(StateError, match="There is no state"):
            store.accept()
        path.write_bytes(b"text")
        with pytest.raises(StateError, match="is not a database"):
            store.accept()


def test_a_restored_copy_of_the_last_moment_needs_no_word(path: Path) -> None:
    backup = _copied(path, "backup")
    path.unlink()
    backup.rename(path)

    _run(path, "danach")


def test_a_state_without_a_memory_is_taken_as_it_is_and_remembered(path: Path) -> None:
    lock_path(path).unlink()
    with StateStore(path) as store:
        store.lock("state forget")
        store.forget([image(1)])
    path.unlink()

    with pytest.raises(StateError, match="is missing"):
        StateStore(path).known()


@pytest.mark.parametrize("junk", [b"", b"{}", b"[1]", b"\xff" * 4096, b'{"lineage": 1, "serial": "x", "run_id": 2}'])
def test_a_memory_that_nobody_can_read_is_none(path: Path, junk: bytes) -> None:
    lock_path(path).write_bytes(junk)

    _run(path, "danach")
    assert lock_path(path).stat().st_size == 4096
    path.unlink()
    with pytest.raises(StateError, match="is missing, and 2 runs had written"):
        StateStore(path).known()


def test_a_run_is_remembered_before_it_sends_anything(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(1))
        with StateStore(path).known() as known:
            lineage = known.lineage
        assert store._lock is not None
        assert store._lock.guarded == Guarded(lineage, 2, journal.run_id)


def test_what_is_remembered_outlives_locks_that_guard_nothing_new(path: Path) -> None:
    for _ in range(3):
        StateLock(path, "state lock").release()
    path.unlink()

    with pytest.raises(StateError, match="is missing, and 1 runs"):
        StateStore(path).known()


def test_a_first_run_where_there_never_was_a_state_needs_no_word(tmp_path: Path) -> None:
    path = tmp_path / ".kbsync" / "state.db"
    StateLock(path, "apply").release()

    with StateStore(path).known() as known:
        assert known.lineage == ""
    _run(path)


# ---------------------------------------------------------------------------------------------------------- rebuilding
_ITEMS = [(image(number), {"caption": f"live {number}"}) for number in range(600)]


def _rebuild(path: Path, items: list[tuple[Item, dict[str, str]]] = _ITEMS) -> Path | None:
    with StateStore(path, lambda: 1_795_000_000.0) as store:
        store.lock("state rebuild")
        return store.rebuild(items)


def test_a_new_state_knows_that_every_target_may_have_been_sent_to_until_now(path: Path) -> None:
    with StateStore(path, lambda: 1_795_000_000.0) as store:
        store.lock("state init")
        store.rebuild((), ["coze-cn", "volc-bj"])

    assert StateStore(path).last_send_s() == dict.fromkeys(["coze-cn", "volc-bj"], 1_795_000_000.0)


def test_a_rebuilt_state_knows_what_it_was_given_and_the_old_one_is_kept(path: Path) -> None:
    before = path.read_bytes()
    with StateStore(path).known() as known:
        lineage = known.lineage

    old = _rebuild(path)

    assert old == path.with_name("state.db.old-20261118T110640Z")
    assert len(old.read_bytes()) == len(before)
    assert files_of(path.parent) == {"state.db", "state.db.lock", old.name}
    with StateStore(path).known() as known:
        assert known.lineage not in ("", lineage)
        assert (known.serial, known.declared_items) == (0, 0)
        assert {item: known.fields(item) for item in known.items()} == dict(_ITEMS)
        assert all(known.digest(item) for item, _ in _ITEMS)
        assert known.doubts() == {}
    assert StateStore(path).last_send_s() == {"coze-cn": 1_795_000_000.0}
    assert path.stat().st_mode & 0o077 == 0
    with StateStore(old).known() as known:
        assert known.lineage == lineage
    _run(path, "danach")


def _text(path: Path) -> None:
    path.write_text("captions: none\n" * 100)


def _damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize("harm", [_emptied, _another, _older, _forked, _text, _damaged, _newer])
def test_whatever_is_there_can_be_replaced(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path)
    before = path.read_bytes()

    old = _rebuild(path)

    assert old is not None
    if harm is not _newer:
        assert old.read_bytes()[100:] == before[100:]  # but for the mode in the header
    with StateStore(path).known() as known:
        assert len(list(known.items())) == 600
    _run(path, "danach")


def test_where_a_state_is_missing_one_is_begun(path: Path, tmp_path: Path) -> None:
    path.unlink()
    assert _rebuild(path) is None
    _run(path, "danach")

    assert _rebuild(tmp_path / "new" / "state.db", []) is None
    _run(tmp_path / "new" / "state.db")


def test_what_a_killed_run_left_beside_a_state_goes_with_it(path: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed" / "state.db"
    with StateStore(path) as store:
        asyncio.run(update(began(store, captions(3, "neu")), [0, 1]))
        shutil.copytree(path.parent, crashed.parent)
    crashed.unlink()

    assert _rebuild(crashed) is None
    assert crashed.with_name("state.db.old-20261118T110640Z-wal").stat().st_size > 0
    with StateStore(crashed).known() as known:
        assert known.fields(image(0)) == {"caption": "live 0"}


def test_two_states_of_one_second_are_both_kept(path: Path) -> None:
    names = {_rebuild(path, []), _rebuild(path, []), _rebuild(path, [])}

    assert len(names) == 3
    assert None not in names


def test_a_database_of_another_program_is_not_touched(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (only_mine)")
    before = path.read_bytes()

    with pytest.raises(StateError, match="is a database of another program"):
        _rebuild(path)
    assert path.read_bytes() == before
    assert files_of(path.parent) == {"state.db", "state.db.lock"}


def test_a_reader_in_the_way_keeps_the_state_where_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kbsync.adapters.state.replacing._BUSY_TIMEOUT_S", 0.2)
    with StateStore(path).known() as known:
        with pytest.raises(StateError, match="has been in use by another process"):
            _rebuild(path)
        assert known.fields(image(1)) == {"caption": "小猫 1"}
    _run(path, "danach")


def test_what_cannot_be_given_replaces_nothing(path: Path) -> None:
    def broken() -> object:
        yield from _ITEMS[:300]
        raise ZeroDivisionError

    with StateStore(path) as store:
        store.lock("state rebuild")
        with pytest.raises(ZeroDivisionError):
            store.rebuild(broken())  # type: ignore[arg-type]
    assert files_of(path.parent) == {"state.db", "state.db.lock"}
    _run(path, "danach")


# Kills a process of its own before each call of something written in C, one after the other.
_KILL_EVERYWHERE = """
import os, shutil, signal, sys
from pathlib import Path
from kbsync.adapters.state import StateStore
from tests.adapters.state.plans import image

source, folder = Path(sys.argv[1]), Path(sys.argv[2])
point, survived = 0, False
while not survived:
    point += 1
    place = folder / str(point)
    shutil.copytree(source.parent, place)
    child = os.fork()
    if not child:
        store = StateStore(place / source.name)
        store.lock("state rebuild")
        calls = 0

        def count(frame, event, _):
            global calls
            if event == "c_call" and frame.f_code.co_filename.endswith(
                ("replacing.py", "creation.py", "lockfile.py", "lock.py", "pathlib.py")
            ):
                calls += 1
                if calls == point:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        store.rebuild([(image(7), {"caption": "live"})])
        sys.setprofile(None)
        os._exit(0)
    survived = os.waitpid(child, 0)[1] == 0
print(point - 1)
"""


@pytest.mark.fault(
    "F5", seen="a rebuilding killed at each of its steps: the old state, the new one, or none, which is noticed"
)
def test_a_kill_at_any_point_leaves_the_old_state_a_new_one_or_none_which_is_noticed(
    path: Path, tmp_path: Path
) -> None:
    places = tmp_path / "places"
    places.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _KILL_EVERYWHERE, str(path), str(places)], capture_output=True, text=True, check=True
    )
    seen: list[str] = []
    for point in range(1, int(done.stdout) + 1):
        state = places / str(point) / "state.db"
        if state.exists():
            with StateStore(state).known() as known:
                items = [item.id for item in known.items()]
            seen.append("new" if items == [image(7).id] else "old")
            assert seen[-1] == "new" or len(items) == 3
            if seen[-1] not in seen[:-1] or point % 8 == 0:
                _run(state, "danach")
        else:
            seen.append("none")
            with pytest.raises(StateError, match=r"is missing.*\n.*kbsync state rebuild"):
                StateStore(state).known()
            (kept,) = state.parent.glob("state.db.old-*")
            with StateStore(kept).known() as known:
                assert len(list(known.items())) == 3
            assert _rebuild(state) is None
        shutil.rmtree(state.parent)

    assert set(seen) == {"old", "none", "new"}
    assert seen == sorted(seen, key=["old", "none", "new"].index)
    assert len(seen) >= 40
