import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import REMOVED, MetaValue
from kbsync.providers.volcengine.live import LiveItem, overlay, parse_live
from kbsync.providers.volcengine.values import read_meta


# ---------------------------------------------------------------------------------------------------------- manifest
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("企业服务", MetaValue("string", "企业服务")),
        ("", MetaValue("string", "")),
        (True, MetaValue("bool", True)),  # noqa: FBT003
        (0, MetaValue("int64", 0)),
        (-(2**63), MetaValue("int64", -(2**63))),
        (2**53 + 1, MetaValue("int64", 2**53 + 1)),
        (0.1, MetaValue("float32", 0.1)),
        (0.30000001192092896, MetaValue("float32", 0.3)),
        (1e-50, MetaValue("float32", 0.0)),
        (["a"], MetaValue("list<string>", ("a",))),
        ([1, 2], MetaValue("list<int64>", (1, 2))),
        (None, REMOVED),
        ({"type": "float32", "value": 1}, MetaValue("float32", 1.0)),
        ({"type": "list<string>", "value": []}, MetaValue("list<string>", ())),
        ({"type": "list<int64>", "value": []}, MetaValue("list<int64>", ())),
        ({"type": "date_time", "value": "2025-08-12T11:33Z"}, MetaValue("date_time", "2025-08-12T11:33Z")),
        ({"type": "geo_point", "value": "-116.4,39.9"}, MetaValue("geo_point", "-116.4,39.9")),
    ],
)
def test_a_type_is_given_or_follows_from_the_value(written: object, value: MetaValue) -> None:
    values, broken = read_meta({"x": written})

    assert not broken
    assert values == {"x": value}
    assert type(values["x"].value) is type(value.value)


def test_there_is_one_zero() -> None:
    (value,) = read_meta({"x": -0.0})[0].values()

    assert math.copysign(1, value.value) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "path", "rule"),
    [
        ([], (), "meta-type"),
        (["a", 1], (), "meta-type"),
        ([1, True], (), "meta-type"),
        ([1.5], (), "meta-type"),
        ([None], (), "meta-type"),
        ([["a"]], (), "meta-type"),
        (b"x", (), "wrong-type"),
        (2**63, (), "bad-value"),
        (-(2**63) - 1, (), "bad-value"),
        (10**400, (), "bad-value"),
        (1e39, (), "bad-value"),
        (math.nan, (), "bad-value"),
        (math.inf, (), "bad-value"),
        ("a\0", (), "control-character"),
        ("\ud800", (), "control-character"),
        (["a", "\x9b"], (1,), "control-character"),
        ({}, ("type",), "missing-key"),
        ({"type": "string"}, ("value",), "missing-key"),
        ({"type": "string", "value": "a", "x": 1}, ("x",), "unknown-key"),
        ({"typ": "string", "value": "a"}, ("typ",), "unknown-key"),
        ({"type": "text", "value": "a"}, ("type",), "bad-value"),
        ({"type": 5, "value": "a"}, ("type",), "wrong-type"),
        ({"type": "string", "value": None}, ("value",), "null-value"),
        ({"type": "string", "value": 5}, ("value",), "wrong-type"),
        ({"type": "bool", "value": "true"}, ("value",), "wrong-type"),
        ({"type": "bool", "value": 1}, ("value",), "wrong-type"),
        ({"type": "int64", "value": 1.0}, ("value",), "wrong-type"),
        ({"type": "int64", "value": True}, ("value",), "wrong-type"),
        ({"type": "float32", "value": "1"}, ("value",), "wrong-type"),
        ({"type": "float32", "value": 10**400}, ("value",), "bad-value"),
        ({"type": "list<string>", "value": "a"}, ("value",), "wrong-type"),
        ({"type": "list<string>", "value": ["a", 1]}, ("value", 1), "wrong-type"),
        ({"type": "list<int64>", "value": [2**63]}, ("value", 0), "bad-value"),
        ({"type": "date_time", "value": "2025-08-12"}, ("value",), "bad-value"),
        ({"type": "date_time", "value": "2025-08-12T11:33:56"}, ("value",), "bad-value"),
        ({"type": "date_time", "value": "2025-02-30T11:33:56Z"}, ("value",), "bad-value"),
        ({"type": "date_time", "value": "2025-08-12T11:33:56.1234Z"}, ("value",), "bad-value"),
        ({"type": "geo_point", "value": "180,0"}, ("value",), "bad-value"),
        ({"type": "geo_point", "value": "0,-90"}, ("value",), "bad-value"),
        ({"type": "geo_point", "value": "1, 2"}, ("value",), "bad-value"),
        ({"type": "geo_point", "value": "１,2"}, ("value",), "bad-value"),
    ],
)
def test_a_value_that_is_none_of_its_type_is_told_where_it_stands(
    written: object, path: tuple[str | int, ...], rule: str
) -> None:
    values, broken = read_meta({"ok": 1, "x": written})

    assert values == {"ok": MetaValue("int64", 1)}
    assert [(finding.path, finding.rule) for finding in broken] == [(("x", *path), rule)]


@pytest.mark.parametrize("name", ["", "doc_id", "x" * 129, "c\0"])
def test_a_field_name_has_a_form(name: str) -> None:
    assert [finding.rule for finding in read_meta({name: 1})[1]] == ["meta-field-name"]


@pytest.mark.parametrize("name", ["行业", "a.b", "$x", "记忆化 ————讲解要点", "x" * 128, "Doc_id"])
def test_a_field_name_may_be_anything_else(name: str) -> None:
    assert read_meta({name: 1}) == ({name: MetaValue("int64", 1)}, [])


