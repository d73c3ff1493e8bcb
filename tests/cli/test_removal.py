"""`meta: {x: null}`: an update leaves a field out that is to be gone, and that it is gone has to be read."""

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from kbsync.emulator import Behaviour, sample_world, served_in_thread
from tests.cli.desk import COLLECTION, CountingEmulator, Desk
from tests.cli.live import behaving

DOC = "doc_0000000"
APPLY = ("apply", "--yes", "--format", "json", "--verify-wait", "1s")


def meta(desk: Desk) -> dict[str, Any]:
    text = desk.emulator.world.collections["default", COLLECTION].docs[DOC].meta
    return {entry["field_name"]: entry["field_value"] for entry in orjson.loads(text)}


def declare(desk: Desk, fields: Mapping[str, object], name: str = "manifests/records.jsonl") -> None:
    row = {"target": "volc-bj", "collection": COLLECTION, "kind": "document", "id": DOC, "meta": fields}
    desk.write(name, orjson.dumps(row))


def planned(desk: Desk, *options: str) -> list[dict[str, Any]]:
    told = desk.run("plan", "--format", "json", *options)
    changes: list[dict[str, Any]] = told.json()["changes"]
    return changes


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Desk]:
    """A desk without manifests and without a state."""
    with served_in_thread(CountingEmulator(sample_world(2, 2, 3))) as running:
        monkeypatch.chdir(tmp_path)
        desk = Desk(tmp_path, running)
        desk.configure()
        yield desk


@pytest.fixture
def applied(desk: Desk) -> Desk:
    """A desk whose document has a field more, which is known."""
    declare(desk, {"gone": "x", "stays": 1})
    assert desk.run(*APPLY).code == 0
    return desk


def test_a_field_that_is_declared_null_is_removed_and_the_others_stay(applied: Desk) -> None:
    before = meta(applied)
    declare(applied, {"gone": None, "stays": 1})

    told = applied.run(*APPLY)

    assert told.code == 0, told.err
    assert meta(applied) == {name: value for name, value in before.items() if name != "gone"}
    report = told.json()
    assert report["verification"]["totals"]["verified"] == 1
    assert planned(applied) == []
    assert planned(applied, "--refresh") == []


def test_a_field_that_the_provider_keeps_is_told_and_planned_again(applied: Desk) -> None:
    declare(applied, {"gone": None, "stays": 1})
    with behaving(applied, Behaviour(meta_mode="merge")):
        told = applied.run(*APPLY)

    (row,) = told.json()["items"]
    assert (told.code, row["verification"]["finding"]) == (3, "differs")
    (difference,) = row["verification"]["differences"]
    assert (difference["field"], difference["live"]) == ("meta.gone", {"type": "string", "value": "x"})
    (change,) = planned(applied)
    known = {field["field"]: field["known"] for field in change["fields"]}
    assert known["meta.gone"] == {"type": "string", "value": "x"}


def test_that_a_field_is_gone_is_not_known_before_it_was_read(applied: Desk) -> None:
    declare(applied, {"gone": None, "stays": 1})
    with behaving(applied, Behaviour(processing_s=3600)):
        told = applied.run(*APPLY)

    assert told.code == 7
    (change,) = planned(applied)
    assert "known" not in next(field for field in change["fields"] if field["field"] == "meta.gone")
    assert applied.run(*APPLY).code == 0
    assert planned(applied) == []


def test_what_is_not_there_is_recognised_without_an_update(applied: Desk) -> None:
    declare(applied, {"never": None, "stays": 1})

    told = applied.run(*APPLY, "--refresh")

    assert (told.code, told.json()["totals"]["planned"]) == (0, 0)
    assert planned(applied) == []


def test_somebody_who_sets_it_again_is_drift(applied: Desk) -> None:
    declare(applied, {"gone": None, "stays": 1})
    assert applied.run(*APPLY).code == 0
    declare(applied, {"gone": "back"}, "other/other.jsonl")
    document = applied.emulator.world.collections["default", COLLECTION].docs[DOC]
    document.meta = document.meta[:-1] + ',{"field_name":"gone","field_type":"string","field_value":"theirs"}]'

    (change,) = planned(applied, "--refresh")

    assert change["reason"] == "drifted"
    assert applied.run(*APPLY, "--refresh").code == 0
    assert "gone" not in meta(applied)


@pytest.mark.parametrize("form", ["jsonl", "yaml", "json"])
def test_it_is_converted_and_read_back(applied: Desk, form: str) -> None:
    declare(applied, {"gone": None, "stays": 1})

    told = applied.run("convert", "--to", form, "--out", f"all.{form}", "manifests")
    plan = applied.run("plan", "--format", "json", f"all.{form}")

    assert (told.code, plan.code) == (0, 0), told.err + plan.err
    (change,) = plan.json()["changes"]
    assert [field["desired"] for field in change["fields"]] == [
        {"type": "removed", "value": None},
        {"type": "int64", "value": 1},
    ]


def test_no_cell_of_a_csv_file_says_it(applied: Desk) -> None:
    declare(applied, {"gone": None})

    told = applied.run("convert", "--to", "csv", "manifests")

    assert told.code == 65
    assert "`meta.gone` is to be removed, which no cell says" in told.err


def test_a_value_that_was_forgotten_in_yaml_removes_nothing(desk: Desk) -> None:
    head = f"kbsync: 1\ntarget: volc-bj\ncollection: {COLLECTION}\ndocuments:\n  - id: {DOC}\n    meta:\n"
    desk.write("manifests/pets.yaml", f"{head}      gone:\n")

    told = desk.run("validate", "manifests/pets.yaml")

    assert told.code == 65
    assert "[null-value]" in told.err


def test_a_saved_plan_removes_too(applied: Desk) -> None:
    declare(applied, {"gone": None, "stays": 1})
    assert applied.run("plan", "--out", "plan.json").code == 0

    told = applied.run("apply", "--plan", "plan.json", "--yes")

    assert told.code == 0, told.err
    assert "gone" not in meta(applied)


def test_undo_puts_it_back_and_can_remove_what_was_added(applied: Desk) -> None:
    declare(applied, {"gone": None, "stays": 1, "new": "n"})
    assert applied.run(*APPLY, "--refresh").code == 0
    applied.write("undo.yaml", applied.run("report", "--undo").out)

    told = applied.run("apply", "--refresh", "--yes", "undo.yaml")

    assert told.code == 0, told.err
    assert meta(applied)["gone"] == "x"
    assert "new" not in meta(applied)


@pytest.mark.parametrize("mode", ["none", "sample", "all"])
def test_a_removal_is_read_back_whatever_is_to_be_verified(
    applied: Desk, mode: Literal["none", "sample", "all"]
) -> None:
    declare(applied, {"gone": None, "stays": 1})

    report = applied.run(*APPLY, "--verify", mode).json()

    assert report["verification"]["mode"] == mode
    assert (report["verification"]["updated"], report["verification"]["read_back"]) == (1, 1)
    again = applied.run("report", "--format", "json").json()
    assert again["verification"] == report["verification"]
