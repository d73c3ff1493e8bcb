import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import Fields, MetaValue, UpdateRule
from kbsync.core.inert import CHARACTERS
from kbsync.core.lint import LINT_RULES, ItemLint, are_quiet, are_quiet_captions
from kbsync.core.lint.placeholders import is_placeholder

ALL = frozenset(rule.id for rule in LINT_RULES)


def found(fields: Fields, *enabled: str) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the path and id of what the *enabled* lints, or all, find in one item."""
    return [(finding.path, finding.rule) for finding in ItemLint(enabled or ALL).look(fields)]


def message(fields: Fields) -> str:
    """Return the message of the only finding."""
    (finding,) = ItemLint(ALL).look(fields)
    return finding.message


# ------------------------------------------------------------------------------------------------------ placeholders
@pytest.mark.parametrize(
    "caption",
    [
        *("TODO", "todo", "Tbd.", "[caption]", "(N/A)", "xxx", "Untitled", "no description", "FIXME: who is this?"),
        *("待补充", "【图片】", "暂无描述。", "...", "？？？", "-", "{{ caption }}", "${title}", "<image>", "{% x %}"),
        *("IMG_2024.JPG", "小猫.png", "a.b.jpeg", "scan-1.tiff", "Lorem ipsum dolor sit amet, consectetur adipiscing"),
    ],
)
def test_a_placeholder_is_found(caption: str) -> None:
    assert found({"caption": caption}) == [(("caption",), "placeholder-caption")]


@pytest.mark.parametrize(
    "caption",
    [
        *("小猫", "A cat", "todo el mundo", "Test of a rocket", "图片里有一只猫", "无人机", "🐱", "42", "x > y"),
        *("A page of image.png files", "Todos", "the diagram of <b>", "https://a.cn/b.png", "See report.pdf"),
    ],
)
def test_a_caption_that_says_something_is_no_placeholder(caption: str) -> None:
    assert found({"caption": caption}) == []


def test_a_name_may_be_what_would_be_a_placeholder_for_a_caption() -> None:
    assert found({"name": "test", "meta.a": MetaValue("string", "TODO")}) == []


_PIECES = st.sampled_from(
    [
        "TODO",
        "todo",
        ":",
        "图片",
        "无",
        " ",
        "。",
        "{{",
        "}}",
        "<",
        ">",
        ".png",
        ".JPEG",
        "a",
        "Lorem ipsum",
        "x" * 30,
        "f",
        "é",
    ]
)


@given(st.lists(_PIECES, min_size=1).map("".join))
def test_what_is_a_placeholder_is_found_whatever_it_begins_and_ends_with(caption: str) -> None:
    expected = [(("caption",), "placeholder-caption")] if caption.strip() and is_placeholder(caption) else []

    assert found({"caption": caption}, "placeholder-caption") == expected


# ---------------------------------------------------------------------------------------------- white space and blanks
def test_an_empty_caption_is_found_where_it_is_allowed() -> None:
    assert found({"caption": ""}) == [(("caption",), "empty-caption")]
    assert found({"name": "", "meta.a": MetaValue("string", "")}) == []


@pytest.mark.parametrize("text", [" ", "\n\t", "\u3000", "\u200b", "\u200b \u2060", "\u3164", "\u115f"])
def test_a_text_that_cannot_be_seen_is_found(text: str) -> None:
    assert found({"caption": text}) == [(("caption",), "blank-text")]
    assert found({"name": text}) == [(("name",), "blank-text")]
    assert found({"meta.a": MetaValue("string", text)}) == [(("meta", "a"), "blank-text")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("猫 ", "the caption ends with a space"),
        ("\t猫", "the caption begins with a tab"),
        ("猫\n", "the caption ends with a line feed; in YAML, |- in place of | leaves it out"),
        ("\n猫", "the caption begins with a line feed"),
        ("猫\u3000", "the caption ends with U+3000 IDEOGRAPHIC SPACE"),
        ("\xa0猫", "the caption begins with U+00A0 NO-BREAK SPACE"),
    ],
)
def test_white_space_at_an_end_is_named(text: str, said: str) -> None:
    assert message({"caption": text}) == said


def test_white_space_is_found_in_every_text_and_in_field_names() -> None:
    fields: Fields = {"name": "a ", "meta.b": MetaValue("string", " b"), "meta. c": MetaValue("int64", 7)}

    assert found(fields) == [
        (("name",), "surrounding-space"),
        (("meta", "b"), "surrounding-space"),
        (("meta", " c"), "surrounding-space"),
    ]


def test_values_without_text_are_passed_over() -> None:
    fields: Fields = {
        "update_rule": UpdateRule(1, 24),
        "meta.a": MetaValue("int64", 1),
        "meta.b": MetaValue("int64", 7),
    }

    assert found(fields) == []


def test_every_character_that_is_not_seen_is_known_as_one() -> None:
    def odd(character: str) -> bool:
        return bool(CHARACTERS.match(character)) or character.isspace()

    text_of = ItemLint({"blank-text"}).look
    wrong = [code for code in range(0x110000) if odd(chr(code)) != bool(text_of({"name": chr(code)}))]

    assert wrong == []


_TEXTS = st.text(st.sampled_from("a猫 \t\n\u3000\u200b\u202e"), max_size=6)


@given(_TEXTS)
def test_a_text_is_blank_or_padded_as_it_looks(text: str) -> None:
    seen = CHARACTERS.sub("", text).strip()
    expected = set[str]()
    if text and not seen:
        expected = {"blank-text"}
    elif text != text.strip():
        expected = {"surrounding-space"}

    assert {rule for _, rule in found({"name": text})} == expected


# ---------------------------------------------------------------------------------------------------------- meta names
def test_a_field_name_that_is_not_ascii_is_told_once() -> None:
    lint = ItemLint({"non-ascii-field-name"})
    fields: Fields = {"meta.行业": MetaValue("string", "x"), "meta.year": MetaValue("int64", 1)}

    first, second = lint.look(fields), lint.look(fields)

    assert [finding.path for finding in first] == [("meta", "行业")]
    assert list(second) == []


# ------------------------------------------------------------------------------------------------------------ switched
@given(st.lists(_TEXTS | st.sampled_from(["TODO", "a.png", "<b>", "x"]), min_size=1, max_size=4))
def test_texts_that_are_quiet_at_a_glance_have_no_lint(texts: list[str]) -> None:
    seen = [text for text in texts if text]
    if are_quiet(texts):
        assert all(found({"name": text}) == [] for text in seen)
    if are_quiet_captions(seen):
        assert all(found({"caption": text}) == [] for text in seen)


def test_a_long_caption_is_cut_in_the_message() -> None:
    assert len(message({"caption": "TODO: " + "x" * 10_000})) < 100
