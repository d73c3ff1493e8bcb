"""The command as a process: whatever streams, environment and moments it is given."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.refusals import well_formed


@pytest.mark.fault("F49", seen="a stream that is closed or full: exit 0, the work is done")
@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "> /dev/full", "2> /dev/full"])
def test_82_a_closed_or_full_stream_changes_nothing_of_the_work(desk: Desk, redirection: str) -> None:
    told = desk.shell(f"kbsync apply --yes {redirection}; echo code $? >> code")

    assert (desk.folder / "code").read_text() == "code 0\n"
    assert desk.caption() == "new"
    well_formed(told)


@pytest.mark.fault("F43", seen="SIGPIPE: the exit code is the same")
@pytest.mark.parametrize("command", ["plan", "plan --format json", "apply --yes", "validate --rules", "--help"])
def test_82_a_reader_that_leaves_early_changes_nothing_of_the_exit(desk: Desk, command: str) -> None:
    told = desk.shell(f"{{ kbsync {command}; echo code $? >> code; }} | head -1")

    assert (desk.folder / "code").read_text() == "code 0\n"
    assert len(told.out.splitlines()) == 1
    well_formed(told)


@pytest.mark.fault("F37", "F49", seen="proxies, NO_COLOR, ASCII, odd widths: exit 0, the work is done")
@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="74-ascii"),
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="74-ascii-streams"),
        pytest.param({"TZ": "Asia/Shanghai"}, id="74-another-time-zone"),
        pytest.param({"PYTHONASYNCIODEBUG": "1"}, id="74-debugging"),
        pytest.param({"PYTHONWARNINGS": "error"}, id="warnings-are-errors"),
        pytest.param({"HOME": "/nonexistent/home"}, id="75-no-home"),
        pytest.param({"HOME": ""}, id="75-empty-home"),
        pytest.param({"NO_COLOR": "1", "TERM": "dumb"}, id="82-no-colour"),
        pytest.param({"COLUMNS": "0"}, id="82-width-0"),
        pytest.param({"COLUMNS": "1"}, id="82-width-1"),
        pytest.param({"COLUMNS": "100000"}, id="82-width-100000"),
        pytest.param({"COLUMNS": "wide"}, id="82-width-no-number"),
        pytest.param(
            dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://user:S3cret@127.0.0.1:9"),
            id="73-proxies",
        ),
        pytest.param({"SSL_CERT_FILE": "/nonexistent", "NETRC": "/nonexistent"}, id="73-certificates"),
    ],
)
def test_the_environment_changes_nothing_of_the_work(desk: Desk, environment: dict[str, str]) -> None:
    told = desk.process("apply", "--yes", environment=environment)

    assert told.code == 0, told.err
    assert desk.caption() == "new"
    assert "\x1b" not in told.out + told.err
    well_formed(told, ["S3cret"])


def test_73_a_netrc_gives_no_credentials(desk: Desk) -> None:
    netrc = desk.write("home/.netrc", "machine 127.0.0.1 login somebody password S3cretS3cret\n")
    netrc.chmod(0o600)

    told = desk.process("apply", "--yes", environment={"HOME": str(netrc.parent), "NETRC": str(netrc)})

    assert told.code == 0, told.err
    well_formed(told, ["S3cret"])


def test_75_a_deleted_working_directory_is_told(desk: Desk, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd '{gone}' && rmdir '{gone}' && kbsync plan"

    told = desk.shell(script)

    assert told.code == 64, told.err
    well_formed(told)
    assert desk.requests == 0


def test_74_an_ascii_terminal_shows_escapes_and_the_same_exit(desk: Desk) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    desk.write("manifests/猫.yaml", "kbsync: 1\ntarget: 猫\n")

    told = desk.process("validate", environment=ascii_only)

    assert told.code == 65, told.err
    assert "2:9" in told.err
    well_formed(told)


def test_78_an_argument_of_100_kilobytes_is_a_path_like_any_other(desk: Desk) -> None:
    told = desk.process("plan", "x" * 100_000)

    assert told.code == 65
    well_formed(told)


@pytest.mark.parametrize("delay_s", [0.003, 0.006, 0.01, 0.02, 0.03, 0.04, 0.05])
def test_85_an_interrupt_while_it_starts_is_130_without_a_traceback(desk: Desk, delay_s: float) -> None:
    # Until main is called, the interpreter is in charge, and shows tracebacks of its own.
    script = "from kbsync.__main__ import main; print('up', flush=True); main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, "plan"],
        cwd=desk.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert desk.requests == 0


@pytest.mark.parametrize(("answer", "code", "caption"), [("n", 7, "old"), ("y", 0, "new"), ("", 7, "old")])
def test_a_terminal_is_asked_and_its_answer_counts(desk: Desk, answer: str, code: int, caption: str) -> None:
    desk.emulator.world.datasets["744632974166804001"].images["7446670805219090001"].caption = "old"
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            desk.command("apply"), cwd=desk.folder, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            os.write(master, f"{answer}\n".encode())
            _, err = process.communicate(timeout=30)
    finally:
        os.close(master)
        os.close(slave)

    assert process.returncode == code, err
    assert b"Send these updates?" in err
    assert desk.caption() == caption
    assert bool(desk.requests) == (code == 0)
