from pathlib import Path

from tests.stories.figures import Figures
from tests.stories.job import Target
from tests.stories.journal import most_in_a_second
from tests.stories.rates import hold_rates
from tests.stories.stage import staged, until
from tests.stories.world import made_world


def test_two_targets_keep_their_own_rates_in_every_second(tmp_path: Path, figures: Figures) -> None:
    figures(hold_rates(tmp_path, seconds=8, least=0.8))


def test_the_rate_holds_across_a_kill_and_a_restart(tmp_path: Path, figures: Figures) -> None:
    # With a burst, a run that forgot the one before it would send too much as soon as it starts.
    bursting = {"burst": 30}
    targets = [Target("coze-cn", "10/s", 32, settings=bursting), Target("volc-bj", "10/s", 32, settings=bursting)]
    with staged(tmp_path, made_world(600), targets=targets) as stage:
        for _ in range(4):
            wanted = len(stage.writes()) + 50
            with stage.job.start("apply", "--yes") as running:
                until(lambda: len(stage.writes()) >= wanted)  # noqa: B023
                running.process.kill()
                running.process.wait()

        # What a killed run had under way has no send time of its own; the server saw it, with the jitter of the way.
        arrivals = {
            name: [request["at_s"] for request in stage.requests() if request["credential"] == name]
            for name in ("token-0", "key-0")
        }
        most = {name: most_in_a_second(times) for name, times in arrivals.items()}
        figures(f"10/s with a burst of 30 across four kills: the server saw at most {most} in a second")
        assert max(most.values()) <= 10 + 30 - 1 + 2


def test_a_target_in_an_outage_does_not_slow_another(tmp_path: Path) -> None:
    world = made_world(200)
    targets = [Target("coze-cn", "100/s", 4), Target("volc-bj", "100/s", 4)]
    with staged(tmp_path, world, targets=targets) as stage:
        stage.rules({"mix": "outage", "operation": "coze.*", "time_s": [0, 6]})
        stage.job.apply()

        troubled, calm = stage.job.journal.verdicts("coze-cn"), stage.job.journal.send_times("volc-bj")
        assert calm[-1] < min(time_s for time_s, verdict in troubled if verdict == "accepted")
        assert {verdict for _, verdict in stage.job.journal.verdicts("volc-bj")} == {"accepted"}


def test_a_target_that_is_throttled_does_not_slow_another(tmp_path: Path) -> None:
    world = made_world(200)
    targets = [Target("coze-cn", "100/s", 4), Target("volc-bj", "100/s", 4)]
    with staged(tmp_path, world, targets=targets) as stage:
        rule = {"kind": "http_429_after", "operation": "coze.document.update", "with": {"retry_after": "5"}, "count": 1}
        stage.rules(rule)
        code, _ = stage.job.apply()

        assert code == 0
        troubled, calm = stage.job.journal.verdicts("coze-cn"), stage.job.journal.send_times("volc-bj")
        throttled = next(time_s for time_s, verdict in troubled if verdict == "throttled")
        # Those under way when the answer came are not called back; everything else waits, and only there.
        later = [time_s for time_s, _ in troubled if time_s > throttled + 0.5]
        assert min(later) - throttled >= 5
        assert calm[-1] < min(later)
        assert stage.content() == world.after


def test_a_target_that_asks_for_too_much_patience_is_left_and_another_is_finished(tmp_path: Path) -> None:
    world = made_world(60)
    with staged(tmp_path, world) as stage:
        stage.rules({"kind": "http_429_after", "operation": "coze.*", "with": {"retry_after": "3600"}})
        code, report = stage.job.apply()

        assert code == 7
        assert report["stopped"] == {"coze-cn": "retry_after"}
        outcomes = {
            name: {row["outcome"] for row in report["items"] if row["item"]["target"] == name}
            for name in ("coze-cn", "volc-bj")
        }
        assert outcomes["volc-bj"] == {"updated"}
        assert outcomes["coze-cn"] <= {"failed", "not_attempted"}
        stage.calm()
        assert stage.job.apply()[0] == 0
        assert stage.content() == world.after
