"""What answers mean for one target: what is settled, what is asked again and when, and whether the target goes on."""

from collections.abc import Callable, Iterable
from typing import Final

from kbsync.core.events import AttemptFailed, TargetPaused, TargetStopped
from kbsync.core.findings import Absent, Seen
from kbsync.core.items import Item
from kbsync.core.settings import RetrySettings
from kbsync.core.state import OutcomeName
from kbsync.core.wire import (
    Accepted,
    Answer,
    Lost,
    Page,
    ReadResult,
    Refused,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)
from kbsync.engine.agenda import Agenda
from kbsync.engine.backoff import LONGEST_RETRY_AFTER_S, Tries, retry_delay_s, throttle_delay_s
from kbsync.engine.credential import Credential
from kbsync.engine.errands import Errand, Job, Look, Query, Read
from kbsync.engine.exchange import Exchange, answer_of
from kbsync.engine.run import Run
from kbsync.engine.target import Clock

__all__ = ("Judge",)

# So many first answers that all say `forbidden` are about the credential, not about the items.
_FORBIDDEN_FROM_THE_START: Final = 20
# A target that says nothing but what nobody can read, as behind a captive portal, for so long and more than so often.
_UNCLEAR_FOR_S: Final = 60.0
_UNCLEAR_MORE_THAN: Final = 3


def _container(errand: Errand) -> str:
    match errand:
        case Look(container=container):
            return container
        case Query(items=items):
            return items[0].container
        case Job() | Read():
            return errand.jobs[0].change.item.container


