"""A thousand sequences of edits, each with warm plans. `SEED=1234 make campaign-warm` plays that one."""

import os
from pathlib import Path
from random import Random

import pytest

from tests.cli.edits import EDITS, play

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]

SEQUENCES = 1_000
_MOST_STEPS = 12
_MOST = 50


@pytest.mark.parametrize("seed", [int(os.environ["SEED"])] if "SEED" in os.environ else range(SEQUENCES))
def test_after_a_thousand_sequences_of_edits_the_warm_plan_is_the_cold_one(tmp_path: Path, seed: int) -> None:
    luck = Random(seed)
    names = sorted(EDITS)
    steps = [
        (luck.choice(names), luck.randint(0, _MOST), luck.randint(0, _MOST))
        for _ in range(luck.randint(1, _MOST_STEPS))
    ]

    play(tmp_path, steps, ahead=luck.random() < 0.8)
