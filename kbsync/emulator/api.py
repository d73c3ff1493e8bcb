"""What the two providers have in common: how an endpoint is described and called."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from kbsync.emulator.behaviour import Behaviour
from kbsync.emulator.messages import Answer, JsonObject, Request
from kbsync.emulator.world import World

__all__ = ("Admission", "Api", "Call", "Codes", "Endpoint", "Outcome", "Provider", "Route", "Site", "Subject")

Provider = Literal["coze", "volcengine"]


class Call(NamedTuple):
    """One request on its way to an endpoint. *fields* is None when the body is not a JSON object."""

    request: Request
    ids: tuple[str, ...]
    fields: JsonObject | None
    log_id: str


class Subject(NamedTuple):
    """What a call is about, as far as it says so itself. *page* is as sent, 0 when it is not a list."""

    container: str = ""
    item: str = ""
    page: int = 0

    @property
    def key(self) -> str:
        """Name the item, or the page of the container."""
        return self.item or f"{self.container}?page={self.page}"


class Outcome(NamedTuple):
    """What an endpoint makes of a call: an answer, and the write that it stands for. Nothing is written yet."""

    answer: Answer
    write: Callable[[], None] | None = None


class Admission(NamedTuple):
    """Who calls, by the name of the credential (empty when unknown), and the refusal if there is one."""

    credential: str
    refusal: Answer | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of a provider. *scope* is the permission it needs; an open one admits anybody."""

    operation: str
    handle: Callable[[Call], Outcome]
    subject: Callable[[Call], Subject]
    scope: str = ""
    writes: bool = False
    open: bool = False


class Route(NamedTuple):
    """Where an endpoint is found. `*` in the path stands for one segment."""

    method: str
    path: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Codes:
    """The vendor's error codes that faults speak."""

    throttled: tuple[int, ...]
    transient: tuple[int, ...]
    internal: int
    unauthorised: int
    forbidden: int
    missing: int
    missing_status: int
    content: int
    content_status: int


class Api(Protocol):
    """One provider."""

    provider: Provider
    codes: Codes

    def routes(self) -> Iterable[Route]:
        """List all endpoints."""
        ...

    def admit(self, call: Call, endpoint: Endpoint) -> Admission:
        """Check the credentials and the permission."""
        ...

    def log_id(self) -> str:
        """Make up a log id that was not given before."""
        ...

    def failure(self, status: int, code: int, message: str, log_id: str) -> Answer:
        """Put a failure in the vendor's envelope."""
        ...

    def envelope(self, code: str, log_id: str) -> Answer:
        """Answer HTTP 200 with *code* (any JSON text, or empty to leave it out) in an otherwise good envelope."""
        ...


class Site:
    """What all endpoints share: the world, the switches and the clock."""

    def __init__(self, world: World, behaviour: Behaviour, clock_offset_s: float = 0.0) -> None:
        self.world = world
        self.behaviour = behaviour
        self.clock_offset_s = clock_offset_s

    def now_s(self) -> float:
        """Tell the time of day by the server's own clock, which may be off, in seconds since 1970."""
        return time.time() + self.clock_offset_s

    def busy_until_s(self) -> float:
        """Tell until when (monotonic) something written now is being processed."""
        return time.monotonic() + self.behaviour.processing_s if self.behaviour.processing_s else 0.0
