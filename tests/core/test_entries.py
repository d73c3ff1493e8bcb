from dataclasses import field
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StrictBool, TypeAdapter, ValidationError, WrapValidator
from pydantic.dataclasses import dataclass

from kbsync.core.entries import (
    ENTRY_CONFIG,
    EntryOptions,
    Mentioned,
    Text,
    check_entry,
    control_character,
    findings,
    nearest,
    no_default,
    refuse_all,
)
from kbsync.core.rules import Finding


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class Inner:
    colour: Text
    size: Annotated[int | None, Mentioned(), Field(strict=True, ge=1)] = None


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class Outer(EntryOptions):
    inner: Annotated[Inner | None, Mentioned()] = None


def told(written: object) -> list[Finding]:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Outer).validate_python(written)
    return findings(raised.value, Outer)


def test_an_unknown_key_is_answered_with_the_nearest_of_its_place() -> None:
    assert told({"inner": {"colour": "x", "colr": "y"}, "proctect": True}) == [
        Finding(("inner", "colr"), "unknown-key", "unknown key 'colr'; did you mean colour?"),
        Finding(("proctect",), "unknown-key", "unknown key 'proctect'; did you mean protect?"),
    ]


def test_a_key_that_is_like_nothing_is_only_named() -> None:
    assert told({"zzz": 1}) == [Finding(("zzz",), "unknown-key", "unknown key 'zzz'")]


def test_a_hostile_or_endless_key_is_shown_cut_and_escaped() -> None:
    assert told({"\x1b[2J": 1})[0].message == "unknown key '\\x1b[2J'"
    assert told({"x" * 60: 1})[0].message == f"unknown key '{'x' * 60}'"
    assert told({"x" * 10**6: 1})[0].message == f"unknown key '{'x' * 60}…'"


def test_a_written_null_is_never_taken_for_not_mentioned() -> None:
    assert told({"inner": None}) == [
        Finding(("inner",), "null-value", "null is no value here; leave the key out if it is not meant to be managed")
    ]
    assert [(f.path, f.rule) for f in told({"inner": {"colour": None, "size": None}})] == [
        (("inner", "colour"), "null-value"),
        (("inner", "size"), "null-value"),
    ]


def test_a_missing_key_is_told_where_it_should_stand() -> None:
    assert told({"inner": {}}) == [Finding(("inner", "colour"), "missing-key", "the key 'colour' is missing")]


def test_what_a_value_may_be_is_said_in_words() -> None:
    assert [f.message for f in told({"inner": {"colour": 5, "size": 0}})] == [
        "this takes text; put it in quotation marks",
        "this must be at least 1",
    ]


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class Typed:
    text: Text = ""
    flag: StrictBool = False
    share: Annotated[float, Field(strict=True, le=1)] = 0.0
    whole: Annotated[int, Field(strict=True, ge=1, le=9)] = 1
    pairs: dict[str, str] = field(default_factory=dict)
    lists: Annotated[list[str], Field(strict=True)] = field(default_factory=list)
    word: Literal["this", "that"] = "this"
    code: Annotated[str, Field(pattern="^a$")] = "a"
    inner: Annotated[Inner | None, Mentioned()] = None


@pytest.mark.parametrize(
    ("key", "value", "rule", "message"),
    [
        ("text", 5, "wrong-type", "this takes text; put it in quotation marks"),
        ("text", "a\0", "control-character", "the text holds the control character U+0000"),
        ("text", "a\udfff", "control-character", "the text holds half of a surrogate pair, U+DFFF"),
        ("flag", "yes", "wrong-type", "this takes true or false"),
        ("share", "1", "wrong-type", "this takes a number"),
        ("share", 1.5, "bad-value", "this must be at most 1.0"),
        ("whole", "1", "wrong-type", "this takes an integer"),
        ("whole", 1.5, "wrong-type", "this takes an integer"),
        ("whole", 0, "bad-value", "this must be at least 1"),
        ("whole", 10, "bad-value", "this must be at most 9"),
        ("pairs", "x", "wrong-type", "this takes a mapping of keys to values"),
        ("lists", "x", "wrong-type", "this takes a list"),
        ("word", "other", "bad-value", "this takes 'this' or 'that'"),
        ("code", "b", "bad-value", "string should match pattern '^a$'"),
        ("inner", "x", "wrong-type", "this takes a mapping of keys to values"),
        ("inner", ["x"], "wrong-type", "this takes a mapping of keys to values"),
    ],
)
def test_a_value_of_another_kind_is_answered_with_what_its_key_takes(
    key: str, value: object, rule: str, message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Typed).validate_python({key: value})

    assert findings(raised.value, Typed) == [Finding((key,), rule, message)]


