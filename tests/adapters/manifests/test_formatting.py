"""Manifests in form say what they said, have their comments, and are in form."""

import csv
import io
import json
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.adapters.manifests.yaml_tree import comments_in, yaml_trees
from kbsync.core.fields import MetaValue
from tests.adapters.manifests.desks import coze_documents, declared, formatted, says, volcengine_documents, write
from tests.adapters.manifests.scribe import Scribe

DOCUMENTS = st.one_of(coze_documents(), volcengine_documents())
LUCK = st.integers(0, 2**32).map(Random)
HEAD = 'kbsync: 1\ntarget: coze-cn\ndataset: "1"\n'
RECORDS = "kbsync: 1\ntarget: volc-bj\ncollection: faq\n"


def in_form(text: str, ending: str = "yaml", *, sort: bool = False) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), f"m.{ending}", text)
        assert declared([path], path.parent)[1] == []
        return formatted(path, sort=sort).decode()


def assert_in_form_alike(text: str, ending: str, *, sort: bool) -> str:
    """Return *text* in form, which says the same and is in form."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), f"m.{ending}", text)
        once = write(Path(folder), f"once.{ending}", formatted(path, sort=sort))

        assert formatted(once, sort=sort) == once.read_bytes()
        assert says(once) == says(path)
        return once.read_text(encoding="utf-8")


def shuffled(value: Any, luck: Random) -> Any:
    """Return *value* with the keys of all its mappings in another order."""
    if isinstance(value, list):
        return [shuffled(inner, luck) for inner in value]
    if not isinstance(value, dict):
        return value
    pairs = [(key, shuffled(inner, luck)) for key, inner in value.items()]
    luck.shuffle(pairs)
    return dict(pairs)


def without_repeated(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *documents* without those entries that an earlier one has."""
    seen: set[tuple[str, str]] = set()
    for document in documents:
        for section in ("images", "documents"):
            entries = [e for e in document.get(section, []) if (document["target"], e["id"]) not in seen]
            seen |= {(document["target"], entry["id"]) for entry in entries}
            document[section] = entries
        if document["target"] == "volc-bj":
            del document["images"]
    return documents


# ------------------------------------------------------------------------------------------------------- any manifest
@settings(max_examples=120, deadline=None)
@given(documents=st.lists(DOCUMENTS, min_size=1, max_size=2).map(without_repeated), luck=LUCK, sort=st.booleans())
def test_yaml_in_form_says_the_same_is_in_form_and_has_every_comment(
    *, documents: list[dict[str, Any]], luck: Random, sort: bool
) -> None:
    scribe = Scribe(luck)

    text = assert_in_form_alike("\n---\n".join(map(scribe.write, documents)), "yaml", sort=sort)

    kept = [comment for tree in yaml_trees(text) for comment in comments_in(tree)]
    assert sorted(kept) == sorted(scribe.comments)


@settings(max_examples=60, deadline=None)
@given(document=DOCUMENTS, luck=LUCK, indent=st.sampled_from((None, 1)), ascii_only=st.booleans(), sort=st.booleans())
def test_json_in_form_says_the_same_and_is_in_form(
    *, document: dict[str, Any], luck: Random, indent: int | None, ascii_only: bool, sort: bool
) -> None:
    text = json.dumps(shuffled(document, luck), indent=indent, ensure_ascii=ascii_only)

    assert_in_form_alike(text, "json", sort=sort)


@settings(max_examples=60, deadline=None)
@given(document=DOCUMENTS, luck=LUCK, ascii_only=st.booleans(), sort=st.booleans())
def test_json_lines_in_form_say_the_same_and_are_in_form(
    *, document: dict[str, Any], luck: Random, ascii_only: bool, sort: bool
) -> None:
    head = {key: value for key, value in document.items() if isinstance(value, str)}
    rows = [
        {**head, "kind": section[:-1], **entry}
        for section in ("images", "documents")
        for entry in document.get(section, [])
    ]
    text = "\n".join(json.dumps(shuffled(row, luck), ensure_ascii=ascii_only) for row in rows)

    assert_in_form_alike(text, "jsonl", sort=sort)


@settings(max_examples=60, deadline=None)
@given(
    document=coze_documents(),
    luck=LUCK,
    quoting=st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_MINIMAL)),
    sort=st.booleans(),
)
def test_csv_in_form_says_the_same_and_is_in_form(
    *, document: dict[str, Any], luck: Random, quoting: Any, sort: bool
) -> None:
    columns = ["target", "dataset", "kind", "id", "caption", "protect"]
    luck.shuffle(columns)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", quoting=quoting)
    writer.writeheader()
    for entry in document["images"]:
        if entry["caption"]:
            row = {**document, **entry, "kind": "image", "protect": "true" if "protect" in entry else ""}
            writer.writerow(row)

    assert_in_form_alike(text.getvalue(), "csv", sort=sort)


