from pathlib import Path

from tests.stories.adoption import adopt_and_set_back
from tests.stories.figures import Figures


def test_what_is_live_as_declared_is_adopted_and_a_thousand_edits_are_found_and_set_back(
    tmp_path: Path, figures: Figures
) -> None:
    figures(adopt_and_set_back(tmp_path, 4_000, 1_000))
