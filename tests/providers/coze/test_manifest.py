import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from kbsync.core.entries import findings
from kbsync.core.fields import UpdateRule
from kbsync.core.manifest import Dialect
from kbsync.providers import PROVIDERS
from kbsync.providers.coze.manifest import DIALECT, CozeHeader

IMAGE = "744667080521909001"


def validate(kind: str, written: object) -> Any:
    return TypeAdapter(DIALECT.kinds[kind].model).validate_python(written)


def broken(kind: str, written: object) -> list[tuple[tuple[str | int, ...], str]]:
    """Return where which rules are broken, by the model or, if it finds nothing, by the check."""
    shape = DIALECT.kinds[kind]
    try:
        entry = TypeAdapter(shape.model).validate_python(written)
    except ValidationError as error:
        return [(finding.path, finding.rule) for finding in findings(error, shape.model)]
    return [(finding.path, finding.rule) for finding in shape.check(entry)]


def test_an_entry_holds_what_is_declared() -> None:
    image = validate("image", {"id": IMAGE, "caption": "小猫\n\tMimi"})
    document = validate("document", {"id": 738694205603010001, "name": "a", "update_rule": {"update_type": 0}})

    assert (image.id, image.protect, image.fields()) == (IMAGE, False, {"caption": "小猫\n\tMimi"})
    assert document.id == "738694205603010001"
    assert document.fields() == {"name": "a", "update_rule": UpdateRule(0)}
    assert not broken("image", {"id": IMAGE, "caption": "小猫"})


def test_what_is_not_mentioned_is_not_managed() -> None:
    assert validate("document", {"id": "1", "name": "a"}).fields() == {"name": "a"}
    assert validate("document", {"id": "1", "update_rule": {"update_type": 1, "update_interval": 24}}).fields() == {
        "update_rule": UpdateRule(1, 24)
    }


def test_an_interval_beside_update_type_0_makes_no_other_rule() -> None:
    rules = ({"update_type": 0}, {"update_type": 0, "update_interval": 24}, {"update_type": 0, "update_interval": 720})

    for rule in rules:
        assert validate("document", {"id": "1", "update_rule": rule}).fields() == {"update_rule": UpdateRule(0)}


def test_an_ignored_field_is_declared_and_not_managed() -> None:
    written = {"id": "1", "name": "a", "update_rule": {"update_type": 0}, "ignore": ["name"], "protect": True}

    assert validate("document", written).fields() == {"update_rule": UpdateRule(0)}
    assert validate("image", {"id": "1", "caption": "a", "ignore": ["caption"]}).fields() == {}
    assert broken("document", written) == []


def test_the_same_entry_is_read_from_a_line_of_json() -> None:
    line = '{"id":744667080521909001,"caption":"小猫","allow_empty":true}'

    model = DIALECT.kinds["image"].model

    assert TypeAdapter(model).validate_json(line) == validate("image", json.loads(line))


@pytest.mark.parametrize("id_", ["1", "744667080521909001", "9" * 20, 1, 7431234567890123456, 10**20 - 1])
def test_an_id_is_taken_exactly(id_: str | int) -> None:
    assert validate("image", {"id": id_, "caption": "x"}).id == str(id_)


