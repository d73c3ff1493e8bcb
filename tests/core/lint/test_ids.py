import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.lint import look_alikes


def pairs(*ids: str) -> list[tuple[str, str]]:
    return list(look_alikes(dict.fromkeys(ids)))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("doc_01", "doc_O1"), ("doc_11", "doc_l1"), ("doc_11", "doc_1I"), ("Doc-1", "doc-1"), ("x000", "xOo0")],
)
def test_ids_that_look_alike_are_found(earlier: str, later: str) -> None:
    assert pairs(earlier, "other", later) == [(later, earlier)]


@pytest.mark.parametrize(
    "ids",
    [
        ("doc_1", "doc_2"),
        ("doc_12", "doc_21"),
        ("doc-1", "doc_1"),
        ("dog", "d0g"),
        ("lo", "10"),
        ("7446670805219090001", "7446670805219090010", "7446670805219090011"),
    ],
)
def test_ids_that_merely_resemble_each_other_are_left_alone(ids: tuple[str, ...]) -> None:
    assert pairs(*ids) == []


def test_each_id_is_told_with_the_first_that_it_looks_like() -> None:
    assert pairs("A1", "b", "a1", "aI1", "Al1", "al1") == [("a1", "A1"), ("Al1", "aI1"), ("al1", "aI1")]


def _by_hand(one: str) -> str:
    """Return the shape of an id, character by character."""
    low = one.lower()
    shape = list(low)
    for position, character in enumerate(low):
        if character not in "oil":
            continue
        left, right = position - 1, position + 1
        while left >= 0 and low[left] in "oil":
            left -= 1
        while right < len(low) and low[right] in "oil":
            right += 1
        beside = (left >= 0 and low[left] in "0123456789") or (right < len(low) and low[right] in "0123456789")
        if beside:
            shape[position] = "0" if character == "o" else "1"
    return "".join(shape)


@given(st.lists(st.text("oOlLiI01aA_", min_size=1, max_size=5), unique=True, max_size=40))
def test_ids_look_alike_when_their_shapes_are_equal(ids: list[str]) -> None:
    first: dict[str, str] = {}
    expected = [
        (one, earlier)
        for one in ids
        if (earlier := first.setdefault(_by_hand(one), one)) != one and not all(map(str.isdecimal, ids))
    ]

    assert pairs(*ids) == expected
