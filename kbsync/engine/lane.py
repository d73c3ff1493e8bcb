"""The workers of one target: each takes an errand, sends one request, and acts on what the answer means."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio
import anyio.lowlevel

from kbsync.core.events import AttemptFailed, TargetPaused, TargetStopped
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.state import Conclusion, Intent, OutcomeName, ReadRecord, Settlement
from kbsync.core.wire import (
    Accepted,
    Answer,
    Lost,
    ReadResult,
    Refused,
    Request,
    Response,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)
from kbsync.engine.agenda import Agenda
from kbsync.engine.backoff import LONGEST_RETRY_AFTER_S, retry_delay_s, throttle_delay_s
from kbsync.engine.errands import Errand, Job, Read
from kbsync.engine.pacing import Pacer
from kbsync.engine.run import Run
from kbsync.engine.target import READ_ANSWER_BYTES, WRITE_ANSWER_BYTES, Clock, Target
from kbsync.errors import StateWriteError

__all__ = ("Lane",)

# So many first answers that all say `forbidden` are about the credential, not about the items.
_FORBIDDEN_FROM_THE_START: Final = 20
_WORDS: Final[dict[type[object], str]] = {
    Accepted: "accepted",
    ReadResult: "accepted",
    Throttled: "throttled",
    Transient: "transient",
    Refused: "refused",
    Unauthorised: "unauthorised",
    Lost: "lost",
}
_UNDECIDED: Final = Lost("cancelled", "no answer was waited for", sent=True)

_Meaning: TypeAlias = Verdict | ReadResult | Lost


@dataclass(slots=True)
class _Exchange:
    """One request on the wire, or not: *sent_at_s* is wall time, *meaning* stays None when nothing was sent."""

    sent_at_s: float = 0.0
    began_s: float = 0.0
    meaning: _Meaning | None = None

    @property
    def left(self) -> float | None:
        """When the request left, or None when it did not."""
        if self.meaning is None or (isinstance(self.meaning, Lost) and not self.meaning.sent):
            return None
        return self.sent_at_s


class Lane:
    """One target in one run: its pacing, its open work, and the workers that share them."""

    def __init__(
        self,
        target: Target,
        changes: Iterator[tuple[int, Change]],
        run: Run,
        retry: RetrySettings,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self.target = target
        self._run = run
        self._retry = retry
        self._clock = clock
        self._jitter = jitter
        self._codec = target.codec
        self._agenda = Agenda(target, changes, run.may_begin, clock.monotonic)
        earliest_s = clock.monotonic() + max(0.0, target.not_before_s - clock.wall())
        self._pacer = Pacer(target.rate_per_s, target.burst, clock, earliest_s)
        self._stopped: str | None = None
        self._refused: dict[str, Refused] = {}
        self._offset_s = 0.0
        self._corrected = False
        self._answers = 0
        self._forbidden = 0
        self._idle = 0
        self._news = anyio.Event()
        run.on_stop.append(self._halt)

    async def work(self) -> None:
        """Be one worker, until there is no more to do or nothing more may be sent."""
        while self._stopped is None and self._run.stopping is None:
            errand = self._agenda.next()
            if errand is not None:
                await self._do(errand)
            elif self._agenda.finished:
                break
            else:
                await self._wait()

        self._tell()

    def rest(self) -> Iterator[Settlement]:
        """Yield the end of every change that is not settled, after the workers have gone."""
        why = self._stopped or self._run.why
        for job in self._agenda.open_jobs():
            yield job.unfinished(why)
        for seq, _ in self._agenda.never_begun():
            yield Settlement(seq, "not_attempted", why, 0, Answer(), 0.0)

    async def _do(self, errand: Errand) -> None:
        refusal = self._refused.get(errand.jobs[0].change.item.container)
        try:
            if refusal is not None:
                await anyio.lowlevel.checkpoint()
                self._fail(errand, refusal.reason, refusal.answer)
            elif isinstance(errand, Job):
                await self._write(errand)
            else:
                await self._read(errand)
        except StateWriteError as error:
            self._run.broke(error)
        except Exception as error:  # noqa: BLE001  a defect of ours costs its item, not the others
            self._run.error = self._run.error or error
            self._fail(errand, "defect", Answer(message=type(error).__name__))
            await anyio.lowlevel.checkpoint()

    async def _write(self, job: Job) -> None:
        change = job.change
        request = self._codec.encode(change.operation, change.item, change.desired, job.live)
        job.number += 1
        await self._run.journal.intend(Intent(job.seq, job.number, self._clock.wall()))
        exchange = _Exchange()
        try:
            if await self._pacer.turn() and not self._agenda.is_stale(job):
                await self._send(job, request, WRITE_ANSWER_BYTES, self._codec.decode, exchange)
        finally:
            self._conclude(job, exchange)

        meaning = exchange.meaning
        if meaning is None:
            self._agenda.prepared(job)
        else:
            assert not isinstance(meaning, ReadResult)
            self._judge(job, meaning)

    def _conclude(self, job: Job, exchange: _Exchange) -> None:
        meaning = exchange.meaning
        duration_s, answer, doubt, word = 0.0, Answer(), False, "unsent"
        if meaning is not None:
            job.last_answer_s = self._clock.monotonic()
            duration_s = job.last_answer_s - exchange.began_s
            job.tries.active_s += duration_s
            job.attempts += 1
            if job.attempts == 1:
                job.first_sent_s = exchange.began_s
            answer, doubt, word = _answer(meaning), _leaves_doubt(meaning), _WORDS[type(meaning)]
            job.answer, job.reason, job.doubt = answer, _reason(meaning), job.doubt or doubt

        self._run.journal.conclude(
            Conclusion(job.seq, job.number, exchange.left, duration_s * 1000, word, doubt, answer)
        )

    async def _read(self, read: Read) -> None:
        items = [job.change.item for job in read.jobs]
        operation = read.jobs[0].operation.name
        request = self._codec.encode_read(operation, items)
        name = self.target.name
        number = await self._run.journal.intend_read(name, operation, len(items), self._clock.wall())
        exchange = _Exchange()

        def decode(response: Response) -> ReadResult | Verdict:
            return self._codec.decode_read(operation, items, response)

        try:
            if await self._pacer.turn():
                await self._send(read, request, READ_ANSWER_BYTES, decode, exchange)
        finally:
            meaning = exchange.meaning
            duration_s = 0.0 if meaning is None else self._clock.monotonic() - exchange.began_s
            read.tries.active_s += duration_s
            word, answer = ("unsent", Answer()) if meaning is None else (_WORDS[type(meaning)], _answer(meaning))
            record = ReadRecord(name, operation, len(items), exchange.left, duration_s * 1000, word, answer)
            self._run.journal.conclude_read(number, record)

        if isinstance(meaning, ReadResult):
            self._take_live(read, meaning)
        elif meaning is not None:
            self._judge(read, meaning)

    async def _send(
        self,
        errand: Errand,
        request: Request,
        limit_bytes: int,
        decode: Callable[[Response], Verdict | ReadResult],
        exchange: _Exchange,
    ) -> None:
        """Send *request* now; *exchange* tells how it went, even when this is cancelled."""
        exchange.sent_at_s = self._clock.wall()
        exchange.began_s = self._clock.monotonic()
        request = self._codec.authorise(request, exchange.sent_at_s + self._offset_s)
        errand.corrected = self._corrected
        exchange.meaning = _UNDECIDED
        answer = await self.target.transport.send(request, limit_bytes)
        exchange.meaning = answer if isinstance(answer, Lost) else decode(answer)

    def _take_live(self, read: Read, result: ReadResult) -> None:
        self._answers += 1
        now_s = self._clock.monotonic()
        unproven: list[Job] = []
        for job in read.jobs:
            item = job.change.item
            if item in result.fields:
                job.live = result.live.get(item, result.fields[item])
                job.read_at_s = now_s
                self._agenda.prepared(job)
            elif item in result.missing:
                self._settle(job, "failed", "not_found", result.answer)
            else:
                unproven.append(job)

        if unproven and not read.bulk:
            self._again(read, "unproven", result.answer, None)
        else:
            self._read_alone(read, unproven)

    def _read_alone(self, read: Read, jobs: Iterable[Job]) -> None:
        """End *read*, and have a read of its own for each of *jobs*."""
        for job in jobs:
            job.alone = True
            self._agenda.prepared(job)
        self._agenda.read_ended(read)
        self._tell()

    def _judge(self, errand: Errand, meaning: Verdict | Lost) -> None:
        """Settle *errand*, or have it repeated."""
        match meaning:
            case Accepted(answer):
                self._answers += 1
                self._accept(errand, answer)
            case Throttled(answer, retry_after_s):
                self._throttled(errand, answer, retry_after_s)
            case Transient(reason, answer, _, retry_after_s):
                self._again(errand, reason, answer, retry_after_s)
            case Lost("oversized") if isinstance(errand, Read) and errand.bulk:
                self._read_alone(errand, errand.jobs)
            case Lost(reason, detail, _, False):
                self._again(errand, reason, Answer(message=detail), None)
            case Lost(reason, detail, _, _):
                self._stop(reason, Answer(message=detail))
                self._fail(errand, reason, Answer(message=detail))
            case Refused():
                self._answers += 1
                if meaning.scope == "item" and isinstance(errand, Read) and errand.bulk:
                    self._read_alone(errand, errand.jobs)
                else:
                    self._refuse(errand, meaning)
            case Unauthorised(answer, server_time_s):
                self._unauthorised(errand, answer, server_time_s)

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
            self._fail(errand, "throttled", answer)
        else:
            self._repeat(errand, "throttled", answer, pause_s)

    def _again(self, errand: Errand, reason: str, answer: Answer, retry_after_s: float | None) -> None:
        errand.tries.failed += 1
        if self._asks_too_long(errand, reason, answer, retry_after_s):
            return

        delay_s = retry_delay_s(self._retry, errand.tries, self._jitter)
        if retry_after_s:
            self._pause(retry_after_s)
        if delay_s is None:
            self._fail(errand, reason, answer)
        else:
            errand.tries.active_s += delay_s
            self._repeat(errand, reason, answer, max(delay_s, retry_after_s or 0.0))

    def _asks_too_long(self, errand: Errand, reason: str, answer: Answer, retry_after_s: float | None) -> bool:
        """Stop the target politely when it asks for more patience than a run has."""
        if retry_after_s is None or retry_after_s <= LONGEST_RETRY_AFTER_S:
            return False
        self._stop("retry_after", answer)
        self._fail(errand, reason, answer)
        return True

    def _refuse(self, errand: Errand, refused: Refused) -> None:
        if refused.scope == "container":
            self._refused[errand.jobs[0].change.item.container] = refused
        elif refused.scope == "target":
            self._stop(refused.reason, refused.answer)
        elif refused.reason == "forbidden":
            self._forbidden += 1
            if self._forbidden == self._answers == _FORBIDDEN_FROM_THE_START:
                self._stop("unauthorised", refused.answer)
        self._fail(errand, refused.reason, refused.answer)

    def _unauthorised(self, errand: Errand, answer: Answer, server_time_s: float | None) -> None:
        if server_time_s is not None and not errand.corrected:
            if not self._corrected:
                self._offset_s = server_time_s - self._clock.wall()
                self._corrected = True
            self._repeat(errand, "clock_skew", answer, 0.0)
        else:
            self._stop("unauthorised", answer)
            self._fail(errand, "unauthorised", answer)

    def _repeat(self, errand: Errand, reason: str, answer: Answer, delay_s: float) -> None:
        if isinstance(errand, Job):
            self._run.observe(AttemptFailed(errand.seq, self.target.name, errand.number, reason, answer, delay_s))
        self._agenda.again(errand, self._clock.monotonic() + delay_s)
        self._tell()

    def _fail(self, errand: Errand, reason: str, answer: Answer) -> None:
        for job in errand.jobs:
            self._settle(job, "unknown" if job.doubt else "failed", reason, answer)
        if isinstance(errand, Read):
            self._agenda.read_ended(errand)

    def _settle(self, job: Job, outcome: OutcomeName, reason: str, answer: Answer) -> None:
        self._agenda.settled(job)
        self._run.settle(job.settlement(outcome, reason, answer))
        self._tell()

    def _pause(self, delay_s: float) -> None:
        self._pacer.pause_until(self._clock.monotonic() + delay_s)
        self._run.observe(TargetPaused(self.target.name, delay_s))

    def _stop(self, reason: str, answer: Answer) -> None:
        if self._stopped is None:
            self._stopped = reason
            self._run.observe(TargetStopped(self.target.name, reason, answer))
            self._halt()

    def _halt(self) -> None:
        self._pacer.stop()
        self._tell()

    async def _wait(self) -> None:
        """Wait until a retry is due, or another worker has news."""
        due_at_s = self._agenda.due_at_s
        self._idle += 1
        try:
            with anyio.move_on_after(None if due_at_s is None else due_at_s - self._clock.monotonic()):
                await self._news.wait()
        finally:
            self._idle -= 1

    def _tell(self) -> None:
        if self._idle:
            self._news.set()
            self._news = anyio.Event()


def _answer(meaning: _Meaning) -> Answer:
    return Answer(message=meaning.detail) if isinstance(meaning, Lost) else meaning.answer


def _leaves_doubt(meaning: _Meaning) -> bool:
    match meaning:
        case Lost():
            return meaning.sent
        case Transient() | Refused():
            return meaning.doubt
        case Accepted() | Throttled() | Unauthorised() | ReadResult():
            return False


def _reason(meaning: _Meaning) -> str:
    match meaning:
        case Lost() | Transient() | Refused():
            return meaning.reason
        case Accepted() | Throttled() | Unauthorised() | ReadResult():
            return _WORDS[type(meaning)]
