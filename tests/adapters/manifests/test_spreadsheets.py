"""CSV as spreadsheets write it is read, and what they destroyed is told."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.manifest import Desired
from tests.adapters.manifests.words import one, read, told

COLUMNS = ["target", "shelf", "kind", "id", "caption", "name", "protect"]
HEAD = "target,shelf,kind,id,caption,protect"


def table(*captions: str, delimiter: str = ",", end: str = "\r\n", quoting: Any = csv.QUOTE_MINIMAL) -> str:
    """Return a file in which the caption of image N is the Nth."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(COLUMNS)
    writer.writerows(["gallery", "1", "image", n, caption, "", ""] for n, caption in enumerate(captions, start=1))
    return text.getvalue()


def captions(items: list[Desired]) -> list[object]:
    return [item.fields["caption"] for item in items]


def refusal(folder: Path, text: str | bytes) -> tuple[str, str]:
    """Return the only problem of a file, as its place and rule, and its message."""
    _, (problem,) = read(folder, {"m.csv": text})
    return told([problem])[0], problem.message


# -------------------------------------------------------------------------------------------------------- delimiters
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("first", ["", "sep=", '"sep="'])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_stands_between_columns_is_found(tmp_path: Path, delimiter: str, first: str, end: str) -> None:
    said = ["a", "b, c", "d; e", "f\tg", "h | i", 'says "no"']
    head = first.replace("=", f"={delimiter}") + end if first else ""

    items, problems = one(tmp_path, "\ufeff" + head + table(*said, delimiter=delimiter, end=end), "csv")

    assert problems == []
    assert captions(items) == said


def test_what_stands_in_quotation_marks_parts_no_columns(tmp_path: Path) -> None:
    text = 'target,room,kind,id,"meta.a;b;c;d;e;f"\nlibrary,r,book,1,x\n'

    items, problems = one(tmp_path, text, "csv")

    assert problems == []
    assert list(items[0].fields) == ["meta.a;b;c;d;e;f"]


def test_a_line_that_says_what_parts_columns_moves_every_place(tmp_path: Path) -> None:
    _, problems = one(tmp_path, "sep=;\r\ntarget;shelf;kind;id;captoin\r\ngallery;1;image;x;a\r\n", "csv")

    assert problems == ["2:22 unknown-key", "3:17 bad-id"]


def test_a_line_that_says_something_else_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path, "sep=:\ntarget:shelf\n")[0] == "1:1 syntax"


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), max_size=4))
def test_whatever_a_spreadsheet_writes_is_read(said: list[str]) -> None:
    said = [text for text in said if text != "#NAME?"]
    for delimiter in ",;\t|":
        with tempfile.TemporaryDirectory() as folder:
            items, problems = one(Path(folder), "\ufeff" + table(*said, delimiter=delimiter), "csv")

        assert problems == []
        assert captions(items) == said


# ------------------------------------------------------------------------------------------------------- line breaks
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_in_a_cell_is_a_line_feed_whatever_ends_the_rows(tmp_path: Path, end: str) -> None:
    text = f'{HEAD}{end}gallery,1,image,1,"one{end}two",{end}gallery,1,image,x,b,{end}'

    items, problems = one(tmp_path, text, "csv")

    assert captions(items) == ["one\ntwo"]
    assert problems == ["4:17 bad-id"]


def test_a_carriage_return_alone_stays_a_control_character(tmp_path: Path) -> None:
    _, problems = one(tmp_path, f'{HEAD}\ngallery,1,image,1,"one\rtwo",\n', "csv")

    assert problems == ["2:19 control-character"]


# --------------------------------------------------------------------------------------------------- rows and columns
@pytest.mark.parametrize(
    "rows",
    [
        "gallery,1,image,1,a\r\n",
        "gallery,1,image,1,a,\r\n,,,,,\r\n\r\n",
        "gallery,1,image,1,a,,,,\r\n",
        "\r\n,,,,,,,,,\r\ngallery,1,image,1,a,",
    ],
)
def test_empty_cells_at_the_end_and_empty_rows_mean_nothing(tmp_path: Path, rows: str) -> None:
    items, problems = one(tmp_path, f"{HEAD}\r\n{rows}", "csv")

    assert problems == []
    assert captions(items) == ["a"]


