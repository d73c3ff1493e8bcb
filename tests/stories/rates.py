"""Rates, for as long as one likes."""

from pathlib import Path
from typing import Final

from tests.stories.job import Target
from tests.stories.journal import mean_rate, most_in_a_second
from tests.stories.stage import staged
from tests.stories.world import World, changes_of, made_world

__all__ = ("hold_rates",)

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
