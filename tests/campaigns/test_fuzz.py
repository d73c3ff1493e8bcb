"""Ten thousand manifests of each format, made by chance. `SEED=1234 make campaign-fuzz` reads that one of each."""

import os
from pathlib import Path

import pytest

from tests.adapters.manifests.fuzz import Figures, judge_all
from tests.stories import figures as kept

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]

INPUTS = 10_000
_AT_ONCE = 2_500


@pytest.mark.parametrize("first", range(0, 1 if "SEED" in os.environ else INPUTS, _AT_ONCE))
@pytest.mark.parametrize("ending", ["yaml", "json", "jsonl", "csv"])
def test_ten_thousand_manifests_of_each_format_are_read_or_told(
    figures: kept.Figures, tmp_path: Path, ending: str, first: int
) -> None:
    found = Figures()

    judge_all(ending, range(first, first + _AT_ONCE), tmp_path, found)

    figures(str(found))
