"""Choosing items: what `--only` and `--exclude` leave of a plan, and what is said when that is nothing."""

import pytest

from tests.cli.desk import PENDING, RECORDS, Desk
from tests.cli.refusals import refused

IMAGE = "7446670805219090001"
RECORD = "doc_0000000"


def planned(desk: Desk, *words: str) -> list[str]:
    told = desk.run("plan", "--format", "json", *words)
    assert told.code == 0, told.err
    return [change["item"]["id"] for change in told.json()["changes"]]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--only", "kind=image"], [IMAGE]),
        (["--only", "target=volc-*"], [RECORD]),
        (["--only", "container=default/test_collection_name"], [RECORD]),
        (["--only", "file=manifests/pets*"], [IMAGE]),
        (["--only", "file=*.jsonl", "--only", f"id={IMAGE}"], [IMAGE, RECORD]),
        (["--exclude", "kind=image"], [RECORD]),
        (["--only", "id=*", "--exclude", "kind=document"], [IMAGE]),
        (["--only", "name=cozeoverview"], []),
    ],
)
def test_a_plan_is_about_what_was_chosen(desk: Desk, words: list[str], ids: list[str]) -> None:
    assert planned(desk, *words) == ids


def test_apply_sends_what_was_chosen_and_nothing_else(desk: Desk) -> None:
    told = desk.run("apply", "--yes", "--only", "kind=image", "--format", "json")

    assert told.code == 0, told.err
    assert desk.caption() == "new"
    assert told.json()["totals"]["planned"] == 1
    assert planned(desk) == [RECORD]


def test_what_is_not_chosen_is_not_released_and_the_manifest_did_not_shrink(desk: Desk) -> None:
    desk.write("manifests/pets.yaml", "")
    desk.write("manifests/records.jsonl", RECORDS.format(trade="医疗"))
    (desk.folder / "manifests" / "pets.yaml").unlink()

    told = desk.run("plan", "--only", "kind=document", "--format", "json")

    assert (told.code, told.json()["released"], told.json()["whole"]) == (0, [], False)
    assert desk.run("plan", "--format", "json").code == 4


def test_a_path_and_a_selector_both_hold(desk: Desk) -> None:
    assert planned(desk, "manifests/pets.yaml", "--only", "id=*") == [IMAGE]
    refused(desk, 64, "plan", "manifests/pets.yaml", "--only", "target=volc-bj")


def test_a_saved_plan_of_chosen_items_is_applied_as_it_is(desk: Desk) -> None:
    assert desk.run("plan", "--only", "kind=image", "--out", "one.json").code == 0

    assert desk.run("apply", "--plan", "one.json", "--yes").code == 0
    assert planned(desk) == [RECORD]


def test_only_what_failed_and_was_chosen_is_tried_again(desk: Desk) -> None:
    assert desk.run("apply", "--yes", "--limit", "1").code == 7

    told = desk.run("apply", "--yes", "--failed", "--only", "id=*", "--format", "json")

    assert told.code == 0
    assert told.json()["totals"]["planned"] == PENDING - 1


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_a_selector_that_matches_nothing_is_refused_and_never_looks_in_sync(desk: Desk, command: list[str]) -> None:
    told = refused(desk, 64, *command, "--only", "kind=image", "--only", "kind=documnet")

    assert told.err == "kbsync: --only kind=documnet: no item has the kind documnet; did you mean document?\n"
    assert told.out == ""


def test_a_hostile_selector_is_told_without_harm(desk: Desk) -> None:
    refused(desk, 64, "plan", "--only", "id=\udcff\x1b[2J")


def test_mistakes_in_manifests_are_told_before_what_was_not_found(desk: Desk) -> None:
    desk.write("manifests/bad.yaml", "x")

    assert desk.run("plan", "--only", "id=nothing").code == 65


def test_an_exclusion_that_matches_nothing_is_a_word_on_stderr(desk: Desk) -> None:
    told = desk.run("--quiet", "plan", "--exclude", f"id={IMAGE[:-1]}9", "--format", "json")

    assert told.code == 0
    assert f"--exclude id={IMAGE[:-1]}9: no item has the id" in told.err
    assert f"did you mean {IMAGE}?" in told.err
    assert len(told.json()["changes"]) == PENDING


def test_that_nothing_is_left_is_said(desk: Desk) -> None:
    told = desk.run("plan", "--only", "kind=image", "--exclude", "target=coze-cn")

    assert told.code == 0
    assert told.err == "kbsync: no item is chosen: nothing was compared\n"


@pytest.mark.parametrize("words", [["--only", "kind=image"], ["--exclude", "id=1"]])
def test_a_saved_plan_is_not_chosen_from(desk: Desk, words: list[str]) -> None:
    refused(desk, 64, "apply", "--yes", "--plan", "p.json", *words)


@pytest.mark.parametrize("selector", ["", "image", "colour=red", "id=", "id=1,id=2", "\x1b[2J=x"])
@pytest.mark.parametrize("option", ["--only", "--exclude"])
def test_what_is_no_selector_is_refused_before_anything_is_read(desk: Desk, option: str, selector: str) -> None:
    (desk.folder / "kbsync.toml").unlink()

    refused(desk, 64, "plan", option, selector)
