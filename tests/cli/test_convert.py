"""`kbsync convert`: where it writes, what it refuses, and what it says is left out."""

import pytest

from tests.cli.desk import DATASET, Desk

TWO = (
    f'# of the file\nkbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\n'
    'images: [{id: "5", caption: a}] # beside\n---\n'
    'kbsync: 1\ntarget: coze-cn\ndataset: "8"\ndefaults: {documents: {name: b}}\ndocuments: [{id: "6"}]\n'
)
ROWS = (
    f'{{"target":"coze-cn","dataset":"{DATASET}","kind":"image","id":"5","caption":"a"}}\n'
    '{"target":"coze-cn","dataset":"8","kind":"document","id":"6","name":"b"}\n'
)


def test_without_out_the_result_goes_to_stdout(desk: Desk) -> None:
    desk.write("two.yaml", TWO)

    told = desk.run("convert", "--to", "jsonl", "two.yaml")

    assert (told.code, told.out) == (0, ROWS)


def test_what_is_left_out_is_said_on_stderr(desk: Desk) -> None:
    desk.write("two.yaml", TWO)

    assert desk.run("convert", "--to", "csv", "two.yaml").err.splitlines() == [
        "kbsync: 2 comments of two.yaml left out",
        "kbsync: the defaults of two.yaml are written out in its entries",
    ]


def test_out_is_a_file_by_its_ending(desk: Desk) -> None:
    desk.write("two.yaml", TWO)

    told = desk.run("convert", "--to", "jsonl", "--out", "rows.jsonl", "two.yaml")

    assert (told.code, told.out) == (0, "")
    assert "kbsync: 2 items written to rows.jsonl" in told.err
    assert (desk.folder / "rows.jsonl").read_text() == ROWS
    assert [path.name for path in desk.folder.iterdir() if path.name.startswith(".rows")] == []


@pytest.mark.parametrize("form", ["yaml", "json", "jsonl", "csv"])
def test_a_folder_gets_a_file_for_each_container(desk: Desk, form: str) -> None:
    desk.write("two.yaml", TWO)
    (desk.folder / "parts").mkdir()

    assert desk.run("convert", "--to", form, "--out", "parts", "two.yaml").code == 0

    names = {path.name for path in (desk.folder / "parts").iterdir()}
    assert names == {f"coze-cn.{DATASET}.{form}", f"coze-cn.8.{form}"}
    assert desk.run("convert", "--to", "jsonl", "parts").out.splitlines() == ROWS.splitlines()


def test_a_folder_that_is_not_there_is_made(desk: Desk) -> None:
    desk.write("two.yaml", TWO)

    assert desk.run("convert", "--to", "json", "--out", "parts/", "two.yaml").code == 0
    assert len(list((desk.folder / "parts").iterdir())) == 2


def test_one_file_of_json_has_one_container(desk: Desk) -> None:
    desk.write("two.yaml", TWO)

    told = desk.run("convert", "--to", "json", "two.yaml")

    assert told.code == 64
    assert "there are 2: --out FOLDER/ writes a file for each" in told.err


@pytest.mark.parametrize("out", ["rows.csv", "rows", "nowhere/rows.jsonl"])
def test_an_out_that_cannot_be_is_a_usage_error(desk: Desk, out: str) -> None:
    desk.write("two.yaml", TWO)

    told = desk.run("convert", "--to", "jsonl", "--out", out, "two.yaml")

    assert (told.code, told.out) == (64, "")
    assert not (desk.folder / out).exists()


def test_a_manifest_that_is_read_is_not_written_over(desk: Desk) -> None:
    path = desk.write("rows.jsonl", ROWS)

    told = desk.run("convert", "--to", "jsonl", "--out", "rows.jsonl", "rows.jsonl")

    assert told.code == 64
    assert "this is a manifest" in told.err
    assert path.read_text() == ROWS


@pytest.mark.parametrize("out", [(), ("--out", "rows.csv")])
def test_a_mistake_is_told_and_nothing_is_written(desk: Desk, out: tuple[str, ...]) -> None:
    desk.write("two.yaml", TWO.replace("caption", "captoin"))

    told = desk.run("convert", "--to", "csv", *out, "two.yaml")

    assert (told.code, told.out) == (65, "")
    assert "[unknown-key]" in told.err
    assert not (desk.folder / "rows.csv").exists()


@pytest.mark.parametrize("out", [(), ("--out", "rows.csv")])
def test_what_csv_cannot_say_is_told_with_its_place_and_nothing_is_written(desk: Desk, out: tuple[str, ...]) -> None:
    desk.write("m.yaml", 'kbsync: 1\ntarget: volc-bj\ncollection: faq\ndocuments:\n  - id: a\n    meta: {x: ""}\n')

    told = desk.run("convert", "--to", "csv", *out, "m.yaml")

    assert (told.code, told.out) == (65, "")
    assert told.err == (
        "m.yaml:5:5: `meta.x` is an empty text, and an empty cell says nothing: "
        "write JSON Lines (.jsonl) instead [not-in-csv]\n"
    )
    assert not (desk.folder / "rows.csv").exists()


def test_a_plan_of_what_was_converted_is_the_same(desk: Desk) -> None:
    before = desk.run("plan", "--format", "json").json()
    assert desk.run("convert", "--to", "csv", "--out", "all.csv").code == 0
    after = desk.run("plan", "--format", "json", "all.csv").json()

    def changes(plan: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
        return [{key: value for key, value in change.items() if key != "source"} for change in plan["changes"]]

    assert len(changes(before)) == 2
    assert changes(after) == changes(before)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_new_file_is_as_readable_as_the_manifest_that_it_comes_from(desk: Desk, mode: int) -> None:
    desk.write("two.yaml", TWO).chmod(mode)

    assert desk.run("convert", "--to", "csv", "--out", "two.csv", "two.yaml").code == 0
    assert (desk.folder / "two.csv").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("form", ["yaml", "json", "jsonl", "csv"])
def test_without_an_item_there_is_nothing_to_convert(desk: Desk, form: str) -> None:
    desk.write("none.jsonl", "")

    told = desk.run("convert", "--to", form, "none.jsonl")

    assert (told.code, told.out) == (1, "")
    assert told.err == "kbsync: the manifests declare no item: there is nothing to convert\n"
