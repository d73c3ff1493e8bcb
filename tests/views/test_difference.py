import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.views.difference import Piece, compare, excerpt, tokens
from kbsync.views.escape import width_of
from tests.security.hostile import orders
from tests.views.worlds import harmless, nasty

words = st.lists(
    st.sampled_from(("a", "dog", " ", "，", "小", "猫", "e\u0301", "é", "##", "[", "::", "\n")), max_size=60
)
texts = st.one_of(words.map("".join), nasty)


def joined(pieces: tuple[Piece, ...] | None) -> str | None:
    return None if pieces is None else "".join(piece.marked for piece in pieces)


@given(texts, texts)
def test_the_pieces_make_up_both_texts(known: str, desired: str) -> None:
    pieces = compare(tokens(known), tokens(desired))

    assert "".join(text for kind, text in pieces if kind != "inserted") == known
    assert "".join(text for kind, text in pieces if kind != "deleted") == desired


@given(texts, texts, st.integers(30, 200))
def test_an_excerpt_is_inert_fits_and_shows_a_difference(known: str, desired: str, width: int) -> None:
    line = joined(excerpt(compare(tokens(known), tokens(desired)), width))

    if line is not None:
        assert known != desired
        assert "[-" in line or "{+" in line
        assert width_of(line) + 2 <= 3 * width
        assert harmless(line, ends="")
        assert list(orders(f'"{line}"')) == []


@pytest.mark.parametrize(
    ("known", "desired", "line"),
    [
        (
            "A dog sits on the lawn in front of the house",
            "Two dogs sit on the lawn in front of the old house",
            "[-A dog sits-]{+Two dogs sit+} on the lawn in front of the{+ old+} house",
        ),
        (
            "一只小猫坐在草地上，旁边有一只小狗，天空很蓝",
            "一只小猫坐在沙发上，旁边有一只大狗，天空很蓝",
            "一只小猫坐在[-草地-]{+沙发+}上，旁边有一只[-小-]{+大+}狗，天空很蓝",
        ),
        (
            f"{'first ' * 30}a dog {'last ' * 30}",
            f"{'first ' * 30}a cat {'last ' * 30}",
            "… first first first a [-dog-]{+cat+} last last last last …",
        ),
    ],
)
def test_a_text_that_changed_in_part_shows_what_went_and_what_came(known: str, desired: str, line: str) -> None:
    assert joined(excerpt(compare(tokens(known), tokens(desired)), 90)) == line


@pytest.mark.parametrize(
    ("known", "desired"),
    [
        ("HR", "People"),
        ("A dog on the lawn", "Two dogs on the lawn"),
        ("a whole sentence about one thing", "and something else that nobody expected"),
        ("a list of [-marks-] and of more words", "a list of [-marks-] and of many more words"),
    ],
)
def test_what_is_short_alters_whole_or_holds_the_marks_is_better_shown_twice(known: str, desired: str) -> None:
    assert excerpt(compare(tokens(known), tokens(desired)), 200) is None


@pytest.mark.parametrize(
    ("known", "desired"),
    [
        ("ab " * 40_000, "ba " * 40_000),
        ("a" * 100_000 + "b", "a" * 100_000 + "c"),
        ("a " * 399, "a b " * 199),
        ("猫" * 400, "狗" + "猫" * 399),
    ],
)
def test_the_comparison_is_bounded(known: str, desired: str) -> None:
    """To align texts like these would be millions of steps: what is too much is exchanged whole."""
    pieces = compare(tokens(known), tokens(desired))

    assert len(pieces) <= 4
