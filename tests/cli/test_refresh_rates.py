"""Reads and writes together never pass the rate, in one process and across several."""

import subprocess
import time

from tests.cli.desk import CONFIG, Desk
from tests.cli.test_refresh import APPLY, edit

RATE_PER_S = 20


def most_in_a_second(desk: Desk) -> int:
    return max(desk.emulator.peaks.most.values())


def test_reads_and_writes_together_never_pass_the_rate(large: Desk) -> None:
    large.configure(CONFIG.replace('"500/s"', f'"{RATE_PER_S}/s"'))
    edit(large, range(30))

    large.run("plan", "--refresh")
    told = large.run(*APPLY, "--refresh")
    large.run("drift")
    large.run(*APPLY, "--refresh", "--limit", "1")

    assert told.json()["totals"]["updated"] == 30
    # The server's own window may see one more: jitter.
    assert most_in_a_second(large) <= RATE_PER_S + 1


def test_a_kill_in_the_middle_of_a_list_does_not_make_room_for_more(large: Desk) -> None:
    large.configure(CONFIG.replace('"500/s"', '"4/s"'))
    process = subprocess.Popen(large.command(*APPLY, "--refresh"), cwd=large.folder)
    while large.requests < 6 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    large.run("plan", "--refresh", "--only", "kind=image")

    assert most_in_a_second(large) <= 5


def test_a_run_that_a_guard_refused_after_its_reads_keeps_the_next_one_within_the_rate(adopted: Desk) -> None:
    adopted.configure(CONFIG.replace('"500/s"', f'"{RATE_PER_S}/s"'))
    edit(adopted, range(500))

    assert adopted.run(*APPLY, "--refresh").code == 4
    assert adopted.run(*APPLY, "--refresh").code == 4

    assert most_in_a_second(adopted) <= RATE_PER_S + 1
