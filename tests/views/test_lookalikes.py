import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import MetaValue, Value
from kbsync.core.plan import FieldChange
from kbsync.views.difference import compare, tokens
from kbsync.views.lookalikes import unseen
from kbsync.views.plan_values import Along, Edit, New, Pair, shown
from tests.views.worlds import harmless, nasty


@pytest.mark.parametrize(
    ("known", "desired", "named"),
    [
        ("p\u0430ypal", "paypal", "U+0430 CYRILLIC SMALL LETTER A → U+0061 LATIN SMALL LETTER A"),
        ("Α", "A", "U+0391 GREEK CAPITAL LETTER ALPHA → U+0041 LATIN CAPITAL LETTER A"),
        ("２024 年报", "2024 年报", "U+FF12 FULLWIDTH DIGIT TWO → U+0032 DIGIT TWO"),
        ("u\u0308", "\u00fc", ("U+0075 LATIN SMALL LETTER U U+0308 COMBINING DIAERESIS → "
         "U+00FC LATIN SMALL LETTER U WITH DIAERESIS")),
        ("\u2f00只猫", "一只猫", "U+2F00 KANGXI RADICAL ONE → U+4E00 CJK UNIFIED IDEOGRAPH-4E00"),
        ("paypal", "pay\u200bpal", "inserted U+200B ZERO WIDTH SPACE"),
        ("a\ufeff", "a", "deleted U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("a b c d", "a\u00a0b\u00a0c\u00a0d", "U+0020 SPACE → U+00A0 NO-BREAK SPACE (3 times)"),
        ("report", "report ", "inserted U+0020 SPACE"),
        ("a  b", "a b", "deleted U+0020 SPACE"),
        ("a\tb", "a b", "U+0009 TAB → U+0020 SPACE"),
        ("\u200b", "\\u200b", 'U+200B ZERO WIDTH SPACE → the text "\\u200b"'),
        ("абвгд и ещё", "aбвгд и ещё", "U+0430 CYRILLIC SMALL LETTER A → U+0061 LATIN SMALL LETTER A"),
        ("оаехс ор", "oaexc op", ("U+043E CYRILLIC SMALL LETTER O → U+006F LATIN SMALL LETTER O (2 times), "
         "U+0430 CYRILLIC SMALL LETTER A → U+0061 LATIN SMALL LETTER A, "
         "U+0435 CYRILLIC SMALL LETTER IE → U+0065 LATIN SMALL LETTER E, and 3 more")),
    ],
)  # fmt: skip
def test_what_differs_without_being_seen_is_named(known: str, desired: str, named: str) -> None:
    assert unseen(compare(tokens(known), tokens(desired))) == named


@pytest.mark.parametrize(
    ("known", "desired"),
    [
        ("HR", "People"),
        ("cozeoverview", "coze overview"),
        ("小猫", "小 猫"),
        ("a dog", "a big dog"),
        ("2023", "2024"),
        ("a", "a"),
    ],
)
def test_what_is_seen_is_not_named(known: str, desired: str) -> None:
    assert unseen(compare(tokens(known), tokens(desired))) == ""


@given(nasty | st.text("aа \u200b\\xu20b{+-}[]", max_size=30), nasty | st.text("aа \u200b\\xu20b", max_size=30))
def test_two_different_texts_never_look_the_same(first: str, second: str) -> None:
    told = shown(FieldChange("caption", first, second), 80)
    match told:
        case Along():
            assert first == second
        case Pair(known, desired, remark):
            assert known != desired or remark
            assert harmless(known + desired + remark, ends="")
        case Edit(pieces, _, _):
            assert any(piece.kind != "kept" for piece in pieces)
        case New():
            raise AssertionError


@pytest.mark.parametrize(
    ("known", "desired", "line"),
    [
        (
            MetaValue("list<string>", ("cat", "dog", "a bird", "a long word")),
            MetaValue("list<string>", ("cat", "a bird", "a long word")),
            '["cat",[-"dog",-]"a bird","a long word"]',
        ),
        (
            MetaValue("string", "the first sentence. And the second."),
            MetaValue("string", "the first sentence. And the third."),
            '"the first sentence. And the [-second-]{+third+}."',
        ),
    ],
)
def test_meta_values_are_compared_like_texts(known: Value, desired: Value, line: str) -> None:
    told = shown(FieldChange("meta.x", known, desired), 80)

    assert isinstance(told, Edit)
    assert line == told.quote + "".join(piece.marked for piece in told.pieces) + told.quote


def test_a_difference_behind_what_is_shown_of_a_list_comes_into_view() -> None:
    known, desired = (MetaValue("list<int64>", (*range(200), last)) for last in (1, 2))

    told = shown(FieldChange("meta.x", known, desired), 60)

    assert isinstance(told, Edit)
    assert [piece.text for piece in told.pieces if piece.kind != "kept"] == ["1", "2"]
