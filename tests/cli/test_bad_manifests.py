"""Manifests that are wrong: told by place and rule, all at once, and nothing is sent."""

import os
from collections import Counter

import pytest

from kbsync.core.rules import GUARD_RULES
from kbsync.providers import ALL_RULES
from tests.cli.bad_manifests import (
    CELLS,
    COLUMNS,
    CORPUS,
    FAKE_KEY,
    FAKE_PAT,
    Case,
    row,
    with_caption,
    with_id,
    with_rule,
)
from tests.cli.desk import CONFIG, Desk
from tests.cli.refusals import problems, refused

# Of files as such; the tests below show them.
OF_FILES = {"unreadable-file", "too-large", "no-manifest"}
# Of something else than a manifest, or of a manifest and what was there before or is to become of it.
OF_OTHERS = {"config", "inline-secret", "insecure-url", "foreign-endpoint", "bad-plan", "bad-recovery"} | {
    "shrinking-caption",
    "not-in-csv",
    *(rule.id for rule in GUARD_RULES),
}


def prepared(desk: Desk, case: Case) -> str:
    """Write what *case* needs; return the name of the file as messages have it."""
    name = f"manifests/bad.{case.ending}"
    desk.write(name, case.content)
    if case.settings:
        desk.configure(CONFIG + case.settings)
    return name


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case.ending}-{case.name}")
def test_a_bad_manifest_is_refused_by_place_and_rule(desk: Desk, case: Case) -> None:
    name = prepared(desk, case)

    told = refused(desk, 65, "apply", "--yes", *case.options, secrets=(FAKE_PAT, FAKE_KEY))

    assert [f"{place} {rule}" for file, place, rule in problems(told) if file == name] == list(case.expected)
    assert len(told.err) < 200 * max(10, len(case.expected))
    assert not (desk.folder / "pwned").exists()


@pytest.mark.parametrize("case", CORPUS[::7], ids=lambda case: f"{case.ending}-{case.name}")
def test_every_command_that_reads_manifests_refuses_alike(desk: Desk, case: Case) -> None:
    prepared(desk, case)

    validated, planned, applied = (
        refused(desk, 65, *words, *case.options) for words in (["validate"], ["plan"], ["apply", "-y"])
    )

    assert validated.err == planned.err == applied.err


def test_three_hundred_manifests_are_bad_in_every_format_and_by_every_rule() -> None:
    formats = Counter(case.ending for case in CORPUS)
    rules = {told.partition(" ")[2] for case in CORPUS for told in case.expected}

    assert formats.total() >= 300
    assert formats.keys() == {"yaml", "json", "jsonl", "csv"}
    assert min(formats.values()) >= 50
    assert len({(case.ending, case.name) for case in CORPUS}) == len(CORPUS)
    assert len({case._replace(name="", expected=()) for case in CORPUS}) == len(CORPUS)
    assert rules == ALL_RULES.keys() - OF_FILES - OF_OTHERS


def test_a_pipe_a_folder_a_device_and_a_loop_are_refused_without_waiting(desk: Desk) -> None:
    folder = desk.folder / "manifests"
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()
    (folder / "zero.jsonl").symlink_to("/dev/zero")
    (folder / "one.csv").symlink_to("two.csv")
    (folder / "two.csv").symlink_to("one.csv")

    told = refused(desk, 65, "apply", "--yes")

    found = {(file.removeprefix("manifests/"), place, rule) for file, place, rule in problems(told)}
    names = ("pipe.yaml", "folder.yaml", "zero.jsonl", "one.csv", "two.csv")
    assert found == {(name, "1:1", "unreadable-file") for name in names}


def test_a_link_out_of_the_folder_is_not_followed(desk: Desk) -> None:
    outside = desk.write("../outside.yaml", with_caption("secret"))
    (desk.folder / "manifests" / "inside.yaml").symlink_to(outside)

    told = refused(desk, 65, "apply", "--yes")

    assert problems(told) == [("manifests/inside.yaml", "1:1", "unreadable-file")]


