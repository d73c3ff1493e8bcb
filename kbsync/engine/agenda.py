"""What is next for one target: due retries, then prepared changes, then fresh ones.

Nothing here waits or sends. Each change is a job from the moment it is begun until it is settled; an item has at most
one job under way, and further ones wait behind it, so that requests for one item never overlap.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from itertools import chain, count
from typing import Final

from kbsync.core.items import Item
from kbsync.core.plan import Change
from kbsync.core.wire import Operation
from kbsync.engine.errands import Errand, Job, Read
from kbsync.engine.target import Target

__all__ = ("Agenda",)

# Live values are written over soon after they were read, or read again.
_FRESH_S: Final = 10.0
_BATCH_S: Final = 5.0
# How many jobs may wait for a retry, for each worker, before nothing fresh is begun.
_RETRIES_PER_WORKER: Final = 4


class Agenda:
    """The open work of one target. *may_begin* is asked before each fresh change, *now* is the monotonic clock."""

    def __init__(
        self,
        target: Target,
        changes: Iterator[tuple[int, Change]],
        may_begin: Callable[[], bool],
        now: Callable[[], float],
    ) -> None:
        self._operations: Mapping[str, Operation] = target.codec.operations
        self._changes = changes
        self._may_begin = may_begin
        self._now = now
        self._few = target.concurrency
        self._most_due = target.concurrency * _RETRIES_PER_WORKER
        self._batch_limit = max(1, int(target.rate_per_s * _BATCH_S))
        # Every worker may hold one prepared change while it waits for its turn, however slow the rate.
        self._fresh_s = max(_FRESH_S, 2 * target.concurrency / target.rate_per_s)
        self._jobs: dict[int, Job] = {}
        self._behind: dict[Item, deque[Job]] = {}
        self._due: list[tuple[float, int, Errand]] = []
        self._order = count()
        self._ready: deque[Job] = deque()
        self._head: Job | None = None
        self._reads = 0
        self._exhausted = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left that a worker without an errand could wait for."""
        return self._exhausted and not (self._due or self._ready or self._head or self._reads)

    @property
    def due_at_s(self) -> float | None:
        """When the first retry is due; None when none waits."""
        return self._due[0][0] if self._due else None

    def next(self) -> Errand | None:
        """Return what to do now, or None when there is nothing to do yet, or no more."""
        if self._due and self._due[0][0] <= self._now():
            errand = heappop(self._due)[2]
            return self._with_live(errand) if isinstance(errand, Job) else errand

        fresh = self._fresh()
        overlays = fresh is not None and fresh.operation.overlays
        if overlays and not self._reads and len(self._ready) <= self._few:
            return self._first_read()
        if self._ready:
            return self._with_live(self._ready.popleft())
        if overlays:
            return None
        self._head = None
        return fresh

    def again(self, errand: Errand, due_s: float) -> None:
        """Take *errand* back, to be repeated at *due_s* or later."""
        heappush(self._due, (due_s, next(self._order), errand))

    def prepared(self, job: Job) -> None:
        """Take *job* back, to be gone on with as soon as possible."""
        self._ready.append(job)

    def read_ended(self, read: Read) -> None:
        """Forget *read*: its jobs are prepared or settled."""
        self._reads -= read.bulk

    def settled(self, job: Job) -> None:
        """Forget *job*, and let the next change of its item go on."""
        del self._jobs[job.seq]
        behind = self._behind.pop(job.change.item)
        if behind:
            self._ready.append(behind.popleft())
            self._behind[job.change.item] = behind

    def is_stale(self, job: Job) -> bool:
        """Whether the live values that *job* overlays have to be read, or read again."""
        return job.operation.overlays and job.read_at_s + self._fresh_s < self._now()

    def open_jobs(self) -> tuple[Job, ...]:
        """Return the jobs that were begun and are not settled."""
        return tuple(self._jobs.values())

    def never_begun(self) -> Iterator[tuple[int, Change]]:
        """Yield the changes that no job was made of; nothing can be begun afterwards."""
        self._exhausted = True
        return self._changes

    def _fresh(self) -> Job | None:
        """Return the next change that can be begun, without taking it."""
        while self._head is None and not self._exhausted and len(self._due) < self._most_due:
            step = next(self._changes, None)
            if step is None:
                self._exhausted = True
            elif not self._may_begin():
                self._exhausted = True
                self._changes = chain((step,), self._changes)
            else:
                seq, change = step
                job = self._jobs[seq] = Job(seq, change, self._operations[change.operation])
                if (behind := self._behind.get(change.item)) is not None:
                    behind.append(job)
                else:
                    self._behind[change.item] = deque()
                    self._head = job

        return self._head

    def _first_read(self) -> Errand:
        """Return one read for the fresh change that is next and those like it that follow."""
        jobs: list[Job] = []
        aside = 0
        while (job := self._fresh()) is not None and aside < self._batch_limit:
            if not job.operation.overlays:
                self._ready.append(job)
                aside += 1
            elif not jobs or (_alike(job, jobs[0]) and len(jobs) < self._size(job)):
                jobs.append(job)
            else:
                break
            self._head = None

        return self._reading(jobs)

    def _with_live(self, job: Job) -> Errand:
        """Return *job*, or a read for it and for prepared ones like it whose live values are too old."""
        if not self.is_stale(job):
            return job
        jobs = [job]
        while not job.alone and self._ready and len(jobs) < self._size(job):
            other = self._ready[0]
            if other.alone or not _alike(other, job) or not self.is_stale(other):
                break
            jobs.append(self._ready.popleft())

        return self._reading(jobs)

    def _reading(self, jobs: list[Job]) -> Read:
        read = Read(tuple(jobs))
        self._reads += read.bulk
        return read

    def _size(self, job: Job) -> int:
        return min(job.operation.read_batch, self._batch_limit)


def _alike(one: Job, other: Job) -> bool:
    return one.operation is other.operation and one.change.item.container == other.change.item.container
