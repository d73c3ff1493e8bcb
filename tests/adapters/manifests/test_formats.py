"""The four formats say the same, and nothing that is written changes on its way."""

import csv
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.core.fields import MetaValue
from kbsync.core.manifest import Desired
from tests.adapters.manifests.words import head, one, read, told

ENDINGS = ("yaml", "json", "jsonl", "csv")
# What a manifest's text may hold: no control characters but tabs and line feeds, no surrogates.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), min_size=1, max_size=40)
ITEMS = st.lists(st.tuples(st.integers(1, 2**70).map(str), TEXT), max_size=6, unique_by=lambda item: item[0])


def written(items: list[tuple[str, str]]) -> dict[str, str]:
    rows = [{"target": "gallery", "shelf": "1", "kind": "image", "id": id_, "caption": text} for id_, text in items]
    document: dict[str, Any] = {"kbsync": 1, "target": "gallery", "shelf": "1"}
    document["images"] = [{"id": id_, "caption": text} for id_, text in items]
    table = io.StringIO()
    writer = csv.DictWriter(table, ["target", "shelf", "kind", "id", "caption"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return {
        "yaml": yaml.safe_dump(document, allow_unicode=True),
        "json": json.dumps(document),
        "jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        "csv": table.getvalue(),
    }


def facts(items: list[Desired]) -> list[object]:
    return [(item.item, item.fields, item.protect, item.ignored) for item in items]


@settings(max_examples=150, deadline=None)
@given(ITEMS)
def test_the_same_items_read_equal_in_every_format(items: list[tuple[str, str]]) -> None:
    for ending, text in written(items).items():
        with tempfile.TemporaryDirectory() as folder:
            found, problems = one(Path(folder), text, ending)

        assert problems == []
        assert [(item.item.id, item.fields["caption"]) for item in found] == items


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(ENDINGS),
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))),
)
def test_no_bytes_raise_and_every_problem_has_a_place_in_the_file(ending: str, data: bytes) -> None:
    assert_told_within(ending, data)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ENDINGS), ITEMS, st.integers(0, 400), st.binary(max_size=4), st.integers(0, 6))
def test_a_damaged_manifest_raises_nothing(
    ending: str, items: list[tuple[str, str]], at: int, junk: bytes, cut: int
) -> None:
    data = written(items)[ending].encode()
    at = min(at, len(data))

    assert_told_within(ending, data[:at] + junk + data[at + cut :])


