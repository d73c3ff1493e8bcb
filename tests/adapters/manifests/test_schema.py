"""The JSON Schemas accept what the readers accept, and refuse what a schema can see."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kbsync.adapters.manifests import manifest_schema, row_schema
from tests.adapters.manifests.words import TARGETS, one

GALLERY: dict[str, Any] = {"kbsync": 1, "target": "gallery", "shelf": "1"}
LIBRARY: dict[str, Any] = {"kbsync": 1, "target": "library", "room": "r"}

GOOD: list[dict[str, Any]] = [
    GALLERY,
    {**GALLERY, "images": [{"id": "1", "caption": "a"}], "pages": [{"id": 2, "name": "b", "rule": {"type": 0}}]},
    {**GALLERY, "defaults": {"pages": {"rule": {"type": 1, "hours": 24}}}, "pages": [{"id": "1"}]},
    {**LIBRARY, "floor": "attic", "books": [{"id": "a", "meta": {"x": 1, "y": {"type": "float32", "value": 0.5}}}]},
]
BAD: list[Any] = [
    [],
    {},
    {**GALLERY, "kbsync": 2},
    {**GALLERY, "target": "galery"},
    {**GALLERY, "room": "r"},
    {**LIBRARY, "images": []},
    {"kbsync": 1, "target": "gallery"},
    {"kbsync": 1, "target": "library", "shelf": "1"},
    {**GALLERY, "images": [{"caption": "a"}]},
    {**GALLERY, "images": [{"id": "x", "caption": "a"}]},
    {**GALLERY, "images": [{"id": "1", "captoin": "a"}]},
    {**GALLERY, "images": [{"id": "1", "caption": None}]},
    {**GALLERY, "pages": [{"id": "1", "rule": {"type": 2}}]},
    {**GALLERY, "defaults": {"image": {}}},
    {**GALLERY, "defaults": {"images": {"id": "1"}}},
]


def accepts(schema: dict[str, Any], value: Any) -> bool:
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@pytest.mark.parametrize("manifest", GOOD)
def test_what_the_reader_accepts_the_schema_accepts(tmp_path: Path, manifest: dict[str, Any]) -> None:
    _, problems = one(tmp_path, json.dumps(manifest), "json")

    assert problems == []
    assert accepts(manifest_schema(TARGETS), manifest)


@pytest.mark.parametrize("manifest", BAD)
def test_what_the_schema_refuses_the_reader_refuses(tmp_path: Path, manifest: Any) -> None:
    _, problems = one(tmp_path, json.dumps(manifest), "json")

    assert problems
    assert not accepts(manifest_schema(TARGETS), manifest)


def test_targets_can_be_left_open() -> None:
    schema = manifest_schema(TARGETS, any_target=True)

    assert accepts(schema, {**GALLERY, "target": "whatever"})
    assert not accepts(schema, {**GALLERY, "shelf": None})


def test_a_row_has_a_schema_of_its_own() -> None:
    schema = row_schema(TARGETS)
    row = {"target": "gallery", "shelf": "1", "kind": "image", "id": "1", "caption": "a"}

    assert accepts(schema, row)
    assert not accepts(schema, {**row, "kind": "book"})
    assert not accepts(schema, {key: value for key, value in row.items() if key != "shelf"})
    assert not accepts(schema, {**row, "name": "a"})
