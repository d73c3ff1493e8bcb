"""What happens during a run, as values: the engine's only output.

Views and the report are folds over the same stream, so they cannot disagree. Nobody has to listen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kbsync.core.plan import Plan
from kbsync.core.state import Settlement
from kbsync.core.wire import Answer

__all__ = (
    "AttemptFailed",
    "ChangeHeld",
    "Event",
    "Observer",
    "OutageBegan",
    "OutageEnded",
    "RateChanged",
    "ReadingBack",
    "RunFinished",
    "RunStarted",
    "Settled",
    "StopRequested",
    "TargetPaused",
    "TargetStopped",
)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan is recorded; sending begins."""

    run_id: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """One attempt of the change at *seq* did not succeed and will be repeated after *delay_s* seconds or more."""

    seq: int
    target: str
    number: int
    reason: str
    answer: Answer
    delay_s: float


@dataclass(frozen=True, slots=True)
class TargetPaused:
    """All workers of *target* wait *delay_s* seconds: the provider throttled."""

    target: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class RateChanged:
    """Requests to *target* now leave at *rate_per_s* at most, because the provider turned some away, or no longer does.

    It may grow again without an event, until it is *ceiling_per_s*, the configured one: then there is one.
    """

    target: str
    rate_per_s: float
    ceiling_per_s: float


@dataclass(frozen=True, slots=True)
class OutageBegan:
    """*target* fails: nothing is sent to it but a probe every *probe_every_s* seconds.

    After *gives_up_s* seconds of that it is stopped; None when it never is.
    """

    target: str
    reason: str
    probe_every_s: float
    gives_up_s: float | None


@dataclass(frozen=True, slots=True)
class OutageEnded:
    """*target* gave a clear answer again, after *lasted_s* seconds."""

    target: str
    lasted_s: float


@dataclass(frozen=True, slots=True)
class ChangeHeld:
    """The change at *seq* waits *delay_s* seconds: until then an earlier value of its fields may arrive late."""

    seq: int
    target: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class TargetStopped:
    """Nothing more is sent to *target*.

    *reason* is a stable word: `unauthorised`, `redirected`, `tls`, `quota`, `unclear` when nothing but what cannot be
    read came back for a minute, `outage` when it was down for too long, `defect`, or `retry_after` when the provider
    asks for more patience than a run has.
    """

    target: str
    reason: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The run drains: nothing new is begun. *why* is `signal`, `errors`, `limit`, `deadline` or `state`."""

    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """One change has its outcome, and the outcome is durable. Changes that are never begun have no such event."""

    settlement: Settlement


@dataclass(frozen=True, slots=True)
class ReadingBack:
    """So many of the *changes* that were updated are read back, or read again, in *after_s* seconds."""

    changes: int
    after_s: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Every change of the plan has an outcome."""

    run_id: str
    duration_s: float


Event: TypeAlias = (
    RunStarted
    | AttemptFailed
    | ChangeHeld
    | TargetPaused
    | RateChanged
    | OutageBegan
    | OutageEnded
    | TargetStopped
    | StopRequested
    | Settled
    | ReadingBack
    | RunFinished
)
Observer: TypeAlias = Callable[[Event], None]
