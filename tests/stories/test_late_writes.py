"""A write that arrives after everybody has given it up: it must not overwrite what was declared since."""

from pathlib import Path
from typing import Any

import pytest

from tests.stories.job import Target
from tests.stories.stage import Stage, staged
from tests.stories.test_doubt import KINDS, changed
from tests.stories.world import made_world, place_of

TARGETS = (Target("coze-cn", "200/s", 4), Target("volc-bj", "200/s", 4))
LATE_S = 4.0
QUARANTINE_S = 5.0
RETRY = {"base_delay_s": 0.01, "quarantine_s": QUARANTINE_S}


def late(stage: Stage) -> None:
    """Have the server drop the connection of the next write, and apply it long after."""
    stage.rules({"kind": "late_write", "writes_only": True, "max_hits": 1, "with": {"late_s": LATE_S}})


@pytest.mark.fault("F39", seen="the newest value is live, set after the quarantine")
@pytest.mark.parametrize("operation", KINDS)
def test_the_newest_value_is_the_last_one_to_be_set(tmp_path: Path, operation: str) -> None:
    old = made_world(20)
    newer, newest = changed(old, KINDS[operation]), changed(changed(old, KINDS[operation]), KINDS[operation])
    place = place_of(old.lines[KINDS[operation]])
    with staged(tmp_path, old, targets=TARGETS, retry=RETRY) as stage:
        stage.job.apply()
        late(stage)
        stage.declare(newer)
        code, report = stage.job.apply()

        # Sent again at once, because the value was the same; the first attempt is still to come.
        assert code == 0
        assert [row["attempts"] for row in report["items"]] == [2]
        stage.forget()
        stage.declare(newest)
        code, _ = stage.job.apply()

        assert code == 0
        assert len(stage.writes()) == 1
        target = "coze-cn" if place.kind in {"image", "document"} else "volc-bj"
        first, _, last = [at_s for at_s, _ in stage.job.journal.verdicts(target)][-3:]
        assert last - first >= QUARANTINE_S
        assert stage.content()[place] == newest.after[place] != newer.after[place]
        plan: Any = stage.job.plan()
        assert not plan["changes"]


def test_a_deadline_ends_the_wait_and_the_next_run_goes_on(tmp_path: Path) -> None:
    old = made_world(20)
    newer, newest = changed(old, 0), changed(changed(old, 0), 0)
    with staged(tmp_path, old, targets=TARGETS, retry=RETRY) as stage:
        stage.job.apply()
        late(stage)
        stage.declare(newer)
        stage.job.apply()
        stage.declare(newest)
        code, report = stage.job.apply("--max-duration", "0.1s")

        assert code == 7
        assert [(row["outcome"], row["reason"]) for row in report["items"]] == [("not_attempted", "deadline")]
        code, _ = stage.job.apply()
        assert code == 0
        assert stage.content() == newest.after
