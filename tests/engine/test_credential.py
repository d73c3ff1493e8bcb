"""What the targets of one credential share: when those look again who found nothing to do."""

from math import inf

import pytest

from kbsync.core.wire import Lost
from kbsync.engine.breaker import PROBE_EVERY_S
from kbsync.engine.credential import Credential
from kbsync.engine.exchange import Exchange
from kbsync.engine.target import Clock


def down(max_outage_s: float | None = None) -> Credential:
    """Return a credential whose provider is down since the time 0, while the clock has long gone on."""
    times_s = iter([0.0, 100.0, 100.0])
    clock = Clock(lambda: next(times_s), lambda: 0.0)
    credential = Credential(10.0, 1, clock, print, not_before_s=0.0, quota=1, max_outage_s=max_outage_s, rates={})
    credential.learn(object(), Exchange(meaning=Lost("connect", "", sent=False)))
    return credential


def test_who_looked_before_a_probe_might_go_looks_again_when_it_may() -> None:
    assert down().look_again_at_s(PROBE_EVERY_S - 0.001, None) == PROBE_EVERY_S
    assert down().look_again_at_s(PROBE_EVERY_S - 0.001, 40.0) == PROBE_EVERY_S


def test_who_had_nothing_to_probe_with_looks_again_when_he_has() -> None:
    assert down().look_again_at_s(PROBE_EVERY_S + 5, 40.0) == 40.0
    assert down().look_again_at_s(PROBE_EVERY_S + 5, None) == inf


def test_while_a_probe_is_under_way_only_its_end_is_waited_for() -> None:
    credential = down()
    credential.breaker.take(object())

    assert credential.look_again_at_s(PROBE_EVERY_S, 16.0) == inf


@pytest.mark.parametrize("due_at_s", [None, 100.0])
def test_everybody_looks_again_when_the_patience_is_over(due_at_s: float | None) -> None:
    credential = down(60.0)
    credential.breaker.take(object())

    assert credential.look_again_at_s(20.0, due_at_s) == 60.0
