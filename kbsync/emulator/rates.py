"""How many requests a credential may make, and how many it made."""

import math
import re
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kbsync.emulator.faults import read_mix
from kbsync.emulator.messages import MalformedError

__all__ = ("DEFAULT_THROTTLE_MIX", "Limiter", "Peaks", "Rate", "read_rate")

WindowKind = Literal["sliding", "fixed"]

DEFAULT_THROTTLE_MIX: Mapping[str, float] = {"http_429_after": 1.0}

_RATE = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*/\s*(?P<unit>s|sec|second|min|minute|h|hour)", re.ASCII)
_UNITS_S = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *limit* requests in *window_s* seconds; the others are answered by *mix*.

    A sliding window looks back from each request; fixed ones follow each other by the clock. Requests that are
    refused do not count against the limit.
    """

    limit: int
    window_s: float = 1.0
    window: WindowKind = "sliding"
    mix: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_THROTTLE_MIX))


class Limiter:
    """Holds each credential to its rate. *rates* go by the name of a credential, a provider, or `*`."""

    def __init__(self, rates: Mapping[str, Rate]) -> None:
        self.rates: dict[str, Rate] = dict(rates)
        self._taken: dict[str, deque[float]] = defaultdict(deque)

    def refuse(self, credential: str, provider: str, at_s: float) -> tuple[Rate, float] | None:
        """Count one request at *at_s* (monotonic); when it is too many, give its rate and the seconds to wait."""
        rate = self.rates.get(credential) or self.rates.get(provider) or self.rates.get("*")
        if rate is None:
            return None
        taken = self._taken[credential]
        # A fixed window began at the last multiple of its length.
        start_s = at_s - rate.window_s
        if rate.window == "fixed":
            start_s = math.floor(at_s / rate.window_s) * rate.window_s
        while taken and (taken[0] < start_s or (rate.window == "sliding" and taken[0] <= start_s)):
            taken.popleft()
        if len(taken) < rate.limit:
            taken.append(at_s)
            return None
        if rate.window == "fixed":
            return rate, start_s + rate.window_s - at_s
        return rate, (taken[-rate.limit] + rate.window_s - at_s) if rate.limit else rate.window_s


class Peaks:
    """The most requests that arrived within any one second, for each credential. Refused ones count too."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self.most: dict[str, int] = defaultdict(int)

    def add(self, credential: str, at_s: float) -> None:
        """Count one arrival at *at_s* (monotonic)."""
        recent = self._recent[credential]
        recent.append(at_s)
        while recent[0] <= at_s - 1.0:
            recent.popleft()
        self.most[credential] = max(self.most[credential], len(recent))


def read_rate(text: str, window: WindowKind = "sliding", mix: str = "") -> Rate:
    """Read `5/s`, `0.5/s` or `300/min` (which is five a second, not three hundred at once)."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise MalformedError(f"{text!r} is not a rate like 5/s or 300/min")
    per_second = float(match["count"]) / _UNITS_S[match["unit"]]
    if per_second <= 0:
        raise MalformedError("a rate must be above 0")
    # What is not a whole number a second becomes the next whole number in a little more than a second.
    limit = max(1, math.ceil(per_second))
    window_s = limit / per_second
    return Rate(limit, window_s, window, read_mix(mix) if mix else dict(DEFAULT_THROTTLE_MIX))
