"""Rates, for as long as one likes."""

import time
from pathlib import Path
from typing import Final

from tests.stories.job import Target
from tests.stories.journal import mean_rate, most_in_a_second
from tests.stories.stage import staged, until
from tests.stories.world import World, changes_of, made_world

__all__ = ("follow_the_provider", "hold_rates")

RATES: Final = {"coze-cn": 50, "volc-bj": 20}


def hold_rates(folder: Path, seconds: int, least: float) -> str:
    """Keep two targets busy at different rates for some *seconds*; return what was sent in figures.

    The mean has to be the *least* part of the rate. How near it comes depends on how busy the machine is.
    """
    made = made_world(seconds * 200)
    lines = []
    for name, rate in RATES.items():
        left = rate * seconds
        for line in made.lines:
            if line["target"] == name and left > 0:
                lines.append(line)
                left -= changes_of(line)
    told = []
    targets = [Target(name, f"{rate}/s", 8) for name, rate in RATES.items()]
    with staged(folder, World(made.before, lines), targets=targets) as stage:
        code, _ = stage.job.apply()

        assert code == 0
        peaks = stage.control("GET", "stats")["most_in_one_second"]
        for name, rate in RATES.items():
            times = stage.job.journal.send_times(name)
            most, mean = most_in_a_second(times), mean_rate(times)
            seen = peaks["token-0" if name == "coze-cn" else "key-0"]
            told.append(f"{name}: {len(times)} sends, most in a second {most} (server saw {seen}), mean {mean:.2f}/s")
            assert most <= rate, told
            assert mean >= least * rate, told
    return "; ".join(told)


def follow_the_provider(folder: Path, ceiling: int, turn_s: int) -> str:
    """Let the provider allow half of the configured rate, and after *turn_s* seconds all of it; return the figures.

    What has to be sent takes twice that time at best.
    """
    half = ceiling // 2
    total = turn_s * (half + ceiling)
    made = made_world(total * 3)
    lines = [line for line in made.lines if "caption" in line][:total]
    with staged(folder, World(made.before, lines), targets=[Target("coze-cn", f"{ceiling}/s", 8)]) as stage:
        stage.control("PUT", "rates", {"coze": {"rate": f"{half}/s"}})
        began_s = time.monotonic()
        with stage.job.start("apply", "--yes") as running:
            until(lambda: stage.seen() > 0)
            time.sleep(turn_s)
            stage.control("PUT", "rates", {"coze": {"rate": f"{ceiling}/s"}})
            done = running.done()
        took_s = time.monotonic() - began_s
        stats = stage.control("GET", "stats")
        asked = sum(stats["requests"].values())
        throttled = sum(count for kind, count in stats["faults"].items() if kind.startswith("throttled:"))
        told = (
            f"half of {ceiling}/s for {turn_s} s, then all of it: {total} changes in {took_s:.1f} s, "
            f"{took_s / (2 * turn_s):.3f} of the ideal; {throttled} of {asked} answers throttled"
        )

        assert done.code == 0, told
        assert throttled < 0.03 * asked, told
        assert took_s <= 1.2 * 2 * turn_s, told
        assert stats["most_in_one_second"]["token-0"] <= ceiling, told
    return told
