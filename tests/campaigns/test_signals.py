import signal
from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.job import Target
from tests.stories.moments import MOMENTS
from tests.stories.signals import signal_often
from tests.stories.stage import staged, until
from tests.stories.world import made_world

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]


@pytest.mark.parametrize("seed", [2, 3])
def test_more_than_a_hundred_runs_end_by_signals_at_any_moment_with_the_exit_code_of_the_first(
    tmp_path: Path, figures: Figures, seed: int
) -> None:
    figures(signal_often(tmp_path, [*MOMENTS] * 6, seed))


def test_a_drain_ends_before_service_managers_lose_patience(tmp_path: Path) -> None:
    patient = {"read_timeout_s": 200, "total_timeout_s": 250}
    targets = [Target("coze-cn", "60/s", 4, settings=patient), Target("volc-bj", "60/s", 4, settings=patient)]
    with staged(tmp_path, made_world(60), targets=targets) as stage:
        stage.rules({"kind": "hang_after", "writes_only": True, "count": [5, 1000]})
        with stage.job.start("apply", "--yes") as running:
            until(lambda: sum(write["status"] == 0 for write in stage.writes()) == 8)
            running.send(signal.SIGTERM)
            # The requests themselves would take 200 s.
            running.process.wait(timeout=100)
            done = running.done()

        report = stage.job.report()
        assert done.code == report["exit"]["code"] == 143
        assert report["totals"]["unknown"] == 8
        assert report["totals"]["not_attempted"] > 0
        assert stage.job.journal.open_intents() == 0
