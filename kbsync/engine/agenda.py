"""What is next for one target: due retries, then prepared changes, then fresh ones.

Nothing here waits or sends. Each change is a job from the moment it is begun until it is settled; an item has at most
one job under way, and further ones wait behind it, so that requests for one item never overlap.

Live values are written over soon after they were read. So only as many jobs as the rate sends within `FRESH_S` may be
between their read and their write: they hold a place, and the others wait for one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain, count
from math import inf
from typing import Final

from kbsync.core.holds import Hold
from kbsync.core.items import Item
from kbsync.core.plan import Change
from kbsync.core.wire import FRESH_S, Operation
from kbsync.engine.errands import Errand, Job, Look, Query, Read
from kbsync.engine.recent import MOST_S, Recent
from kbsync.engine.target import Target

__all__ = ("UNKNOWN", "Agenda")

# Live values are never older than `MOST_S` when they are written over, or than three turns where those take longer.
_OLDEST_TURNS: Final = 3
# Where something else takes so long, as a disk may, each further try of a change may be twice as old.
_MOST_DOUBLINGS: Final = 20
# How many jobs may wait for a retry, for each worker, before nothing fresh is begun.
_RETRIES_PER_WORKER: Final = 4

# What stands for an operation that the provider does not have.
UNKNOWN: Final = Operation("", "", frozenset())


class Agenda:
    """The open work of one target.

    *looks* are lists and items to read. *holds* are those on changes, by position, each with the monotonic time at
    which it ends. What is in *recent* was read already. *may_begin* is asked before each fresh change, *now* is the
    monotonic clock, *rate_per_s* tells how fast requests leave.
    """

    def __init__(
        self,
        target: Target,
        changes: Iterator[tuple[int, Change]],
        looks: Iterable[Look | Query],
        holds: Mapping[int, tuple[Hold, float]],
        recent: Recent,
        may_begin: Callable[[], bool],
        now: Callable[[], float],
        rate_per_s: Callable[[], float],
    ) -> None:
        self._operations: Mapping[str, Operation] = target.codec.operations
        self._changes = changes
        self._holds = holds
        self._recent = recent
        self._may_begin = may_begin
        self._now = now
        self._rate_per_s = rate_per_s
        self._most_due = target.concurrency * _RETRIES_PER_WORKER
        self._most_few = 2 * target.concurrency
        self._held = 0
        self._on_hold = 0
        self._oldest_s = max(MOST_S, _OLDEST_TURNS / target.rate_per_s)
        self._jobs: dict[int, Job] = {}
        self._behind: dict[Item, deque[Job]] = {}
        self._due: list[tuple[float, int, Errand]] = []
        self._order = count()
        self._ready: deque[Job] = deque()
        self._prepared: deque[Job] = deque()
        self._placeless: deque[Job] = deque()
        self._head: Job | None = None
        self._looks = deque(looks)
        self._reads = len(self._looks)
        self._exhausted = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left that a worker without an errand could wait for."""
        return self._exhausted and not (
            self._due or self._ready or self._prepared or self._placeless or self._head or self._reads
        )

    @property
    def due_at_s(self) -> float | None:
        """When the first retry is due; None when none waits."""
        return self._due[0][0] if self._due else None

    def next(self) -> Errand | None:
        """Return what to do now, or None when there is nothing to do yet, or no more."""
        due = self._next_due()
        if due is not None:
            return due
        if self._looks:
            return self._looks.popleft()
        if self._placeless and self._held < self._places:
            return self._with_place()
        fresh = self._fresh()
        overlays = fresh is not None and fresh.operation.overlays
        unread = fresh is not None and overlays and self._is_ageing(fresh)
        if unread and not self._reads and self._held <= self._few:
            return self._first_read()
        if self._prepared:
            return self._with_live(self._prepared.popleft(), self._prepared, self._places)
        if self._ready:
            return self._looked_at(self._ready.popleft())
        if fresh is None or unread or (overlays and self._held >= self._places):
            return None
        self._head = None
        if overlays:
            self._hold(fresh)
        return self._looked_at(fresh)

    def _next_due(self) -> Errand | None:
        """Return the next retry that is due, if it needs no place; those that do wait for one."""
        while self._due and self._due[0][0] <= self._now():
            errand = heappop(self._due)[2]
            if not isinstance(errand, Job):
                return errand
            self._on_hold -= errand.hold is not None
            if not errand.operation.overlays:
                return self._looked_at(errand)
            self._placeless.append(errand)
        return None

    def _is_ageing(self, job: Job) -> bool:
        """Whether what *job* overlays has to be read, or read again, before it takes a place and waits for its turn."""
        return job.hold is not None or job.read_at_s + self._oldest_s / 2 < self._now()

    def again(self, errand: Errand, due_s: float) -> None:
        """Take *errand* back, to be repeated at *due_s* or later."""
        if isinstance(errand, Job):
            self.release(errand)
            self._on_hold += errand.hold is not None
        heappush(self._due, (due_s, next(self._order), errand))

    def prepared(self, job: Job, *, first: bool = False) -> None:
        """Take *job* back, to be gone on with as soon as possible; *first* of all if it was read by itself.

        Behind others that are read one by one its values would be too old when its turn comes, and then so for ever.
        """
        queue = self._prepared if job.operation.overlays else self._ready
        if first:
            queue.appendleft(job)
        else:
            queue.append(job)

    def held_back(self, job: Job) -> None:
        """Take *job* back, which was not sent although its turn came."""
        if self.is_stale(job):
            job.held_back += 1
            job.read_at_s = -inf
        self.prepared(job)

    def sent(self, job: Job) -> bool:
        """Take note that *job* leaves; return whether another one may go on now."""
        job.held_back = 0
        return job.holds and self.release(job)

    @property
    def _places(self) -> int:
        return max(1, int(self._rate_per_s() * FRESH_S))

    @property
    def _few(self) -> int:
        """So few places are taken when the next ones are read: enough to write meanwhile."""
        return min(self._places // 4, self._most_few)

    def release(self, job: Job) -> bool:
        """Free the place that *job* holds; return whether another one may go on with it."""
        self._held -= job.holds
        job.holds = False
        return bool(self._placeless) or self._held <= self._few

    def read_ended(self, read: Read | Query | Look) -> None:
        """Forget *read*: its jobs are prepared or settled, or what it was for is read."""
        self._reads -= not isinstance(read, Read) or read.bulk

    def asked(self, queries: Sequence[Query]) -> None:
        """Take *queries*, which are still to be made."""
        self._looks.extend(queries)
        self._reads += len(queries)

    def next_page(self, look: Look) -> None:
        """Take *look* back: its list goes on."""
        self._looks.append(look)

    def settled(self, job: Job) -> bool:
        """Forget *job*, and let the next change of its item go on. Return False when it is forgotten already."""
        if self._jobs.pop(job.seq, None) is None:
            return False
        self.release(job)
        behind = self._behind.pop(job.change.item)
        if behind:
            following = behind.popleft()
            if self._waits(following):
                self.again(following, following.hold_until_s)
            else:
                (self._placeless if following.operation.overlays else self._ready).append(following)
            self._behind[job.change.item] = behind
        return True

    def is_stale(self, job: Job) -> bool:
        """Whether the live values that *job* overlays have to be read, or read again."""
        if not job.operation.overlays:
            return False
        if job.hold is not None:
            return True
        return job.read_at_s + self._oldest_s * 2.0 ** min(job.held_back, _MOST_DOUBLINGS) < self._now()

    def open_jobs(self) -> tuple[Job, ...]:
        """Return the jobs that were begun and are not settled."""
        return tuple(self._jobs.values())

    def never_begun(self) -> Iterator[tuple[int, Change]]:
        """Yield the changes that no job was made of; nothing can be begun afterwards."""
        self._exhausted = True
        return self._changes

    def _fresh(self) -> Job | None:
        """Return the next change that can be begun, without taking it."""
        while self._head is None and not self._exhausted and len(self._due) - self._on_hold < self._most_due:
            step = next(self._changes, None)
            if step is None:
                self._exhausted = True
            elif not self._may_begin():
                self._exhausted = True
                self._changes = chain((step,), self._changes)
            else:
                seq, change = step
                job = self._jobs[seq] = Job(seq, change, self._operations.get(change.operation, UNKNOWN))
                if job.operation.overlays and (read := self._recent.of(change.item)) is not None:
                    job.live, job.read_at_s = read
                if seq in self._holds:
                    job.hold, job.hold_until_s = self._holds[seq]
                if (behind := self._behind.get(change.item)) is not None:
                    behind.append(job)
                else:
                    self._behind[change.item] = deque()
                    if self._waits(job):
                        self.again(job, job.hold_until_s)
                    else:
                        self._head = job

        return self._head

    def _waits(self, job: Job) -> bool:
        """Whether *job* has to wait for the end of its hold, for nothing that can be read would end it now."""
        return job.hold is not None and not (job.operation.readable and job.hold.expected is not None)

    def _looked_at(self, job: Job) -> Errand:
        """Return *job*, or a read of what its hold is about; what cannot be read has been waited for."""
        if job.hold is None:
            return job
        if job.operation.readable:
            return Read((job,))
        job.hold = None
        return job

    def _first_read(self) -> Errand:
        """Return one read for the fresh change that is next and those like it that follow."""
        jobs: list[Job] = []
        aside = 0
        while (job := self._fresh()) is not None and aside < self._places:
            if not job.operation.overlays:
                self._ready.append(job)
                aside += 1
            elif not jobs or (
                _alike(job, jobs[0]) and len(jobs) < job.operation.read_batch and self._held < self._places
            ):
                jobs.append(job)
                self._hold(job)
            else:
                break
            self._head = None

        return self._reading(jobs)

    def _with_place(self) -> Errand:
        """Return the first of the jobs that wait for a place, or a read for it and those like it."""
        job = self._placeless.popleft()
        self._hold(job)
        if self._is_ageing(job):
            job.read_at_s = -inf
        return self._with_live(job, self._placeless, 1 + self._places - self._held)

    def _with_live(self, job: Job, others: deque[Job], most: int) -> Errand:
        """Return *job*, or a read for it and, at *most*, those of *others* like it whose live values are too old."""
        if not self.is_stale(job):
            return job
        jobs = [job]
        while not job.alone and others and len(jobs) < min(most, job.operation.read_batch):
            other = others[0]
            if other.alone or not _alike(other, job) or not self.is_stale(other):
                break
            jobs.append(others.popleft())
            self._hold(other)

        return self._reading(jobs)

    def _hold(self, job: Job) -> None:
        self._held += not job.holds
        job.holds = True

    def _reading(self, jobs: list[Job]) -> Read:
        read = Read(tuple(jobs))
        self._reads += read.bulk
        return read


def _alike(one: Job, other: Job) -> bool:
    return one.operation is other.operation and one.change.item.container == other.change.item.container
