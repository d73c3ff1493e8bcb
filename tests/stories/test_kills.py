from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.kills import kill_often
from tests.stories.torn_files import FILES, kill_while_writing
from tests.stories.victims import nursery


@pytest.mark.fault(
    "F1", "F2", "F3", "F4", seen="100 kills at random moments under faults: nothing lost, nothing claimed"
)
def test_a_hundred_kills_lose_nothing_and_cost_few_duplicates(tmp_path: Path, figures: Figures) -> None:
    cost = kill_often(tmp_path, kills=25, seeds=range(4), breeding=nursery)

    assert cost.kills == 100
    figures(str(cost))


@pytest.mark.fault("F6", seen="killed while each kind of file is written: the old one or the new one, whole")
@pytest.mark.parametrize("name", FILES)
def test_a_kill_while_a_file_is_written_leaves_the_old_one_or_the_new_one(
    tmp_path: Path, figures: Figures, name: str
) -> None:
    with nursery() as breed:
        figures(kill_while_writing(tmp_path, name, 10, seed=1, breed=breed))
