"""The same work on many things, by as many processes as there are cores."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Generic, TypeVar

__all__ = ("Work", "in_parallel")

# Under so much weight a process would cost more than it saves.
_WORTH_A_PROCESS: Final = 8 << 20
_MOST_PROCESSES: Final = 8
_NUMBER_BYTES: Final = 4
_SIZE_BYTES: Final = 8
# A pipe holds as many tickets of two numbers everywhere.
_MOST_TICKETS: Final = 2048

One = TypeVar("One")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Work(Generic[One, Made]):
    """What is done with one thing, and how what came of it goes from process to process."""

    make: Callable[[One], Made]
    pack: Callable[[Made], bytes]
    unpack: Callable[[bytes], Made]


def in_parallel(work: Work[One, Made], ones: Sequence[One], weights: Sequence[int]) -> list[Made]:
    """Return what *work* makes of each of *ones*, in their order. *weights* say how much there is to do for each.

    It is done here and by children of this process, which see all that it sees; what a child leaves undone, because it
    was killed or failed, is done here.
    """
    processes = _processes(sum(weights))
    children: list[_Child] = []
    made: dict[int, Made] = {}
    queues = [_queue(share) for share in _shares(len(ones), processes)]
    try:
        children.extend(_child(work, ones, _beginning_with(queues, number)) for number in range(1, processes))
        made.update((number, work.make(ones[number])) for number in _taken(queues))
        for child in children:
            with os.fdopen(child.answer, "rb", closefd=False) as answer:
                made.update((number, work.unpack(data)) for number, data in _frames(answer))
    finally:
        for queue in queues:
            os.close(queue)
        for child in children:
            child.end()
    return [made[number] if number in made else work.make(one) for number, one in enumerate(ones)]


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    answer: int

    def end(self) -> None:
        """Kill the child, if it has not ended, and take note of its end."""
        os.close(self.answer)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _processes(weight: int) -> int:
    """Return how many processes are worth having. One where forking could hang a thread's locks."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    cores = len(os.sched_getaffinity(0))
    return min(cores, _MOST_PROCESSES, weight // _WORTH_A_PROCESS + 1)


def _child(work: Work[One, Made], ones: Sequence[One], queues: Sequence[int]) -> _Child:
    """Begin a process that answers with a frame for each thing that it took."""
    answer, told = os.pipe()
    pid = os.fork()
    if pid:
        os.close(told)
        return _Child(pid, answer)
    try:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_DFL)
        # Told at the end: the parent, which works too, would not listen before.
        packed = [(number, work.pack(work.make(ones[number]))) for number in _taken(queues)]
        with os.fdopen(told, "wb") as out:
            for number, data in packed:
                out.write(number.to_bytes(_NUMBER_BYTES, "big") + len(data).to_bytes(_SIZE_BYTES, "big"))
                out.write(data)
    finally:
        # Nothing of this process may be flushed, closed or cleaned up twice.
        os._exit(0)  # pyright: ignore[reportPrivateUsage]


def _frames(answer: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield what a child said, up to where it ended."""
    while len(head := answer.read(_NUMBER_BYTES + _SIZE_BYTES)) == _NUMBER_BYTES + _SIZE_BYTES:
        size = int.from_bytes(head[_NUMBER_BYTES:], "big")
        data = answer.read(size)
        if len(data) == size:
            yield int.from_bytes(head[:_NUMBER_BYTES], "big"), data


def _shares(count: int, processes: int) -> Iterator[range]:
    """Yield a share of *count* numbers for each process: neighbours, which mostly need the same things."""
    for share in range(processes):
        yield range(count * share // processes, count * (share + 1) // processes)


def _queue(numbers: range) -> int:
    """Return a pipe with the *numbers*; who reads some has taken them."""
    queue, put = os.pipe()
    few = -(-len(numbers) // _MOST_TICKETS) or 1
    for some in (numbers[at : at + few] for at in range(0, len(numbers), few)):
        os.write(put, b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in (some.start, some.stop)))
    os.close(put)
    return queue


def _beginning_with(queues: Sequence[int], number: int) -> Sequence[int]:
    return [*queues[number:], *queues[:number]]


def _taken(queues: Sequence[int]) -> Iterator[int]:
    """Yield the numbers in *queues* that nobody has taken yet, as they are taken: when one is empty, of the next."""
    for queue in queues:
        while ticket := os.read(queue, 2 * _NUMBER_BYTES):
            yield from range(*(int.from_bytes(ticket[at : at + _NUMBER_BYTES], "big") for at in (0, _NUMBER_BYTES)))
