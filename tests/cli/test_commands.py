"""What the commands promise: exit codes by facts, results on stdout alone, and one story in every format."""

import subprocess
import sys
from pathlib import Path

import pytest

from kbsync.emulator.sample import SAMPLE_TOKEN
from kbsync.providers import ALL_RULES
from kbsync.views.reports import REPORT_FORMATS
from tests.cli.desk import DATASET, MANIFEST, PENDING, Desk
from tests.cli.refusals import well_formed

IMAGE = "coze-cn/744632974166804001/image/7446670805219090001"


# -------------------------------------------------------------------------------------------------------- exit codes
@pytest.mark.parametrize("form", ["human", "json"])
@pytest.mark.parametrize(
    ("situation", "code"), [("changes", 0), ("in-sync", 0), ("missing-item", 3), ("guard", 4), ("input", 65)]
)
def test_the_exit_of_apply_depends_on_facts_and_not_on_the_format(
    desk: Desk, situation: str, code: int, form: str
) -> None:
    words = ["apply", "--yes", "--format", form]
    match situation:
        case "in-sync":
            assert desk.run("apply", "--yes").code == 0
        case "missing-item":
            desk.write("manifests/pets.yaml", MANIFEST.format(caption="new").replace("219090001", "219099999"))
        case "guard":
            words += ["--max-changes", "1"]
        case "input":
            desk.write("manifests/bad.yaml", "x")
        case _:
            pass

    told = desk.run(*words)

    assert told.code == code, told.err
    well_formed(told)
    if form == "json" and code != 65:
        assert told.json()["format"].startswith("kbsync.")


@pytest.mark.parametrize("form", ["human", "json", "markdown"])
@pytest.mark.parametrize(("detailed", "in_sync", "code"), [(False, False, 0), (True, False, 2), (True, True, 0)])
def test_a_detailed_exit_tells_changes(desk: Desk, form: str, detailed: bool, in_sync: bool, code: int) -> None:  # noqa: FBT001
    if in_sync:
        desk.run("apply", "--yes")

    assert desk.run("plan", "--format", form, *["--detailed-exitcode"] * detailed).code == code


@pytest.mark.parametrize("form", ["human", "json", "markdown"])
def test_a_guard_stands_above_changes_and_the_plan_is_shown_all_the_same(desk: Desk, form: str) -> None:
    told = desk.run("plan", "--detailed-exitcode", "--max-changes", "1", "--format", form)

    assert told.code == 4
    assert "max-changes" in told.out
    assert desk.requests == 0


def test_a_plan_of_many_changes_is_told_in_groups_or_listed_when_asked(desk: Desk) -> None:
    lines = (
        f'{{"target":"coze-cn","dataset":"{DATASET}","kind":"image","id":"{n}","caption":"猫"}}\n'
        for n in range(100, 160)
    )
    desk.write("manifests/many.jsonl", "".join(lines))

    grouped, listed = desk.run("plan"), desk.run("plan", "--all")

    assert '+ 60 × image  caption  (new) → "猫"' in grouped.out
    assert len(grouped.out.splitlines()) < 30
    assert listed.out.count('caption  (new) → "猫"') == 60


def test_links_in_markdown_begin_where_they_are_told_to(desk: Desk) -> None:
    relative, absolute = (
        desk.run("plan", "--format", "markdown", *base)
        for base in ((), ("--link-base", "https://git.example/o/r/blob/0a1b"))
    )
    wrong = desk.run("plan", "--format", "markdown", "--link-base", "javascript:alert(1)//")

    assert "](manifests/" in relative.out
    assert "](https://git.example/o/r/blob/0a1b/manifests/" in absolute.out
    assert (wrong.code, wrong.out) == (64, "")


def test_a_limit_leaves_the_rest_for_the_next_run(desk: Desk) -> None:
    first = desk.run("apply", "--yes", "--limit", "1", "--format", "json")
    second = desk.run("apply", "--yes", "--format", "json")

    assert (first.code, first.json()["totals"]["not_attempted"]) == (7, PENDING - 1)
    assert (second.code, second.json()["totals"]["planned"]) == (0, PENDING - 1)


def test_a_stale_plan_is_5_item_by_item(desk: Desk) -> None:
    desk.run("plan", "--out", "plan.json")
    desk.run("apply", "--yes", "manifests/pets.yaml")

    told = desk.run("apply", "--yes", "--plan", "plan.json", "--format", "json")

    assert told.code == 5
    assert told.json()["totals"]["stale"] == 1
    assert told.json()["totals"]["updated"] == 1


