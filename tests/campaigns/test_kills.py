from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.kills import kill_often
from tests.stories.torn_files import FILES, kill_while_writing
from tests.stories.victims import from_nothing

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize("first_seed", [10, 20])
def test_five_hundred_kills_lose_nothing_and_cost_few_duplicates(
    tmp_path: Path, figures: Figures, first_seed: int
) -> None:
    cost = kill_often(tmp_path, kills=125, seeds=range(first_seed, first_seed + 4), breeding=from_nothing)

    assert cost.kills == 500
    figures(str(cost))


@pytest.mark.parametrize("name", FILES)
def test_a_hundred_kills_while_a_file_is_written_leave_the_old_one_or_the_new_one(
    tmp_path: Path, figures: Figures, name: str
) -> None:
    with from_nothing() as breed:
        figures(kill_while_writing(tmp_path, name, 100, seed=2, breed=breed))
