import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kbsync.views.escape import code_span, csv_cell, one_line, prose, visible, width_of
from tests.security.hostile import formulas, orders
from tests.views.worlds import HOSTILE, harmless, nasty

# Texts of the pieces that orders and formulas are made of.
wordy = st.lists(
    st.sampled_from(
        ("#", "##[", "##vso[", "##teamcity[", "::", ":", " ", "\u3000", "=", "-", "＝", ";", "|", '"', "'", "\n", "a")
    ),
    max_size=8,
).map("".join)
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def tokens(markdown: str) -> list[tuple[str, str]]:
    """Return the inline tokens of one paragraph as pairs of type and content."""
    return [(token.type, token.content) for block in MARKDOWN.parse(markdown) for token in block.children or ()]


@given(nasty)
def test_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    assert harmless(visible(text), ends="")
    visible(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\x9b", "\\x9b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("小猫 ❤️ é", "小猫 ❤️ é"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", "\\x3a:error::x"),
        (" \u3000::error::x", " \u3000\\x3a:error::x"),
        ("std::vector ::x", "std::vector ::x"),
        ("a ##[error]b", "a \\x23#[error]b"),
        ("##vso[x]", "\\x23#vso[x]"),
        ("###TeamCity[x]", "#\\x23#TeamCity[x]"),
        ("## a heading", "## a heading"),
    ],
)
def test_an_order_to_a_ci_system_is_broken_and_reads_as_written(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(wordy, st.integers(1, 30))
def test_nothing_is_left_that_a_ci_system_obeys(text: str, width: int) -> None:
    for shown in (visible(text), one_line(text, width), prose(text), code_span(text), csv_cell(text)):
        assert list(orders(shown)) == []


@given(nasty | wordy)
def test_text_made_visible_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@given(st.one_of(nasty, st.text("小猫a", max_size=40)), st.integers(1, 30))
def test_a_line_is_never_wider_than_asked_for(text: str, width: int) -> None:
    assert width_of(one_line(text, width)) <= width


def test_a_cut_is_marked_and_wide_characters_count_twice() -> None:
    assert one_line("小猫小猫", 8) == "小猫小猫"
    assert one_line("小猫小猫", 7) == "小猫小…"
    assert one_line("abc" * 1_000_000, 5) == "abca…"


@given(nasty)
def test_in_a_code_span_everything_is_code(text: str) -> None:
    ((kind, content),) = tokens(f"x {code_span(text, 10_000)}")[1:]

    assert kind == "code_inline"
    assert content.strip() == visible(text).strip()


@given(nasty)
def test_prose_reads_as_written_and_is_no_markup(text: str) -> None:
    found = tokens(f"x {prose(text, 10_000)} y")

    assert {kind for kind, _ in found} <= {"text", "text_special", "code_inline"}
    assert set("".join(content for kind, content in found if kind == "code_inline")) <= {"@", "#"}
    assert "".join(content for _, content in found).split() == f"x {visible(text)} y".split()


def test_prose_mentions_nobody_and_refers_to_nothing() -> None:
    assert prose("@everyone see #1 or GH-2 at https://e.example www.e.example") == (
        "`@`everyone see `#`1 or `GH-`2 at https\\://e.example www\\.e.example"
    )


@given(st.lists(wordy, min_size=1, max_size=4))
def test_no_cell_is_a_formula_whichever_the_separator(texts: list[str]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC).writerow(["target", *map(csv_cell, texts), -1])

    assert list(formulas(buffer.getvalue())) == []


@pytest.mark.parametrize(
    ("text", "cell"),
    [("a;=1", "a;'=1"), ('a; "+1', "a;' \"+1"), ("a|@x", "a|'@x"), ("a,=1", "a,=1"), ("a;b=1", "a;b=1")],
)
def test_a_formula_behind_another_separator_begins_with_a_quote_mark(text: str, cell: str) -> None:
    assert csv_cell(text) == cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\0", "\n", "＝", "＋", "－", "＠", " =", "\u00a0="])
def test_a_cell_that_looks_like_a_formula_begins_with_a_quote_mark(start: str) -> None:
    assert csv_cell(f"{start}1+1") == f"'{visible(start)}1+1"


@given(nasty)
def test_a_csv_cell_is_read_back_as_it_was_shown(text: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC).writerow([csv_cell(text), 1])
    ((cell, _),) = csv.reader(io.StringIO(buffer.getvalue(), newline=""))

    assert cell.replace("'", "") == visible(text).replace("'", "")
    assert harmless(cell, ends="")


def test_raw_cells_are_left_alone() -> None:
    assert csv_cell(HOSTILE, raw=True) == HOSTILE
