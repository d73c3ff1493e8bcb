"""The system lets a process have few open files."""

import resource
import subprocess
import sys
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.stories.job import Target
from tests.stories.stage import Stage, staged
from tests.stories.world import made_world

WANTED: Final = 100
# The streams, the state and the loop take their part of it.
ALLOWED: Final = 48


@pytest.mark.fault("F46", seen="48 open files for 200 connections: fewer at a time, and it says so; exit 0, all done")
def test_as_many_requests_are_under_way_as_the_system_allows_open_files(tmp_path: Path) -> None:
    with eager(tmp_path) as stage:
        done = applied(stage, soft=ALLOWED, hard=ALLOWED)

        assert done.returncode == 0, done.stderr
        assert "coze-cn: at most 8 requests at a time, for the system allows so few open files" in done.stderr
        assert stage.content() == stage.world.after


@pytest.mark.fault("F46", seen="48 open files at first and more on request: more are asked for; exit 0, all done")
def test_more_open_files_are_asked_for_when_they_can_be_had(tmp_path: Path) -> None:
    with eager(tmp_path) as stage:
        done = applied(stage, soft=ALLOWED, hard=2 * WANTED + ALLOWED)

        assert done.returncode == 0, done.stderr
        assert "open files" not in done.stderr
        assert stage.content() == stage.world.after


def eager(folder: Path) -> AbstractContextManager[Stage]:
    """Make a workspace whose two targets want many connections."""
    targets = [
        Target(name, concurrency=WANTED, credential=number) for number, name in enumerate(("coze-cn", "volc-bj"))
    ]
    return staged(folder, made_world(80), targets=targets)


def applied(stage: Stage, soft: int, hard: int) -> subprocess.CompletedProcess[str]:
    """Apply, with many answers waited for at a time, in a process that may have so many open files."""
    stage.control("PUT", "latency", {"least_s": 0.1, "most_s": 0.2})
    return subprocess.run(
        [sys.executable, "-m", "kbsync", "apply", "--yes"],
        cwd=stage.job.folder,
        env=stage.job.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)),
    )
