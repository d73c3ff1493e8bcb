from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.job import Target
from tests.stories.races import race_often, wait_in_line
from tests.stories.stage import staged, until
from tests.stories.world import changes_of, made_world

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]


def test_of_a_thousand_races_each_has_one_winner(tmp_path: Path, figures: Figures) -> None:
    figures(race_often(tmp_path / ".kbsync" / "state.db", races=1_000, seed=1))


def test_all_who_wait_have_their_turn(tmp_path: Path) -> None:
    wait_in_line(tmp_path / ".kbsync" / "state.db", races=50, seed=2)


@pytest.mark.parametrize("racers", [2, 3, 5, 8])
def test_of_applies_that_start_together_one_sends(tmp_path: Path, racers: int) -> None:
    world = made_world(200)
    targets = [Target("coze-cn", "20/s", 4), Target("volc-bj", "20/s", 4)]
    with staged(tmp_path, world, targets=targets) as stage, ExitStack() as stack:
        running = [stack.enter_context(stage.job.start("apply", "--yes")) for _ in range(racers)]
        until(lambda: sum(one.process.poll() is None for one in running) == 1)
        (winner,) = (one for one in running if one.process.poll() is None)
        for loser in running:
            if loser is not winner:
                done = loser.done()
                assert done.code == 6
                assert f"process {winner.process.pid} on" in done.err
        assert winner.done().code == 0

        assert max(stage.seen_by_item().values()) == 1
        assert stage.job.journal.outcomes() == {"updated": sum(map(changes_of, world.lines))}