def test_a_column_without_a_name_may_be_empty_and_nothing_else(tmp_path: Path) -> None:
    text = "target,,shelf,kind,id,caption,,\ngallery,,1,image,1,a,,\ngallery,!,1,image,2,b,,?\n"

    items, problems = one(tmp_path, text, "csv")

    assert captions(items) == ["a"]
    assert problems == ["3:9 syntax", "3:24 syntax"]


def test_a_cell_beyond_the_last_column_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path, f"{HEAD}\ngallery,1,image,1,a,,,b\n")[0] == "2:23 syntax"


def test_a_file_that_was_cut_inside_a_row_is_told(tmp_path: Path) -> None:
    place, message = refusal(tmp_path, f"{HEAD}\ngallery,1,image,1,a small ca")

    assert place == "2:1 syntax"
    assert "the file ends inside this row" in message


# ------------------------------------------------------------------------------------------------------------- cells
FORMULAS = ["=1+1", "+49 30 1234", "-3", "@x", '=HYPERLINK("https://x","y")', "'=1", "=", "TRUE", "1E+05", "007", " a"]


def test_what_looks_like_a_formula_is_text_as_written(tmp_path: Path) -> None:
    items, problems = one(tmp_path, table(*FORMULAS), "csv")

    assert problems == []
    assert captions(items) == FORMULAS


def test_truth_values_may_have_the_capitals_of_spreadsheets(tmp_path: Path) -> None:
    text = (
        "target,shelf,room,kind,id,caption,protect,allow_empty\n"
        "gallery,1,,image,1,a,TRUE,FALSE\ngallery,1,,image,2,,FALSE,TRUE\n"
    )

    items, problems = one(tmp_path, text, "csv")

    assert problems == []
    assert [(item.protect, item.fields) for item in items] == [(True, {"caption": "a"}), (False, {"caption": ""})]


@pytest.mark.parametrize("id_", ["7.44667E+17", "7,44667E+17", "7E+17", "1.23E+115"])
@pytest.mark.parametrize("column", [1, 3])
def test_an_id_with_an_exponent_is_told_for_what_it_is(tmp_path: Path, column: int, id_: str) -> None:
    cells = ["gallery", "1", "image", "1", "a"]
    cells[column] = id_

    place, message = refusal(tmp_path, "target;shelf;kind;id;caption\n" + ";".join(cells) + "\n")

    assert place == f"2:{len(';'.join(cells[:column])) + 2} bad-id"
    assert "a spreadsheet made a rounded number of this id" in message


@pytest.mark.parametrize("error", ["#NAME?", "#REF!", "#VALUE!", "#N/A", "#DIV/0!"])
def test_an_error_of_a_spreadsheet_is_no_caption(tmp_path: Path, error: str) -> None:
    place, message = refusal(tmp_path, table("a", error))

    assert place == "3:19 spreadsheet-error"
    assert error in message


def test_an_error_of_a_spreadsheet_can_be_meant(tmp_path: Path) -> None:
    items, problems = read(tmp_path, {"m.csv": table("#NAME?", "#1")}, allow=frozenset({"spreadsheet-error"}))

    assert problems == []
    assert captions(items) == ["#NAME?", "#1"]


def ids(*numbers: str) -> str:
    return f"{HEAD}\n" + "".join(f"gallery,1,image,{id_},a,\n" for id_ in numbers)


def test_ids_of_which_fifteen_digits_are_left_are_told_once(tmp_path: Path) -> None:
    text = ids("7", *(f"74466708052190{n}000" for n in range(1, 9)))

    place, message = refusal(tmp_path, text)

    assert place == "3:17 rounded-id"
    assert message.startswith("8 of 9 ids have only zeros after their 15th digit")


@pytest.mark.parametrize(
    "numbers",
    [
        ["744667080521909000"],
        ["744667080521909000", "74466708052190900", "1000", "7446670805219100000000001"],
        [f"74466708052190{n:04}" for n in range(990, 2_010)],
    ],
    ids=["one alone", "one and shorter ones", "as many as chance leaves"],
)
def test_ids_that_end_in_zeros_by_themselves_are_fine(tmp_path: Path, numbers: list[str]) -> None:
    items, problems = one(tmp_path, ids(*numbers), "csv")

    assert problems == []
    assert len(items) == len(numbers)


