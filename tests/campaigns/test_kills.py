from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.kills import kill_often

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_kills_lose_nothing_and_cost_few_duplicates(tmp_path: Path, figures: Figures, seed: int) -> None:
    figures(kill_often(tmp_path, kills=20, seed=seed))
