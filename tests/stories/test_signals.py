import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from tests.stories.figures import Figures
from tests.stories.job import Running, Target, checked
from tests.stories.moments import MOMENTS
from tests.stories.signals import signal_often
from tests.stories.stage import Stage, staged, until
from tests.stories.world import made_world

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
TARGETS = (Target("coze-cn", "60/s", 8), Target("volc-bj", "60/s", 8))


@pytest.mark.fault("F43", seen="once: what is under way is finished and recorded, the next run does the rest")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_drains_and_the_next_apply_does_the_rest(tmp_path: Path, number: signal.Signals) -> None:
    with staged(tmp_path, made_world(300), targets=TARGETS) as stage, applying(stage) as running:
        stage.control("PUT", "latency", {"least_s": 0.2, "most_s": 0.4})
        until(lambda: len(stage.writes()) > 40)
        running.send(number)
        done = running.done()

        report = checked(orjson.loads((stage.job.folder / "signal.json").read_bytes()), done.code)
        assert done.code == SIGNALS[number]
        assert report["totals"]["unknown"] == report["totals"]["failed"] == 0
        assert report["totals"]["updated"] == len(stage.writes()) > 40
        assert report["totals"]["not_attempted"] == report["totals"]["planned"] - report["totals"]["updated"] > 0
        assert {row["reason"] for row in report["items"] if row["outcome"] == "not_attempted"} == {"signal"}
        assert stage.job.journal.writes() == stage.seen_by_item()
        assert stage.job.report() == report

        stage.calm()
        code, rest = stage.job.apply()

        assert code == 0
        assert rest["totals"]["updated"] == report["totals"]["not_attempted"]
        assert max(stage.seen_by_item().values()) == 1
        assert stage.content() == stage.world.after


@pytest.mark.fault("F43", seen="twice: cancelled, unknown, the code of the first")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_cancels_and_keeps_the_code_of_the_first(tmp_path: Path, number: signal.Signals) -> None:
    with staged(tmp_path, made_world(300), targets=TARGETS) as stage:
        stage.rules({"kind": "hang_after", "writes_only": True, "count": [11, 1000]})
        with applying(stage) as running:
            until(lambda: sum(write["status"] == 0 for write in stage.writes()) == 16)
            running.send(number)
            until(lambda: running.heard("once more cancels"))
            assert running.process.poll() is None
            running.send(signal.SIGINT)
            # Every server answer would take 30 s of silence.
            running.process.wait(timeout=20)
            done = running.done()

        report = checked(orjson.loads((stage.job.folder / "signal.json").read_bytes()), done.code)
        assert done.code == SIGNALS[number]
        assert report["totals"]["unknown"] == 16
        assert report["totals"]["failed"] == 0
        hung = {write["item"].rpartition("/")[2] for write in stage.writes() if write["status"] == 0}
        assert {row["item"]["id"] for row in report["items"] if row["outcome"] == "unknown"} == hung
        assert stage.job.journal.open_intents() == 0

        stage.calm()
        code, rest = stage.job.apply()

        assert code == 0
        assert rest["totals"]["updated"] == report["totals"]["planned"] - report["totals"]["updated"]
        assert stage.content() == stage.world.after


@pytest.mark.fault("F44", seen="in a pause of 200 s: exit 143 at once")
def test_a_signal_while_a_retry_is_waited_for_ends_the_run_at_once(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(50), targets=TARGETS) as stage:
        stage.rules({"kind": "http_429_after", "with": {"retry_after": "200"}})
        with applying(stage) as running:
            until(lambda: stage.seen() >= 2)
            running.send(signal.SIGTERM)
            running.process.wait(timeout=60)
            done = running.done()

        report = checked(orjson.loads((stage.job.folder / "signal.json").read_bytes()), done.code)
        assert done.code == 143
        assert {row["outcome"] for row in report["items"]} <= {"failed", "not_attempted"}


@pytest.mark.fault("F43", seen="one to three at random moments: the code of the first")
def test_signals_at_any_moment_have_the_exit_code_of_the_first(tmp_path: Path, figures: Figures) -> None:
    figures(signal_often(tmp_path, [*MOMENTS, "its start", "sending", "its end"], seed=1))


def test_a_signal_that_was_ignored_when_kbsync_was_started_stays_ignored(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(40), targets=TARGETS) as stage:
        stage.control("PUT", "latency", {"least_s": 0.1, "most_s": 0.2})
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        try:
            with applying(stage) as running:
                until(lambda: len(stage.writes()) > 4)
                running.send(signal.SIGHUP)
                code = running.done().code
        finally:
            signal.signal(signal.SIGHUP, before)

        assert code == 0
        assert stage.content() == stage.world.after


@contextmanager
def applying(stage: Stage) -> Iterator[Running]:
    """Have kbsync apply, with a report in `signal.json`."""
    with stage.job.start("apply", "--yes", "--report", "signal.json") as running:
        yield running
