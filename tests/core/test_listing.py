"""A list is believed whole when its pages prove it, and refused when they do not, whatever the server does."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.listing import MAX_PAGES, Complete, Incomplete, Listed, Listing
from kbsync.core.wire import Answer, Live, Page

SAID = Answer(200, 0)


def live(text: str) -> Live:
    return Live({"caption": text})


def page(*ids: str, following: str | None = None, total: int | None, short: bool = False, flaw: str = "") -> Page:
    return Page(SAID, {id_: live(id_) for id_ in ids}, following, total, short, flaw)


@dataclass
class Shelf:
    """A server that lists *ids*, *size* to a page, from page *base* on; below that it answers with *before*.

    Above the last page it answers with nothing or, *clamped*, with the last one.
    """

    ids: Sequence[str]
    size: int
    base: int = 0
    before: str = "first"
    clamped: bool = False
    asked: list[str] = field(default_factory=list)

    def page(self, cursor: str) -> Page:
        self.asked.append(cursor)
        number = int(cursor or 0)
        following = str(number + 1)
        if number < self.base:
            if self.before == "nothing":
                return page(following=following, total=len(self.ids))
            if self.before == "refused":
                return page(following=following, total=None)
        offset = max(0, number - self.base) * self.size
        if self.clamped:
            offset = min(offset, max(0, len(self.ids) - 1) // self.size * self.size)
        here = self.ids[offset : offset + self.size]
        ended = not here and number > 0
        short = len(here) < self.size and (bool(here) or ended)
        return page(*here, following=None if ended else following, total=len(self.ids), short=short)


def read(answer: Callable[[str], Page], wanted: Collection[str] = (), most: int = 200) -> Listed:
    listing = Listing(wanted)
    for _ in range(most):
        cursor = listing.cursor
        if cursor is None:
            break
        listing.add(answer(cursor))
    assert listing.listed is not None
    return listing.listed


def read_pages(*pages: Page) -> Listed | None:
    """Return what comes of *pages*, all of which have to be asked for."""
    listing = Listing()
    for one in pages:
        assert listing.cursor is not None
        listing.add(one)
    return listing.listed


def names(count: int) -> list[str]:
    return [f"i{number}" for number in range(count)]


shelves = st.builds(
    Shelf,
    st.integers(0, 60).map(names),
    st.integers(1, 12),
    st.integers(0, 1),
    st.sampled_from(["first", "nothing", "refused"]),
    st.booleans(),
)


# ------------------------------------------------------------------------------------------------------------- whole
@given(shelves)
def test_every_item_is_found_whichever_page_the_first_one_is(shelf: Shelf) -> None:
    listed = read(shelf.page)

    assert isinstance(listed, Complete)
    assert listed.items == {id_: live(id_) for id_ in shelf.ids}


@given(shelves)
def test_a_list_costs_at_most_two_requests_more_than_it_has_pages(shelf: Shelf) -> None:
    read(shelf.page)

    assert len(shelf.asked) == len(set(shelf.asked))
    assert len(shelf.asked) <= -(-len(shelf.ids) // shelf.size) + 2


def test_a_list_of_one_page_is_one_request() -> None:
    shelf = Shelf(names(5), size=10)

    read(shelf.page)

    assert shelf.asked == [""]


def test_an_empty_container_is_complete() -> None:
    assert read_pages(page(total=0, short=True)) == Complete({})


def test_the_first_cursor_is_empty_and_none_follows_the_last_page() -> None:
    listing = Listing()
    assert (listing.cursor, listing.listed) == ("", None)

    listing.add(page("a", following="x", total=2))
    assert (listing.cursor, listing.listed) == ("x", None)

    listing.add(page("b", total=2))
    assert listing.cursor is None
    assert listing.listed == Complete({"a": live("a"), "b": live("b")})


def test_an_item_that_moved_while_it_was_read_counts_once_with_its_later_values() -> None:
    before, after = live("old"), live("new")
    first = Page(SAID, {"a": live("a"), "b": before}, "2", 3, short=False)
    second = Page(SAID, {"b": after, "c": live("c")}, None, 3, short=False)

    assert read_pages(first, second) == Complete({"a": live("a"), "b": after, "c": live("c")})


def test_pages_that_hold_less_than_asked_for_do_not_end_a_list_before_its_total() -> None:
    cut = read_pages(
        page("a", following="2", total=3, short=True),
        page("b", following="3", total=3, short=True),
        page("c", following="4", total=3, short=True),
    )

    assert isinstance(cut, Complete)


def test_what_stands_behind_a_full_page_is_not_hidden_by_a_total_that_is_too_small() -> None:
    hidden = read_pages(page("a", "b", following="2", total=2), page("c", following="3", total=2, short=True))

    assert isinstance(hidden, Incomplete)
    assert hidden.reason == "surplus"


# ----------------------------------------------------------------------------------------------------------- refused
@pytest.mark.fault("F41", seen="refused with the reason")
@pytest.mark.parametrize(
    ("reason", "pages"),
    [
        ("flawed", [page("a", following="2", total=2, flaw="1 entries on a page of the list are no items")]),
        ("flawed", [page("a", total=1, short=True, flaw="x")]),
        ("no_total", [page("a", total=None, short=True)]),
        ("no_total", [page("a", following="2", total=None)]),
        ("no_total", [page(total=None, short=True)]),
        ("no_total", [page(following="2", total=None, short=True), page("a", total=None)]),
        ("bad_total", [page("a", following="2", total=-1)]),
        ("bad_total", [page(total=-1, short=True)]),
        ("changed", [page("a", following="2", total=2), page("b", total=3)]),
        ("changed", [page("a", following="2", total=2), page(total=1, short=True)]),
        ("surplus", [page("a", "b", total=1)]),
        ("surplus", [page("a", following="2", total=1), page("b", total=1)]),
        ("missing", [page("a", total=2, short=True)]),
        ("missing", [page("a", following="2", total=3), page("b", total=3)]),
        ("missing", [page(total=1, short=True)]),
        (
            "repeated",
            [
                page("a", following="2", total=3),
                page("a", following="3", total=3),
                page("a", following="4", total=3),
            ],
        ),
        ("repeated", [page(following="2", total=3, short=True), page(following="2", total=3, short=True)]),
    ],
)
def test_a_list_that_is_not_proved_whole_is_refused_with_the_reason(reason: str, pages: list[Page]) -> None:
    listed = read_pages(*pages)

    assert isinstance(listed, Incomplete)
    assert listed.reason == reason
    assert listed.detail
    assert listed.items.keys() == {id_ for one in pages for id_ in one.items}


def test_what_an_incomplete_list_did_show_is_kept() -> None:
    listed = read_pages(page("a", total=2, short=True))

    assert listed == Incomplete("missing", "the list says that it holds 2 items, and shows 1 of them", {"a": live("a")})


@pytest.mark.parametrize(
    ("pages", "detail"),
    [
        ([page("a", total=None)], "the list does not say how many items it holds"),
        ([page(total=-3)], "the list says that it holds -3 items"),
        (
            [page("a", following="2", total=2), page("b", total=3)],
            "the list said that it holds 2 items, and a page later 3",
        ),
        ([page("a", "b", total=1)], "the list says that it holds 1 items, and shows more"),
        (
            [page("a", following=cursor, total=3) for cursor in "234"],
            "page after page of the list shows nothing new at 1 items",
        ),
    ],
)
def test_a_refused_list_says_what_it_said(pages: list[Page], detail: str) -> None:
    listed = read_pages(*pages)

    assert isinstance(listed, Incomplete)
    assert listed.detail == detail


def test_a_cursor_that_leads_to_itself_is_followed_twice_at_most() -> None:
    asked: list[str] = []

    def stuck(cursor: str) -> Page:
        asked.append(cursor)
        return page("a", "b", following="same", total=500)

    listed = read(stuck)

    assert isinstance(listed, Incomplete)
    assert listed.reason == "repeated"
    assert asked == ["", "same", "same"]


@pytest.mark.fault("F41", seen="left after 50,000 pages")
def test_a_list_that_goes_on_for_ever_is_left() -> None:
    count = 0

    def endless(_: str) -> Page:
        nonlocal count
        count += 1
        return page(f"i{count}", following="more", total=10**9)

    listed = read(endless, most=MAX_PAGES + 1)

    assert isinstance(listed, Incomplete)
    assert (listed.reason, count) == ("endless", MAX_PAGES)
    assert listed.detail == "the list does not end within 50000 pages"


def test_the_longest_list_may_end_on_the_last_page_that_is_read() -> None:
    listing = Listing()
    for number in range(1, MAX_PAGES + 1):
        listing.add(page(f"i{number}", following=None if number == MAX_PAGES else "more", total=MAX_PAGES))

    assert isinstance(listing.listed, Complete)


# ----------------------------------------------------------------------------------------------------------- absence
def test_absence_from_one_page_is_told_by_one_reading() -> None:
    shelf = Shelf(names(5), size=10)

    assert isinstance(read(shelf.page, wanted=["other"]), Complete)
    assert shelf.asked == [""]


def test_absence_from_several_pages_is_told_by_two_readings() -> None:
    shelf = Shelf(names(5), size=3)

    assert isinstance(read(shelf.page, wanted=["i0", "other"]), Complete)
    assert shelf.asked == ["", "1", "", "1"]


def test_a_list_that_shows_all_that_is_wanted_is_read_once() -> None:
    shelf = Shelf(names(5), size=3)

    assert isinstance(read(shelf.page, wanted=["i0", "i4"]), Complete)
    assert shelf.asked == ["", "1"]


def test_an_item_that_slipped_through_between_two_pages_is_not_missing() -> None:
    shelf = Shelf(names(6), size=3)

    def answer(cursor: str) -> Page:
        given = shelf.page(cursor)
        if len(shelf.asked) == 1:  # of the first page i1 goes, and i9 comes at the end: i3 moves to the first page
            shelf.ids = ["i0", "i2", "i3", "i4", "i5", "i9"]
        return given

    listed = read(answer, wanted=names(6))

    assert isinstance(listed, Incomplete)
    assert (listed.reason, listed.detail) == ("changed", "two readings of the list show different items")
    assert listed.items.keys() == {*names(6), "i9"}


@given(st.integers(0, 30), st.integers(1, 8), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), max_size=4))
def test_no_item_that_was_there_all_the_time_is_missing_whatever_comes_and_goes_meanwhile(
    count: int, size: int, edits: list[tuple[int, int]]
) -> None:
    shelf = Shelf(names(count), size)
    always, ever = set(shelf.ids), set(shelf.ids)

    def answer(cursor: str) -> Page:
        given = shelf.page(cursor)
        for number, (when, which) in enumerate(edits):
            if when == len(shelf.asked):
                kept = list(shelf.ids)
                del kept[which : which + 1]
                shelf.ids = [*kept, f"n{number}"]
                always.intersection_update(shelf.ids)
                ever.update(shelf.ids)
        return given

    listed = read(answer, wanted=names(count))

    assert listed.items.keys() <= ever
    if isinstance(listed, Complete):
        assert listed.items.keys() >= always


# --------------------------------------------------------------------------------------------------------------- lies
def _short(one: Page) -> Page:
    return replace(one, items=dict(list(one.items.items())[:-1]), short=True)


def _empty(one: Page) -> Page:
    return replace(one, items={}, short=True)


def _flawed(one: Page) -> Page:
    return replace(_short(one), short=one.short, flaw="an entry is no item")


LIES: dict[str, Callable[[Page], Page]] = {
    "short": _short,
    "empty": _empty,
    "flawed": _flawed,
    "more": lambda one: replace(one, total=(one.total or 0) + 1),
    "fewer": lambda one: replace(one, total=(one.total or 0) - 1),
    "negative": lambda one: replace(one, total=-1),
    "untold": lambda one: replace(one, total=None),
    "ends": lambda one: replace(one, next=None),
}


@pytest.mark.fault("F41", seen="never believed wrongly")
@given(shelves, st.sampled_from(sorted(LIES)), st.none() | st.integers(0, 8))
def test_a_server_that_lies_once_or_always_is_never_believed_wrongly(shelf: Shelf, lie: str, once: int | None) -> None:
    def answer(cursor: str) -> Page:
        honest = shelf.page(cursor)
        return LIES[lie](honest) if once in (None, len(shelf.asked) - 1) else honest

    listed = read(answer)

    if isinstance(listed, Complete):
        assert listed.items.keys() == set(shelf.ids)


@given(shelves, st.integers(0, 5))
def test_a_server_stuck_at_one_page_is_believed_only_if_that_is_all_there_is(shelf: Shelf, stuck: int) -> None:
    listed = read(lambda _: replace(shelf.page(str(stuck)), next="on"))

    if isinstance(listed, Complete):
        assert listed.items.keys() == set(shelf.ids)


def test_the_values_of_a_list_do_not_stand_in_its_repr() -> None:
    items = {"1": Live({"caption": "s3cret"})}

    assert not any("s3cret" in repr(listed) for listed in (Complete(items), Incomplete("flawed", "x", items)))
