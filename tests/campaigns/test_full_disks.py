from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.full_disks import fill_disks

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize("seed", range(4))
def test_twenty_five_full_disks_lose_and_claim_nothing(tmp_path: Path, figures: Figures, seed: int) -> None:
    figures(fill_disks(tmp_path, limits=25, seed=seed))
