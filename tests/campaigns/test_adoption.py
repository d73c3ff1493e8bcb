from pathlib import Path

import pytest

from tests.stories.adoption import adopt_and_set_back
from tests.stories.figures import Figures

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]


def test_a_hundred_thousand_items_are_adopted_without_an_update(tmp_path: Path, figures: Figures) -> None:
    figures(adopt_and_set_back(tmp_path, 100_000, 1_000))
