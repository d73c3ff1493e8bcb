"""A page of a list is believed as far as it names its entries, and no further."""

from typing import Any

import pytest

from kbsync.core.pages import Entry, Layout, read_page, told_hints, told_text
from kbsync.core.wire import Answer, Hints, Live, Page, Transient, Verdict

ANSWER = Answer(200, 0, "", "log")


def id_of(entry: Entry) -> str | None:
    return entry.get("id")


def live_of(entry: Entry) -> Live:
    return Live({"name": entry.get("name", "")})


LAYOUT = Layout("entries", "total", 3, id_of, live_of)


def read(payload: object) -> Page | Verdict:
    return read_page(ANSWER, payload, LAYOUT, lambda count: f"after {count}")


def page(*entries: Any, **more: object) -> Page:
    found = read({"entries": list(entries), **more})
    assert isinstance(found, Page)
    return found


def test_a_page_tells_its_entries_by_id_and_where_the_next_begins() -> None:
    found = page({"id": "1", "name": "a"}, {"id": "2", "name": "b"}, total=9)

    assert found == Page(
        ANSWER, {"1": Live({"name": "a"}), "2": Live({"name": "b"})}, "after 2", 9, short=True, flaw=""
    )


def test_a_page_with_as_many_entries_as_were_asked_for_is_not_short() -> None:
    assert page({"id": "1"}, {"id": "2"}).short
    assert not page({"id": "1"}, {"id": "2"}, {"id": "3"}).short
    assert not page({"id": "1"}, {"id": "2"}, {"id": "3"}, {"id": "4"}).short


@pytest.mark.parametrize("payload", [{"entries": None}, {"entries": []}, {}])
def test_nothing_may_be_listed_by_null_or_by_no_list_at_all(payload: object) -> None:
    assert read(payload) == Page(ANSWER, {}, "after 0", None, short=True, flaw="")


@pytest.mark.parametrize("payload", [None, [], "x", 0, {"entries": {}}, {"entries": "x"}, {"entries": 0}])
def test_what_holds_no_list_is_asked_for_again(payload: object) -> None:
    told = Answer(200, 0, "the answer holds no list", "log")

    assert read(payload) == Transient("unclear", told, doubt=True)


def test_entries_that_are_no_items_are_counted() -> None:
    found = page({"id": "1"}, {"name": "a"}, "x", None)

    assert found.items.keys() == {"1"}
    assert found.flaw == "3 entries on a page of the list are no items"


def test_of_items_that_stand_there_more_than_once_none_is_told() -> None:
    found = page({"id": "1"}, {"id": "2"}, {"id": "1", "name": "b"}, {"id": "1"}, {"id": "3"}, {"id": "3"})

    assert found.items.keys() == {"2"}
    assert found.flaw == "2 items stand twice on a page of the list"


@pytest.mark.parametrize(
    ("total", "count"),
    [
        (0, 0),
        (7, 7),
        ("7", 7),
        ("-7", -7),
        ("9" * 18, 10**18 - 1),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, None),
        (-(2**63) - 1, None),
        ("1" + "0" * 18, None),
        ("７", None),
        ("", None),
        (7.0, None),
        (True, None),
        (None, None),
        ([7], None),
    ],
)
def test_a_total_is_an_integer_of_64_bits_or_its_decimal_text(total: object, count: int | None) -> None:
    assert page(total=total).total == count


@pytest.mark.parametrize("value", [None, 1, ["x"], "\ud800", "a\udfff"])
def test_what_no_manifest_could_hold_is_not_told(value: object) -> None:
    assert told_text(value) is None


def test_any_other_text_is_told_as_it_is() -> None:
    assert told_text("") == ""
    assert told_text("小猫\n") == "小猫\n"


@pytest.mark.parametrize(
    ("entry", "hints"),
    [
        ({"n": "a", "s": 5, "t": "pdf"}, Hints("a", 5, "pdf")),
        ({"n": "a", "s": "5", "t": "pdf"}, Hints("a", 5, "pdf")),
        ({}, Hints()),
        ({"n": "", "s": 0, "t": ""}, Hints()),
        ({"n": "\ud800", "s": 5.0, "t": 7}, Hints()),
        ({"n": None, "s": -5, "t": ["pdf"]}, Hints()),
        ({"n": "a", "s": 2**63, "t": "x"}, Hints("a", None, "x")),
    ],
)
def test_hints_are_told_or_not(entry: Entry, hints: Hints) -> None:
    assert told_hints(entry, "n", "s", "t") == hints
