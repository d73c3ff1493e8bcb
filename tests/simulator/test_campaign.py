"""The short form of the campaign, and that it would notice."""

from collections.abc import Callable
from typing import Any

import pytest

from kbsync.simulator.journal import ModelJournal
from kbsync.simulator.known import ModelState
from tests.simulator.story import Figures, play, play_all


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_whatever_happens_all_that_is_promised_holds(first: int) -> None:
    figures = play_all(range(first, first + 50), 100)

    assert figures.kills
    assert figures.sends


def test_a_seed_is_the_same_story_again() -> None:
    def told() -> list[float]:
        figures = Figures()
        for seed in range(10):
            play(seed, 50, figures)
        return [figures.runs, figures.kills, figures.sends, figures.virtual_s]

    assert told() == told()


def without_holds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("tests.simulator.process.holds_of", lambda *_: {})


def without_waiting_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ModelState, "last_send_s", lambda *_: None)


def without_doubts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ModelState, "doubts", lambda _: {})


def without_intents(patch: pytest.MonkeyPatch) -> None:
    async def intend(journal: ModelJournal, intent: Any) -> None:
        journal._later(intent)

    patch.setattr(ModelJournal, "intend", intend)


def without_some_outcomes(patch: pytest.MonkeyPatch) -> None:
    settle = ModelJournal.settle
    patch.setattr(ModelJournal, "settle", lambda journal, one: None if one.seq == 7 else settle(journal, one))


@pytest.mark.parametrize(
    ("spoil", "notice"),
    [
        (without_holds, "was wanted last|is known"),
        (without_waiting_after_a_restart, "in the second before"),
        (without_doubts, "was wanted last|is known"),
        (without_intents, "left before its intent"),
        (without_some_outcomes, "has no outcome"),
    ],
)
def test_a_defect_is_noticed(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch], None], notice: str
) -> None:
    spoil(monkeypatch)

    with pytest.raises(AssertionError, match=notice) as noticed:
        play_all(range(300), 100)

    assert "SEED=" in noticed.value.__notes__[0]
