"""What the targets of one credential share: its pace, and whether the provider answers at all."""

from collections.abc import Callable, Mapping
from math import inf

from kbsync.core.events import Observer, OutageBegan, OutageEnded, RateChanged
from kbsync.core.wire import Lost, Throttled, Transient
from kbsync.engine.breaker import PROBE_EVERY_S, Breaker
from kbsync.engine.exchange import Exchange
from kbsync.engine.pacing import Pacer
from kbsync.engine.target import Clock

__all__ = ("Credential",)


class Credential:
    """One credential in one run. *pacer* gives its turns, *breaker* says whether anything but probes may be sent.

    *endpoints* give further turns to the operations that have a rate of their own, without a burst: *rates*.
    *observe* is told what becomes of each target that has joined. *max_outage_s* is how long a target is waited for.
    """

    def __init__(
        self,
        rate_per_s: float,
        burst: int,
        clock: Clock,
        observe: Observer,
        *,
        not_before_s: float,
        quota: int,
        max_outage_s: float | None,
        rates: Mapping[str, float],
    ) -> None:
        self.pacer = Pacer(rate_per_s, burst, clock, not_before_s)
        self.endpoints = {operation: Pacer(own_per_s, 1, clock) for operation, own_per_s in rates.items()}
        self.breaker = Breaker(quota)
        self.max_outage_s = max_outage_s
        self._now = clock.monotonic
        self._observe = observe
        self._targets: list[tuple[str, Callable[[], None]]] = []
        self._told_slowed = False

    def join(self, target: str, wake: Callable[[], None]) -> None:
        """Share all this with *target*, whose workers are to look again whenever *wake* is called."""
        self._targets.append((target, wake))

    def is_given_up(self) -> bool:
        """Tell whether the provider has been down for longer than a run waits for it."""
        return self.max_outage_s is not None and self.breaker.open_for_s(self._now()) >= self.max_outage_s

    def look_again_at_s(self, looked_at_s: float, due_at_s: float | None) -> float:
        """Return when somebody should look again who looked at *looked_at_s* and found nothing to do.

        His next errand is due at *due_at_s*. Infinite when only news can bring him something to do.
        """
        due_at_s = inf if due_at_s is None else due_at_s
        if self.breaker.closed:
            return due_at_s
        # He was not even asked for an errand while no probe might go.
        again_at_s = due_at_s if self.breaker.may_take(looked_at_s) else self.breaker.next_probe_s
        if self.max_outage_s is not None:
            again_at_s = min(again_at_s, looked_at_s + self.max_outage_s - self.breaker.open_for_s(looked_at_s))
        return again_at_s

    def learn(self, errand: object, exchange: Exchange) -> None:
        """Take what came of *exchange* into account, for everybody."""
        now_s = self._now()
        tempo = self.pacer.tempo
        match exchange.meaning:
            case Throttled():
                if tempo.throttled(exchange.began_s, now_s):
                    self._tell_rate(now_s)
                self._answered(now_s)
                return
            case Lost(reason, _, _, False):
                self._failed(errand, reason, now_s)
                return
            case Lost():  # asking again cannot help: that is about the target, and no outage
                return
            case Transient(reason):
                self._failed(errand, reason, now_s)
            case _:
                self._answered(now_s)
        tempo.accepted(now_s)
        if self._told_slowed and tempo.rate_per_s(now_s) >= tempo.ceiling_per_s:
            self._tell_rate(now_s)

    def dismiss(self, owner: object) -> None:
        """End all waiting for turns of *owner*."""
        for pacer in (self.pacer, *self.endpoints.values()):
            pacer.dismiss(owner)

    def put_back(self, errand: object) -> None:
        """Take note that *errand* is over. If it was the probe, and nothing came of it, anybody may send another."""
        if self.breaker.put_back(errand):
            self._wake()

    def _answered(self, now_s: float) -> None:
        lasted_s = self.breaker.open_for_s(now_s)
        if self.breaker.answered():
            for target, _ in self._targets:
                self._observe(OutageEnded(target, lasted_s))
            self._wake()

    def _failed(self, errand: object, reason: str, now_s: float) -> None:
        if self.breaker.failed(errand, now_s):
            for target, _ in self._targets:
                self._observe(OutageBegan(target, reason, PROBE_EVERY_S, self.max_outage_s))
        if not self.breaker.closed:
            self._wake()

    def _wake(self) -> None:
        for _, wake in self._targets:
            wake()

    def _tell_rate(self, now_s: float) -> None:
        rate_per_s, ceiling_per_s = self.pacer.tempo.rate_per_s(now_s), self.pacer.tempo.ceiling_per_s
        self._told_slowed = rate_per_s < ceiling_per_s
        for target, _ in self._targets:
            self._observe(RateChanged(target, rate_per_s, ceiling_per_s))
