import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.names import PlainName, plain_name, plain_type

texts = st.text(max_size=20) | st.from_regex(r"[a-zA-Z .ＰDF]{0,8}(\.pdf|\.PDF|\.jpeg| \.jpg){0,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.pdf", "A.PDF"),
        ("Ｒｅｐｏｒｔ２０２４.ｐｄｆ", "report2024.pdf"),
        ("ﬁle.pdf", "file.pdf"),
        ("straße.pdf", "STRASSE.pdf"),
        ("e\u0301.pdf", "é.pdf"),
        ("a  b\u3000c.pdf", " a b c.pdf "),
        ("a\u200bb.pdf", "ab.pdf"),
        ("a .pdf", "a.pdf"),
        ("小猫的阳光午睡.pdf.pdf", "小猫的阳光午睡.pdf"),
        ("a.jpeg", "a.jpg"),
        ("a.jpg.jpeg", "a.jpg"),
        ("a.htm", "a.HTML"),
        ("a.markdown", "a.md"),
    ],
)
def test_names_that_differ_in_form_alone_are_one(one: str, other: str) -> None:
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.pdf", "b.pdf"),
        ("a.pdf", "a.docx"),
        ("a.docx.pdf", "a.pdf"),
        ("a b.pdf", "ab.pdf"),
        ("a-b.pdf", "a_b.pdf"),
        ("а.pdf", "a.pdf"),
        ("v1.2", "v1.3"),
        ("报告", "報告"),
    ],
)
def test_other_names_are_not(one: str, other: str) -> None:
    assert plain_name(one) != plain_name(other)


@pytest.mark.parametrize(
    ("name", "stem", "ending"),
    [
        ("a.pdf", "a", "pdf"),
        ("a.docx.pdf", "a.docx", "pdf"),
        ("v1.2", "v1.2", ""),
        ("2024. 年报", "2024. 年报", ""),
        (".pdf", ".pdf", ""),
        ("a.", "a.", ""),
    ],
)
def test_an_ending_is_one_that_files_have(name: str, stem: str, ending: str) -> None:
    assert plain_name(name) == PlainName(stem, ending)


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3000\t"])
def test_of_some_names_nothing_is_left(name: str) -> None:
    assert plain_name(name) is None


@given(texts)
def test_the_plain_form_of_a_plain_form_is_itself(name: str) -> None:
    plain = plain_name(name)
    if plain is not None:
        assert plain_name(f"{plain.stem}.{plain.ending}" if plain.ending else plain.stem) == plain


@pytest.mark.parametrize(
    ("type_", "plain"), [("PDF", "pdf"), (".jpeg", "jpg"), (" jpg ", "jpg"), ("faq.xlsx", "faq.xlsx")]
)
def test_a_type_has_one_word(type_: str, plain: str) -> None:
    assert plain_type(type_) == plain
