import struct
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import (
    REMOVED,
    MetaValue,
    UpdateRule,
    Value,
    canonical,
    digest,
    digest_of,
    family,
    fields_from_plain,
    fields_to_plain,
    float32,
    from_plain,
    is_empty,
)


def same_float32(one: float, other: float) -> bool:
    try:
        return struct.pack("<f", one) == struct.pack("<f", other)
    except OverflowError:  # the largest one, rounded up
        return False


def digits(value: float) -> int:
    return len(repr(value).split("e")[0].replace(".", "").strip("-0"))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_float32_keeps_its_value_in_as_few_digits_as_that_takes(value: float) -> None:
    short = float32(value)

    assert same_float32(short, value)
    for fewer in range(1, digits(short)):
        assert not same_float32(float(f"{value:.{fewer}g}"), value)


@pytest.mark.parametrize(
    ("value", "short"),
    [
        (0.1, 0.1),
        (0.30000001192092896, 0.3),
        (16_777_217.0, 16_777_216.0),
        (1.0000001, 1.0000001),
        (509.38916015625, 509.38916),
        (1017.0987548828125, 1017.09875),
        (3.4028234663852886e38, 3.4028235e38),
    ],
)
def test_a_float32_is_written_as_people_write_it(value: float, short: float) -> None:
    assert float32(value) == short


def test_what_a_float32_cannot_hold_is_refused() -> None:
    with pytest.raises(OverflowError):
        float32(3.5e38)


@pytest.mark.parametrize("value", ["", MetaValue("string", ""), MetaValue("list<string>", ()), REMOVED])
def test_an_empty_text_or_list_or_nothing_clears_its_field(value: Value) -> None:
    assert is_empty(value)


@pytest.mark.parametrize(
    "value",
    [
        " ",
        UpdateRule(0),
        MetaValue("string", "x"),
        MetaValue("bool", value=False),
        MetaValue("int64", 0),
        MetaValue("list<string>", ("",)),
    ],
)
def test_no_other_value_clears_its_field(value: Value) -> None:
    assert not is_empty(value)


def test_all_meta_fields_are_of_one_family() -> None:
    assert [family(name) for name in ("meta.a", "meta.", "metadata", "name")] == ["meta", "meta", "metadata", "name"]


FIELDS: dict[str, Value] = {
    "name": "名",
    "caption": "",
    "update_rule": UpdateRule(1, 24),
    "meta.b": MetaValue("list<string>", ("x", "y")),
    "meta.a": MetaValue("bool", value=True),
    "meta.c": REMOVED,
}
TEXT = (
    '{"caption":"","meta.a":{"type":"bool","value":true},"meta.b":{"type":"list<string>","value":["x","y"]},'
    '"meta.c":{"type":"removed","value":null},'
    '"name":"名","update_rule":{"update_interval":24,"update_type":1}}'
)


def test_the_canonical_text_is_sorted_and_keeps_texts_as_they_are() -> None:
    assert canonical(FIELDS) == TEXT.encode()


def test_every_mapping_of_the_same_fields_has_the_same_text() -> None:
    assert canonical(MappingProxyType(FIELDS)) == canonical(dict(reversed(FIELDS.items()))) == canonical(FIELDS)


def test_the_digest_is_the_one_that_states_hold() -> None:
    text = TEXT.encode()
    expected = blake2b(text, digest_size=16, person=b"kbsync-fields/1").digest()

    assert digest(FIELDS) == digest_of(text) == expected


def test_an_interval_that_is_not_given_is_not_written() -> None:
    assert fields_to_plain({"update_rule": UpdateRule(0)}) == {"update_rule": {"update_type": 0}}


def test_fields_are_read_as_they_were_written() -> None:
    assert fields_from_plain(fields_to_plain(FIELDS)) == FIELDS


@pytest.mark.parametrize(
    ("field", "plain"),
    [
        ("caption", 1),
        ("caption", None),
        ("name", {"type": "string", "value": "x"}),
        ("colour", "red"),
        ("meta.a", "x"),
        ("meta.a", {"type": "string"}),
        ("meta.a", {"type": "colour", "value": "x"}),
        ("meta.a", {"type": "string", "value": "x", "more": 1}),
        ("update_rule", {}),
        ("update_rule", {"update_type": "1"}),
        ("update_rule", {"update_type": 1, "interval": 24}),
    ],
)
def test_what_is_not_the_form_of_its_field_is_refused(field: str, plain: Any) -> None:
    with pytest.raises(ValueError, match=f"^not a value of {field}$"):
        from_plain(field, plain)


def test_only_values_of_fields_have_a_canonical_text() -> None:
    with pytest.raises(TypeError):
        canonical({"name": object()})  # type: ignore[dict-item]
