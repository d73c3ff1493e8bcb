"""Nobody reads what kbsync says: not on stderr, not on stdout, not in the pipe that its log goes to."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.stories.stage import Stage, staged, until
from tests.stories.world import changes_of, made_world

# More than a small pipe holds, said line by line.
ITEMS: Final = 300
PIPE_BYTES: Final = 4096
NOTHING: Final = subprocess.DEVNULL
PATIENCE_S: Final = 30


@pytest.mark.fault("F49", seen="stderr that nobody reads: exit 0, everything done")
def test_a_pipe_on_stderr_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(ITEMS)) as stage:
        # What is said of the manifests beforehand waits for its reader, as nothing is sent yet.
        with started(stage, ["-vv"], ["--off", "update-rule-of-file"], stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert process.wait(PATIENCE_S) == 0
            said = process.stderr.read()

        assert said.count(b"\n") < ITEMS / 2
        assert stage.content() == stage.world.after


@pytest.mark.fault("F49", seen="a log that nobody reads: exit 0, everything done")
def test_a_pipe_for_a_log_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    os.mkfifo(log)
    with staged(tmp_path, made_world(ITEMS)) as stage:
        reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        try:
            with started(stage, ["--log-file", str(log)]) as process:
                assert process.wait(PATIENCE_S) == 0
        finally:
            os.close(reader)

        assert stage.content() == stage.world.after


@pytest.mark.fault("F49", seen="stdout that nobody reads: all of it is done and recorded; exit 0 once it is read")
def test_a_result_that_nobody_reads_is_waited_with_when_everything_is_done(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(ITEMS)) as stage:
        with started(stage, ["--quiet"], ["--format", "json"], stdout=subprocess.PIPE) as process:
            until(lambda: stage.job.journal.path.exists() and is_finished(stage))
            assert stage.job.journal.outcomes() == {"updated": sum(map(changes_of, stage.world.lines))}
            out, _ = process.communicate(timeout=PATIENCE_S)

        assert process.returncode == 0
        assert len(out) > 10 * PIPE_BYTES
        assert stage.content() == stage.world.after


@contextmanager
def started(
    stage: Stage, before: Sequence[str], after: Sequence[str] = (), *, stdout: int = NOTHING, stderr: int = NOTHING
) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "kbsync", *before, "apply", "--yes", *after],
        cwd=stage.job.folder,
        env=stage.job.environment,
        stdin=NOTHING,
        stdout=stdout,
        stderr=stderr,
        pipesize=PIPE_BYTES,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def is_finished(stage: Stage) -> bool:
    return stage.job.report()["finished_at"] is not None
