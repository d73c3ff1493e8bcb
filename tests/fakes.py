"""Real little implementations of what the engine is given: a codec, a transport that follows a script, a journal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count as count_up
from typing import Any

import anyio
import orjson

from kbsync.core.fields import Fields
from kbsync.core.items import Item, Source
from kbsync.core.plan import Base, Change, FieldChange, Forecast, Plan, Summary
from kbsync.core.state import MOST_ATTEMPTS, Conclusion, Intent, ReadRecord, Settlement
from kbsync.core.wire import (
    Accepted,
    Answer,
    Live,
    Lost,
    Operation,
    Page,
    ReadResult,
    Refused,
    Request,
    Response,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)
from kbsync.engine.target import Ready
from kbsync.errors import StateWriteError

__all__ = ("LittleCodec", "MemoryJournal", "ScriptedTransport", "Sent", "answer", "change", "plan_of")

CAPTION = Operation("little.caption", "image", frozenset({"caption"}), read_batch=0)
META = Operation("little.meta", "document", frozenset({"meta"}), overlays=True, read_batch=10)
NAME = Operation("little.name", "document", frozenset({"name"}))


def change(
    number: int, target: str = "t", container: str = "c", operation: str = "little.caption", value: str = "小猫"
) -> Change:
    """Return a change of the item with this *number*."""
    kind, field_name = {
        "little.caption": ("image", "caption"),
        "little.name": ("document", "name"),
        "little.meta": ("document", "meta.tag"),
    }[operation]
    return Change(
        Item(target, container, kind, f"{number:06}"),
        operation,
        "new",
        (FieldChange(field_name, None, value),),
        Source("kb.yaml", number + 1, 1),
    )


def plan_of(changes: Iterable[Change]) -> Plan:
    """Return a plan of *changes*, sorted as plans are."""
    ordered = tuple(sorted(changes, key=lambda one: (one.item, one.operation)))
    return Plan(
        plan_id="0" * 32,
        changes=ordered,
        skipped=(),
        released=(),
        unmanaged=(),
        guards=(),
        summary=Summary(len(ordered), 0, len(ordered), 0, 0, 0),
        forecast=Forecast(len(ordered), 0.0),
        base=Base("", 0, "0", {}),
        whole=True,
    )


def answer(status: int = 200, *, headers: Mapping[str, str] | None = None, **body: Any) -> Response:
    """Return a response with a JSON object; without keywords it is the one that confirms a write."""
    return Response(status, dict(headers or {}), orjson.dumps(body or {"code": 0}))


class LittleCodec:
    """A provider of three operations; answers are `{"code": 0}` or say what they mean in so many words.

    A request's path ends in the item's id, and its body holds what is set. `authorise` stamps the time.
    """

    operations: Mapping[str, Operation] = {one.name: one for one in (CAPTION, META, NAME)}
    reads: Mapping[str, Operation] = {}

    def encode(self, operation: str, item: Item, desired: Fields, live: object | None) -> Request:
        body = orjson.dumps({"desired": dict(desired), "live": live})
        return Request("PUT", f"/{operation}/{item.container}/{item.id}", {}, body)

    def encode_read(self, operation: str, items: Sequence[Item]) -> Request:
        return Request("POST", f"/read/{operation}/{items[0].container}", {}, orjson.dumps([item.id for item in items]))

    def authorise(self, request: Request, now_s: float) -> Request:
        return replace(request, headers={**request.headers, "x-time": f"{now_s:.3f}"})

    def decode(self, response: Response) -> Verdict:
        try:
            body = orjson.loads(response.body)
        except ValueError:
            body = None
        said = Answer(response.status, body.get("code") if isinstance(body, dict) else None)
        if response.status != 200:
            return _unsuccessful(response, body, said)
        if not isinstance(body, dict):
            return Transient("unclear", said, doubt=True)
        if type(body.get("code")) is int and body["code"] == 0:
            return Accepted(said)
        return Refused("item", "code", said)

    def decode_read(self, operation: str, items: Sequence[Item], response: Response) -> ReadResult | Verdict:
        verdict = self.decode(response)
        if not isinstance(verdict, Accepted):
            return verdict
        body = orjson.loads(response.body)
        by_id = {item.id: item for item in items}
        fields = {by_id[id_]: values for id_, values in body.get("fields", {}).items() if id_ in by_id}
        missing = frozenset(by_id[id_] for id_ in body.get("missing", ()) if id_ in by_id)
        return ReadResult(verdict.answer, fields, missing, dict(fields))

    def encode_list(self, kind: str, container: str, cursor: str) -> Request:
        return Request("GET", f"/list/{kind}/{container}/{cursor}", {})

    def decode_list(self, kind: str, cursor: str, response: Response) -> Page | Verdict:
        verdict = self.decode(response)
        if not isinstance(verdict, Accepted):
            return verdict
        body = orjson.loads(response.body)
        items = {id_: Live(fields) for id_, fields in body["items"].items()}
        return Page(verdict.answer, items, body["next"], body["total"], body["next"] is None, live=body["items"])


def _unsuccessful(response: Response, body: Any, said: Answer) -> Verdict:
    after = response.headers.get("retry-after")
    after_s = float(after) if after is not None else None
    match response.status, body:
        case 429, _:
            return Throttled(said, after_s)
        case 401, _:
            return Unauthorised(said, body.get("server_time") if isinstance(body, dict) else None)
        case 409, _:
            return Refused("item", "conflict", said, doubt=True)
        case status, _ if status >= 500:
            return Transient(f"http_{status}", said, status == 504, after_s)
        case status, {"scope": str() as scope, "reason": str() as reason} if status >= 400:
            return Refused(scope, reason, said)
        case status, _ if 300 <= status < 400:
            return Refused("target", "redirected", said)
        case _:
            return Refused("item", "forbidden" if response.status == 403 else "status", said)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that a transport was given, at *at_s* of the monotonic clock; *until_s* is when it was answered."""

    request: Request
    at_s: float
    until_s: float

    @property
    def id(self) -> str:
        """The item's id, for a write."""
        return self.request.path.rsplit("/", 1)[1]


