"""What a read says of a change, field by field."""

import pytest

from kbsync.core.exits import Exit
from kbsync.core.fields import Fields, MetaValue, UpdateRule, Value
from kbsync.core.findings import Absent, Difference, Finding, How, Seen, Unread, look, seen_in
from kbsync.core.items import Item, Source
from kbsync.core.listing import Complete, Incomplete
from kbsync.core.plan import Change, FieldChange
from kbsync.core.verification import Verification
from kbsync.core.wire import Live


def change(desired: Fields, known: Fields | None = None) -> Change:
    before = known or {}
    fields = tuple(FieldChange(name, before.get(name), value) for name, value in sorted(desired.items()))
    return Change(Item("t", "c", "image", "1"), "o", "changed", fields, Source("kb.yaml", 1, 1))


RULE = UpdateRule(1, 24)
SENT: Fields = {"name": "a", "update_rule": RULE}


@pytest.mark.parametrize(
    ("seen", "word", "reason"),
    [
        (Live(SENT), "verified", "as_sent"),
        (Live({**SENT, "caption": "not managed"}), "verified", "as_sent"),
        (Live({"name": "b", "update_rule": RULE}), "differs", "not_as_sent"),
        (Live({"name": "a"}), "differs", "not_as_sent"),
        (Live({"name": "a"}, frozenset({"update_rule"})), "unread", "untold"),
        (Live({"name": "b"}, frozenset({"update_rule"})), "differs", "not_as_sent"),
        (Live(SENT, pending=True), "pending", "processing"),
        (Live({}, pending=True), "pending", "processing"),
        (Absent(), "absent", "not_found"),
        (Unread("missing", "…"), "unread", "missing"),
    ],
)
def test_a_change_is_found_as_what_is_live_says(seen: Seen, word: str, reason: str) -> None:
    finding = look(change(SENT), seen, 5.0)

    assert (finding.word, finding.reason, finding.at_s) == (word, reason, 5.0)


def test_only_what_is_not_as_sent_is_kept() -> None:
    assert look(change(SENT), Live({"name": "b", "update_rule": RULE}), 0.0).live == {"name": "b"}
    assert look(change(SENT), Live({"name": "a"}), 0.0).live == {"update_rule": None}
    assert look(change(SENT), Live({"name": "b"}, frozenset({"update_rule"})), 0.0).live == {"name": "b"}


def meta(type_: str, value: str | float) -> MetaValue:
    return MetaValue(type_, value)


@pytest.mark.parametrize(
    ("sent", "live", "known", "how"),
    [
        (" a ", "a", None, "trimmed"),
        ("abc", "ab", None, "cut"),
        ("abc", "ab", "ab", "ignored"),
        ("ab ", "ab", "ab", "trimmed"),
        ("abc", "", "x", "other"),
        ("e\u0301", "\u00e9", None, "normalised"),
        ("a & b", "a &amp; b", None, "escaped"),
        ("a", "b", None, "other"),
        ("a", None, None, "ignored"),
        (RULE, UpdateRule(0), UpdateRule(0), "ignored"),
        (RULE, UpdateRule(1, 48), UpdateRule(0), "other"),
        (meta("int64", 3), meta("float32", 3.0), None, "retyped"),
        (meta("int64", 3), meta("string", "3"), None, "other"),
        (meta("int64", 3), meta("string", "x"), meta("string", "x"), "ignored"),
        (meta("string", "a "), meta("string", "a"), None, "trimmed"),
        (MetaValue("bool", value=True), MetaValue("bool", value=False), None, "other"),
    ],
)
def test_what_may_have_become_of_a_value_is_told(
    sent: Value, live: Value | None, known: Value | None, how: How
) -> None:
    before = {} if known is None else {"x": known}
    told = Finding("differs", "", {"x": live}, 0.0)

    assert list(told.differences(change({"x": sent, "y": "same"}, before))) == [Difference("x", sent, live, how)]


def test_a_list_proves_only_when_it_is_whole() -> None:
    one = Live({"caption": "x"})

    assert seen_in(Complete({"1": one}), "1") == one
    assert seen_in(Complete({"1": one}), "2") == Absent()
    assert seen_in(Incomplete("missing", "…", {"1": one}), "1") == Unread("missing", "…")
    assert isinstance(seen_in(None, "1"), Unread)


@pytest.mark.parametrize(
    ("words", "exits"),
    [
        ([], ()),
        (["verified"], ()),
        (["verified", "differs"], (Exit.PARTIAL,)),
        (["absent"], (Exit.PARTIAL,)),
        (["unread", "verified"], (Exit.UNFINISHED,)),
        (["pending"], (Exit.UNFINISHED,)),
        (["pending", "differs"], (Exit.PARTIAL, Exit.UNFINISHED)),
    ],
)
def test_what_was_found_says_what_the_exit_is(words: list[str], exits: tuple[Exit, ...]) -> None:
    found = {seq: Finding(word, "", {}, 0.0) for seq, word in enumerate(words)}  # type: ignore[arg-type]

    assert Verification("all", "", 0.0, len(found), found).exits == exits


def test_what_was_left_open_counts_as_wrong_in_a_sample() -> None:
    found = {seq: Finding("unread" if seq < 5 else "verified", "", {}, 0.0) for seq in range(100)}
    wrong = {seq: Finding("differs" if seq < 5 else "verified", "", {}, 0.0) for seq in range(100)}

    assert (
        Verification("sample", "", 0.0, 1000, found).most_wrong
        == Verification("sample", "", 0.0, 1000, wrong).most_wrong
    )
