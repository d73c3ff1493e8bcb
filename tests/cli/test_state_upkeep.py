"""`kbsync state`: who holds it, and what to do when something happened to it."""

import shutil
from pathlib import Path

import orjson
import pytest

from kbsync.adapters.state import StateStore, holder
from kbsync.adapters.state.schema import FORMAT_VERSION
from tests.adapters.state.formats import old_state
from tests.adapters.state.holders import holding
from tests.cli.desk import PENDING, Desk

IMAGE = "coze-cn/744632974166804001/image/7446670805219090001"


# --------------------------------------------------------------------------------------------------------------- locks
def test_a_frozen_holder_is_shown_as_such_and_loses_the_state_on_its_id(desk: Desk) -> None:
    with holding(desk.state) as held:
        held.freeze()
        told = desk.run("state", "lock")
        found = holder(desk.state)
        assert found is not None
        assert told.code == 6
        assert told.out.startswith(f"held by `kbsync apply --yes` of {found.user}, process {held.process.pid} on ")
        assert f"(lock {found.id})\nThat process is stopped: `kill -CONT {held.process.pid}`" in told.out

        wrong = desk.run("state", "break-lock", "0123456789ab", "--yes")
        assert wrong.code == 64
        assert f"is {found.id}, not 0123456789ab" in wrong.err
        asked = desk.run("state", "break-lock", found.id, stdin="n\n")
        assert asked.code == 0
        assert "That process is stopped" in asked.err
        assert "nothing was changed" in asked.err
        assert desk.run("state", "lock").code == 6

        broken = desk.run("state", "break-lock", found.id, stdin="y\n")
        assert (broken.code, broken.out) == (0, f"took the state away from {found}\n")
        assert desk.run("state", "lock").out == "nobody holds the state\n"
        assert desk.run("apply", "--yes").code == 0
        held.wake()
        assert held.tell("begin") == "LockLostError"

    assert desk.run("plan", "--detailed-exitcode").code == 0


def test_there_is_nothing_to_break_where_nobody_holds_anything(desk: Desk) -> None:
    told = desk.run("state", "break-lock", "0123456789ab")

    assert told.code == 64
    assert "there is no lock to break" in told.err


def test_a_holder_in_the_middle_of_a_write_keeps_the_state(desk: Desk) -> None:
    with holding(desk.state) as held:
        held.tell("begin")
        held.tell("hang")
        held.freeze()
        found = holder(desk.state)
        assert found is not None

        told = desk.run("state", "break-lock", found.id, "--yes")

    assert told.code == 6
    assert "is in the middle of a write" in told.err
    assert f"kill -KILL {held.process.pid}" in told.err


def test_an_apply_waits_for_as_long_as_it_is_told_to(desk: Desk) -> None:
    with holding(desk.state) as held:
        told = desk.run("apply", "--yes", "--lock-timeout", "0.5s")

    assert told.code == 6
    assert "kbsync: waiting up to 0.5 s for the state: `kbsync apply --yes` of" in told.err
    assert f"process {held.process.pid}" in told.err
    assert desk.requests == 0


# ------------------------------------------------------------------------------------------------ lost and found states
def _missing(desk: Desk) -> None:
    desk.state.unlink()


def _emptied(desk: Desk) -> None:
    desk.state.write_bytes(b"")


def _text(desk: Desk) -> None:
    desk.state.write_text("captions: none\n" * 100)


def _set_back(desk: Desk) -> None:
    before = desk.state.read_bytes()
    assert desk.run("apply", "--yes").code == 0
    desk.state.write_bytes(before)
    desk.emulator.arrived = 0


@pytest.mark.parametrize("harm", [_missing, _emptied, _text, _set_back])
@pytest.mark.parametrize(
    "words", [["plan"], ["apply", "--yes"], ["runs"], ["report"], ["state", "list"], ["state", "forget", "*", "-y"]]
)
def test_a_state_that_something_happened_to_ends_every_command_with_advice(
    desk: Desk, harm: object, words: list[str]
) -> None:
    assert callable(harm)
    harm(desk)

    told = desk.run(*words)

    assert told.code == 1
    assert str(desk.state) in told.err
    assert "`kbsync state accept`" in told.err
    assert "`kbsync state rebuild`" in told.err
    assert desk.requests == 0