def test_a_rule_of_a_provider_is_told_as_it_was_broken_beneath_its_key() -> None:
    broken = [Finding(("a", 1), "bad-id", "no {id}"), Finding((), "bad-value", "no %s")]

    def check(_value: object, _handler: object) -> object:
        raise refuse_all(broken)

    with pytest.raises(ValidationError) as raised:
        TypeAdapter(dict[str, Annotated[int, WrapValidator(check)]]).validate_python({"k": 1})

    assert findings(raised.value, Outer) == [
        Finding(("k", "a", 1), "bad-id", "no {id}"),
        Finding(("k",), "bad-value", "no %s"),
    ]


def test_a_refusal_does_not_show_what_was_written() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Outer).validate_python({"protect": "s3cret", "inner": {"colour": 5, "s3cret": "s3cret"}})

    assert "s3cret'" not in str(raised.value)
    assert "input_value" not in str(refuse_all([Finding((), "bad-id", "x")]))


def test_what_is_not_mentioned_has_no_default_in_a_schema() -> None:
    schema = {"type": "string", "default": None}
    no_default(schema)
    no_default(schema)

    assert schema == {"type": "string"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda c: st.lists(c) | st.dictionaries(st.text() | st.sampled_from(["inner", "colour", "size", "ignore"]), c),
)


@given(values)
def test_whatever_is_refused_is_told(written: object) -> None:
    try:
        TypeAdapter(Outer).validate_python(written)
    except ValidationError as error:
        found = findings(error, Outer)
    else:
        return

    assert found


@pytest.mark.parametrize("place", [{"inner": {"colour": 1, "size": "s3cret"}}, {"protect": "s3cret"}, "s3cret"])
def test_no_message_repeats_a_value(place: object) -> None:
    assert not any("s3cret" in finding.message for finding in told(place))


@pytest.mark.parametrize("text", ["", "小猫", "a\n\tb", "\u202e\u200b\u2028", "👩‍👩‍👧", "\x20\x7e\xa0"])
def test_ordinary_text_holds_no_control_character(text: str) -> None:
    assert control_character(text) is None


@pytest.mark.parametrize("char", ["\0", "\b", "\v", "\r", "\x1b", "\x7f", "\x80", "\x9b", "\x85"])
def test_a_control_character_is_named_and_not_shown(char: str) -> None:
    assert control_character(f"a{char}b") == f"the control character U+{ord(char):04X}"


@pytest.mark.parametrize("code", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_half_of_a_surrogate_pair_is_named_and_not_shown(code: int) -> None:
    assert control_character(f"a{chr(code)}b") == f"half of a surrogate pair, U+{code:04X}"


def test_options_are_checked_against_what_is_declared() -> None:
    options = EntryOptions(ignore=("nam", "caption"))

    assert list(check_entry(options, {"name": "", "caption": "x"}, ("name", "caption"))) == [
        Finding(("name",), "empty-value", "name is empty; if that is meant, write allow_empty: true"),
        Finding(("ignore", 0), "bad-value", "ignore names 'nam', which is not declared here; did you mean name?"),
    ]


def test_no_option_is_on_by_itself() -> None:
    options = EntryOptions()

    assert (options.protect, options.ignore, options.allow_empty) == (False, (), False)


def test_an_entry_has_to_declare_something() -> None:
    assert list(check_entry(EntryOptions(), {}, ())) == [Finding((), "empty-entry", "the entry declares no field")]


def test_an_empty_text_may_be_meant() -> None:
    assert list(check_entry(EntryOptions(allow_empty=True), {"name": ""}, ("name",))) == []
    assert list(check_entry(EntryOptions(), {"name": "x"}, ("name", "caption"))) == []


def test_one_nearest_word_is_told() -> None:
    assert nearest("nam", ["name", "names", "colour"]) == "; did you mean name?"


def test_a_word_is_not_its_own_nearest() -> None:
    assert nearest("name", ["name"]) == ""
