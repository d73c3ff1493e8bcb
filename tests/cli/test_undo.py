"""`kbsync report RUN --undo`: the manifest, its formats, and what is left out of it."""

from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from tests.cli.desk import COLLECTION, DATASET, MANIFEST, PENDING, RECORDS, Desk

IMAGE = "7446670805219090001"
OTHER = "7446670805219090002"
RECORD = "doc_0000000"


def trade(desk: Desk) -> str:
    return str(desk.emulator.world.collections["default", COLLECTION].docs[RECORD].meta)


def applied(desk: Desk) -> None:
    told = desk.run("apply", "--yes")
    assert told.code == 0, told.err


def last(desk: Desk) -> str:
    return StateStore(desk.state).list_runs()[0].run_id


def test_it_is_yaml_by_container_that_says_what_it_is_and_what_to_do(desk: Desk) -> None:
    applied(desk)

    told = desk.run("report", "--undo")

    assert (told.code, told.err) == (0, "")
    comment = [line for line in told.out.splitlines() if line.startswith("#")]
    assert comment[0].startswith(f"# What the run {last(desk)} of ")
    assert "`kbsync apply --refresh FILE` puts it back" in comment[1]
    assert told.out.split("again.\n")[1] == (
        "kbsync: 1\n"
        "target: coze-cn\n"
        f'dataset: "{DATASET}"\n'
        "images:\n"
        f'  - id: "{IMAGE}"\n'
        "    caption: old\n"
        "---\n"
        "kbsync: 1\n"
        "target: volc-bj\n"
        f"collection: {COLLECTION}\n"
        "documents:\n"
        f'  - id: "{RECORD}"\n'
        "    meta:\n"
        "      行业: 教育\n"
    )


@pytest.mark.parametrize("ending", ["yaml", "jsonl", "csv"])
def test_each_format_of_manifests_can_be_applied_as_it_stands(desk: Desk, ending: str) -> None:
    applied(desk)
    assert (desk.caption(), "医疗" in trade(desk)) == ("new", True)

    told = desk.run("report", "last", "--undo", "-o", f"undo.{ending}")
    assert (told.code, told.out, told.err) == (0, "", f"kbsync: 2 items written to undo.{ending}\n")
    printed = desk.run("report", "--undo", *(() if ending == "yaml" else ("--format", ending)))
    assert printed.out == (desk.folder / f"undo.{ending}").read_text(encoding="utf-8")
    undone = desk.run("apply", f"undo.{ending}", "--yes", "--format", "json")

    assert undone.code == 0
    assert undone.json()["totals"]["updated"] == PENDING
    assert undone.json()["released"] == []
    assert (desk.caption(), "教育" in trade(desk)) == ("old", True)
    plan = desk.run("plan", "--format", "json").json()
    assert [change["reason"] for change in plan["changes"]] == ["changed"] * PENDING
    assert desk.run("report", "--undo", "-o", f"redo.{ending}").code == 0
    assert desk.run("apply", f"redo.{ending}", "--yes").code == 0
    assert desk.caption() == "new"
    assert desk.run("plan", "--detailed-exitcode").code == 0


def test_json_takes_one_container(desk: Desk) -> None:
    applied(desk)

    refused = desk.run("report", "--undo", "--format", "json")
    assert refused.code == 64
    assert "there are 2: write YAML" in refused.err

    desk.write("manifests/pets.yaml", MANIFEST.format(caption="newer"))
    applied(desk)
    told = desk.run("report", "--undo", "--format", "json")
    assert told.json()["images"] == [{"id": IMAGE, "caption": "new"}]


@pytest.mark.parametrize("arguments", [["--format", "md"], ["-o", "undo.md"], ["-o", "undo"]])
def test_what_is_no_format_of_manifests_is_refused(desk: Desk, arguments: list[str]) -> None:
    applied(desk)

    told = desk.run("report", "--undo", *arguments)

    assert told.code == 64
    assert "with --undo it is a manifest: .yaml, .json, .jsonl, .csv" in told.err


def test_an_emptied_text_comes_back_and_an_empty_one_is_emptied_again(desk: Desk) -> None:
    desk.write("manifests/pets.yaml", MANIFEST.format(caption='""\n    allow_empty: true'))
    applied(desk)
    assert desk.caption() == ""
    assert "    caption: old\n" in desk.run("report", "--undo").out
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="full"))
    applied(desk)

    told = desk.run("report", "--undo", "-o", "undo.yaml")
    assert told.code == 0
    assert '    caption: ""\n    allow_empty: true\n' in (desk.folder / "undo.yaml").read_text(encoding="utf-8")
    assert desk.run("apply", "undo.yaml", "--yes").code == 0
    assert desk.caption() == ""


def test_meta_values_come_back_with_their_types(desk: Desk) -> None:
    before = '{"a":{"type":"float32","value":1},"b":["x",""],"c":7,"d":true,"e":{"type":"list<string>","value":[]}}'
    after = '{"a":"1","b":"x","c":{"type":"float32","value":7},"d":1,"e":"f"}'
    line = RECORDS.format(trade="教育")
    desk.write("manifests/records.jsonl", line.replace('{"行业":"教育"}', before))
    applied(desk)
    held = trade(desk)
    desk.write("manifests/records.jsonl", line.replace('{"行业":"教育"}', after))
    applied(desk)
    assert trade(desk) != held

    assert desk.run("report", "--undo", "-o", "undo.yaml").code == 0
    assert desk.run("apply", "undo.yaml", "--yes").code == 0

    assert trade(desk) == held


