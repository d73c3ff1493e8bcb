"""What the engine is given: targets, a transport for each, a clock, and what to do about errors."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

from kbsync.core.wire import Codec, Lost, Request, Response

__all__ = ("READ_ANSWER_BYTES", "WRITE_ANSWER_BYTES", "Clock", "Policy", "Ready", "Target", "Transport")

WRITE_ANSWER_BYTES: Final = 1024 * 1024
READ_ANSWER_BYTES: Final = 4 * 1024 * 1024


# Asked when there is a connection, and waited for: may the request leave now?
Ready: TypeAlias = Callable[[], Awaitable[bool]]


class Transport(Protocol):
    """Moves bytes to and from one origin."""

    async def send(self, request: Request, limit_bytes: int, ready: Ready) -> Response | Lost:
        """Put *request* on the wire at most once. An answer of more than *limit_bytes* is lost.

        Nothing leaves before *ready* said yes; after that the first byte is written without waiting. After a no the
        connection is given back, and the request is lost unsent.
        """
        ...

    def abandon(self) -> None:
        """Let go of every request that waits for a connection: each is lost unsent, at once."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """One account: how to speak to it, and how fast.

    In every one-second window at most ceil(*rate_per_s*) + *burst* - 1 requests are sent, with at most *concurrency*
    of them unanswered. Targets of the same *credential*, any word, share one pace: that of the slowest of them; without
    one a target is alone. *rates* holds lower rates of single operations, which they share likewise. Nothing is sent
    before *not_before_s* (seconds since the epoch): until then an earlier run's requests may still count.
    """

    name: str
    codec: Codec
    transport: Transport
    rate_per_s: float
    burst: int = 1
    concurrency: int = 4
    not_before_s: float = 0.0
    credential: str = ""
    rates: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Clock:
    """Two readings of time, in seconds. *monotonic* is that of the event loop; *wall* counts from the epoch."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Policy:
    """When a run stops by itself.

    An error is a change that ends `failed` or `unknown`. *on_error* says what the first one does: nothing, end what
    is in flight (`drain`), or cancel it (`abort`). *max_errors* and *max_error_rate* (percent of the settled changes,
    from 20 on) drain once there are more. At most *limit* changes are begun. After *max_duration_s* seconds the run
    drains, and cancels what is then still under way. A target that has been down for *max_outage_s* is given up.
    """

    on_error: Literal["continue", "drain", "abort"] = "continue"
    max_errors: int | None = None
    max_error_rate: float | None = None
    limit: int | None = None
    max_duration_s: float | None = None
    max_outage_s: float | None = 600.0
