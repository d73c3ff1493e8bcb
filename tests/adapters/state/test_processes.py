import signal
import socket
import subprocess
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.adapters.state import Holder, advice_on
from kbsync.adapters.state.processes import condition_of


@pytest.fixture
def sleeper() -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def _holder(pid: int) -> Holder:
    return Holder("0123456789ab", pid, socket.gethostname(), "me", "apply", 1_795_000_000.0, "0.1.0")


def _until_stopped(pid: int) -> None:
    while condition_of(_holder(pid)) != "stopped":
        pass


def test_a_process_is_seen_as_what_it_is(sleeper: subprocess.Popen[bytes]) -> None:
    holder = _holder(sleeper.pid)
    assert condition_of(holder) == "running"

    sleeper.send_signal(signal.SIGSTOP)
    _until_stopped(sleeper.pid)
    assert f"`kill -CONT {sleeper.pid}`" in advice_on(holder)
    assert "`kbsync state break-lock 0123456789ab`" in advice_on(holder)

    sleeper.kill()
    sleeper.wait()
    assert condition_of(holder) == "gone"


def test_a_process_that_nobody_has_waited_for_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    while condition_of(_holder(sleeper.pid)) == "running":
        pass
    assert condition_of(_holder(sleeper.pid)) == "gone"


def test_of_another_machine_nothing_is_said(sleeper: subprocess.Popen[bytes]) -> None:
    holder = replace(_holder(sleeper.pid), host="build-7.example.com")

    assert condition_of(holder) == "elsewhere"
    assert "another machine" in advice_on(holder)


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="there is no ps")
def test_without_proc_the_system_is_asked(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("kbsync.adapters.state.processes._PROC", tmp_path)
    holder = _holder(sleeper.pid)
    assert condition_of(holder) == "running"

    sleeper.send_signal(signal.SIGSTOP)
    _until_stopped(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert condition_of(holder) == "gone"
