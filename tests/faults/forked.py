"""`kbsync` in a child of this process: forked, so that nothing is imported again, and killed at a chosen boundary."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

# Commands import their heavy parts late; here they are wanted before the fork.
import kbsync.cli.applying
import kbsync.cli.running
from kbsync.__main__ import main
from kbsync.cli.main import run
from kbsync.cli.running import Ended
from kbsync.core.events import Event, Settled
from tests.faults.boundaries import Boundaries, Boundary, watch
from tests.faults.inner_server import InnerServer, InnerTransport

__all__ = ("run_forked", "run_here")

_BROKEN = 99


def run_forked(
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    server: Callable[[], InnerServer],
    fatal: str | None,
    signals: Sequence[signal.Signals],
) -> int:
    """Run kbsync in *folder*`/workspace`; return its exit code, or minus the signal that killed it.

    It gets *signals* at the *fatal* boundary.

    Beside the workspace are left `boundaries`, `told` (of what a view was told) and `err`. *server* is made in the
    child.
    """
    for name in ("boundaries", "told", "err"):
        (folder / name).unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _be_kbsync(folder, arguments, environment, server, lambda path: Boundaries(path, fatal, signals))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run_here(folder: Path, arguments: Sequence[str], environment: Mapping[str, str], server: InnerServer) -> int:
    """Run kbsync in this process, to its end; what it says goes to `err` beside the workspace."""
    with (
        (folder / "err").open("w", encoding="utf-8") as err,
        redirect_stdout(err),
        redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.chdir(folder / "workspace")
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(kbsync.cli.running, "HttpTransport", _connecting(server, lambda _boundary: None))
        return run(arguments)


def _be_kbsync(
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    server: Callable[[], InnerServer],
    boundaries: Callable[[Path], Boundaries],
) -> NoReturn:
    code: int | str | None = _BROKEN
    try:
        os.chdir(folder / "workspace")
        os.environ.update(environment)
        err = os.open(folder / "err", os.O_WRONLY | os.O_CREAT, 0o600)
        for stream in (1, 2):
            os.dup2(err, stream)
        boundary = boundaries(folder / "boundaries")
        patch = pytest.MonkeyPatch()
        _compose(patch, server(), boundary, folder / "told")
        watch(folder / "workspace", boundary, patch)
        sys.argv = ["kbsync", *arguments]
        main()
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:  # noqa: BLE001 - nothing may come back into the parent's code
        with suppress(Exception):
            traceback.print_exc()
    finally:
        os._exit(code if isinstance(code, int) else _BROKEN)


def _compose(patch: pytest.MonkeyPatch, server: InnerServer, boundary: Boundaries, told: Path) -> None:
    """Put the inner server where a run takes its connections from, and somebody who is told beside its views."""

    class WatchedRun(kbsync.cli.running.Run):
        """A run with one observer more, who is told first."""

        def apply(self, *arguments: Any, **named: Any) -> Ended:
            self.observers = [self._note, *self.observers]
            return super().apply(*arguments, **named)

        def _note(self, event: Event) -> None:
            if isinstance(event, Settled):
                boundary("before it is told")
                change = self.plan.changes[event.settlement.seq]
                with told.open("a", encoding="utf-8") as file:
                    file.write(f"{change.operation} {change.item.id} {event.settlement.outcome}\n")
                boundary("after it is told")

    patch.setattr(kbsync.cli.running, "HttpTransport", _connecting(server, boundary))
    patch.setattr(kbsync.cli.applying, "Run", WatchedRun)


def _connecting(server: InnerServer, boundary: Boundary) -> Callable[..., InnerTransport]:
    def connect(_origin: str, **_limits: Any) -> InnerTransport:
        return InnerTransport(server, boundary)

    return connect
