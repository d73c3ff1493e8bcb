"""What is converted says what it said, in every format; what a format cannot say is told."""

import tempfile
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbsync.adapters.manifests import DeclaredReader, Formatter, ManifestFile, Spool, Writer, find_files, read_manifests
from kbsync.core.rules import Problem
from kbsync.providers import ALL_RULES
from tests.adapters.manifests.desks import LIFTED, TARGETS, coze_documents, says, volcengine_documents, write

ENDINGS = ("yaml", "json", "jsonl", "csv")
HEAD = '"kbsync":1,"target":"volc-bj","collection":"faq"'


def read(spool: Spool, folder: Path) -> None:
    reader = DeclaredReader(TARGETS, ALL_RULES, LIFTED)
    for file in find_files([folder], folder)[0]:
        for declared in reader.read(file):
            spool.add(declared)
    assert reader.problems == [] or {problem.severity for problem in reader.problems} == {"warning"}


def converted(folder: Path, form: str) -> tuple[str, list[Problem]]:
    """Return the manifests in *folder* in *form*, or what keeps them from that."""
    with Spool() as spool:
        read(spool, folder)
        writer = Writer(TARGETS, spool)
        containers = list(spool.containers.values())
        problems = list(writer.problems(form, containers))
        return "" if problems else b"".join(writer.pieces(form, containers)).decode(), problems


def wanted(path: Path) -> list[tuple[object, ...]]:
    """Return what a plan takes from the manifest at *path*."""
    stream = read_manifests([path], targets=TARGETS, rules=ALL_RULES, allow=LIFTED, root=path.parent)
    return sorted((item.item, sorted(item.fields.items()), item.protect, sorted(item.ignored)) for item in stream)


