"""What a run may be doing when a signal comes, and how to bring one there."""

import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Final

from kbsync.adapters.state import StateStore
from tests.stories.job import Running
from tests.stories.stage import Stage, until

__all__ = ("BASE_DELAY", "MOMENTS", "Moment")

BASE_DELAY: Final = {"base_delay_s": 0.05}


@dataclass(frozen=True)
class Moment:
    """One that has come when *when* comes back, and lasts for *span_s*.

    *rules* are those of the server, *around* is what else has to be. It takes at least *fewest* signals to end a run
    then; *codes* are what it may end with if they come too late.
    """

    when: Callable[[Stage, Running], object]
    span_s: float = 0.3
    rules: Sequence[Mapping[str, object]] = ()
    arguments: Sequence[str] = ()
    around: Callable[[Stage], AbstractContextManager[object]] = nullcontext
    fewest: int = 1
    codes: frozenset[int] = frozenset()


def _at_once(_stage: Stage, _running: Running) -> None:
    return


def _seen(count: int) -> Callable[[Stage, Running], None]:
    def when(stage: Stage, running: Running) -> None:
        until(lambda: stage.seen() >= count or running.process.poll() is not None)

    return when


def _said(words: str) -> Callable[[Stage, Running], None]:
    def when(_stage: Stage, running: Running) -> None:
        until(lambda: running.heard(words) or running.process.poll() is not None)

    return when


def _begun(stage: Stage, running: Running) -> None:
    until(lambda: stage.job.journal.path.exists() or running.process.poll() is not None)
    time.sleep(0.3)


@contextmanager
def _lock_held(stage: Stage) -> Generator[None]:
    with StateStore(stage.job.journal.path) as store:
        store.lock("a test")
        yield


@contextmanager
def _blackhole(stage: Stage) -> Generator[None]:
    """Have `blackhole.toml` name an address that answers nothing, not even the call for a connection."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Two wait to be taken in, and everybody after them gets no answer.
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.settimeout(0)
            with suppress(BlockingIOError):
                caller.connect(listener.getsockname())
        _configure(stage, "blackhole.toml", stage.emulator.base_url, f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield


@contextmanager
def _patience(stage: Stage) -> Generator[None]:
    """Have `patient.toml` wait long before anything is sent again."""
    _configure(stage, "patient.toml", "base_delay_s = 0.05", "base_delay_s = 60\nmax_delay_s = 300")
    yield


def _configure(stage: Stage, name: str, old: str, new: str) -> None:
    text = (stage.job.folder / "kbsync.toml").read_text(encoding="utf-8")
    assert old in text
    (stage.job.folder / name).write_text(text.replace(old, new), encoding="utf-8")


MOMENTS: Final[Mapping[str, Moment]] = {
    "its first 50 ms": Moment(_at_once, 0.05),
    "its start": Moment(_at_once, 1.2),
    "sending": Moment(_seen(1)),
    "its end": Moment(_seen(3), arguments=("--limit", "3"), codes=frozenset({7})),
    "a wait before a retry": Moment(
        _seen(8), rules=[{"kind": "http_503"}], arguments=("--config", "patient.toml"), around=_patience
    ),
    "a pause": Moment(_seen(2), rules=[{"kind": "http_429_after", "with": {"retry_after": "200"}}]),
    "connecting": Moment(_begun, arguments=("--config", "blackhole.toml"), around=_blackhole),
    "silence": Moment(_seen(8), rules=[{"kind": "hang_after", "writes_only": True}], fewest=2),
    "a wait for the lock": Moment(_said("waiting up to"), arguments=("--lock-timeout", "60s"), around=_lock_held),
}
