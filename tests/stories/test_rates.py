from pathlib import Path

from tests.stories.job import Target
from tests.stories.journal import most_in_a_second
from tests.stories.rates import hold_rates
from tests.stories.stage import staged
from tests.stories.world import made_world


def test_two_targets_keep_their_own_rates_in_every_second(tmp_path: Path) -> None:
    print(hold_rates(tmp_path, seconds=8))


def test_the_rate_holds_across_a_kill_and_a_restart(tmp_path: Path) -> None:
    # The requests of the killed run count in the second after it.
    world = made_world(200)
    with staged(tmp_path, world, targets=[Target("coze-cn", "20/s", 4), Target("volc-bj", "20/s", 4)]) as stage:
        for _ in range(3):
            with stage.job.start("apply", "--yes") as running:
                wanted = stage.seen() + 15
                while stage.seen() < wanted and running.process.poll() is None:
                    pass
                running.process.kill()
        stage.job.apply("--limit", "50")

        peaks = stage.control("GET", "stats")["most_in_one_second"]
        times = {name: [r["at_s"] for r in stage.requests() if r["credential"] == name] for name in peaks}
        print(peaks, {name: most_in_a_second(one) for name, one in times.items()})
        for name in ("coze-cn", "volc-bj"):
            assert most_in_a_second(stage.job.journal.send_times(name)) <= 20


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
        rule = {"kind": "http_429_after", "operation": "coze.*", "with": {"retry_after": "5"}, "count": [1, 4]}
        stage.rules(rule)
        code, _ = stage.job.apply()

        assert code == 0
        troubled, calm = stage.job.journal.verdicts("coze-cn"), stage.job.journal.send_times("volc-bj")
        first = min(time_s for time_s, verdict in troubled if verdict == "accepted")
        assert first - troubled[0][0] >= 5
        assert calm[-1] < first
        assert stage.content() == world.after
