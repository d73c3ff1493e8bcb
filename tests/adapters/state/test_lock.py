import multiprocessing
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kbsync.adapters.state import StateLock, StateStore, holder, lock_path
from kbsync.errors import LockedError, StateError
from tests.adapters.state.holders import holding
from tests.adapters.state.plans import captions
from tests.stories.figures import Figures, figures
from tests.stories.races import race_often, wait_in_line

__all__ = ("figures",)

_HOLD = """
import sys, time
from pathlib import Path
from kbsync.adapters.state import StateLock
with StateLock(Path(sys.argv[1]), "apply --yes"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


@pytest.fixture
def held(path: Path) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.send_signal(signal.SIGCONT)
        process.kill()


def test_the_loser_learns_who_holds_the_lock(path: Path, held: subprocess.Popen[str]) -> None:
    with pytest.raises(LockedError) as told, StateStore(path) as store:
        store.lock("apply")

    for word in (f"process {held.pid}", socket.gethostname(), "`kbsync apply --yes`", "since 20", "Nothing was sent"):
        assert word in str(told.value)
    found = holder(path)
    assert found is not None
    assert (found.pid, found.host, found.command) == (held.pid, socket.gethostname(), "apply --yes")
    assert abs(found.started_s - time.time()) < 60


def test_the_next_one_is_told_that_a_holder_did_not_live_to_give_it_back(
    path: Path, held: subprocess.Popen[str]
) -> None:
    held.kill()
    held.wait()

    with StateStore(path, lambda: 7.0) as store:
        store.lock("apply")
        assert store.sent_until_s() == 7.0
    with StateStore(path, lambda: 7.0) as store:
        store.lock("apply")
        assert store.sent_until_s() == 0.0


def test_a_dead_holder_holds_nothing(path: Path, held: subprocess.Popen[str]) -> None:
    held.kill()
    held.wait()

    assert holder(path) is None
    StateLock(path, "apply").release()


@pytest.mark.fault("F14", seen="the frozen one keeps its lock")
def test_a_frozen_holder_keeps_its_lock(path: Path, held: subprocess.Popen[str]) -> None:
    held.send_signal(signal.SIGSTOP)

    with pytest.raises(LockedError, match=f"process {held.pid}"):
        StateLock(path, "apply")


def test_a_lock_given_back_is_free_and_names_nobody(path: Path) -> None:
    with StateLock(path, "apply") as lock:
        assert holder(path) == lock.holder
    lock.release()

    assert holder(path) is None
    assert not lock_path(path).read_bytes().strip()
    with StateLock(path, "apply"):
        pass


def test_asking_for_the_holder_creates_nothing(path: Path) -> None:
    assert holder(path) is None
    assert StateStore(path).holder() is None
    assert not path.parent.exists()


def test_the_lock_file_is_the_owners_alone_and_never_a_link(path: Path) -> None:
    with StateLock(path, "apply"):
        assert stat.S_IMODE(lock_path(path).stat().st_mode) == 0o600
    target = path.with_name("precious")
    target.write_text("precious")
    lock_path(path).unlink()
    lock_path(path).symlink_to(target)

    with pytest.raises(StateError, match="cannot be taken"):
        StateLock(path, "apply")
    with pytest.raises(StateError, match="cannot be read"):
        holder(path)
    assert target.read_text() == "precious"


def test_what_stands_in_the_lock_file_never_matters(path: Path) -> None:
    with StateLock(path, "apply"):
        for text in (b"", b"not json", b"[]", b'{"id": 1}', b"\xff" * 9999):
            lock_path(path).write_bytes(text)
            assert holder(path) is not None
            with pytest.raises(LockedError, match="Another run holds the state"):
                StateLock(path, "apply")


def test_a_child_does_not_inherit_the_lock(path: Path) -> None:
    with StateLock(path, "apply"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        StateLock(path, "apply").release()
    finally:
        child.kill()
        child.wait()


def test_asking_who_holds_the_lock_turns_nobody_away(path: Path) -> None:
    StateLock(path, "apply").release()
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    asking = context.Process(target=_ask, args=(path, stop))
    asking.start()
    try:
        for _ in range(300):
            StateLock(path, "apply").release()
    finally:
        stop.set()
        asking.join()


def _ask(path: Path, stop: object) -> None:
    while not stop.is_set():  # type: ignore[attr-defined]
        holder(path)


def test_of_many_that_race_one_wins_and_is_named_by_the_others(path: Path, figures: Figures) -> None:
    figures(race_often(path, races=30, seed=1))


def test_all_who_wait_have_their_turn_one_after_the_other(path: Path) -> None:
    wait_in_line(path, races=3, seed=1)


@pytest.mark.fault("F11", seen="told for whom it waits, and has its turn")
def test_who_waits_is_told_for_whom_and_gets_the_lock_when_it_is_free(path: Path) -> None:
    said: list[str] = []
    with holding(path) as held, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(StateLock, path, "apply", 60.0, said.append)
        while not said:
            assert not waiting.done()
            time.sleep(0.01)
        held.process.kill()
        with waiting.result() as lock:
            assert lock.stands

    (told,) = said
    assert told.startswith("waiting up to 60 s for the state: `kbsync apply --yes`")
    assert f"process {held.process.pid}" in told


def test_who_waits_in_vain_is_told_who_it_was(path: Path) -> None:
    with holding(path) as held:
        before_s = time.monotonic()
        with pytest.raises(LockedError, match=f"process {held.process.pid}"):
            StateLock(path, "apply", 0.7)
        assert time.monotonic() - before_s >= 0.7


_WAIT = """
import sys
from pathlib import Path
from kbsync.adapters.state import StateLock
StateLock(Path(sys.argv[1]), "apply", 3600.0, lambda line: print(line, flush=True))
"""


@pytest.mark.fault("F44", seen="waiting for the lock: ended")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -2), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
def test_a_signal_ends_the_wait_at_once(path: Path, number: signal.Signals, code: int) -> None:
    with (
        holding(path),
        subprocess.Popen([sys.executable, "-c", _WAIT, str(path)], stdout=-1, stderr=-1, text=True) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline().startswith("waiting")
        process.send_signal(number)
        # It would wait for an hour.
        assert process.wait(timeout=60) == code


def test_a_lock_on_a_file_that_was_replaced_is_taken_anew(path: Path) -> None:
    first = StateLock(path, "apply")
    new = path.with_name("new.lock")
    new.write_bytes(b"")
    new.rename(lock_path(path))

    assert not first.stands
    with StateLock(path, "apply") as second:
        assert second.stands
        first.release()
        with pytest.raises(LockedError):
            StateLock(path, "apply")


def test_writing_needs_the_lock(path: Path) -> None:
    with pytest.raises(AssertionError, match="needs the lock"):
        StateStore(path).begin_run(captions(1))
    assert not path.parent.exists()