@pytest.mark.parametrize(
    "id_",
    [
        *(
            "",
            "0",
            "0123",
            "-1",
            "+1",
            " 12 ",
            "1\n",
            "１２３",
            "1_000",
            "7.43e18",
            "../1",
            "1?x=1",
            "1\0",
            "1" * 21,
            "0o17",
        ),
        *(0, -1, 10**20, 10**5000, 7.43e18, 1.0, True, [], {}, ["1"], b"1"),
    ],
    ids=lambda id_: "huge" if isinstance(id_, int) and id_ > 10**30 else repr(id_),
)
def test_nothing_else_is_an_id(id_: object) -> None:
    assert broken("image", {"id": id_, "caption": "x"}) == [(("id",), "bad-id")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"id": "1"}, [((), "empty-entry")]),
        ({"caption": "x"}, [(("id",), "missing-key")]),
        ({"id": None, "caption": "x"}, [(("id",), "null-value")]),
        ({"id": "1", "caption": None}, [(("caption",), "null-value")]),
        ({"id": "1", "caption": ""}, [(("caption",), "empty-value")]),
        ({"id": "1", "caption": "", "allow_empty": True}, []),
        ({"id": "1", "caption": 5}, [(("caption",), "wrong-type")]),
        ({"id": "1", "caption": True}, [(("caption",), "wrong-type")]),
        ({"id": "1", "caption": ["x"]}, [(("caption",), "wrong-type")]),
        ({"id": "1", "captoin": "x"}, [(("captoin",), "unknown-key")]),
        ({"id": "1", "caption": "x", "name": "y"}, [(("name",), "unknown-key")]),
        ({"id": "1", "caption": "x", "protect": "true"}, [(("protect",), "wrong-type")]),
        ({"id": "1", "caption": "x", "protect": 1}, [(("protect",), "wrong-type")]),
        ({"id": "1", "caption": "x", "protect": None}, [(("protect",), "null-value")]),
        ({"id": "1", "caption": "x", "ignore": "caption"}, [(("ignore",), "wrong-type")]),
        ({"id": "1", "caption": "x", "ignore": [5]}, [(("ignore", 0), "wrong-type")]),
        ({"id": "1", "caption": "x", "ignore": ["caption", "name"]}, [(("ignore", 1), "bad-value")]),
        ({"id": "1", "caption": "x" * 2001}, [(("caption",), "long-caption")]),
        ({"id": "1", "caption": "x" * 2000}, []),
        *(({"id": "1", "caption": f"a{c}b"}, [(("caption",), "control-character")]) for c in "\0\r\x1b\x7f\x9b\ud800"),
        ("x", [((), "wrong-type")]),
        (None, [((), "null-value")]),
        ([], [((), "wrong-type")]),
    ],
)
def test_mistakes_in_an_image_are_told_by_rule_and_place(written: object, expected: object) -> None:
    assert broken("image", written) == expected


RULE = ("update_rule",)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"update_type": 0}, []),
        ({"update_type": 0, "update_interval": 24}, []),
        ({"update_type": 1, "update_interval": 24}, []),
        ({"update_type": 1}, [(RULE, "missing-key")]),
        ({"update_type": 1, "update_interval": 23}, [((*RULE, "update_interval"), "update-interval")]),
        ({"update_type": 0, "update_interval": 0}, [((*RULE, "update_interval"), "update-interval")]),
        ({"update_type": 1, "update_interval": -1}, [((*RULE, "update_interval"), "bad-value")]),
        ({"update_type": 1, "update_interval": 2**31}, [((*RULE, "update_interval"), "bad-value")]),
        ({"update_type": 1, "update_interval": 24.0}, [((*RULE, "update_interval"), "wrong-type")]),
        ({"update_type": 1, "update_interval": "24h"}, [((*RULE, "update_interval"), "wrong-type")]),
        ({"update_type": 1, "update_interval": None}, [((*RULE, "update_interval"), "null-value")]),
        ({"update_type": 2, "update_interval": 24}, [((*RULE, "update_type"), "bad-value")]),
        ({"update_type": True, "update_interval": 24}, [((*RULE, "update_type"), "wrong-type")]),
        ({"update_type": "1", "update_interval": 24}, [((*RULE, "update_type"), "wrong-type")]),
        ({"update_interval": 24}, [((*RULE, "update_type"), "missing-key")]),
        ({"update_type": 0, "update_intervall": 24}, [((*RULE, "update_intervall"), "unknown-key")]),
        (None, [(RULE, "null-value")]),
        (1, [(RULE, "wrong-type")]),
    ],
)
def test_mistakes_in_an_update_rule_are_told_by_rule_and_place(rule: object, expected: object) -> None:
    assert broken("document", {"id": "1", "update_rule": rule}) == expected


