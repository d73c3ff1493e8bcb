from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.whole_job import reconcile, reconcile_through_faults

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]


def test_a_hundred_thousand_items_end_equal_to_the_manifest(tmp_path: Path, figures: Figures) -> None:
    figures(reconcile(tmp_path, size=100_000, edits=1_000))


@pytest.mark.parametrize("meta_mode", ["replace", "merge"])
def test_a_hundred_thousand_items_survive_bad_answers_and_rate_limits(
    tmp_path: Path, figures: Figures, meta_mode: str
) -> None:
    figures(reconcile_through_faults(tmp_path, 100_000, meta_mode, server_rate=500))