# --------------------------------------------------------------------------------------------------------------- form
def test_keys_stand_in_the_order_of_the_documentation() -> None:
    text = (
        "documents:\n  - protect: true\n    update_rule: {update_interval: 24, update_type: 1}\n    name: a\n"
        '    id: "1"\nimages: []\ndataset: "1"\ntarget: coze-cn\nkbsync: 1\n'
    )

    assert in_form(text) == HEAD + (
        'images: []\ndocuments:\n  - id: "1"\n    name: a\n    update_rule: {update_type: 1, update_interval: 24}\n'
        "    protect: true\n"
    )


def test_meta_fields_keep_the_order_of_their_author() -> None:
    text = RECORDS + 'documents:\n  - id: "a"\n    meta:\n      zeal: 1\n      area: 2\n'

    assert in_form(text) == text


def test_entries_keep_their_order_unless_they_are_sorted() -> None:
    entries = ['  # ten\n  - id: "10"\n    caption: a\n', '  # nine\n  - id: "9"\n    caption: b\n']
    text = HEAD + "images:\n" + "".join(entries)

    assert in_form(text) == text
    assert in_form(text, sort=True) == HEAD + "images:\n" + "".join(reversed(entries))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("'plain'", "plain"),
        ("no", '"no"'),
        ("0123", '"0123"'),
        ("'1:30'", '"1:30"'),
        ("A cat, asleep", "A cat, asleep"),
        ('"a: b"', '"a: b"'),
        ("""'so "loud"'""", """so "loud\""""),
        ("""'"so" loud'""", """'"so" loud'"""),
        (r'"a\tb"', r'"a\tb"'),
        (r'"a\nb"', "|-\n      a\n      b"),
        (r'"a\nb\n"', "|\n      a\n      b"),
        (r'"a \nb"', r'"a \nb"'),
        (r'" a\nb"', r'" a\nb"'),
        (r'"a\n\n"', r'"a\n\n"'),
        ("|2-\n       a", '" a"'),
        (">-\n      one\n      two", ">-\n      one\n      two"),
        ("one\n      two", "one two"),
        (r'"a\u2028b"', r'"a\u2028b"'),
    ],
)
def test_a_text_is_quoted_where_a_reader_could_take_it_for_something_else(written: str, shown: str) -> None:
    text = in_form(f'{HEAD}images:\n  - id: "1"\n    caption: {written}\n')

    assert text == f'{HEAD}images:\n  - id: "1"\n    caption: {shown}\n'


def test_ids_are_always_quoted() -> None:
    assert in_form(RECORDS + "documents: [{id: test123, name: a}]") == RECORDS + (
        'documents:\n  - id: "test123"\n    name: a\n'
    )


def test_numbers_and_truth_values_stay_as_they_are_written() -> None:
    meta = "      a: 1.50\n      b: +7\n      c: true\n      d: {type: float32, value: 2}\n      e: [1, 2]\n"
    text = RECORDS + f'documents:\n  - id: "a"\n    meta:\n{meta}'

    assert in_form(text) == text


def test_what_does_not_fit_into_a_line_is_a_block() -> None:
    words = [f"word-{number:02}" for number in range(12)]
    entry = RECORDS + 'documents:\n  - id: "a"\n    meta:\n'

    assert in_form(f"{entry}      tags: [{', '.join(words)}]\n") == (
        f"{entry}      tags:\n" + "".join(f"        - {word}\n" for word in words)
    )


def test_comments_stay_with_what_they_are_about() -> None:
    text = (
        "# of the file\n\ntarget: coze-cn # of the target\n# of the version\nkbsync: 1\n"
        "images: # of the list\n# of the first\n- caption: a # of the caption\n  id: 1\n  # behind the first\n\n"
        "- {id: 2,\n   # of the second caption\n   caption: b} # of the second\n"
        "dataset: 1\n# behind all\n"
    )

    assert in_form(text) == (
        "# of the file\n\n# of the version\nkbsync: 1\ntarget: coze-cn  # of the target\n"
        'dataset: "1"\nimages:  # of the list\n  # of the first\n  - id: "1"\n    caption: a  # of the caption\n'
        '    # behind the first\n\n  - id: "2"  # of the second\n    # of the second caption\n    caption: b\n'
        "# behind all\n"
    )


