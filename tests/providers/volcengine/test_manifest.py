from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from kbsync.core.entries import findings
from kbsync.core.fields import MetaValue
from kbsync.providers import PROVIDERS
from kbsync.providers.volcengine.entries import VolcengineHeader, container_keys
from kbsync.providers.volcengine.manifest import dialect

DIALECT = dialect(strict_field_names=False)
SHAPE = DIALECT.kinds["document"]


def validate(written: object) -> Any:
    return TypeAdapter(SHAPE.model).validate_python(written)


def broken(written: object, *, strict: bool = False) -> list[tuple[tuple[str | int, ...], str]]:
    shape = dialect(strict_field_names=strict).kinds["document"]
    try:
        entry = TypeAdapter(shape.model).validate_python(written)
    except ValidationError as error:
        return [(finding.path, finding.rule) for finding in findings(error, shape.model)]
    return [(finding.path, finding.rule) for finding in shape.check(entry)]


def test_an_entry_holds_what_is_declared() -> None:
    entry = validate({"id": "test123", "name": "a", "meta": {"行业": "x", "score": {"type": "float32", "value": 0.5}}})

    assert entry.fields() == {
        "name": "a",
        "meta.行业": MetaValue("string", "x"),
        "meta.score": MetaValue("float32", 0.5),
    }
    assert validate({"id": "a", "meta": {"b": 1}}).fields() == {"meta.b": MetaValue("int64", 1)}
    assert validate({"id": "a", "name": "b"}).fields() == {"name": "b"}


def test_meta_fields_are_ignored_by_name() -> None:
    written = {"id": "a", "name": "b", "meta": {"x": 1, "y": 2}, "ignore": ["meta.x"]}

    assert validate(written).fields() == {"name": "b", "meta.y": MetaValue("int64", 2)}
    assert broken(written) == []
    assert broken({**written, "ignore": ["x"]}) == [(("ignore", 0), "bad-value")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"id": "a"}, [((), "empty-entry")]),
        ({"id": "a", "meta": {}}, [((), "empty-entry")]),
        ({"id": "a", "name": ""}, [(("name",), "empty-value")]),
        ({"id": "a", "name": "", "allow_empty": True}, []),
        ({"id": "a", "meta": {"x": ""}}, []),
        ({"id": "a", "meta": None}, [(("meta",), "null-value")]),
        ({"id": "a", "meta": ["x"]}, [(("meta",), "wrong-type")]),
        ({"id": "a", "meta": {"x": None}}, []),
        ({"id": "a", "meta": {"x": {"type": "int64", "value": "5"}}}, [(("meta", "x", "value"), "wrong-type")]),
        ({"id": "a", "meta": {"x": {"typ": "int64", "value": 5}}}, [(("meta", "x", "typ"), "unknown-key")]),
        (
            {"id": "a", "meta": {"doc_id": 1, "": 1}},
            [(("meta", "doc_id"), "meta-field-name"), (("meta", ""), "meta-field-name")],
        ),
        ({"id": "a", "meta": {"x": "字" * 85}}, [(("meta", "x"), "long-meta-value")]),
        ({"id": "a", "meta": {"x": "字" * 86}}, [(("meta", "x"), "meta-value-length")]),
        ({"id": "a", "meta": {"x": "a" * 128}}, []),
        ({"id": "a", "meta": {"x": ["a"] * 32}}, []),
        ({"id": "a", "meta": {"x": ["a"] * 33}}, [(("meta", "x"), "meta-list-length")]),
        ({"id": "a", "meta": {"x": [1]}}, [(("meta", "x"), "unusual-meta-type")]),
        ({"id": "a", "meta": {"字" * 43: 1}}, [(("meta", "字" * 43), "long-field-name")]),
        ({"id": "a", "name": "x" * 257}, [(("name",), "document-name-length")]),
        ({"id": "a", "name": "x" * 256}, [(("name",), "unusual-document-name")]),
        ({"id": "a", "name": "x" * 255}, []),
        ({"id": "a", "name": "a/b"}, [(("name",), "unusual-document-name")]),
        ({"id": "a", "name": "a\0"}, [(("name",), "control-character")]),
        ({"id": 5, "name": "x"}, [(("id",), "bad-id")]),
        ({"id": None, "name": "x"}, [(("id",), "null-value")]),
        ({"id": "a", "caption": "x"}, [(("caption",), "unknown-key")]),
    ],
)
def test_mistakes_in_a_document_are_told_by_rule_and_place(written: object, expected: object) -> None:
    assert broken(written) == expected


@pytest.mark.parametrize("id_", ["", ".", "..", "a/b", "a b", "é", "a\n", "a" * 129, "１", "a.b", "a\0"])
def test_a_document_id_has_the_providers_form(id_: str) -> None:
    assert broken({"id": id_, "name": "x"}) == [(("id",), "bad-id")]