def test_a_refused_token_is_77_and_stops_its_target_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", "pat_nobody_knows_this_one")

    told = desk.run("apply", "--yes", "--format", "json")

    assert told.code == 77
    assert told.json()["totals"]["updated"] == 1
    well_formed(told, ["pat_nobody_knows_this_one"])


def test_a_held_state_is_6_and_names_the_holder(desk: Desk) -> None:
    holder = (
        "import sys, pathlib; from kbsync.adapters.state import StateLock\n"
        "lock = StateLock(pathlib.Path('.kbsync/state.db'), 'apply'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], cwd=desk.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        applied, asked, planned = desk.run("apply", "--yes"), desk.run("state", "lock"), desk.run("plan")
        process.communicate()

    assert (applied.code, asked.code, planned.code) == (6, 6, 0)
    assert str(process.pid) in applied.err
    assert str(process.pid) in asked.out
    assert desk.requests == 0


# ------------------------------------------------------------------------------------------------------------ streams
def test_only_the_result_is_on_stdout(desk: Desk) -> None:
    desk.write("manifests/long.yaml", MANIFEST.format(caption="x" * 2001).replace("0001", "0005"))

    planned = desk.run("plan", "--format", "json", "--out", "plan.json")
    applied = desk.run("-vv", "apply", "--yes", "--format", "json", "--report", "r.jsonl")

    assert planned.json()["format"] == "kbsync.plan/1"
    assert "[long-caption]" in planned.err
    assert applied.json()["format"] == "kbsync.report/1"
    assert "changes done" in applied.err


def test_quiet_keeps_results_and_errors(desk: Desk) -> None:
    told = desk.run("-q", "apply", "--yes")
    assert not told.err
    assert "Result:" in told.out

    desk.write("manifests/bad.yaml", "x")
    assert "[wrong-type]" in desk.run("-q", "apply", "--yes").err


def test_a_saved_plan_is_what_was_shown_and_for_the_owner_only(desk: Desk) -> None:
    told = desk.run("plan", "--format", "json", "--out", "plan.json")

    assert (desk.folder / "plan.json").read_text(encoding="utf-8") == told.out
    assert (desk.folder / "plan.json").stat().st_mode & 0o077 == 0


def test_79_a_full_device_is_an_error_and_says_so(desk: Desk) -> None:
    told = desk.run("plan", "--out", "/dev/full")

    assert told.code == 1
    assert "/dev/full" in told.err
    well_formed(told)


def test_a_report_that_cannot_be_written_takes_nothing_from_the_result(desk: Desk) -> None:
    told = desk.run("apply", "--yes", "--report", "good.json", "--report", "/dev/full")

    assert told.code == 64  # it has no ending
    assert desk.requests == 0


# ------------------------------------------------------------------------------------------------------------ history
@pytest.mark.parametrize("form", list(REPORT_FORMATS))
def test_a_report_is_the_same_at_any_time(desk: Desk, form: str) -> None:
    desk.run("apply", "--yes", "--report", f"then.{form}")

    shown = desk.run("report", "--format", form)
    written = desk.run("report", "last", "--out", f"later.{form}")

    then = (desk.folder / f"then.{form}").read_bytes().decode()
    assert shown.out == then
    assert written.code == 0
    assert (desk.folder / f"later.{form}").read_bytes().decode() == then


def test_runs_are_listed_the_latest_first(desk: Desk) -> None:
    desk.run("apply", "--yes")

    told = desk.run("runs", "--format", "json")

    runs = told.json()
    ids = [run["run_id"] for run in (runs["runs"] if isinstance(runs, dict) else runs)]
    assert len(ids) == 2
    assert ids == sorted(ids, reverse=True)
    assert all(id_ in desk.run("runs").out for id_ in ids)
    assert len(desk.run("runs", "--last", "1", "--format", "json").out) < len(told.out)
    assert desk.run("report", ids[1]).code == 0


def test_an_unused_state_has_no_runs_and_no_report(desk: Desk) -> None:
    desk.state.unlink()
    desk.state.with_name(f"{desk.state.name}.lock").unlink()

    assert desk.run("runs").code == 0
    assert desk.run("state", "list").code == 0
    assert desk.run("report").code == 64
    assert desk.run("apply", "--yes", "--failed").code == 64
    assert desk.requests == 0


def test_failed_takes_up_what_the_last_run_left(desk: Desk) -> None:
    desk.run("apply", "--yes", "--limit", "1")

    told = desk.run("apply", "--yes", "--failed", "--format", "json")

    assert told.json()["totals"]["planned"] == PENDING - 1


# -------------------------------------------------------------------------------------------------------------- state
def test_what_is_forgotten_is_sent_anew(desk: Desk) -> None:
    assert IMAGE in desk.run("state", "list").out
    assert '"old"' in desk.run("state", "show", IMAGE).out

    told = desk.run("state", "forget", "coze-cn/*/image/*", "--yes")

    assert (told.code, told.out) == (0, "forgot 1 item\n")
    assert IMAGE not in desk.run("state", "list").out
    assert desk.requests == 0
    plan = desk.run("plan", "--format", "json").json()
    assert {change["reason"] for change in plan["changes"]} == {"new", "changed"}


def test_forgetting_nothing_is_fine_and_forgetting_asks(desk: Desk) -> None:
    assert desk.run("state", "forget", "nothing", "--yes").code == 0

    told = desk.run("state", "forget", "*", stdin="n\n")

    assert IMAGE in desk.run("state", "list").out
    assert "3 items" in told.err


def test_nobody_holds_a_state_at_rest(desk: Desk) -> None:
    told = desk.run("state", "lock")

    assert (told.code, told.out) == (0, "nobody holds the state\n")


def test_an_item_that_nobody_knows_has_an_empty_story(desk: Desk) -> None:
    told = desk.run("state", "show", "coze-cn/1/image/1", "--format", "json")

    assert told.code == 0
    assert told.json()["item"]["id"] == "1"


# --------------------------------------------------------------------------------------------- init, rules and the rest
def test_init_writes_what_validates(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = tmp_path / "fresh"

    told = desk.run("init", str(fresh), "--ci", "github")

    monkeypatch.chdir(fresh)
    assert told.code == 0, told.err
    assert desk.run("validate").code == 0
    assert desk.run("plan").code == 0
    assert all(Path(line.removeprefix("wrote ")).is_file() for line in told.out.splitlines())
    assert SAMPLE_TOKEN not in (fresh / "kbsync.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("provider", ["coze", "volcengine"])
def test_init_for_one_provider_validates(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    desk.run("init", str(tmp_path / "one"), "--provider", provider)

    monkeypatch.chdir(tmp_path / "one")
    assert desk.run("validate").code == 0


def test_a_schema_can_be_of_the_targets_of_the_workspace(desk: Desk) -> None:
    of_any, of_these = desk.run("schema"), desk.run("schema", "--targets")
    of_a_file = desk.run("schema", "--config", "kbsync.toml")

    names = [shape["properties"]["target"].get("enum") for shape in of_these.json()["oneOf"]]
    assert names == [["coze-cn"], ["volc-bj"]]
    assert of_a_file == of_these
    assert [shape["properties"]["target"].get("enum") for shape in of_any.json()["oneOf"]] == [None, None]
    assert desk.run("schema", "row", "--targets").json()["oneOf"][0]["properties"]["target"]["enum"] == ["coze-cn"]


def test_init_leaves_alone_what_is_there(desk: Desk) -> None:
    before = (desk.folder / "kbsync.toml").read_bytes()

    first, second = desk.run("init"), desk.run("init")

    assert (first.code, second.code) == (0, 0)
    assert "kbsync.toml" not in first.out
    assert second.out == "everything is there already\n"
    assert (desk.folder / "kbsync.toml").read_bytes() == before


def test_every_rule_is_listed_once(desk: Desk) -> None:
    told = desk.run("validate", "--rules")

    ids = [line.split()[0] for line in told.out.splitlines()]
    assert sorted(ids) == sorted(ALL_RULES)
    lifted = {line.split()[0] for line in told.out.splitlines() if "--allow" in line.split()[:3]}
    assert lifted == {rule.id for rule in ALL_RULES.values() if rule.liftable}
    switched = {line.split()[0] for line in told.out.splitlines() if "[lint]" in line.split()[:3]}
    assert switched == {rule.id for rule in ALL_RULES.values() if rule.lint}
    assert {line.split()[1] for line in told.out.splitlines()} == {"off", "warn", "error"}


def test_validate_and_plan_say_the_same_of_the_same_manifest(desk: Desk) -> None:
    validated, planned = desk.run("validate"), desk.run("plan")

    assert validated.out == "3 items in 2 files: all right\n"
    assert "of 3 items" in planned.out
    assert desk.requests == 0
