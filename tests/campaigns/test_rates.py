from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.rates import hold_rates

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]


def test_two_targets_keep_their_own_rates_for_half_a_minute(tmp_path: Path, figures: Figures) -> None:
    figures(hold_rates(tmp_path, seconds=30, least=0.97))
