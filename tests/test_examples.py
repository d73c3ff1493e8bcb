"""The example manifests: they are right, complete, and fit the published schemas."""

import csv
import json
from collections.abc import Collection
from pathlib import Path

import jsonschema
import pytest
import yaml

from kbsync.adapters.manifests import Formatter, find_files, read_manifests
from kbsync.cli.schema import manifest_schema_text
from kbsync.core.fields import MetaValue
from kbsync.core.manifest import Desired
from kbsync.providers import ALL_RULES, PROVIDERS

EXAMPLES = Path(__file__).parent.parent / "manifests"
SCHEMA = EXAMPLES / "kbsync.schema.json"
TARGETS = {"coze-cn": "coze", "volc-bj": "volcengine"}


def read(folder: Path = EXAMPLES, quiet: Collection[str] = ()) -> list[Desired]:
    dialects = {
        target: PROVIDERS[provider].dialect(PROVIDERS[provider].settings.model_construct())
        for target, provider in TARGETS.items()
    }
    stream = read_manifests([folder], targets=dialects, rules=ALL_RULES, root=folder)
    items = list(stream)
    assert [str(problem) for problem in stream.problems if problem.rule not in quiet] == []
    return items


def test_the_examples_are_free_of_mistakes() -> None:
    assert len(read()) == 18


def test_the_examples_show_every_form() -> None:
    assert {path.suffix for path in EXAMPLES.rglob("*.*")} == {".yaml", ".json", ".jsonl", ".csv"}


def test_the_examples_show_every_field_of_both_providers() -> None:
    fields = {(item.item.target, field.partition(".")[0]) for item in read() for field in item.fields}

    assert fields == {
        ("coze-cn", "caption"),
        ("coze-cn", "name"),
        ("coze-cn", "update_rule"),
        ("volc-bj", "name"),
        ("volc-bj", "meta"),
    }


def test_the_examples_are_in_form() -> None:
    targets = {
        target: PROVIDERS[provider].dialect(PROVIDERS[provider].settings.model_construct())
        for target, provider in TARGETS.items()
    }
    files, _ = find_files([EXAMPLES], EXAMPLES)

    for file in files:
        assert b"".join(Formatter(targets).formatted(file)) == file.path.read_bytes(), file.name


def test_the_schema_beside_the_examples_is_the_one_kbsync_prints() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == manifest_schema_text()


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_a_yaml_example_fits_the_schema(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES.rglob("*.json") if path != SCHEMA], ids=lambda path: path.name
)
def test_a_json_example_fits_the_schema(path: Path) -> None:
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), json.loads(SCHEMA.read_text()))


def test_the_csv_example_is_what_a_spreadsheet_writes() -> None:
    with (EXAMPLES / "coze" / "birds.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_an_ignored_field_of_either_provider_is_neither_managed_nor_forgotten(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"target":"coze-cn","dataset":"1","kind":"document","id":"2","name":"n",'
        '"update_rule":{"update_type":0},"ignore":["name"]}\n'
        '{"target":"volc-bj","collection":"c","kind":"document","id":"d","name":"n","meta":{"x":1,"y":2},'
        '"ignore":["meta.x"]}\n'
    )

    coze, volcengine = read(tmp_path)

    assert (sorted(coze.fields), sorted(coze.ignored)) == (["update_rule"], ["name"])
    assert (sorted(volcengine.fields), sorted(volcengine.ignored)) == (["meta.y", "name"], ["meta.x"])


def test_a_list_is_of_what_it_looks_like_in_every_format(tmp_path: Path) -> None:
    row = '{"target":"volc-bj","collection":"c","kind":"document","id":"%s","meta":{"a":[2024,2025],"b":["2024","no"]}}'
    head = "kbsync: 1\ntarget: volc-bj\ncollection: c\n"
    (tmp_path / "a.yaml").write_text(f"{head}documents: [{{id: a, meta: {{a: [2024, 2025], b: ['2024', 'no']}}}}]\n")
    (tmp_path / "b.jsonl").write_text(row % "b")
    (tmp_path / "c.csv").write_text(
        "target,collection,kind,id,meta.a:list<int64>,meta.b:list<string>\n"
        'volc-bj,c,document,c,"[2024,2025]","[""2024"",""no""]"\n'
    )

    first, *others = [item.fields for item in read(tmp_path, quiet=("unusual-meta-type",))]

    assert first == {
        "meta.a": MetaValue("list<int64>", (2024, 2025)),
        "meta.b": MetaValue("list<string>", ("2024", "no")),
    }
    assert others == [first, first]
