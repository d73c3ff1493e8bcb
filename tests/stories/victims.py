"""Processes of kbsync to be killed: started from nothing, as users do, or from a nursery, which is much cheaper."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import orjson

from tests.stories.job import Job

__all__ = ("Breed", "Victim", "from_nothing", "nursery")

_ROOT: Final = Path(__file__).parents[2]


class Victim(Protocol):
    """A process under way."""

    def has_ended(self) -> bool:
        """Tell whether it ended by itself."""
        ...

    def kill(self) -> int:
        """Kill it, and return how it ended: -9 if it was alive. Does nothing more the second time."""
        ...


class Breed(Protocol):
    """Where victims come from; one at a time."""

    def start(self, job: Job, *arguments: str) -> Victim:
        """Start kbsync in the folder of *job*."""
        ...


class _Started:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> int:
        self._process.kill()
        return self._process.wait()


class _FromNothing:
    def start(self, job: Job, *arguments: str) -> Victim:
        with (job.folder.parent / "victim.err").open("wb") as err:
            command = [sys.executable, "-m", "kbsync", *arguments]
            nothing = subprocess.DEVNULL
            return _Started(
                subprocess.Popen(
                    command, cwd=job.folder, env=job.environment, stdin=nothing, stdout=nothing, stderr=err
                )
            )


class _Forked:
    def __init__(self, nursery: subprocess.Popen[bytes], pid: int) -> None:
        assert nursery.stdout is not None
        self._told = nursery.stdout
        self._pid = pid
        self._code: int | None = None

    def has_ended(self) -> bool:
        return self._code is not None or bool(select.select([self._told], [], [], 0)[0])

    def kill(self) -> int:
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)
            self._code = int(self._told.readline())
        return self._code


class _Nursery:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def start(self, job: Job, *arguments: str) -> Victim:
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        err = str(job.folder.parent / "victim.err")
        wanted = {"arguments": arguments, "folder": str(job.folder), "environment": job.environment, "err": err}
        asked.write(orjson.dumps(wanted) + b"\n")
        asked.flush()
        return _Forked(self._process, int(told.readline()))


@contextmanager
def from_nothing() -> Generator[Breed]:
    """Start a new interpreter for each."""
    yield _FromNothing()


@contextmanager
def nursery() -> Generator[Breed]:
    """Fork each from a process that has imported everything."""
    command = [sys.executable, "-m", "tests.stories.nursery"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT) as process:
        yield _Nursery(process)