def test_rounded_ids_can_be_right(tmp_path: Path) -> None:
    text = ids("744667080521909000", "744667080521908000")

    _, problems = read(tmp_path, {"m.csv": text}, allow=frozenset({"rounded-id"}))

    assert problems == []


# --------------------------------------------------------------------------------------------------------- encodings
CHINESE = table("鸟类名录", "一只小狗在草地上奔跑，背景是蓝天", "𠀀字头")


def test_gb18030_is_named_with_what_to_do(tmp_path: Path) -> None:
    place, message = refusal(tmp_path, CHINESE.encode("gb18030"))

    assert place == "2:19 gb18030"
    assert "it looks like GB18030" in message
    assert "save it as CSV UTF-8" in message
    assert "--allow gb18030" in message


def test_gb18030_is_read_where_that_is_allowed(tmp_path: Path) -> None:
    items, problems = read(tmp_path, {"m.csv": CHINESE.encode("gb18030")}, allow=frozenset({"gb18030"}))

    assert problems == []
    assert captions(items) == ["鸟类名录", "一只小狗在草地上奔跑，背景是蓝天", "𠀀字头"]


def test_utf8_stays_utf8_where_gb18030_is_allowed(tmp_path: Path) -> None:
    items, problems = read(tmp_path, {"m.csv": CHINESE}, allow=frozenset({"gb18030"}))

    assert problems == []
    assert captions(items)[0] == "鸟类名录"


# As GB18030 these bytes are 小猫, and they are valid UTF-8.
TWOFOLD = table("小猫").encode("gb18030")


def test_a_few_words_that_would_be_nonsense_in_utf8_are_told(tmp_path: Path) -> None:
    place, message = refusal(tmp_path, TWOFOLD)

    assert place == "2:19 gb18030"
    assert "this would be `Сè`, and is perhaps `小猫`" in message


def test_a_few_words_are_read_as_gb18030_where_that_is_allowed(tmp_path: Path) -> None:
    items, problems = read(tmp_path, {"m.csv": TWOFOLD}, allow=frozenset({"gb18030"}))

    assert problems == []
    assert captions(items) == ["小猫"]


@pytest.mark.parametrize("said", ["Сè", "für Köln", "мама", "façade ößü", "°С µм", "λόγος"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_utf8_is_not_doubted_without_need(tmp_path: Path, said: str, mark: str) -> None:
    _, problems = one(tmp_path, mark + table(said, "" if mark else "для"), "csv")

    assert "2:19 gb18030" not in problems


def test_what_is_wrong_in_gb18030_has_its_place(tmp_path: Path) -> None:
    text = f"{HEAD}\r\ngallery,1,image,1,小猫,真\r\ngallery,1,image,2,a,,x{'pat_' + 'x1' * 20}\r\n"

    _, problems = read(tmp_path, {"m.csv": text.encode("gb18030")}, allow=frozenset({"gb18030"}))

    assert told(problems) == ["2:22 wrong-type", "3:22 syntax"]


def test_a_credential_behind_chinese_has_its_place_in_gb18030(tmp_path: Path) -> None:
    text = f"{HEAD}\r\ngallery,1,image,1,小猫 pat_{'x1' * 20},\r\n"

    _, problems = read(tmp_path, {"m.csv": text.encode("gb18030")}, allow=frozenset({"gb18030"}))

    assert told(problems) == ["2:22 secret-in-manifest"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "utf-8"])
def test_what_is_neither_is_not_called_gb18030(tmp_path: Path, encoding: str) -> None:
    words = {"shift_jis": "ねこ", "utf-8": "猫"}
    text = table(words.get(encoding, "Zürich, Köln, für, señor, façade"))
    data = text.encode(encoding) + (b"\xff" if encoding == "utf-8" else b"")

    assert refusal(tmp_path, data)[0].endswith(" not-utf8")


def test_nothing_but_gb18030_is_read_where_it_is_allowed(tmp_path: Path) -> None:
    _, problems = read(tmp_path, {"m.csv": table("caf\xe9").encode("latin-1")}, allow=frozenset({"gb18030"}))

    assert told(problems) == ["2:22 not-utf8"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_text_is_named(tmp_path: Path, encoding: str) -> None:
    place, message = refusal(tmp_path, table("小猫", delimiter="\t").encode(encoding))

    assert place == "1:1 not-utf8"
    assert "Unicode Text" in message