def test_what_was_never_known_is_named_and_the_rest_is_put_back(desk: Desk) -> None:
    more = f'  - id: "{OTHER}"\n    caption: first\n'
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="new").replace("documents:", f"{more}documents:"))
    applied(desk)

    told = desk.run("report", "--undo")

    said = "1 field left out, never known before the run, so there is nothing to put back:"
    named = f"coze-cn/{DATASET}/image/{OTHER}  caption"
    assert told.code == 0
    assert told.err == f"kbsync: {said}\nkbsync:   {named}\n"
    assert f"# {said}\n#   {named}\n" in told.out
    assert OTHER not in told.out.split("kbsync: 1\n")[1]


def test_what_a_later_run_wrote_is_left_out_and_named(desk: Desk) -> None:
    applied(desk)
    first = last(desk)
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="newer"))
    applied(desk)

    told = desk.run("report", first, "--undo")

    assert told.code == 0
    assert "1 field left out, a later run wrote, or may have written, another value:" in told.err
    assert f"coze-cn/{DATASET}/image/{IMAGE}  caption  (run {last(desk)})" in told.err
    assert RECORD in told.out
    assert IMAGE not in told.out.split("kbsync: 1\n")[1]


def test_what_is_no_longer_known_is_left_out_and_named(desk: Desk) -> None:
    applied(desk)
    desk.run("state", "forget", "coze-cn/*", "--yes")

    told = desk.run("report", "--undo")

    assert told.code == 0
    assert "1 field left out, no longer known:" in told.err
    assert "coze-cn" not in told.out.split("kbsync: 1\n")[1]


def test_a_value_that_needs_an_allowance_says_which(desk: Desk) -> None:
    desk.write("manifests/records.jsonl", RECORDS.format(trade="医" * 86))
    assert desk.run("apply", "--yes", "--allow", "meta-value-length", "--reason", "a test").code == 0
    desk.write("manifests/records.jsonl", RECORDS.format(trade="教育"))
    applied(desk)

    told = desk.run("report", "--undo", "-o", "undo.yaml")

    assert told.code == 0
    assert "--allow meta-value-length --reason TEXT" in (desk.folder / "undo.yaml").read_text(encoding="utf-8")
    assert desk.run("apply", "undo.yaml", "--yes").code == 65
    assert desk.run("apply", "undo.yaml", "--yes", "--allow", "meta-value-length", "--reason", "undo").code == 0


def test_a_target_that_is_no_longer_configured_is_left_out(desk: Desk) -> None:
    applied(desk)
    config = (desk.folder / "kbsync.toml").read_text(encoding="utf-8")
    desk.write("kbsync.toml", config.split("[targets.volc-bj]")[0])

    told = desk.run("report", "--undo")

    assert told.code == 0
    assert "1 field left out, no manifest for the targets of kbsync.toml can declare the value:" in told.err
    assert "volc-bj" not in told.out.split("kbsync: 1\n")[1]


def test_a_run_with_nothing_to_put_back_is_an_error_and_nothing_is_printed(desk: Desk) -> None:
    applied(desk)
    assert desk.run("report", "--undo", "-o", "undo.yaml").code == 0
    first = last(desk)
    assert desk.run("apply", "undo.yaml", "--yes").code == 0

    again = desk.run("report", first, "--undo")
    assert (again.code, again.out) == (1, "")
    assert "2 fields left out, back at the earlier value already" in again.err
    assert f"there is nothing to put back of the run {first}" in again.err

    applied(desk)
    applied(desk)
    nothing = desk.run("report", "--undo")
    assert (nothing.code, nothing.out) == (1, "")


def test_a_manifest_is_not_overwritten(desk: Desk) -> None:
    applied(desk)

    told = desk.run("report", "--undo", "-o", "manifests/pets.yaml")

    assert told.code == 64
    assert "this is a manifest" in told.err


def test_of_a_pruned_run_there_is_no_undo(desk: Desk) -> None:
    config = (desk.folder / "kbsync.toml").read_text(encoding="utf-8")
    desk.write("kbsync.toml", f"{config}\n[state]\nkeep_runs = 1\n")
    first = last(desk)
    applied(desk)

    told = desk.run("report", first, "--undo")

    assert told.code == 64
    assert f"The run {first} was pruned" in told.err
    assert told.err == desk.run("report", first).err
    lines = desk.run("runs").out.splitlines()
    assert [line.endswith("(pruned)") for line in lines] == [False, False, True]
    assert [run["pruned"] for run in desk.run("runs", "--format", "json").json()["runs"]] == [False, True]


def test_a_partial_run_forgets_no_field_that_it_does_not_mention(desk: Desk) -> None:
    desk.write("manifests/records.jsonl", RECORDS.format(trade="医疗").replace('"meta"', '"name":"n.pdf","meta"'))
    applied(desk)
    desk.write("manifests/records.jsonl", RECORDS.format(trade="零售").replace('"meta"', '"name":"n.pdf","meta"'))
    applied(desk)
    assert desk.run("report", "--undo", "-o", "undo.yaml").code == 0
    assert desk.run("apply", "undo.yaml", "--yes").code == 0

    with StateStore(desk.state).known() as known:
        fields = [known.fields(item) for item in known.items() if item.id == RECORD]
    assert [sorted(one) for one in fields] == [["meta.行业", "name"]]


def test_the_manifest_is_for_its_owner_alone(desk: Desk, tmp_path: Path) -> None:
    applied(desk)
    assert desk.run("report", "--undo", "-o", str(tmp_path / "undo.yaml")).code == 0
    assert (tmp_path / "undo.yaml").stat().st_mode & 0o777 == 0o600
