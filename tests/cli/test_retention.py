"""`[state] keep_runs`: what an apply leaves of older runs."""

import sqlite3
from contextlib import closing

import pytest

from kbsync.adapters.state import StateStore
from tests.cli.desk import MANIFEST, PENDING, Desk


def keep(desk: Desk, runs: int) -> None:
    config = (desk.folder / "kbsync.toml").read_text(encoding="utf-8")
    desk.write("kbsync.toml", f"{config}\n[state]\nkeep_runs = {runs}\n")


def runs(desk: Desk) -> list[str]:
    return [run.run_id for run in StateStore(desk.state).list_runs()]


def test_an_apply_prunes_what_the_runs_before_the_last_ones_left(desk: Desk) -> None:
    keep(desk, 2)
    for caption in ("b", "c", "d"):
        desk.write("manifests/pets.yaml", MANIFEST.format(caption=caption))
        assert desk.run("apply", "--yes").code == 0

    ids = runs(desk)
    assert [desk.run("report", run_id).code for run_id in ids] == [0, 0, 64, 64]
    told = desk.run("report", ids[-1])
    assert told.err == (
        f"kbsync: The run {ids[-1]} was pruned: of runs so far back only the line in `kbsync runs` is kept.\n"
        "kbsync: [state] keep_runs in kbsync.toml says of how many runs all is kept.\n"
    )
    assert desk.run("plan", "--detailed-exitcode").code == 0
    assert desk.run("why", "7446670805219090001").code == 0


def test_without_a_word_a_hundred_runs_are_kept(desk: Desk) -> None:
    for caption in ("b", "c"):
        desk.write("manifests/pets.yaml", MANIFEST.format(caption=caption))
        assert desk.run("apply", "--yes").code == 0

    assert "(pruned)" not in desk.run("runs").out


def test_an_apply_that_cannot_prune_says_so_and_ends_as_it_would(desk: Desk) -> None:
    keep(desk, 1)
    with closing(sqlite3.connect(desk.state)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE DELETE ON changes BEGIN SELECT RAISE(ABORT, 'no room'); END")
        connection.commit()

    told = desk.run("apply", "--yes", "--report", "result.json")

    assert told.code == 0
    assert told.err.endswith("kbsync: what is kept of older runs could not be pruned (no room)\n")
    assert f"Result: {PENDING} of {PENDING} changes applied" in told.out
    assert all(desk.run("report", run_id).code == 0 for run_id in runs(desk))


@pytest.mark.parametrize("value", ["0", "-1", '"many"', "1.5"])
def test_less_than_one_run_cannot_be_kept(desk: Desk, value: str) -> None:
    keep(desk, 1)
    config = (desk.folder / "kbsync.toml").read_text(encoding="utf-8")
    desk.write("kbsync.toml", config.replace("keep_runs = 1", f"keep_runs = {value}"))

    told = desk.run("plan")

    assert told.code == 65
    assert "keep_runs" in told.err