def assert_told_within(ending: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _, problems = read(Path(folder), {f"m.{ending}": data})
    lines = re.split("\r\n|[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]", data.decode("utf-8", "replace"))
    for problem in problems:
        assert 1 <= problem.source.line <= len(lines), (problem, data)
        assert 1 <= problem.source.column <= len(data) + 1, (problem, data)
        assert str(problem).isprintable()


def test_rows_of_text_in_yaml_are_taken_as_written(tmp_path: Path) -> None:
    words = ["no", "On", "1:30", "2024-01-01", "0123", "1_000", "1e3", "0x1F", ".inf", "true", "7431234567890123456"]
    text = head() + "images:\n" + "".join(f"- id: {n}\n  caption: {word}\n" for n, word in enumerate(words, start=1))

    items, problems = one(tmp_path, text)

    assert problems == []
    assert [item.fields["caption"] for item in items] == words


def test_an_unquoted_id_keeps_every_digit(tmp_path: Path) -> None:
    items, problems = one(tmp_path, head() + "images:\n- id: 99999999999999999999999\n  caption: a\n")

    assert problems == []
    assert items[0].item.id == "99999999999999999999999"


def test_an_integer_in_json_keeps_every_digit(tmp_path: Path) -> None:
    row = '{"target":"gallery","shelf":"1","kind":"image","id":99999999999999999999999,"caption":"a"}'

    items, problems = one(tmp_path, row, "jsonl")

    assert problems == []
    assert items[0].item.id == "99999999999999999999999"


def test_free_values_in_yaml_have_the_types_that_all_parsers_agree_on(tmp_path: Path) -> None:
    text = head("library", "room: a") + (
        "books:\n- id: a\n  meta:\n    a: 12\n    b: true\n    c: 0.5\n    d: some text\n"
        "    e: [p, q]\n    f: {type: float32, value: 1}\n    g: '12'\n    h: 1.5e+3\n    i: v1.2\n    j: '-'\n"
    )

    items, problems = one(tmp_path, text)

    assert problems == []
    assert items[0].fields == {
        "meta.a": MetaValue("int", 12),
        "meta.b": MetaValue("bool", True),  # noqa: FBT003
        "meta.c": MetaValue("float", 0.5),
        "meta.d": MetaValue("str", "some text"),
        "meta.e": MetaValue("list", ("p", "q")),
        "meta.f": MetaValue("float32", 1),
        "meta.g": MetaValue("str", "12"),
        "meta.h": MetaValue("float", 1500.0),
        "meta.i": MetaValue("str", "v1.2"),
        "meta.j": MetaValue("str", "-"),
    }


def test_typed_columns_say_what_yaml_says(tmp_path: Path) -> None:
    yaml_text = head("library", "room: r") + (
        'books:\n- id: a\n  name: n\n  meta: {x: "12", "a:b": "t", s: {type: float32, value: 0.5}, '
        "l: {type: list<string>, value: [p, q]}}\n"
    )
    csv_text = (
        "target,room,kind,id,name,meta.x,meta.a:b:string,meta.s:float32,meta.l:list<string>\n"
        'library,r,book,b,n,12,t,0.5,"[""p"",""q""]"\n'
    )
    items, problems = read(tmp_path, {"a.yaml": yaml_text, "b.csv": csv_text})

    assert told(problems) == []
    assert items[0].fields["meta.a:b"] == MetaValue("str", "t")
    assert items[1].fields["meta.a:b"] == MetaValue("string", "t")
    same = ("name", "meta.x", "meta.s", "meta.l")
    assert [items[0].fields[name] for name in same] == [items[1].fields[name] for name in same]


def test_an_empty_cell_is_not_mentioned_unless_the_row_allows_empty_text(tmp_path: Path) -> None:
    text = "target,shelf,kind,id,caption,name,rule.type,allow_empty\ngallery,1,image,1,,,,true\ngallery,1,page,2,,,0,\n"

    items, problems = one(tmp_path, text, "csv")

    assert problems == []
    assert items[0].fields == {"caption": ""}
    assert list(items[1].fields) == ["update_rule"]


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    for ending, text in written([("1", "a")]).items():
        items, problems = one(tmp_path, b"\xef\xbb\xbf" + text.encode(), ending)

        assert problems == []
        assert len(items) == 1
        (tmp_path / f"m.{ending}").unlink()


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    for ending, text in written([("1", "a"), ("2", "b")]).items():
        items, problems = one(tmp_path, text.replace("\n", "\r\n"), ending)

        assert problems == []
        assert len(items) == 2
        (tmp_path / f"m.{ending}").unlink()


def test_spaces_around_colons_are_no_reason_to_doubt(tmp_path: Path) -> None:
    row = '{ "target" : "gallery" , "shelf" : "1", "kind" :\t"image", "id" : "1", "caption" : "a \\": b\\\\" }\n'

    items, problems = one(tmp_path, row, "jsonl")

    assert problems == []
    assert items[0].fields == {"caption": 'a ": b\\'}


def test_json_lines_over_many_blocks_keep_their_line_numbers(tmp_path: Path) -> None:
    rows = [
        json.dumps({"target": "gallery", "shelf": "1", "kind": "image", "id": str(n), "caption": "x" * 5_000})
        for n in range(1, 1_001)
    ]
    rows[700] = rows[700].replace("caption", "captoin")

    items, problems = one(tmp_path, "\n".join(rows), "jsonl")

    assert len(items) == 999
    assert problems[0].startswith("701:")
    assert items[-1].source.line == 1_000


def test_ignored_fields_stand_in_csv_as_a_list(tmp_path: Path) -> None:
    text = 'target,shelf,kind,id,caption,ignore\ngallery,1,image,1,a,"[""caption""]"\ngallery,1,image,2,b,\n'

    items, problems = one(tmp_path, text, "csv")

    assert problems == []
    assert [item.ignored for item in items] == [{"caption"}, set()]


def test_a_list_in_csv_is_written_as_in_json(tmp_path: Path) -> None:
    text = "target,shelf,kind,id,caption,ignore\ngallery,1,image,1,a,caption\n"

    assert one(tmp_path, text, "csv") == ([], ["2:21 wrong-type"])