_Reply = Response | Lost


class ScriptedTransport:
    """Answers by *script*, which gets each request and how many came before it; each answer takes *latency_s*.

    Each request first gets a connection, which takes *connect_s*: of the request that asks as the n-th, if callable.
    What was sent and what overlapped is kept. A read without a scripted answer finds every item, with an empty field.
    """

    def __init__(
        self,
        script: Callable[[Request, int], _Reply | None] = lambda _request, _count: None,
        latency_s: float | Callable[[int], float] = 0.01,
        connect_s: float | Callable[[int], float] = 0.0,
    ) -> None:
        self._script = script
        self._latency_s = latency_s
        self._connect_s = connect_s
        self._asked = count_up()
        self._abandoned = anyio.Event()
        self._open: set[str] = set()
        self.held_back = 0
        self.sent: list[Sent] = []
        self.begun: list[float] = []
        self.overlaps: list[str] = []
        self.most_at_once = 0

    async def send(self, request: Request, limit_bytes: int, ready: Ready) -> Response | Lost:
        number = next(self._asked)
        if connect_s := self._connect_s(number) if callable(self._connect_s) else self._connect_s:
            with anyio.move_on_after(connect_s):
                await self._abandoned.wait()
                return Lost("unsent", "abandoned", sent=False)
        if not await ready():
            self.held_back += 1
            return Lost("unsent", "held back", sent=False)

        at_s, count = anyio.current_time(), len(self.begun)
        self.begun.append(at_s)
        ids = _items_of(request)
        self.overlaps += ids & self._open
        self._open |= ids
        self.most_at_once = max(self.most_at_once, len(self._open))
        try:
            await anyio.sleep(self._latency_s(count) if callable(self._latency_s) else self._latency_s)
        finally:
            self._open -= ids
            self.sent.append(Sent(request, at_s, anyio.current_time()))
        return self._script(request, count) or _confirmed(request)

    def abandon(self) -> None:
        self._abandoned.set()

    @property
    def writes(self) -> list[Sent]:
        """The writes, in the order in which they were answered."""
        return [sent for sent in self.sent if not sent.request.path.startswith("/read/")]

    @property
    def reads(self) -> list[Sent]:
        """The reads, likewise."""
        return [sent for sent in self.sent if sent.request.path.startswith("/read/")]


def _items_of(request: Request) -> set[str]:
    if request.path.startswith("/list/"):
        return set()
    *_, operation, container, last = request.path.split("/")
    if request.path.startswith("/read/"):
        operation, container, ids = container, last, orjson.loads(request.body)
    else:
        ids = [last]
    kind = "image" if operation == CAPTION.name else "document"
    return {f"{container}/{kind}/{id_}" for id_ in ids}


def _confirmed(request: Request) -> Response:
    if request.path.startswith("/read/"):
        return answer(code=0, fields={id_: {"meta.live": id_} for id_ in orjson.loads(request.body)})
    return answer()


@dataclass(slots=True)
class MemoryJournal:
    """Keeps everything in lists. Each durable step takes *commit_s*; the intent after *breaks_after* ones fails."""

    commit_s: float = 0.0
    breaks_after: int | None = None
    intents: list[Intent] = field(default_factory=list)
    conclusions: list[Conclusion] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    reads: list[tuple[str, str, int]] = field(default_factory=list)
    read_ends: dict[int, ReadRecord] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    flushes: int = 0

    async def intend(self, intent: Intent) -> None:
        await anyio.sleep(self.commit_s)
        assert intent.number <= MOST_ATTEMPTS, "there is no room for more"
        if self.breaks_after is not None and len(self.intents) >= self.breaks_after:
            raise StateWriteError("the disk is full")
        self.intents.append(intent)

    async def intend_read(self, target: str, operation: str, items: int, at_s: float) -> int:
        await anyio.sleep(self.commit_s)
        self.reads.append((target, operation, items))
        return len(self.reads)

    def conclude(self, conclusion: Conclusion) -> None:
        self.conclusions.append(conclusion)

    def conclude_read(self, number: int, record: ReadRecord) -> None:
        assert number not in self.read_ends, "a read is concluded once"
        self.read_ends[number] = record

    def settle(self, settlement: Settlement) -> None:
        self.settlements.append(settlement)

    def leave(self, target: str, reason: str) -> None:
        assert target not in self.left, "a target is left once"
        self.left[target] = reason

    async def flush(self) -> None:
        await anyio.sleep(self.commit_s)
        self.flushes += 1