def test_every_mistake_is_told_at_once() -> None:
    _, broken = read_meta({"": 1, "a": [None], "b": [], 5: 1, "c\0": 1})

    rules = [finding.rule for finding in broken]
    assert rules == ["meta-field-name", "meta-type", "meta-type", "wrong-type", "meta-field-name"]


@given(st.recursive(st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_whatever_is_accepted_can_be_sent_and_read_back(written: object) -> None:
    values, broken = read_meta({"x": written})
    if broken:
        return

    text = b"[" + b",".join(overlay((), values)) + b"]"
    (item,) = parse_live(text.decode()) or ()

    assert item.name == "x"
    assert item.value == values["x"]


# --------------------------------------------------------------------------------------------------------------- live
@pytest.mark.parametrize("meta", ["", " ", "null", "[]", " [ \n] "])
def test_a_document_without_meta_has_an_empty_list(meta: str) -> None:
    assert parse_live(meta) == ()


@pytest.mark.parametrize(
    "meta",
    [
        "{}",
        '"[]"',
        "0",
        "[",
        "]",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[] x",
        "[NaN]",
        "[Infinity]",
        "[{]}",
        "[[1]",
        "nul",
        '[{"field_name":"a","field_name":"b"}]',
        '[{"field_value":{"a":1,"a":2}}]',
        '["\n"]',
        "[" * 100000,
        "[01]",
    ],
    ids=lambda meta: meta[:40],
)
def test_what_is_no_json_list_is_no_live_meta(meta: str) -> None:
    assert parse_live(meta) is None


@given(st.text())
def test_no_text_makes_the_live_parser_raise(meta: str) -> None:
    parse_live(meta)


def test_members_keep_their_own_text() -> None:
    first, second = '{ "field_name" : "a", "field_type":"decimal", "field_value": 1.10e400 }', '{"x":[1 , 2]}'

    assert parse_live(f" [ {first} ,\n{second} ] ") == (
        LiveItem("a", first.encode(), None),
        LiveItem("", second.encode(), None),
    )


def test_a_field_that_is_removed_is_left_out_and_the_others_go_back_as_they_came() -> None:
    live = parse_live('[{"field_name":"a","field_type":"string","field_value":"x"}, {"field_name":"b", "odd": 1}]')

    assert live is not None
    assert overlay(live, {"a": REMOVED, "c": REMOVED}) == [b'{"field_name":"b", "odd": 1}']


def test_half_a_surrogate_pair_survives_as_its_escape() -> None:
    (item,) = parse_live('[{"field_name":"a","field_value":"\ud800"}]') or ()

    assert item.text == b'{"field_name":"a","field_value":"\\ud800"}'


@pytest.mark.parametrize(
    ("type_", "value", "known"),
    [
        ("string", "a", MetaValue("string", "a")),
        ("float32", 1, MetaValue("float32", 1.0)),
        ("list<string>", ["a"], MetaValue("list<string>", ("a",))),
        ("int64", "5", None),
        ("int64", 2**64, None),
        ("decimal", 5, None),
        (["string"], "a", None),
        (None, "a", None),
        ("string", None, None),
    ],
)
def test_live_values_of_a_known_form_are_known(type_: object, value: object, known: MetaValue | None) -> None:
    text = json.dumps([{"field_name": "a", "field_type": type_, "field_value": value}])

    assert parse_live(text) is not None
    assert [item.value for item in parse_live(text) or ()] == [known]


# ------------------------------------------------------------------------------------------------------------ overlay
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), children),
    max_leaves=5,
)
names = st.sampled_from(["a", "b", "c", "行业", ""])
members = (
    st.fixed_dictionaries(
        {"field_name": names},
        optional={"field_type": st.sampled_from(["string", "decimal"]), "field_value": json_values, "x": json_values},
    )
    | json_values
)


def name_of(member: Any) -> Any:
    return member.get("field_name") if isinstance(member, dict) else None


@given(
    st.lists(members),
    st.dictionaries(st.sampled_from(["a", "b", "new"]), st.text(st.characters(exclude_categories=["Cs"]))),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_an_overlay_keeps_every_undeclared_member_and_sets_every_declared_one(
    live: list[Any],
    texts: dict[str, str],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    desired = {name: MetaValue("string", text) for name, text in texts.items()}
    parsed = parse_live(json.dumps(live, indent=indent, ensure_ascii=ascii_only))
    assert parsed is not None

    sent = json.loads(b"[" + b",".join(overlay(parsed, desired)) + b"]")

    assert [m for m in sent if name_of(m) not in desired] == [m for m in live if name_of(m) not in desired]
    for name, text in texts.items():
        matching = [m for m in sent if name_of(m) == name]
        assert matching == [{"field_name": name, "field_type": "string", "field_value": text}]
    kept = list(dict.fromkeys(name_of(m) for m in live if name_of(m) in desired))
    assert [name_of(m) for m in sent if name_of(m) in desired] == kept + sorted(desired.keys() - kept)


@given(st.text(alphabet="0123456789.eE-+", min_size=1, max_size=30))
def test_numbers_go_back_digit_by_digit(number: str) -> None:
    parsed = parse_live(f'[{{"field_name":"a","field_type":"float32","field_value":{number}}}]')
    if parsed is None:
        return

    assert overlay(parsed, {"b": MetaValue("int64", 1)})[0].endswith(b'"field_value":' + number.encode() + b"}")