@pytest.mark.parametrize("harm", [_missing, _emptied, _text, _set_back])
def test_a_new_state_is_begun_on_a_word_and_the_old_one_kept(desk: Desk, harm: object) -> None:
    assert callable(harm)
    harm(desk)
    there = desk.state.read_bytes() if desk.state.exists() else None

    asked = desk.run("state", "init", stdin="n\n")
    assert "nothing was changed" in asked.err
    assert (desk.state.read_bytes() if desk.state.exists() else None) == there
    told = desk.run("state", "init", "--yes")

    assert told.code == 0
    if there is None:
        assert told.out == "began a new state\n"
    else:
        kept = Path(told.out.removeprefix("began a new state; what was there is ").strip())
        assert kept.exists()
        assert kept.parent == desk.state.parent
    assert desk.requests == 0
    plan = desk.run("plan", "--format", "json").json()
    assert {change["reason"] for change in plan["changes"]} == {"new"}
    assert len(plan["changes"]) > PENDING


def test_a_restored_backup_is_accepted_on_a_word(desk: Desk) -> None:
    _set_back(desk)

    asked = desk.run("state", "accept", stdin="n\n")
    assert asked.code == 0
    assert desk.run("plan").code == 1
    told = desk.run("state", "accept", "-y")

    assert told.code == 0
    (run,) = StateStore(desk.state).list_runs()
    with StateStore(desk.state).known() as known:
        assert told.out == f"accepted the state {known.lineage}: 1 run wrote to it, the last of them {run.run_id}\n"
    assert len(desk.run("plan", "--format", "json").json()["changes"]) == PENDING


def test_there_must_be_a_state_to_accept(desk: Desk) -> None:
    _missing(desk)

    told = desk.run("state", "accept", "--yes")

    assert told.code == 1
    assert "There is no state" in told.err


def test_a_state_of_an_older_format_says_once_that_it_was_changed(desk: Desk) -> None:
    shutil.rmtree(desk.state.parent)
    old_state(desk.state, 1)
    planned = desk.run("plan")
    assert (planned.code, planned.err) == (0, "")

    told = desk.run("-q", "state", "forget", "coze-cn/*", "--yes")

    assert told.code == 0
    assert told.err == (
        f"kbsync: the state {desk.state} was brought from format 1 to {FORMAT_VERSION}, "
        "which an older kbsync cannot read; what it was is kept in state.db.format-1.backup\n"
    )
    assert desk.run("-q", "state", "forget", "*", "--yes").err == ""


# ------------------------------------------------------------------------------------------------------------ recovery
def test_what_is_no_recovery_file_is_bad_input(desk: Desk) -> None:
    for name, content, said in (
        ("junk.jsonl", "junk\n", "junk.jsonl:1:1: this is no recovery file of kbsync [bad-recovery]"),
        ("nothing.jsonl", None, "nothing.jsonl:1:1: cannot be read: No such file or directory [bad-recovery]"),
    ):
        if content is not None:
            desk.write(name, content)
        told = desk.run("state", "recover", name)
        assert (told.code, told.err) == (65, said + "\n")


def test_a_recovery_file_is_recorded_and_a_torn_line_named(desk: Desk) -> None:
    (run,) = StateStore(desk.state).list_runs()
    with StateStore(desk.state).known() as known:
        head = {"format": "kbsync.recovery/1", "lineage": known.lineage, "run_id": run.run_id}
    desk.write("left.jsonl", orjson.dumps(head) + b'\n{"what": "attempt", "se')

    told = desk.run("state", "recover", "left.jsonl")

    assert told.code == 0
    assert told.out == f"recovered of run {run.run_id}: 0 attempts and 0 outcomes that were not known\n"
    assert told.err == "kbsync: the last line of left.jsonl was not written to its end, and was left out\n"
