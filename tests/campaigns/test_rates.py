from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.rates import follow_the_provider, hold_rates

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]


def test_two_targets_keep_their_own_rates_for_half_a_minute(tmp_path: Path, figures: Figures) -> None:
    figures(hold_rates(tmp_path, seconds=30, least=0.97))


def test_a_limit_of_half_the_rate_that_later_doubles_costs_under_a_fifth_of_the_time(
    tmp_path: Path, figures: Figures
) -> None:
    figures(follow_the_provider(tmp_path, ceiling=50, turn_s=60))
