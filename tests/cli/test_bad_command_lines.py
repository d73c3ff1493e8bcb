"""Command lines that make no sense, and saved plans that are not what they were: refused before anything is sent."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from kbsync.core.plan import PLAN_FORMAT
from tests.cli.desk import Desk
from tests.cli.refusals import problems, refused

HUGE = "x" * 100_000


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["aply"], id="78-unknown-command"),
        pytest.param(["\x1b[2J"], id="78-an-escape-as-command"),
        pytest.param(["plan", "--\x1b[2J"], id="78-an-escape-as-flag"),
        pytest.param(["plan", "--format", "\x1b[2J"], id="78-an-escape-as-format"),
        pytest.param(["apply", "--frobnicate"], id="78-unknown-flag"),
        pytest.param(["--frobnicate"], id="78-unknown-flag-of-the-group"),
        pytest.param(["plan", "--allow"], id="78-flag-without-its-value"),
        pytest.param(["plan", "--detailed-exitcode=yes"], id="78-value-for-a-switch"),
        pytest.param(["plan", "--format", "yaml"], id="78-unknown-format"),
        pytest.param(["plan", "--format", "JSON"], id="78-format-in-capitals"),
        pytest.param(["apply", "-y", "--limit", "0"], id="78-limit-0"),
        pytest.param(["apply", "-y", "--limit", "-1"], id="78-limit-negative"),
        pytest.param(["apply", "-y", "--limit", "ten"], id="78-limit-no-number"),
        pytest.param(["apply", "-y", "--limit", "9" * 5000], id="78-limit-5000-digits"),
        pytest.param(["apply", "-y", "--max-errors", "-1"], id="78-max-errors-negative"),
        pytest.param(["apply", "-y", "--max-error-rate", "0"], id="78-max-error-rate-0"),
        pytest.param(["apply", "-y", "--max-error-rate", "101"], id="78-max-error-rate-101"),
        pytest.param(["apply", "-y", "--max-error-rate", "nan"], id="78-max-error-rate-nan"),
        pytest.param(["apply", "-y", "--on-error", "stop"], id="78-unknown-on-error"),
        pytest.param(["apply", "-y", "--max-changes", "1e3"], id="78-max-changes-no-whole-number"),
        pytest.param(["apply"], id="82-no-terminal-and-no-yes"),
        pytest.param(["apply", "--plan", "p.json"], id="82-no-terminal-for-a-plan"),
        pytest.param(["apply", "-y", ""], id="an-empty-path"),
        pytest.param(["apply", "-y", "--plan", "p.json", "manifests"], id="a-plan-with-a-path"),
        pytest.param(["apply", "-y", "--plan", "p.json", "--failed"], id="a-plan-with-failed"),
        pytest.param(["apply", "-y", "--allow", "change-percent"], id="allow-without-a-reason"),
        pytest.param(["apply", "-y", "--allow", "change-percent", "--reason", " "], id="allow-with-a-blank-reason"),
        pytest.param(["apply", "-y", "--allow", "chnage-percent", "--reason", "x"], id="allow-of-nothing"),
        pytest.param(["plan", "--allow", "bad-id"], id="allow-of-what-cannot-be-lifted"),
        pytest.param(["validate", "--allow", ""], id="allow-of-an-empty-id"),
        pytest.param(["validate", "--allow", "\x1b[2J"], id="allow-of-an-escape"),
        pytest.param(["apply", "-y", "--report", "r.pdf"], id="a-report-of-unknown-ending"),
        pytest.param(["apply", "-y", "--report", "r"], id="a-report-without-an-ending"),
        pytest.param(["apply", "-y", "--report", "nowhere/r.json"], id="79-a-report-into-no-folder"),
        pytest.param(["apply", "-y", "--report", "folder.json"], id="79-a-report-over-a-folder"),
        pytest.param(["report", "--out", "r.pdf"], id="a-written-report-of-unknown-ending"),
        pytest.param(["report", "nobody"], id="a-report-of-no-run"),
        pytest.param(["report", "\x1b[2J"], id="a-report-of-an-escape"),
        pytest.param(["report", "--format", "pdf"], id="a-shown-report-of-unknown-format"),
        pytest.param(["plan", "--out", "folder.json"], id="79-out-over-a-folder"),
        pytest.param(["plan", "--out", "nowhere/p.json"], id="79-out-into-no-folder"),
        pytest.param(["plan", "--out", HUGE], id="79-out-with-an-endless-name"),
        pytest.param([HUGE], id="78-a-command-of-100-kilobytes"),
        pytest.param(["validate", "--allow", HUGE], id="78-an-id-of-100-kilobytes"),
        pytest.param(["runs", "--last", "0"], id="no-runs"),
        pytest.param(["state"], id="state-of-nothing"),
        pytest.param(["state", "frobnicate"], id="state-unknown"),
        pytest.param(["state", "show"], id="show-nothing"),
        pytest.param(["state", "show", "coze-cn/1"], id="show-no-item"),
        pytest.param(["state", "show", "a//b/c"], id="show-an-item-with-a-hole"),
        pytest.param(["state", "forget"], id="forget-nothing"),
        pytest.param(["init", "--provider", "notion"], id="init-for-an-unknown-provider"),
        pytest.param(["init", "kbsync.toml"], id="init-in-a-file"),
        pytest.param(["schema", "nothing"], id="schema-of-nothing"),
        pytest.param(["schema", "plan", "--targets"], id="schema-of-a-plan-by-targets"),
        pytest.param(["emulate", "--port", "x"], id="emulate-at-no-port"),
        pytest.param(["emulate", "--rate", "fast"], id="emulate-at-no-rate"),
        pytest.param(["emulate", "--fault", "2"], id="emulate-more-faults-than-requests"),
        pytest.param(["emulate", "--faults", "gremlins=1"], id="emulate-an-unknown-fault"),
        pytest.param(["emulate", "--port", "70000"], id="emulate-at-port-70000"),
    ],
)
def test_a_command_line_without_a_meaning_is_refused(desk: Desk, words: list[str]) -> None:
    (desk.folder / "folder.json").mkdir()

    told = refused(desk, 64, *words)

    assert told.err
    assert not list(desk.folder.glob("*.json/*"))


@pytest.mark.parametrize("words", [["runs", "runs"], ["state", "lock", "x"], ["validate", "--rules", "--rules=1"]])
def test_words_too_many_are_refused(desk: Desk, words: list[str]) -> None:
    refused(desk, 64, *words)


def test_a_flag_given_again_counts_once(desk: Desk) -> None:
    told = desk.run("plan", "--format", "human", "--format", "json", "--detailed-exitcode", "--detailed-exitcode")

    assert told.code == 2
    assert told.json()["summary"]["changes"] == 2


def test_behind_two_dashes_everything_is_a_path(desk: Desk) -> None:
    (desk.folder / "manifests" / "pets.yaml").rename(desk.folder / "--yes.yaml")

    assert desk.run("plan", "--", "--yes.yaml").code == 0


def test_a_glob_is_no_regular_expression(desk: Desk) -> None:
    refused(desk, 65, "plan", "(a+)+$" * 1000 + "*")
    assert desk.run("state", "list", "(a+)+$" * 1000).code == 0


def test_help_needs_no_configuration(desk: Desk) -> None:
    desk.write("kbsync.toml", "garbage")

    for words in (["--help"], ["apply", "-h"], ["state", "show", "--help"], ["--version"], ["validate", "--rules"]):
        assert desk.run(*words).code == 0


# -------------------------------------------------------------------------------------------------------- saved plans
def _edit(**changes: Any) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), **changes}))

    return spoil


def _swap(old: bytes, new: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))

    return spoil


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil", "x")


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"format": PLAN_FORMAT}))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _zero(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="81-zero-bytes"),
        pytest.param(lambda path: os.truncate(path, 200), id="81-truncated"),
        pytest.param(_swap(b'"new"', b'"evil"'), id="81-edited-value"),
        pytest.param(_swap(b"7446670805219090001", b"7446670805219090002"), id="81-edited-id"),
        pytest.param(_edit(extra=1), id="81-unknown-member"),
        pytest.param(_edit(format="kbsync.plan/2"), id="81-newer"),
        pytest.param(_edit(format="kbsync.report/1"), id="81-a-report"),
        pytest.param(_edit(plan_id="0" * 64), id="81-another-digest"),
        pytest.param(_edit(changes=[]), id="81-emptied"),
        pytest.param(_edit(changes={}), id="81-changes-of-another-type"),
        pytest.param(lambda path: path.write_bytes(b"null"), id="81-null"),
        pytest.param(lambda path: path.write_bytes(b"[" * 100_000), id="81-deep"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() * 2), id="81-twice"),
        pytest.param(lambda path: path.write_bytes(b"\xff" + path.read_bytes()), id="81-no-utf8"),
        pytest.param(_zip, id="81-zip"),
        pytest.param(_pickle, id="81-pickle"),
        pytest.param(_pipe, id="81-a-pipe"),
        pytest.param(_folder, id="81-a-folder"),
        pytest.param(_zero, id="81-a-device"),
        pytest.param(lambda path: path.unlink(), id="81-missing"),
    ],
)
def test_a_plan_that_is_not_what_it_was_is_refused_whole(desk: Desk, spoil: Callable[[Path], Any]) -> None:
    path = desk.folder / "plan.json"
    assert desk.run("plan", "--out", "plan.json").code == 0
    spoil(path)

    told = refused(desk, 65, "apply", "--yes", "--plan", "plan.json")

    assert {(file, rule) for file, _, rule in problems(told)} == {("plan.json", "bad-plan")}


def test_a_plan_in_another_dress_is_the_same_plan(desk: Desk) -> None:
    desk.run("plan", "--out", "plan.json")
    path = desk.folder / "plan.json"
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()), option=orjson.OPT_INDENT_2))

    assert desk.run("apply", "--yes", "--plan", "plan.json").code == 0
    assert desk.caption() == "new"


def test_a_plan_for_another_state_is_refused(desk: Desk) -> None:
    desk.run("plan", "--out", "plan.json")
    desk.state.unlink()
    assert desk.run("state", "init", "--yes").code == 0
    desk.run("apply", "--yes", "manifests/records.jsonl")
    desk.emulator.arrived = 0

    told = refused(desk, 65, "apply", "--yes", "--plan", "plan.json")

    assert "another state" in told.err


def test_a_plan_for_another_address_is_refused(desk: Desk) -> None:
    desk.run("plan", "--out", "plan.json")
    desk.configure(replace={'base_url = "{url}"': 'base_url = "https://api.coze.com"'})

    told = refused(desk, 65, "apply", "--yes", "--plan", "plan.json")

    assert "another address" in told.err


@pytest.mark.parametrize("old", ["[targets.coze-cn]"])
def test_a_plan_for_a_target_that_is_gone_is_refused(desk: Desk, old: str) -> None:
    desk.run("plan", "--out", "plan.json")
    desk.configure(replace={old: "[targets.other]"})

    refused(desk, 65, "apply", "--yes", "--plan", "plan.json")


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "--out", "manifests/pets.yaml"],
        ["plan", "manifests/pets.yaml", "--out", "./manifests/../manifests/pets.yaml"],
        ["apply", "--yes", "--report", "manifests/records.jsonl"],
    ],
)
def test_79_nothing_is_written_over_a_manifest(desk: Desk, words: list[str]) -> None:
    before = [path.read_bytes() for path in sorted(desk.folder.glob("manifests/*"))]

    refused(desk, 64, *words)

    assert [path.read_bytes() for path in sorted(desk.folder.glob("manifests/*"))] == before
