import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from kbsync.adapters.state import StateLock, StateStore, holder, lock_path
from kbsync.errors import LockedError, StateError
from tests.adapters.state.plans import captions

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
def held(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN201
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


def test_a_dead_holder_holds_nothing(path: Path, held: subprocess.Popen[str]) -> None:
    held.kill()
    held.wait()

    assert holder(path) is None
    StateLock(path, "apply").release()


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


def test_of_many_that_race_one_wins(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    rounds, racers = 10, 4
    barrier = context.Barrier(racers)
    with context.Pool(racers, _remember, (barrier,)) as pool:
        for _ in range(rounds):
            won = pool.map(_race, [path] * racers, chunksize=1)
            assert sum(won) == 1


_barrier: list[Barrier] = []


def _remember(barrier: Barrier) -> None:
    _barrier.append(barrier)


def _race(path: Path) -> bool:
    _barrier[0].wait()
    try:
        lock = StateLock(path, f"apply in {os.getpid()}")
    except LockedError:
        _barrier[0].wait()
        return False
    _barrier[0].wait()
    lock.release()
    return True


def test_writing_needs_the_lock(path: Path) -> None:
    with pytest.raises(AssertionError, match="needs the lock"):
        StateStore(path).begin_run(captions(1))
    assert not path.parent.exists()
