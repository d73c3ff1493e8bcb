import sys
from pathlib import Path

import pytest

from tests.stories.figures import Figures
from tests.stories.soak import soak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def test_three_thousand_items_survive_every_fault_and_take_no_more_as_they_go(tmp_path: Path, figures: Figures) -> None:
    figures(soak(tmp_path, size=3_000, slack_mib=8))
