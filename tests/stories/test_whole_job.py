from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.whole_job import reconcile, reconcile_through_faults


def test_one_apply_makes_both_providers_equal_to_the_manifest_and_edits_cost_one_write_each(
    tmp_path: Path, figures: Figures
) -> None:
    figures(reconcile(tmp_path, size=2_000, edits=100))


@pytest.mark.parametrize("meta_mode", ["replace", "merge"])
def test_bad_answers_and_rate_limits_change_nothing_of_the_result(
    tmp_path: Path, figures: Figures, meta_mode: str
) -> None:
    figures(reconcile_through_faults(tmp_path, 2_000, meta_mode, server_rate=400))