class Judge:
    """The one place that decides after an answer.

    *tell* is called when there may be something new to do, *halt* when nothing more is to be sent. *stopped* is why
    nothing more is sent to the target, or None. *offset_s* is what to add to our clock for the provider's; *corrected*
    says that it was measured. *last_answer* is that of the last request.
    """

    def __init__(
        self,
        target: str,
        agenda: Agenda,
        credential: Credential,
        run: Run,
        retry: RetrySettings,
        clock: Clock,
        jitter: Callable[[], float],
        tell: Callable[[], None],
        halt: Callable[[], None],
    ) -> None:
        self.stopped: str | None = None
        self.offset_s = 0.0
        self.corrected = False
        self._target = target
        self._agenda = agenda
        self._credential = credential
        self._run = run
        self._retry = retry
        self._now = clock.monotonic
        self._wall = clock.wall
        self._jitter = jitter
        self._tell = tell
        self._halt = halt
        self._refused: dict[str, Refused] = {}
        self._answers = 0
        self._forbidden = 0
        self._unclear = 0
        self._unclear_since_s = 0.0
        self._counts = True
        self.last_answer = Answer()

    def refusal(self, errand: Errand) -> Refused | None:
        """Return what was said of the container of *errand*, if it was refused."""
        return self._refused.get(_container(errand)) if self._refused else None

    def learn(self, errand: Errand, exchange: Exchange) -> None:
        """Take note of what *exchange* cost *errand*, and of what it says about the provider."""
        self.last_answer = exchange.answer
        # While the provider is down no item is to blame; for what showed that it is, each may be.
        self._counts = self._credential.breaker.closed
        self._credential.learn(errand, exchange)
        if self._counts:
            errand.tries.active_s += exchange.duration_s

    def take_live(self, read: Read, result: ReadResult) -> None:
        """Prepare the jobs whose live values *result* holds, and see to the others."""
        # All of the result is looked at first, so that a defect in it finds every job as it was.
        live = {
            job.seq: result.live.get(item, result.fields[item])
            for job in read.jobs
            if (item := job.change.item) in result.fields
        }
        missing = {job.seq for job in read.jobs if job.change.item in result.missing}

        self._unclear = 0
        if live or missing:  # an answer that proves nothing is none
            self._answers += 1
        now_s = self._now()
        unproven: list[Job] = []
        for job in read.jobs:
            if job.seq in live:
                job.live = live[job.seq]
                job.read_at_s = now_s
                if job.hold is None or self._is_released(job, result):
                    self._agenda.prepared(job, first=not read.bulk)
            elif job.seq in missing:
                self._settle(job, "failed", "not_found", result.answer)
            else:
                unproven.append(job)

        if unproven and not read.bulk:
            self._again(read, "unproven", result.answer, None)
        else:
            self._read_alone(read, unproven)

    def take_page(self, look: Look, page: Page) -> None:
        """Add *page* to its list, and have the next one read."""
        self._unclear = 0
        self._answers += 1
        look.tries = Tries()
        place = (self._target, look.container, look.kind)
        self._run.recent.add({Item(*place, id_): live for id_, live in page.live.items()}, self._now())
        look.listing.add(page)
        if look.listing.listed is None:
            self._agenda.next_page(look)
        else:
            look.listed = look.listing.listed
            self._agenda.read_ended(look)
        self._tell()

    def take_query(self, query: Query, result: ReadResult) -> None:
        """Take what *result* proves of the items of *query*; have each of the others asked for alone."""
        seen: dict[Item, Seen] = {}
        for item in query.items:
            if item in result.fields:
                seen[item] = result.told(item)
            elif item in result.missing:
                seen[item] = Absent()
        self._unclear = 0
        self._answers += bool(seen)
        query.seen |= seen
        self._run.recent.add(result.live, self._now())
        unproven = [item for item in query.items if item not in seen]
        if unproven and not query.bulk:
            self._again(query, "unproven", result.answer, None)
        else:
            self._ask_alone(query, unproven)

    def _ask_alone(self, query: Query, items: Iterable[Item]) -> None:
        """End *query*, and have a read of its own for each of *items*."""
        self._agenda.asked(query.alone(items))
        self._agenda.read_ended(query)
        self._tell()

    def _is_released(self, job: Job, result: ReadResult) -> bool:
        """Tell whether *job*, which is on hold, may go on after *result*; if it may not, it waits, or is settled."""
        assert job.hold is not None
        fields = result.fields[job.change.item]
        if job.hold_until_s > self._now() and not job.hold.is_ended_by(fields):
            self._agenda.again(job, job.hold_until_s)
            return False
        job.hold = None
        if all(fields.get(field) == value for field, value in job.change.desired.items()):
            self._settle(job, "updated", "already_live", result.answer)
            return False
        return True

    def _read_alone(self, read: Read, jobs: Iterable[Job]) -> None:
        """End *read*, and have a read of its own for each of *jobs*."""
        for job in jobs:
            job.alone = True
            self._agenda.prepared(job)
        self._agenda.read_ended(read)
        self._tell()

    def _one_by_one(self, errand: Read | Query) -> None:
        """End *errand*, and have a read of its own for each item of it."""
        if isinstance(errand, Read):
            self._read_alone(errand, errand.jobs)
        else:
            self._ask_alone(errand, errand.items)

    def judge(self, errand: Errand, meaning: Verdict | Lost) -> None:
        """Settle *errand*, or have it repeated."""
        if self._is_unclear(meaning):
            self._stop("unclear", answer_of(meaning))
            self.fail(errand, "unclear", answer_of(meaning))
            return
        match meaning:
            case Accepted(answer):
                self._answers += 1
                self._accept(errand, answer)
            case Throttled(answer, retry_after_s):
                self._throttled(errand, answer, retry_after_s)
            case Transient(reason, answer, _, retry_after_s):
                self._again(errand, reason, answer, retry_after_s)
            case Lost("oversized") if isinstance(errand, Read | Query) and errand.bulk:
                self._one_by_one(errand)
            case Lost(reason, _, _, False):
                self._again(errand, reason, answer_of(meaning), None)
            case Lost(reason):
                self._stop(reason, answer_of(meaning))
                self.fail(errand, reason, answer_of(meaning))
            case Refused():
                self._answers += 1
                self._refuse(errand, meaning)
            case Unauthorised(answer, server_time_s):
                self._unauthorised(errand, answer, server_time_s)

    def _is_unclear(self, meaning: Verdict | Lost) -> bool:
        """Take *meaning* into account; tell whether the target has said nothing clear for too long."""
        match meaning:
            case Lost():
                return False
            case Transient("unclear"):
                self._unclear += 1
            case _:
                self._unclear = 0
                return False
        if self._unclear == 1:
            self._unclear_since_s = self._now()
        return self._unclear > _UNCLEAR_MORE_THAN and self._now() - self._unclear_since_s >= _UNCLEAR_FOR_S

    def _accept(self, errand: Errand, answer: Answer) -> None:
        if isinstance(errand, Job):
            self._settle(errand, "updated", "accepted", answer)
        else:  # a read that is accepted but holds nothing
            self._again(errand, "unproven", answer, None)

    def _throttled(self, errand: Errand, answer: Answer, retry_after_s: float | None) -> None:
        errand.tries.throttled += 1
        if self._asks_too_long(errand, "throttled", answer, retry_after_s):
            return

        delay_s = throttle_delay_s(self._retry, errand.tries, self._jitter)
        pause_s = max(delay_s or 0.0, retry_after_s or 0.0)
        self._pause(pause_s)
        if delay_s is None:
            self.fail(errand, "throttled", answer)
        else:
            self._repeat(errand, "throttled", answer, pause_s)

    def _again(self, errand: Errand, reason: str, answer: Answer, retry_after_s: float | None) -> None:
        errand.tries.failed += self._counts
        if self._asks_too_long(errand, reason, answer, retry_after_s):
            return

        if retry_after_s:
            self._pause(retry_after_s)
        delay_s = retry_delay_s(self._retry, errand.tries, self._jitter) if self._counts else 0.0
        if delay_s is None:
            self.fail(errand, reason, answer)
        else:
            errand.tries.active_s += delay_s
            self._repeat(errand, reason, answer, max(delay_s, retry_after_s or 0.0))

    def _asks_too_long(self, errand: Errand, reason: str, answer: Answer, retry_after_s: float | None) -> bool:
        """Stop the target politely when it asks for more patience than a run has."""
        if retry_after_s is None or retry_after_s <= LONGEST_RETRY_AFTER_S:
            return False
        self._stop("retry_after", answer)
        self.fail(errand, reason, answer)
        return True

    def _refuse(self, errand: Errand, refused: Refused) -> None:
        if refused.scope == "container":
            self._refused[_container(errand)] = refused
        elif refused.scope == "target":
            self._stop(refused.reason, refused.answer)
        elif refused.reason == "forbidden":
            self._forbidden += 1
            if self._forbidden == self._answers == _FORBIDDEN_FROM_THE_START:
                self._stop("unauthorised", refused.answer)
        if refused.scope == "item" and isinstance(errand, Read | Query) and errand.bulk and self.stopped is None:
            self._one_by_one(errand)
        else:
            self.fail(errand, refused.reason, refused.answer)

    def _unauthorised(self, errand: Errand, answer: Answer, server_time_s: float | None) -> None:
        if server_time_s is not None and not errand.corrected:
            if not self.corrected:
                self.offset_s = server_time_s - self._wall()
                self.corrected = True
            self._repeat(errand, "clock_skew", answer, 0.0)
        else:
            self._stop("unauthorised", answer)
            self.fail(errand, "unauthorised", answer)

    def _repeat(self, errand: Errand, reason: str, answer: Answer, delay_s: float) -> None:
        if isinstance(errand, Job):
            self._run.observe(AttemptFailed(errand.seq, self._target, errand.number, reason, answer, delay_s))
        self._agenda.again(errand, self._now() + delay_s)
        self._tell()

    def fail(self, errand: Errand, reason: str, answer: Answer) -> None:
        """Settle *errand* as not done. Changes that were to follow a read which stopped the target were never begun."""
        if isinstance(errand, Look | Query):
            errand.end(reason, answer)
            self._agenda.read_ended(errand)
            self._tell()
            return
        for job in errand.jobs:
            if self.stopped is not None and isinstance(errand, Read):
                job.answer = job.answer if job.attempts else answer
            else:
                self._settle(job, "unknown" if job.doubt else "failed", reason, answer)
        if isinstance(errand, Read):
            self._agenda.read_ended(errand)

    def defect(self, errand: Errand, answer: Answer) -> None:
        """End *errand*, whose handling broke. A defect costs one item, so of several each gets a read of its own."""
        if isinstance(errand, Read | Query) and errand.bulk and self.stopped is None:
            self._one_by_one(errand)
        else:
            self.fail(errand, "defect", answer)

    def give_up(self, reason: str, answer: Answer | None = None) -> None:
        """Send nothing more to the target, because of *reason*; without an *answer*, the last one speaks."""
        self._stop(reason, self.last_answer if answer is None else answer)

    def _settle(self, job: Job, outcome: OutcomeName, reason: str, answer: Answer) -> None:
        if not self._agenda.settled(job):  # a defect came after its end
            return
        self._run.settle(job.settlement(outcome, reason, answer))
        self._tell()

    def _pause(self, delay_s: float) -> None:
        self._credential.pacer.pause_until(self._now() + delay_s)
        self._run.observe(TargetPaused(self._target, delay_s))

    def _stop(self, reason: str, answer: Answer) -> None:
        if self.stopped is None:
            self.stopped = reason
            self._run.observe(TargetStopped(self._target, reason, answer))
            self._halt()