def test_all_mistakes_of_an_entry_are_told_at_once() -> None:
    written = {"id": "x", "name": 5, "update_rule": {"update_type": 7, "y": 1}, "z": 1}

    assert {rule for _, rule in broken("document", written)} == {"bad-id", "wrong-type", "bad-value", "unknown-key"}


def test_a_short_interval_can_be_allowed_and_a_bad_id_cannot() -> None:
    rules = {rule.id: rule for rule in PROVIDERS["coze"].rules}

    assert rules["update-interval"].liftable
    assert {rule.id for rule in rules.values() if rule.lint} == {"long-caption", "long-name", "update-rule-of-file"}


def test_a_long_name_is_a_warning() -> None:
    assert broken("document", {"id": "1", "name": "x" * 101}) == [(("name",), "long-name")]


@pytest.mark.parametrize("name", ["2024.pdf", "a.TXT", "b.doc", "c.docx"])
def test_fetching_a_local_file_again_is_a_warning(name: str) -> None:
    written = {"id": "1", "name": name, "update_rule": {"update_type": 1, "update_interval": 24}}

    assert broken("document", written) == [(("update_rule",), "update-rule-of-file")]


@pytest.mark.parametrize(
    "written",
    [
        {"name": "2024.pdf", "update_rule": {"update_type": 0}},
        {"name": "2024.pdf"},
        {"name": "coze.cn/docs", "update_rule": {"update_type": 1, "update_interval": 24}},
        {"update_rule": {"update_type": 1, "update_interval": 24}},
    ],
)
def test_other_names_and_rules_are_no_reason_to_warn(written: dict[str, object]) -> None:
    assert broken("document", {"id": "1", **written}) == []


def test_the_header_names_a_dataset() -> None:
    header = TypeAdapter(DIALECT.header)

    assert header.validate_python({"dataset": 744632974166804001}).container() == "744632974166804001"
    assert CozeHeader.naming("744632974166804001").container() == "744632974166804001"
    for wrong in ({}, {"dataset": "x"}, {"dataset": None}, {"dataset": "1", "x": 1}):
        with pytest.raises(ValidationError):
            header.validate_python(wrong)


def test_the_dialect_does_not_depend_on_settings() -> None:
    coze = PROVIDERS["coze"]
    settings = coze.settings.model_validate({"provider": "coze", "base_url": "https://api.coze.cn", "token": "env:T"})
    dialect: Dialect = coze.dialect(settings)

    assert dialect.unique_in_target
    assert {kind: shape.section for kind, shape in dialect.kinds.items()} == {
        "image": "images",
        "document": "documents",
    }


# ------------------------------------------------------------------------------------------------------------- schema
@pytest.mark.parametrize(
    ("kind", "written", "valid"),
    [
        ("image", {"id": "1", "caption": "x"}, True),
        ("image", {"id": 744667080521909001, "caption": "x", "ignore": ["caption"]}, True),
        ("image", {"id": "0123", "caption": "x"}, False),
        ("image", {"id": "1", "caption": None}, False),
        ("image", {"id": "1", "captoin": "x"}, False),
        ("document", {"id": "1", "name": "x", "update_rule": {"update_type": 1, "update_interval": 24}}, True),
        ("document", {"id": "1", "update_rule": {"update_type": 0}}, True),
        ("document", {"id": "1", "update_rule": {"update_type": 1}}, False),
        ("document", {"id": "1", "update_rule": {"update_type": 1, "update_interval": 1}}, False),
        ("document", {"id": "1", "update_rule": {"update_type": 2}}, False),
    ],
)
def test_the_schema_says_what_editors_can_check(kind: str, written: object, valid: bool) -> None:  # noqa: FBT001
    schema = TypeAdapter(DIALECT.kinds[kind].model).json_schema()
    Draft202012Validator.check_schema(schema)

    assert Draft202012Validator(schema).is_valid(written) == valid


@pytest.mark.parametrize("kind", ["image", "document"])
def test_every_key_is_described(kind: str) -> None:
    schema = TypeAdapter(DIALECT.kinds[kind].model).json_schema()

    assert all("description" in key for key in schema["properties"].values())
    assert not any(key.get("default", 0) is None for key in schema["properties"].values())