def test_a_file_that_is_too_large_is_refused_unread(desk: Desk) -> None:
    with (desk.folder / "manifests" / "huge.yaml").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)

    told = refused(desk, 65, "apply", "--yes")

    assert problems(told) == [("manifests/huge.yaml", "1:1", "too-large")]


@pytest.mark.parametrize("name", ["huge.jsonl", "huge.csv"])
def test_a_line_that_is_too_large_is_refused(desk: Desk, name: str) -> None:
    head = b"target,dataset,kind,id,caption\ncoze-cn,1,image,1," if name.endswith("csv") else b'{"target":"'
    desk.write(f"manifests/{name}", head + b"x" * (17 << 20))

    told = refused(desk, 65, "apply", "--yes")

    assert [(file, rule) for file, _, rule in problems(told)] == [(f"manifests/{name}", "too-large")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_others_keep_to_themselves_is_refused(desk: Desk) -> None:
    desk.write("manifests/closed.yaml", with_caption("x")).chmod(0)

    assert problems(refused(desk, 65, "apply", "--yes")) == [("manifests/closed.yaml", "1:1", "unreadable-file")]


@pytest.mark.parametrize(
    "path",
    ["nowhere.yaml", "nowhere/", "manifests/*.csv", "manifests/[", "kbsync.toml", "a\0b.yaml", "-", "\ud800.yaml"],
)
def test_a_path_that_names_no_manifest_is_refused(desk: Desk, path: str) -> None:
    told = refused(desk, 65, "apply", "--yes", "--", path)

    ((_, place, rule),) = problems(told)
    assert (place, rule in {"no-manifest", "unreadable-file"}) == ("1:1", True)


@pytest.mark.fault("F42", seen="exit 65 with both places, nothing sent")
def test_an_item_in_two_files_is_told_with_both_places(desk: Desk) -> None:
    desk.write("manifests/again.csv", f"{COLUMNS}\n{CELLS[:-1]}7446670805219090001,other,\n")

    told = refused(desk, 65, "apply", "--yes")

    assert problems(told) == [("manifests/pets.yaml", "5:5", "duplicate-item")]
    assert "manifests/again.csv:2:1" in told.err


def test_every_mistake_in_every_file_is_told_at_once(desk: Desk) -> None:
    desk.write("manifests/a.yaml", with_caption("~") + "extra: 1\n")
    desk.write("manifests/b.jsonl", row(id="2", captoin="x") + row(id="0"))
    desk.write("manifests/c.csv", "target\n")

    told = refused(desk, 65, "apply", "--yes")

    assert [(file[-6:], place, rule) for file, place, rule in problems(told)] == [
        ("a.yaml", "6:14", "null-value"),
        ("a.yaml", "7:1", "unknown-key"),
        (".jsonl", "1:90", "unknown-key"),
        (".jsonl", "2:72", "bad-id"),
        *[("/c.csv", "1:1", "missing-key")] * 2,
    ]


def test_ten_thousand_mistakes_are_cut_short(desk: Desk) -> None:
    desk.write("manifests/bad.jsonl", "[]\n" * 10_000)

    told = refused(desk, 65, "apply", "--yes")

    assert len(told.err.splitlines()) == 1_001
    assert ("manifests/bad.jsonl", "1:1", "too-many-problems") in problems(told)


def test_a_lifted_rule_finds_nothing(desk: Desk) -> None:
    desk.write("manifests/bad.yaml", with_rule("{update_type: 1, update_interval: 12}"))

    assert desk.run("validate").code == 65
    assert desk.run("validate", "--allow", "update-interval").code == 0


def test_warnings_refuse_nothing_and_stay_off_stdout(desk: Desk) -> None:
    desk.write("manifests/long.yaml", with_caption("x" * 2001))

    told = desk.run("plan", "--format", "json")

    assert told.code == 0
    assert told.json()["summary"]["changes"] == 3
    assert problems(told) == [("manifests/long.yaml", "6:14", "long-caption")]


def test_mistakes_are_told_as_json_on_request(desk: Desk) -> None:
    desk.write("manifests/bad.yaml", with_id("0123"))

    told = desk.run("validate", "--format", "json")

    assert told.code == 65
    assert not told.err
    assert '"bad-id"' in told.out
