"""Processes that hold a state, and do what they are told."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Holding", "holding")

_SCRIPT = """
import asyncio, sys, time
from pathlib import Path
from kbsync.adapters.state import StateStore
from tests.adapters.state.plans import captions, update

store = StateStore(Path(sys.argv[1]))
journal, seq, loop = None, 0, asyncio.new_event_loop()

def inside(connection):
    connection.execute("UPDATE state SET serial = serial")
    print("inside", flush=True)
    time.sleep(3600)

try:
    store.lock("apply --yes")
    print("held", flush=True)
    for line in sys.stdin:
        match line.strip():
            case "begin":
                journal = store.begin_run(captions(9, "alt"))
            case "update":
                loop.run_until_complete(update(journal, [seq]))
                seq += 1
            case "hang":
                store._writer.run(inside)
            case "finish":
                store.finish_run(journal)
        print("done", flush=True)
except Exception as error:
    print(type(error).__name__, flush=True)
store.close()
"""


@dataclass(frozen=True, slots=True)
class Holding:
    """A process with the lock of a state."""

    process: subprocess.Popen[str]

    def tell(self, word: str) -> str:
        """Have it `begin` a run, `update` the next item, `hang` inside a transaction or `finish`; return its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)  # a signal takes its time

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def holding(path: Path) -> Generator[Holding]:
    """Start a process that takes the lock of the state at *path*; end it afterwards, whatever it does."""
    command = [sys.executable, "-c", _SCRIPT, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        held = Holding(process)
        try:
            assert held.answer() == "held"
            yield held
        finally:
            process.kill()