def test_of_several_blank_lines_one_stays() -> None:
    text = f'\n\n{HEAD}\n\n\nimages:\n\n  - id: "1"\n    caption: a\n\n\n\n  - id: "2"\n    caption: b\n\n\n'

    assert in_form(text) == (f'{HEAD}\nimages:\n  - id: "1"\n    caption: a\n\n  - id: "2"\n    caption: b\n')


def test_line_ends_and_byte_order_mark_of_yaml_are_those_of_unix() -> None:
    text = HEAD + 'images:\n  - id: "1"\n    caption: |-\n      a\n      b\n'

    assert in_form("\ufeff" + text.replace("\n", "\r\n")) == text


def test_json_has_one_entry_a_line() -> None:
    text = '{"images":[{"caption":"猫","id":12},{"id":"13","caption":"b"}],"dataset":"1","target":"coze-cn","kbsync":1}'

    assert in_form(text, "json") == (
        '{\n  "kbsync": 1,\n  "target": "coze-cn",\n  "dataset": "1",\n  "images": [\n'
        '    {"id": "12", "caption": "猫"},\n    {"id": "13", "caption": "b"}\n  ]\n}\n'
    )


def test_rows_are_sorted_by_target_container_kind_and_id() -> None:
    row = '{{"target":"coze-cn","dataset":"{}","kind":"{}","id":"{}","{}":"a"}}\n'
    rows = [row.format(*parts) for parts in (("1", "image", 9, "caption"), ("1", "document", 8, "name"))]
    rows.insert(1, row.format("1", "image", 10, "caption"))
    rows.append(row.format("2", "image", 1, "caption"))

    assert in_form("".join(reversed(rows)), "jsonl", sort=True) == "".join(rows)


def test_columns_of_csv_stand_in_order_and_cells_stay_as_they_are() -> None:
    text = (
        '\ufeffcaption,kind,id,"dataset",target\r\n=1+1,image,"1",1,coze-cn\r\n\r\n"a ""b"", c",image,2,1,coze-cn\r\n'
    )

    assert in_form(text, "csv") == (
        '\ufefftarget,dataset,kind,id,caption\ncoze-cn,1,image,1,=1+1\ncoze-cn,1,image,2,"a ""b"", c"\n'
    )


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("declared_by", ["", "sep={}\n"])
def test_what_parts_the_columns_of_csv_stays(mark: str, declared_by: str) -> None:
    begin = declared_by.format(mark)
    rows = "kind,target,dataset,id,caption\nimage,coze-cn,1,2,a\n".replace(",", mark)

    assert in_form(begin + rows, "csv") == (
        begin + "target,dataset,kind,id,caption\ncoze-cn,1,image,2,a\n".replace(",", mark)
    )


def test_what_spreadsheets_leave_around_a_table_is_left_out() -> None:
    text = "kind,target,dataset,id,caption,protect,,\nimage,coze-cn,1,2,a\n,,,,,,,\nimage,coze-cn,1,3,b,TRUE,,,,\n"

    assert in_form(text, "csv") == (
        "target,dataset,kind,id,caption,protect\ncoze-cn,1,image,2,a,\ncoze-cn,1,image,3,b,TRUE\n"
    )


def test_a_cell_that_another_reader_could_part_is_quoted() -> None:
    text = "target,dataset,kind,id,caption\ncoze-cn,1,image,1,a;b\n"

    assert in_form(text, "csv") == 'target,dataset,kind,id,caption\ncoze-cn,1,image,1,"a;b"\n'


def test_csv_in_gb18030_becomes_utf8_with_a_mark_where_it_is_allowed(tmp_path: Path) -> None:
    text = "target,dataset,kind,id,caption\ncoze-cn,1,image,1,一只小猫\n"
    path = write(tmp_path, "m.csv", text.encode("gb18030"))

    assert formatted(path, allow=frozenset({"gb18030"})).decode() == "\ufeff" + text


def test_a_list_of_integers_in_yaml_is_one_of_integers(tmp_path: Path) -> None:
    path = write(tmp_path, "m.yaml", RECORDS + "documents: [{id: a, meta: {x: [1, 2], y: ['1']}}]")

    ((_, keys, _),), problems = declared([path], tmp_path)

    assert problems == []
    assert keys["meta"] == {"x": MetaValue("list<int64>", (1, 2)), "y": MetaValue("list<string>", ("1",))}