@pytest.mark.parametrize("name", ["行业", "1a", "_a", "a-b", "a b"])
def test_strict_field_names_are_ascii_identifiers(name: str) -> None:
    written = {"id": "a", "meta": {name: 1}}

    assert broken(written) == []
    assert broken(written, strict=True) == [(("meta", name), "strict-field-name")]
    assert broken({"id": "a", "meta": {"a_1": 1}}, strict=True) == []


def test_the_setting_makes_field_names_strict() -> None:
    provider = PROVIDERS["volcengine"]
    table = {"provider": "volcengine", "base_url": "https://x.volces.com", "api_key": "env:K"}
    settings = provider.settings.model_validate({**table, "strict_field_names": True})
    shape = provider.dialect(settings).kinds["document"]

    assert [f.rule for f in shape.check(validate({"id": "a", "meta": {"行业": 1}}))] == ["strict-field-name"]


def test_no_number_that_json_lines_let_through_is_sent() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(SHAPE.model).validate_json('{"id":"a","meta":{"x":NaN,"y":1e400,"z":99999999999999999999}}')

    found = [(finding.path, finding.rule) for finding in findings(raised.value, SHAPE.model)]
    assert found == [(("meta", name), "bad-value") for name in "xyz"]


# ------------------------------------------------------------------------------------------------------------- header
@pytest.mark.parametrize(
    ("written", "container", "keys"),
    [
        ({"collection": "kb"}, "default/kb", {"project": "default", "collection_name": "kb"}),
        ({"collection": "kb", "project": "项目"}, "项目/kb", {"project": "项目", "collection_name": "kb"}),
        ({"resource_id": "kb-0a"}, "kb-0a", {"resource_id": "kb-0a"}),
    ],
)
def test_a_container_is_named_in_one_of_two_ways(written: object, container: str, keys: object) -> None:
    header = TypeAdapter(VolcengineHeader).validate_python(written)

    assert header.container() == container
    assert container_keys(container) == keys
    assert VolcengineHeader.naming(container).container() == container


def test_the_default_project_is_not_mentioned() -> None:
    assert VolcengineHeader.naming("default/faq") == VolcengineHeader(collection="faq")
    assert VolcengineHeader.naming("other/faq") == VolcengineHeader(collection="faq", project="other")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, [((), "missing-key")]),
        ({"project": "p"}, [((), "missing-key")]),
        ({"collection": "kb", "resource_id": "kb-1"}, [((), "bad-value")]),
        ({"project": "p", "resource_id": "kb-1"}, [((), "bad-value")]),
        ({"collection": "1kb"}, [(("collection",), "bad-value")]),
        ({"collection": "kb\n"}, [(("collection",), "bad-value")]),
        ({"collection": "库"}, [(("collection",), "bad-value")]),
        ({"collection": "a" * 65}, [(("collection",), "bad-value")]),
        ({"collection": "kb", "project": "a/b"}, [(("project",), "bad-value")]),
        ({"collection": "kb", "project": ""}, [(("project",), "bad-value")]),
        ({"resource_id": "1"}, [(("resource_id",), "bad-value")]),
        ({"collection": None}, [(("collection",), "null-value")]),
        ({"collection": 5}, [(("collection",), "wrong-type")]),
        ({"colection": "kb"}, [(("colection",), "unknown-key")]),
    ],
)
def test_mistakes_in_a_header_are_told_by_rule_and_place(written: object, expected: object) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(VolcengineHeader).validate_python(written)

    assert [(f.path, f.rule) for f in findings(raised.value, VolcengineHeader)] == expected


# ------------------------------------------------------------------------------------------------------------- schema
@pytest.mark.parametrize(
    ("meta", "valid"),
    [
        ({"行业": "x", "是否公开": True, "n": 1, "f": 0.5, "l": ["a"], "m": [1]}, True),
        ({"score": {"type": "float32", "value": 0.5}}, True),
        ({"tags": {"type": "list<string>", "value": []}}, True),
        ({"doc_id": "x"}, False),
        ({"": "x"}, False),
        ({"x": None}, True),
        ({"x": []}, False),
        ({"x": {"type": "float", "value": 1}}, False),
        ({"x": {"type": "bool", "value": "true"}}, False),
        ({"x": {"type": "bool"}}, False),
        ({"x": "a" * 257}, False),
    ],
)
def test_the_schema_says_what_editors_can_check(meta: object, valid: bool) -> None:  # noqa: FBT001
    schema = TypeAdapter(SHAPE.model).json_schema()
    Draft202012Validator.check_schema(schema)

    assert Draft202012Validator(schema).is_valid({"id": "a", "meta": meta}) == valid


@pytest.mark.parametrize("model", [SHAPE.model, VolcengineHeader])
def test_every_key_is_described(model: type[Any]) -> None:
    schema = TypeAdapter(model).json_schema()

    assert all("description" in key for key in schema["properties"].values())
    assert not any(key.get("default", 0) is None for key in schema["properties"].values())
