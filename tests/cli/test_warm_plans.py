"""A plan that recalls what an earlier one read is the plan that reads everything."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.desk import Desk
from tests.cli.edits import EDITS, Step, play

steps = st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.integers(0, 50), st.integers(0, 50)), max_size=12)


@settings(max_examples=30)
@given(steps, st.booleans() | st.just(True))  # noqa: FBT003 - a strategy
def test_after_any_edits_the_warm_plan_is_the_cold_one(steps: list[Step], ahead: bool) -> None:  # noqa: FBT001 - drawn
    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), steps, ahead=ahead)


def test_a_plan_leaves_a_cache_and_no_cache_leaves_none(desk: Desk) -> None:
    cache = _emptied(desk)
    state = desk.state.read_bytes()
    cold = desk.run("plan", "--format", "json", "--no-cache")
    assert not cache.exists()

    told = [desk.run("plan", "--format", "json") for _ in range(3)]

    assert told == [cold] * 3
    assert cache.exists()
    assert desk.state.read_bytes() == state


def test_a_plan_of_some_paths_or_items_leaves_the_cache_alone(desk: Desk) -> None:
    cache = _emptied(desk)

    desk.run("plan", "manifests")
    desk.run("plan", "--only", "kind=image")

    assert not cache.exists()


def test_apply_recalls_what_plan_read(desk: Desk) -> None:
    assert desk.run("plan").code == 0

    assert desk.run("apply", "--yes").code == 0

    assert "0 changes" in desk.run("plan").out
    assert desk.caption() == "new"


def _emptied(desk: Desk) -> Path:
    """Return the folder of the cache, which is not there."""
    cache = desk.folder / ".kbsync" / "cache"
    shutil.rmtree(cache)
    return cache
