"""A thousand random worlds of three ways. `SEED=1234 make campaign-worlds` plays that one."""

import os
from collections.abc import Callable
from random import Random

import pytest

from tests.cli.three_way.claims import check_again, check_apply, check_plan, check_undo
from tests.cli.three_way.worlds import World, made_world

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]

WORLDS = 1_000


@pytest.mark.parametrize("check", [check_plan, check_apply, check_again, check_undo])
@pytest.mark.parametrize("seed", [int(os.environ["SEED"])] if "SEED" in os.environ else range(WORLDS))
def test_in_a_thousand_worlds_all_is_as_the_table_says(seed: int, check: Callable[[World], None]) -> None:
    check(made_world(Random(seed).choice))
