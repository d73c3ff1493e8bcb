from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError
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
    assert len(told({"x" * 10**6: 1})[0].message) < 100


def test_a_written_null_is_never_taken_for_not_mentioned() -> None:
    assert [(f.path, f.rule) for f in told({"inner": None})] == [(("inner",), "null-value")]
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


@pytest.mark.parametrize("char", ["\0", "\b", "\v", "\r", "\x1b", "\x7f", "\x80", "\x9b", "\x85", "\ud800"])
def test_a_control_character_is_named_and_not_shown(char: str) -> None:
    named = control_character(f"a{char}b")

    assert named is not None
    assert f"U+{ord(char):04X}" in named
    assert char not in named


def test_options_are_checked_against_what_is_declared() -> None:
    options = EntryOptions(ignore=("nam", "caption"))

    assert list(check_entry(options, {"name": "", "caption": "x"}, ("name", "caption"))) == [
        Finding(("name",), "empty-value", "name is empty; if that is meant, write allow_empty: true"),
        Finding(("ignore", 0), "bad-value", "ignore names 'nam', which is not declared here; did you mean name?"),
    ]


def test_a_word_is_not_its_own_nearest() -> None:
    assert nearest("name", ["name"]) == ""
