"""kbsync as children of one process that has imported it all: `python -m tests.stories.nursery`, one child at a time.

Reads a line of JSON for each (`arguments`, `folder`, `environment`, `err`), answers with its process id when it runs,
and with its exit code, or minus its signal, when it has ended. Its id is nobody else's until the next one is asked for.
A start costs a tenth of what it costs from nothing.
"""

import gc
import os
import sys
from typing import NoReturn

import anyio
import orjson

# Commands import their heavy parts late; here they are wanted before the fork.
import kbsync.cli.apply  # noqa: F401
from kbsync.__main__ import main

__all__ = ("serve",)


def serve() -> None:
    """Start what is asked for, until nothing more is."""
    anyio.run(anyio.sleep, 0)
    gc.freeze()
    pid = 0
    for line in sys.stdin.buffer:
        if pid:
            os.waitpid(pid, 0)
        pid = os.fork()
        if pid == 0:
            _be_kbsync(**orjson.loads(line))
        _say(pid)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        _say(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _be_kbsync(arguments: list[str], folder: str, environment: dict[str, str], err: str) -> NoReturn:
    nothing = os.open(os.devnull, os.O_RDWR)
    told = os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream, descriptor in enumerate((nothing, nothing, told)):
        os.dup2(descriptor, stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["kbsync", *arguments]
    main()
    raise AssertionError("main leaves the process")


if __name__ == "__main__":
    serve()
