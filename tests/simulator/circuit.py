"""What an outage allows one credential in one run, counted from outside."""

from collections.abc import Callable
from dataclasses import dataclass

from kbsync.core.wire import Lost, Transient
from kbsync.simulator.provider import Reply

__all__ = ("Circuit",)

_PROBE_EVERY_S = 15.0
_TICK_S = 1e-6


@dataclass
class Circuit:
    """After *quota* more failures than clear answers only probes leave, until one of them is answered."""

    quota: int
    wrong: Callable[[str], None]
    is_open: bool = False
    _failures: int = 0
    _next_s: float = 0.0

    def left(self, at_s: float) -> None:
        if self.is_open:
            if at_s < self._next_s - _TICK_S:
                self.wrong(f"a probe left at {at_s}, before {self._next_s}")
            self._next_s = at_s + _PROBE_EVERY_S

    def came(self, reply: Reply, at_s: float) -> None:
        if not isinstance(reply, Lost | Transient):
            self._failures = 0 if self.is_open else max(0, self._failures - 1)
            self.is_open = False
        elif not self.is_open:
            self._failures += 1
            if self._failures == self.quota:
                self.is_open = True
                self._next_s = at_s + _PROBE_EVERY_S
