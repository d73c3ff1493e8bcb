"""When a provider is down: how many failures a credential may see before it only knocks, and how long it knocks.

A retry quota and a circuit breaker in one number. Each failure takes one from it and each clear answer gives one back;
it begins full. So an outage ends all sending after as many failures as the quota holds, be they retries or first
attempts, and so does, a little later, a provider that fails more often than not; while the usual few failures among
many answers never use it up. (botocore's standard mode has the same bound, 500 tokens of which a retry takes 14, but an
answer that needed no retry gives back one: with many workers a third of failures would then look like an outage.)

Empty is *open*: nothing is sent but one probe every 15 seconds, until a probe gets a clear answer. Then the quota is
full again. Arithmetic on values: nothing here waits or sends.
"""

from math import inf
from typing import Final

__all__ = ("PROBE_EVERY_S", "Breaker")

PROBE_EVERY_S: Final = 15.0


class Breaker:
    """The circuit of one credential, with room for *quota* failures. Times are monotonic, in seconds."""

    def __init__(self, quota: int) -> None:
        self._quota = quota
        self._left = quota
        self._opened_at_s: float | None = None
        self._probe_at_s = 0.0
        self._probe: object | None = None

    @property
    def closed(self) -> bool:
        """Whether everything may be sent."""
        return self._opened_at_s is None

    @property
    def next_probe_s(self) -> float:
        """When the next probe may be sent: never, while one is under way."""
        return self._probe_at_s if self._probe is None else inf

    def open_for_s(self, now_s: float) -> float:
        """Return how long it has been open; 0 when it is closed."""
        return 0.0 if self._opened_at_s is None else now_s - self._opened_at_s

    def may_take(self, now_s: float) -> bool:
        """Tell whether somebody may go to work at *now_s*; an errand that is taken while it is open is a `probe`."""
        return self.closed or (self._probe is None and self._probe_at_s <= now_s)

    def take(self, errand: object) -> None:
        """Make *errand* the probe, if it is open."""
        if not self.closed:
            self._probe = errand

    def lets(self, errand: object) -> bool:
        """Tell whether *errand* may leave."""
        return self.closed or self._probe is errand

    def put_back(self, errand: object) -> bool:
        """Take note that nothing came of *errand*; return whether it was the probe: another one may be that now."""
        if self._probe is not errand:
            return False
        self._probe = None
        return True

    def answered(self) -> bool:
        """Count a clear answer; return whether that ended an outage."""
        if self._opened_at_s is None:
            self._left = min(self._quota, self._left + 1)
            return False
        self._opened_at_s = self._probe = None
        self._left = self._quota
        return True

    def failed(self, errand: object, now_s: float) -> bool:
        """Count that *errand* got no clear answer; return whether that began an outage."""
        if self._opened_at_s is None:
            self._left -= 1
            if self._left > 0:
                return False
            self._opened_at_s = now_s
            self._probe_at_s = now_s + PROBE_EVERY_S
            return True
        if self._probe is errand:
            self._probe = None
            self._probe_at_s = now_s + PROBE_EVERY_S
        return False
