from pathlib import Path

from tests.stories.figures import Figures
from tests.stories.kills import kill_often


def test_twenty_kills_lose_nothing_and_cost_few_duplicates(tmp_path: Path, figures: Figures) -> None:
    figures(kill_often(tmp_path, kills=20, seed=1))
