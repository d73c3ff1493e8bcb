"""A provider that goes down in the middle: few requests, the rest left for the next run, and the other one served."""

from collections import Counter
from pathlib import Path

import pytest

from tests.stories.job import Target
from tests.stories.stage import staged
from tests.stories.world import made_world

TARGETS = (Target("coze-cn", "200/s", 4), Target("volc-bj", "200/s", 4))
MOST_RETRIES = 35


@pytest.mark.fault(
    "F30", "F50", seen="exit 7, at most 35 retries, the other provider finished; the next run does the rest"
)
def test_an_outage_leaves_the_rest_to_the_next_run(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(300), targets=TARGETS, retry={"base_delay_s": 0.01}) as stage:
        stage.rules({"mix": "outage", "operation": "coze.*", "count": [41, 1_000_000]})
        code, report = stage.job.apply("--max-outage", "3s")

        assert code == 7
        assert report["stopped"] == {"coze-cn": "outage"}
        mine = [row for row in report["items"] if row["item"]["target"] == "coze-cn"]
        assert {row["outcome"] for row in report["items"] if row not in mine} == {"updated"}
        writes = Counter((write["operation"], write["item"]) for write in stage.writes() if write["provider"] == "coze")
        assert writes.total() - len(writes) <= MOST_RETRIES
        # The rest was never sent, and nobody claims to know better.
        never = [row for row in mine if row["outcome"] == "not_attempted"]
        assert {row["reason"] for row in never} == {"outage"}
        assert len(never) >= len(mine) - len(writes)

        stage.calm()
        stage.forget()
        code, rest = stage.job.apply()

        assert code == 0
        assert rest["totals"]["updated"] == report["totals"]["planned"] - report["totals"]["updated"]
        assert stage.content() == stage.world.after


def test_an_outage_that_ends_in_time_costs_nobody_anything(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(100), targets=TARGETS, retry={"quota": 8, "attempts": 20}) as stage:
        stage.rules({"mix": "outage", "operation": "coze.*", "until_s": 8.0})
        with stage.job.start("apply", "--yes") as running:
            done = running.done()

        assert done.code == 0
        assert "coze-cn is down" in done.err
        assert "coze-cn answers again" in done.err
        assert stage.content() == stage.world.after
