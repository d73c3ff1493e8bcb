from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.stage import staged
from tests.stories.whole_job import reconcile, reconcile_through_faults
from tests.stories.world import made_world


def test_one_apply_makes_both_providers_equal_to_the_manifest_and_edits_cost_one_write_each(
    tmp_path: Path, figures: Figures
) -> None:
    figures(reconcile(tmp_path, size=2_000, edits=100))


@pytest.mark.parametrize("meta_mode", ["replace", "merge"])
def test_bad_answers_and_rate_limits_change_nothing_of_the_result(
    tmp_path: Path, figures: Figures, meta_mode: str
) -> None:
    figures(reconcile_through_faults(tmp_path, 2_000, meta_mode, server_rate=250))


def test_connections_that_end_after_a_good_answer_cost_nothing_but_attempts(tmp_path: Path) -> None:
    world = made_world(500)
    with staged(tmp_path, world, retry={"base_delay_s": 0.02}) as stage:
        stage.rules({"mix": {"answer_then_close": 1, "answer_then_reset": 1}, "share": 0.3})
        code, report = stage.job.apply()

        assert code == 0
        assert report["totals"]["updated"] == report["totals"]["planned"]
        # A request that meets a connection which the server has just closed was sent, and is not seen.
        assert stage.seen_by_item() <= stage.job.journal.writes()
        assert stage.content() == world.after
