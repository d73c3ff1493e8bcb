"""The emulator: takes requests as values, gives replies as bytes or scripts. Opens no socket itself."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from kbsync.emulator.api import Api, Call, Endpoint, Outcome, Site, Subject
from kbsync.emulator.behaviour import Behaviour
from kbsync.emulator.connection import Connection, Reply
from kbsync.emulator.control import Control
from kbsync.emulator.coze import Coze
from kbsync.emulator.faults import FAULTS, Fault
from kbsync.emulator.ledger import Fate, Ledger, Record
from kbsync.emulator.listings import first_page, spoiled_list
from kbsync.emulator.messages import Answer, Request, StampCache, json_answer, json_object, rendered
from kbsync.emulator.rates import Limiter, Peaks, Rate
from kbsync.emulator.routing import Router
from kbsync.emulator.rules import Fates, Hit, Rule, Sighting, drawn
from kbsync.emulator.volcengine import Volcengine
from kbsync.emulator.wire import ANSWERLESS, Scene, failing_answer, script
from kbsync.emulator.world import World

__all__ = ("CONTROL_PREFIX", "Emulator", "Latency")

CONTROL_PREFIX = "/_emulator/"

_LATENCY_RULE = -1


@dataclass(frozen=True, slots=True)
class Latency:
    """How long each answer takes, evenly spread between the two. Writes are done at once all the same."""

    least_s: float = 0.0
    most_s: float = 0.0


class _Arrival(NamedTuple):
    """A request that was read, with all that is known of it before it is judged."""

    api: Api
    endpoint: Endpoint
    call: Call
    subject: Subject
    credential: str
    refusal: Answer | None
    number: int
    nth: int
    total: int
    at_s: float


@dataclass(slots=True)
class _Judged:
    """What is to become of an arrival."""

    answer: Answer
    fault: Fault | None = None
    draw: float = 0.0
    fate: Fate = "read"
    pause_s: float = 0.0
    throttled: bool = False


class Emulator:
    """Both providers over one world.

    Everything a test may read or replace while it runs: *site* (world, behaviour, clock), *fates*, *limiter*,
    *latency*, *ledger*, *peaks*. *save* writes the content to its file, when it has one.
    """

    def __init__(
        self,
        world: World,
        behaviour: Behaviour | None = None,
        *,
        rules: tuple[Rule, ...] = (),
        rates: Mapping[str, Rate] | None = None,
        latency: Latency | None = None,
        seed: int = 0,
        clock_offset_s: float = 0.0,
    ) -> None:
        self.site = Site(world, Behaviour() if behaviour is None else behaviour, clock_offset_s)
        self.seed = seed
        self.fates = Fates(rules, seed)
        self.limiter = Limiter({} if rates is None else rates)
        self.latency = Latency() if latency is None else latency
        self.ledger = Ledger()
        self.peaks = Peaks()
        self.connections: set[Connection] = set()
        self.started_s = time.monotonic()
        self._rules_since_s = self.started_s
        self._stamps = StampCache()
        self._late: set[asyncio.TimerHandle] = set()
        self.save: Callable[[], None] | None = None
        self._control = Control(self)
        self._router = Router((Coze(self.site), Volcengine(self.site)))

    @property
    def world(self) -> World:
        """The content."""
        return self.site.world

    def set_rules(self, rules: tuple[Rule, ...], seed: int | None = None) -> None:
        """Replace the rules. Their clock and counters begin anew."""
        self.seed = self.seed if seed is None else seed
        self.fates = Fates(rules, self.seed)
        self._rules_since_s = time.monotonic()

    def receive(self, request: Request) -> Reply:
        """Answer one request, whatever it is."""
        if request.path.startswith(CONTROL_PREFIX):
            return self._rendered(self._control.answer(request, request.path.removeprefix(CONTROL_PREFIX)), request)
        found = self._router.find(request.method, request.path)
        if found is None:
            self.ledger.requests["unknown"] += 1
            return self._rendered(self._unknown(request), request)
        log_id = found.api.log_id()
        call = Call(request, found.ids, json_object(request.body), log_id)
        arrival = self._arrival(found.api, found.endpoint, call)
        judged = self._judged(arrival)
        self._record(arrival, judged)
        return self._reply(arrival, judged)

    def clear_records(self) -> None:
        """Forget what was recorded and counted; content, rules and rates stay."""
        self.ledger.clear()
        self.peaks = Peaks()

    def close(self) -> None:
        """Drop all connections and the writes that were still to come."""
        for timer in self._late:
            timer.cancel()
        self._late.clear()
        for connection in tuple(self.connections):
            connection.abort()

    def _unknown(self, request: Request) -> Answer:
        known = self._router.knows(request.path)
        status, text = (405, "method not allowed") if known else (404, "not found")
        return json_answer(status, {"code": status, "msg": text, "message": text}, status)

    def _arrival(self, api: Api, endpoint: Endpoint, call: Call) -> _Arrival:
        at_s = time.monotonic()
        subject = endpoint.subject(call)
        admission = api.admit(call, endpoint)
        self.peaks.add(admission.credential, at_s)
        nth, total = self.ledger.count(endpoint.operation, subject.key)
        number = self.ledger.next_number()
        return _Arrival(api, endpoint, call, subject, admission.credential, admission.refusal, number, nth, total, at_s)

    def _judged(self, arrival: _Arrival) -> _Judged:
        if arrival.refusal is not None:
            return _Judged(arrival.refusal, fate=_fate(arrival, "not_applied"))
        throttled = self._throttled(arrival)
        hit = throttled or self._hit(arrival)
        if hit is None:
            outcome = arrival.endpoint.handle(arrival.call)
            return _Judged(outcome.answer, fate=self._written(arrival, outcome, None), pause_s=self._pause_s(arrival))
        fault = hit.fault
        failing = failing_answer(fault, arrival.api, arrival.call.log_id, hit.draw, self.site.now_s())
        if failing is not None and fault.effect == "skip":
            return _Judged(failing, fault, hit.draw, _fate(arrival, "not_applied"), throttled=throttled is not None)
        outcome = arrival.endpoint.handle(first_page(arrival.call) if fault.shape == "stuck" else arrival.call)
        fate = self._written(arrival, outcome, fault)
        answer = outcome.answer if failing is None else failing
        if fault.shape == "listing":
            answer = spoiled_list(answer, fault.text)
        return _Judged(answer, fault, hit.draw, fate, throttled=throttled is not None)

    def _throttled(self, arrival: _Arrival) -> Hit | None:
        if arrival.endpoint.open or not self.limiter.rates:
            return None
        refused = self.limiter.refuse(arrival.credential, arrival.api.provider, arrival.at_s)
        if refused is None:
            return None
        rate, wait_s = refused
        self.ledger.throttled[arrival.credential] += 1
        draw = arrival.number * 0.6180339887498949 % 1.0
        fault = FAULTS[drawn(list(rate.mix.items()), draw)]
        if fault.retry_after is not None and fault.retry_after.isdigit():
            fault = replace(fault, retry_after=str(max(1, math.ceil(wait_s))))
        return Hit(fault, draw)

    def _hit(self, arrival: _Arrival) -> Hit | None:
        if not self.fates.rules:
            return None
        return self.fates.decide(
            Sighting(
                arrival.endpoint.operation,
                arrival.credential,
                arrival.subject.container,
                arrival.subject.key,
                arrival.subject.page,
                arrival.nth,
                arrival.total,
                arrival.at_s - self._rules_since_s,
                arrival.endpoint.writes,
            )
        )

    def _pause_s(self, arrival: _Arrival) -> float:
        latency = self.latency
        if not latency.most_s:
            return 0.0
        spread = arrival.number * 0.6180339887498949 % 1.0
        return latency.least_s + (latency.most_s - latency.least_s) * spread

    def _written(self, arrival: _Arrival, outcome: Outcome, fault: Fault | None) -> Fate:
        """Do the write of *outcome* as *fault* says, and tell what became of it."""
        write = outcome.write
        if write is None:
            return _fate(arrival, "not_applied")
        if fault is None or fault.effect == "apply":
            write()
            return "applied"
        if fault.effect == "skip":
            return "not_applied"

        def write_late() -> None:
            self._late.discard(timer)
            write()
            self.ledger.late += 1
            self.ledger.note_applied(arrival.endpoint.operation, arrival.subject.key)

        timer = asyncio.get_running_loop().call_later(fault.late_s, write_late)
        self._late.add(timer)
        return "late"

    def _record(self, arrival: _Arrival, judged: _Judged) -> None:
        fault = judged.fault
        silent = fault is not None and fault.shape in ANSWERLESS
        self.ledger.add(
            Record(
                arrival.number,
                arrival.at_s - self.started_s,
                arrival.api.provider,
                arrival.endpoint.operation,
                arrival.subject.container,
                arrival.subject.key,
                arrival.subject.page,
                arrival.credential,
                arrival.nth,
                "" if fault is None else f"throttled:{fault.kind}" if judged.throttled else fault.kind,
                judged.fate,
                0 if silent else judged.answer.status,
                None if silent else judged.answer.code,
                arrival.call.log_id,
                arrival.call.request.body,
            )
        )

    def _reply(self, arrival: _Arrival, judged: _Judged) -> Reply:
        now_s = self.site.now_s()
        date = self._stamps.date(now_s)
        fault = judged.fault
        if fault is None and judged.pause_s:
            fault = replace(FAULTS["latency"], delay_s=judged.pause_s)
        if fault is not None:
            steps = script(Scene(fault, judged.answer, judged.draw, now_s, date))
            if steps is not None:
                return steps
        return self._rendered(judged.answer, arrival.call.request)

    def _rendered(self, answer: Answer, request: Request) -> bytes:
        return rendered(answer, self._stamps.date(self.site.now_s()), keep_alive=request.keep_alive)


def _fate(arrival: _Arrival, fate: Fate) -> Fate:
    return fate if arrival.endpoint.writes else "read"