def without_idle_allowance(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document* without what CSV cannot say: an allowance to be empty where nothing is declared."""
    for entry in document["documents"]:
        if "name" not in entry:
            entry.pop("allow_empty", None)
    return document


DOCUMENTS = st.one_of(coze_documents(), volcengine_documents(one_type=True)).map(without_idle_allowance)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=DOCUMENTS, way=st.sampled_from(list(permutations(ENDINGS))))
def test_what_is_converted_from_format_to_format_says_the_same(document: dict[str, Any], way: tuple[str, ...]) -> None:
    if not any(document.get(section) for section in ("images", "documents")):
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = write(folder, "m.json", orjson.dumps(document))
        said, planned = says(first), wanted(first)
        path = first
        for form in way:
            text, problems = converted(folder, form)
            assert problems == []
            path.unlink()
            path = write(folder, f"m.{form}", text)

            assert says(path) == said
            assert wanted(path) == planned


@settings(max_examples=60, deadline=None)
@given(document=st.one_of(coze_documents(), volcengine_documents()), form=st.sampled_from(("yaml", "json", "jsonl")))
def test_what_is_written_is_in_form(document: dict[str, Any], form: str) -> None:
    if not any(document.get(section) for section in ("images", "documents")):
        return
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), "m.json", orjson.dumps(document))
        text, _ = converted(Path(name), form)
        path = write(Path(name), f"n.{form}", text)

        assert b"".join(Formatter(TARGETS).formatted(ManifestFile(path, "n", form))).decode() == text


def test_csv_keeps_what_a_spreadsheet_would_take_for_a_formula(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "\t=1", "=cmd|' /C calc'!A0", 'a"b', "a,b", "a\nb", " a ", "0012"]
    rows = [
        {"target": "coze-cn", "dataset": "1", "kind": "image", "id": str(n), "caption": text}
        for n, text in enumerate(texts, 1)
    ]
    path = write(tmp_path, "m.jsonl", b"\n".join(map(orjson.dumps, rows)))
    said = says(path)

    text, _ = converted(tmp_path, "csv")
    path.unlink()

    assert "\n" + "coze-cn,1,image,1,=1+1\n" in text
    assert says(write(tmp_path, "m.csv", text)) == said


def test_defaults_are_written_out_and_ignored_values_stay(tmp_path: Path) -> None:
    write(
        tmp_path,
        "m.yaml",
        'kbsync: 1\ntarget: coze-cn\ndataset: "1"\ndefaults: {documents: {update_rule: {update_type: 0}}}\n'
        'documents: [{id: "5", name: a, ignore: [name, update_rule]}]\n',
    )

    assert converted(tmp_path, "csv")[0] == (
        "target,dataset,kind,id,name,update_rule.update_type,ignore\n"
        'coze-cn,1,document,5,a,0,"[""name"", ""update_rule""]"\n'
    )


def test_a_number_is_one_for_every_reader_of_yaml(tmp_path: Path) -> None:
    numbers = "1e16, -2e-05, 3.5e16, 0.5, 7, -9223372036854775808"
    fields = ",".join(f'"{name}":{number.strip()}' for name, number in zip("abcdef", numbers.split(","), strict=True))
    write(tmp_path, "m.json", f'{{{HEAD},"documents":[{{"id":"1","meta":{{{fields}}}}}]}}')

    assert converted(tmp_path, "yaml")[0].endswith(
        "      a: 1.0e+16\n      b: -2.0e-05\n      c: 3.5e+16\n      d: 0.5\n      e: 7\n"
        "      f: -9223372036854775808\n"
    )


def test_columns_say_the_types_of_meta_fields(tmp_path: Path) -> None:
    meta = '"a":"x","b:c":"x","d":1,"e":0.5,"f":true,"g":["x"],"h":[1],"i":{"type":"geo_point","value":"1,2"}'
    write(tmp_path, "m.json", f'{{{HEAD},"documents":[{{"id":"1","meta":{{{meta}}}}}]}}')

    assert converted(tmp_path, "csv")[0] == (
        "target,collection,kind,id,meta.a,meta.b:c:string,meta.d:int64,meta.e:float32,meta.f:bool,"
        "meta.g:list<string>,meta.h:list<int64>,meta.i:geo_point\n"
        'volc-bj,faq,document,1,x,x,1,0.5,true,"[""x""]",[1],"1,2"\n'
    )


@pytest.mark.parametrize(
    ("entries", "places"),
    [
        ('{"id":"1","meta":{"a":""}}', [1]),
        ('{"id":"1","meta":{"a":{"type":"string","value":""}}}', [1]),
        ('{"id":"1","name":"#REF!"}', [1]),
        ('{"id":"1","meta":{"a":"x"}},\n{"id":"2","meta":{"a":5}},\n{"id":"3","meta":{"a":true}}', [2, 3]),
        ('{"id":"1","name":"x"},\n{"id":"2","meta":{"a":"x"},"allow_empty":true}', [2]),
    ],
)
def test_what_csv_cannot_say_is_told_with_its_place(tmp_path: Path, entries: str, places: list[int]) -> None:
    write(tmp_path, "m.json", f'{{{HEAD},"documents":[{entries}]}}')

    text, problems = converted(tmp_path, "csv")

    assert text == ""
    assert [(problem.source.line, problem.rule) for problem in problems] == [(line, "not-in-csv") for line in places]


def test_csv_says_that_it_is_utf8_where_that_could_be_doubted(tmp_path: Path) -> None:
    write(tmp_path, "m.json", f'{{{HEAD},"documents":[{{"id":"1","name":"Сè"}}]}}')

    assert converted(tmp_path, "csv")[0] == "\ufefftarget,collection,kind,id,name\nvolc-bj,faq,document,1,Сè\n"


def test_containers_of_one_file_keep_the_order_of_their_first_items(tmp_path: Path) -> None:
    row = '{{"target":"coze-cn","dataset":"{}","kind":"image","id":"{}","caption":"a"}}\n'
    write(tmp_path, "m.jsonl", row.format(2, 1) + row.format(1, 2) + row.format(2, 3))

    text, _ = converted(tmp_path, "yaml")

    parts = [text.index(part) for part in ('dataset: "2"', 'id: "1"', 'id: "3"', "---", 'dataset: "1"', 'id: "2"')]
    assert all(earlier < later for earlier, later in pairwise(parts))
