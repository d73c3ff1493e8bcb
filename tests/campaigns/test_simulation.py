"""Ten thousand seeds of faults, rates, kills and edits. `SEED=1234 make campaign-sim` plays that one alone."""

import os

import pytest

from tests.simulator.story import play_all
from tests.stories.figures import Figures

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7_200)]

SEEDS = 10_000
_AT_ONCE = 500


@pytest.mark.parametrize("first", range(0, 1 if "SEED" in os.environ else SEEDS, _AT_ONCE))
def test_ten_thousand_seeds_keep_every_promise(figures: Figures, first: int) -> None:
    figures(str(play_all(range(first, first + _AT_ONCE), items=200)))
