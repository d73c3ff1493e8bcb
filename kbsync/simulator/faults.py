"""How a modelled provider misbehaves, as data: faults, and mixes of them that come and go."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from kbsync.core.wire import Answer, Lost, Refused, Throttled, Transient, Unauthorised, Verdict

__all__ = ("FAULTS", "MIXES", "OUTAGE", "Fault", "Spell", "spell")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    *effect* says what becomes of a write: it is applied, not, or only later. *reply* is what comes back instead of the
    true answer; a loss that was not sent is one of connecting. *delay_s* is how much later than usual that is, between
    two bounds; *silent* that nothing comes, and the client waits for as long as it can. *partial* leaves every other
    item out of what a read finds.
    """

    effect: Literal["apply", "skip", "late"]
    reply: Verdict | Lost | None = None
    delay_s: tuple[float, float] = (0.0, 0.0)
    silent: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Spell:
    """From *from_s* until *until_s* a *share* of what is sent meets one of *faults*, by its weight.

    Each request draws for itself; or, *by_item*, each item once, which then is the same for all writes of it, and reads
    draw nothing.
    """

    faults: tuple[tuple[Fault, float], ...]
    share: float
    from_s: float = 0.0
    until_s: float = inf
    by_item: bool = False


_REFUSED_CONNECTION: Final = Lost("connect", "refused", sent=False)
_DISCONNECTED: Final = Lost("disconnected", "closed without an answer", sent=True)


def _status(status: int, retry_after_s: float | None = None) -> Transient:
    return Transient(f"http_{status}", Answer(status), doubt=status == 504, retry_after_s=retry_after_s)


# The names are those of the emulator where both have the same.
FAULTS: Final[Mapping[str, Fault]] = {
    "connect_refused": Fault("skip", _REFUSED_CONNECTION),
    "http_429": Fault("skip", Throttled(Answer(429))),
    "http_429_after": Fault("skip", Throttled(Answer(429), retry_after_s=1.0)),
    "http_500": Fault("skip", _status(500)),
    "http_502": Fault("skip", _status(502)),
    "http_503": Fault("skip", _status(503)),
    "http_503_after": Fault("skip", _status(503, retry_after_s=1.0)),
    "http_504": Fault("skip", _status(504)),
    "http_504_applied": Fault("apply", _status(504)),
    "html": Fault("skip", Transient("unclear", Answer(200), doubt=True)),
    "disconnect_before": Fault("skip", _DISCONNECTED),
    "disconnect_after": Fault("apply", _DISCONNECTED),
    "hang_before": Fault("skip", silent=True),
    "hang_after": Fault("apply", silent=True),
    "truncated_body": Fault("apply", Lost("truncated", "half an answer", sent=True)),
    "latency": Fault("apply", delay_s=(1.0, 5.0)),
    "late_write": Fault("late", _DISCONNECTED),
    "late_write_hang": Fault("late", silent=True),
    "late_write_504": Fault("late", _status(504)),
    "page_short": Fault("apply", partial=True),
    "refused_content": Fault("skip", Refused("item", "invalid", Answer(200, 4000))),
    "refused_404": Fault("skip", Refused("item", "not_found", Answer(404))),
    "refused_401": Fault("skip", Unauthorised(Answer(401))),
    "refused_container": Fault("skip", Refused("container", "not_found", Answer(404))),
    "refused_403": Fault("skip", Refused("item", "forbidden", Answer(403))),
}


def spell(
    share: float, weights: Mapping[str, float], from_s: float = 0.0, until_s: float = inf, *, by_item: bool = False
) -> Spell:
    """Return a spell of the faults that *weights* names."""
    return Spell(tuple((FAULTS[name], weight) for name, weight in weights.items()), share, from_s, until_s, by_item)


_TRANSIENT: Final = {"http_500": 3.0, "http_502": 2.0, "http_503": 2.0, "http_504": 1.0, "disconnect_before": 1.0}
_STORM: Final = {
    **_TRANSIENT,
    "http_503_after": 1.0,
    "http_504_applied": 1.0,
    "http_429": 1.0,
    "http_429_after": 2.0,
    "html": 1.0,
    "connect_refused": 2.0,
    "disconnect_after": 4.0,
    "truncated_body": 3.0,
    "hang_after": 1.0,
    "late_write_504": 1.0,
    "latency": 2.0,
}
OUTAGE: Final[Mapping[str, float]] = {
    "http_503": 2.0,
    "http_502": 1.0,
    "disconnect_before": 1.0,
    "connect_refused": 1.0,
}
MIXES: Final[Mapping[str, tuple[Spell, ...]]] = {
    "calm": (),
    "flaky": (spell(0.02, {**_TRANSIENT, "http_429": 2.0}),),
    "storm": (spell(0.3, _STORM),),
    "outage": (spell(1.0, OUTAGE, 60.0, 180.0),),
    "throttle": (spell(0.1, {"http_429": 1.0, "http_429_after": 1.0}),),
    "lost_answers": (spell(0.1, {"disconnect_after": 2.0, "truncated_body": 1.0, "hang_after": 1.0}),),
    "late_writes": (spell(0.05, {"late_write": 1.0, "late_write_hang": 1.0, "late_write_504": 1.0}),),
    "slow": (spell(0.2, {"latency": 1.0}),),
    "refusals": (spell(0.01, {"refused_content": 1.0, "refused_404": 1.0}, by_item=True),),
}
