from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.migration import migrate

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]


def test_twenty_thousand_items_go_to_another_account_through_a_kill(tmp_path: Path, figures: Figures) -> None:
    figures(migrate(tmp_path, size=20_000, rate="500/s", kill_after=9_000))
