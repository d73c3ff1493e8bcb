"""The workers of one target: each takes an errand, sends one request, and has its answer judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import anyio
import anyio.lowlevel

from kbsync.core.events import ChangeHeld
from kbsync.core.holds import Hold
from kbsync.core.items import Item
from kbsync.core.plan import Change
from kbsync.core.settings import RetrySettings
from kbsync.core.state import MOST_ATTEMPTS, Conclusion, Intent, ReadRecord
from kbsync.core.wire import Answer, Lost, Page, ReadResult, Request, Response, Verdict
from kbsync.engine.agenda import UNKNOWN, Agenda
from kbsync.engine.credential import Credential
from kbsync.engine.errands import Errand, Job, Look, Query, Read
from kbsync.engine.exchange import UNDECIDED, Exchange, Meaning
from kbsync.engine.judge import Judge
from kbsync.engine.run import Run
from kbsync.engine.target import READ_ANSWER_BYTES, WRITE_ANSWER_BYTES, Clock, Target
from kbsync.errors import StateWriteError

__all__ = ("Lane",)

_Decode: TypeAlias = Callable[[Response], Verdict | ReadResult | Page]
# Who goes first: a write soon after the read it needs, and a read before those that it keeps waiting.
_READ, _OVERLAY, _PLAIN = range(3)


class Lane:
    """One target in one run: its open work, its share in the *credential*, and the workers that share both."""

    def __init__(
        self,
        target: Target,
        credential: Credential,
        changes: Iterator[tuple[int, Change]],
        holds: Mapping[int, Hold],
        looks: Sequence[Look | Query],
        run: Run,
        retry: RetrySettings,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self.target = target
        self._run = run
        self._clock = clock
        self._codec = target.codec
        self._credential = credential
        self._looks = looks
        ends_s = {seq: clock.monotonic() + hold.until_s - clock.wall() for seq, hold in holds.items()}
        self._agenda = Agenda(
            target,
            changes,
            looks,
            {seq: (hold, ends_s[seq]) for seq, hold in holds.items()},
            run.recent,
            run.may_begin,
            clock.monotonic,
            self._rate_per_s,
        )
        self._judge = Judge(target.name, self._agenda, credential, run, retry, clock, jitter, self._tell, self._halt)
        self._halted = False
        self._idle = 0
        self._news = anyio.Event()
        run.on_stop.append(self._halt)
        credential.join(target.name, self._tell)
        for seq, end_s in ends_s.items():
            run.observe(ChangeHeld(seq, target.name, max(0.0, end_s - clock.monotonic())))

    async def work(self) -> None:
        """Be one worker, until there is no more to do or nothing more may be sent."""
        while self._goes_on():
            now_s = self._clock.monotonic()
            errand = self._next(now_s)
            if errand is not None:
                await self._do(errand)
                self._credential.put_back(errand)
            elif self._agenda.finished or self._judge.stopped is not None:
                break
            else:
                await self._wait(now_s)

        self._tell()

    def account(self) -> None:
        """Hand in the end of every change that is not settled, after the workers have gone."""
        why = self._judge.stopped or self._run.why
        for look in self._looks:
            if isinstance(look, Query) or look.listed is None:
                look.end(why, self._judge.last_answer)
        for job in self._agenda.open_jobs():
            self._run.journal.settle(job.unfinished(why))
        if next(self._agenda.never_begun(), None) is not None:
            self._run.journal.leave(self.target.name, why)

    def _goes_on(self) -> bool:
        if self._judge.stopped is None and self._run.stopping is None and self._credential.is_given_up():
            self._judge.give_up("outage")
        return self._judge.stopped is None and self._run.stopping is None

    def _next(self, now_s: float) -> Errand | None:
        breaker = self._credential.breaker
        if not breaker.may_take(now_s):
            return None
        try:
            errand = self._agenda.next()
        except Exception as error:  # noqa: BLE001  a defect that no item can be blamed for costs its target
            self._run.error = self._run.error or error
            self._judge.give_up("defect", Answer(message=type(error).__name__))
            return None
        if errand is not None:
            breaker.take(errand)
        return errand

    async def _do(self, errand: Errand) -> None:
        refusal = self._judge.refusal(errand)
        try:
            if refusal is not None:
                await anyio.lowlevel.checkpoint()
                self._judge.fail(errand, refusal.reason, refusal.answer)
            elif isinstance(errand, Job):
                await self._write(errand)
            elif isinstance(errand, Read):
                await self._read(errand)
            elif isinstance(errand, Query):
                await self._query(errand)
            else:
                await self._look(errand)
        except StateWriteError as error:
            self._run.broke(error)
        except Exception as error:  # noqa: BLE001  a defect of ours costs its item, not the others
            self._run.error = self._run.error or error
            self._judge.defect(errand, Answer(message=type(error).__name__))
            await anyio.lowlevel.checkpoint()

    async def _write(self, job: Job) -> None:
        change = job.change
        if job.operation is UNKNOWN:
            raise ValueError(f"{self.target.name} has no operation {change.operation}")
        if job.number == MOST_ATTEMPTS:  # a long outage had it probe again and again
            await anyio.lowlevel.checkpoint()
            self._judge.fail(job, job.reason or "unsent", job.answer)
            return
        request = self._codec.encode(change.operation, change.item, change.desired, job.live)
        job.number += 1
        await self._run.journal.intend(Intent(job.seq, job.number, self._clock.wall()))
        exchange = Exchange()
        rank = _OVERLAY if job.operation.overlays else _PLAIN
        try:
            await self._send(job, rank, request, WRITE_ANSWER_BYTES, self._codec.decode, exchange)
        finally:
            self._conclude(job, exchange)

        meaning = exchange.meaning
        if meaning is None:
            self._agenda.held_back(job)
        else:
            assert not isinstance(meaning, ReadResult | Page)
            self._judge.learn(job, exchange)
            self._judge.judge(job, meaning)

    def _conclude(self, job: Job, exchange: Exchange) -> None:
        answer, doubt, left_at_s = exchange.answer, exchange.doubt, exchange.left_at_s
        if exchange.meaning is not None:
            job.last_answer_s = self._clock.monotonic()
            exchange.duration_s = job.last_answer_s - exchange.began_s
            job.attempts += 1
            if job.attempts == 1:
                job.first_sent_s = exchange.began_s
            job.answer, job.reason, job.doubt = answer, exchange.reason, job.doubt or doubt
            job.left = job.left or left_at_s is not None

        self._run.journal.conclude(
            Conclusion(job.seq, job.number, left_at_s, exchange.duration_s * 1000, exchange.word, doubt, answer)
        )

    async def _read(self, read: Read) -> None:
        meaning = await self._ask_for(read, read.jobs[0].operation.name, [job.change.item for job in read.jobs])
        if isinstance(meaning, ReadResult):
            self._judge.take_live(read, meaning)

    async def _query(self, query: Query) -> None:
        meaning = await self._ask_for(query, query.operation.name, query.items)
        if isinstance(meaning, ReadResult):
            self._judge.take_query(query, meaning)

    async def _ask_for(self, errand: Read | Query, operation: str, items: Sequence[Item]) -> Meaning | None:
        """Send a read of *items*, and have an answer that holds nothing judged."""
        request = self._codec.encode_read(operation, items)

        def decode(response: Response) -> ReadResult | Verdict:
            return self._codec.decode_read(operation, items, response)

        meaning = await self._ask(errand, operation, len(items), request, decode)
        if meaning is not None and not isinstance(meaning, ReadResult):
            assert not isinstance(meaning, Page)
            self._judge.judge(errand, meaning)
        return meaning

    async def _look(self, look: Look) -> None:
        cursor = look.listing.cursor
        assert cursor is not None, "a list that is read is not looked at"
        request = self._codec.encode_list(look.kind, look.container, cursor)

        def decode(response: Response) -> Page | Verdict:
            return self._codec.decode_list(look.kind, cursor, response)

        meaning = await self._ask(look, f"list.{look.kind}", 0, request, decode)
        if isinstance(meaning, Page):
            self._judge.take_page(look, meaning)
        elif meaning is not None:
            assert not isinstance(meaning, ReadResult)
            self._judge.judge(look, meaning)

    async def _ask(
        self, errand: Read | Query | Look, operation: str, items: int, request: Request, decode: _Decode
    ) -> Meaning | None:
        """Send a request that changes nothing, and journal it; None says that it did not leave, and is to be again."""
        name = self.target.name
        number = await self._run.journal.intend_read(name, operation, items, self._clock.wall())
        exchange = Exchange()
        try:
            await self._send(errand, _READ, request, READ_ANSWER_BYTES, decode, exchange)
        finally:
            if exchange.meaning is not None:
                exchange.duration_s = self._clock.monotonic() - exchange.began_s
            duration_ms = exchange.duration_s * 1000
            record = ReadRecord(name, operation, items, exchange.left_at_s, duration_ms, exchange.word, exchange.answer)
            self._run.journal.conclude_read(number, record)

        if exchange.meaning is None:
            self._agenda.again(errand, self._clock.monotonic())
        else:
            self._judge.learn(errand, exchange)
        return exchange.meaning

    async def _send(
        self,
        errand: Errand,
        rank: int,
        request: Request,
        limit_bytes: int,
        decode: _Decode,
        exchange: Exchange,
    ) -> None:
        """Send *request* when its turn comes; *exchange* tells how it went, even when this is cancelled.

        When nothing more is to be sent, whatever has not left by then is let go at once.
        """
        now, pacer = self._clock.monotonic, self._credential.pacer
        endpoint = self._credential.endpoints.get(errand.operation.name) if isinstance(errand, Job) else None
        if endpoint is not None and not (self._may_leave(errand) and await endpoint.turn(self)):
            return
        if not (self._may_leave(errand) and await pacer.turn(self, rank) and self._may_leave(errand)):
            return
        turn_at_s = exchange.began_s = now()
        request = self._codec.authorise(request, self._clock.wall() + self._judge.offset_s)
        errand.corrected = self._judge.corrected

        async def ready() -> bool:
            asked_s = now()
            exchange.held_back = not await pacer.go(self, turn_at_s, endpoint) or not self._may_leave(errand)
            if exchange.held_back:
                exchange.meaning = None
                return False
            exchange.began_s += now() - asked_s
            exchange.sent_at_s = self._clock.wall()
            exchange.meaning = UNDECIDED
            if isinstance(errand, Job) and self._agenda.sent(errand):
                self._tell()
            return True

        answer = await self.target.transport.send(request, limit_bytes, ready)
        if exchange.meaning is not None:
            exchange.meaning = answer if isinstance(answer, Lost) else decode(answer)
        elif isinstance(answer, Lost) and not exchange.held_back and not self._halted:
            exchange.meaning = answer  # there was no connection to be had

    def _may_leave(self, errand: Errand) -> bool:
        """Tell whether *errand* is still to be sent."""
        if self._halted or not self._credential.breaker.lets(errand):
            return False
        return not (isinstance(errand, Job) and self._agenda.is_stale(errand))

    def _rate_per_s(self) -> float:
        return self._credential.pacer.tempo.rate_per_s(self._clock.monotonic())

    def _halt(self) -> None:
        """Let go of whatever waits for its turn, or for a connection: nothing of it has left."""
        self._halted = True
        self._credential.dismiss(self)
        self.target.transport.abandon()
        self._tell()

    async def _wait(self, looked_at_s: float) -> None:
        """Wait, after nothing was found to do at *looked_at_s*, until there may be or another worker has news."""
        again_at_s = self._credential.look_again_at_s(looked_at_s, self._agenda.due_at_s)
        self._idle += 1
        try:
            with anyio.move_on_after(again_at_s - self._clock.monotonic()):
                await self._news.wait()
        finally:
            self._idle -= 1

    def _tell(self) -> None:
        if self._idle:
            self._news.set()
            self._news = anyio.Event()
