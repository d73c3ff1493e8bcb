import csv
import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from kbsync.core.exits import Exit
from kbsync.core.report import OUTCOMES, Report
from kbsync.views.escape import visible
from kbsync.views.report_csv import CSV_COLUMNS, report_csv
from kbsync.views.report_markdown import REPORT_MARKER, report_markdown
from kbsync.views.reports import REPORT_FORMATS, render_report
from kbsync.views.result_text import result_text
from kbsync.views.schemas import REPORT_LINE_SCHEMA, REPORT_SCHEMA
from tests.views import golden
from tests.views.worlds import READ_BACK, REPORT, WELL, a_report, harmless, hostile_report, inert_markdown, reports

DOCUMENT = Draft202012Validator(REPORT_SCHEMA)
LINE = Draft202012Validator(REPORT_LINE_SCHEMA)


def rendered(report: Report, form: str) -> bytes:
    return b"".join(render_report(report, form))


@pytest.mark.parametrize("form", REPORT_FORMATS)
def test_a_report_in_each_form(form: str) -> None:
    golden.check(f"report.{form}", rendered(REPORT, form).decode())


def test_a_result_as_text() -> None:
    golden.check("result.txt", "\n".join(result_text(REPORT)) + "\n")


def test_a_result_without_trouble_is_short() -> None:
    golden.check("result-well.txt", "\n".join(result_text(WELL)) + "\n")


@pytest.mark.parametrize("form", ["json", "md"])
def test_what_was_read_back_in_each_form(form: str) -> None:
    golden.check(f"report-read-back.{form}", rendered(READ_BACK, form).decode())


def test_what_was_read_back_as_text() -> None:
    golden.check("result-read-back.txt", "\n".join(result_text(READ_BACK)) + "\n")


def test_a_large_result_lists_what_did_not_go_well_and_counts_the_rest() -> None:
    lines = list(result_text(a_report(list(REPORT.rows) * 30)))

    assert sum(line.startswith("  failed ") for line in lines) == 20
    assert sum(line.startswith("  updated ") for line in lines) == 0
    assert lines.count("  … and 10 more, see the report") == 3


def test_of_what_was_not_attempted_few_are_listed() -> None:
    lines = list(result_text(a_report(list(REPORT.rows) * 30)))

    assert sum(line.startswith("  not attempted ") for line in lines) == 3
    assert "  … and 27 more, see the report" in lines


@given(reports())
def test_every_report_matches_its_schema_and_adds_up(report: Report) -> None:
    document = json.loads(rendered(report, "json"))
    DOCUMENT.validate(document)

    totals = document["totals"]
    assert totals["planned"] == sum(totals[outcome] for outcome in OUTCOMES) == len(document["items"])
    assert document["balanced"] is True
    assert document["exit"]["code"] == report.exit


@given(reports())
def test_json_lines_say_what_json_says(report: Report) -> None:
    head, *rows = (json.loads(line) for line in rendered(report, "jsonl").splitlines())
    for line in (head, *rows):
        LINE.validate(line)

    assert {**head, "items": rows} == json.loads(rendered(report, "json"))


@given(reports())
def test_csv_is_read_back_with_the_same_values(report: Report) -> None:
    header, *lines = csv.reader(io.StringIO(rendered(report, "csv").decode(), newline=""))

    assert tuple(header) == CSV_COLUMNS
    assert len(lines) == len(report.rows)
    for row, line in zip(report, lines, strict=True):
        cells = dict(zip(header, line, strict=True))
        for name, text in (("id", row.change.item.id), ("message", row.settlement.answer.message)):
            assert cells[name].replace("'", "") == visible(text).replace("'", "")
        assert cells["outcome"] == row.settlement.outcome
        assert cells["line"] == str(row.change.source.line)


@given(reports())
def test_raw_csv_is_exact(report: Report) -> None:
    text = b"".join(report_csv(report, raw=True)).decode()
    _, *lines = csv.reader(io.StringIO(text, newline=""))

    for row, line in zip(report, lines, strict=True):
        message = row.settlement.answer.message
        assert line[CSV_COLUMNS.index("message")] == message.encode("utf-8", "backslashreplace").decode()


@given(reports())
def test_no_control_character_of_a_report_survives(report: Report) -> None:
    assert harmless(rendered(report, "md").decode())
    assert harmless(rendered(report, "csv").decode(), ends="\r\n")
    for line in result_text(report):
        assert harmless(line, ends="")


@pytest.mark.parametrize("size", [1, 60])
def test_hostile_text_is_inert_in_every_form_of_a_report(size: int) -> None:
    report = hostile_report(size)

    assert harmless(rendered(report, "md").decode())
    assert inert_markdown(rendered(report, "md").decode(), REPORT_MARKER)
    assert harmless(rendered(report, "csv").decode(), ends="\r\n")
    for line in result_text(report):
        assert harmless(line, ends="")
    DOCUMENT.validate(json.loads(rendered(report, "json")))
    for cell in next(csv.reader(io.StringIO(rendered(report, "csv").decode().split("\r\n")[1]))):
        assert not cell.startswith(tuple("=+-@"))


def test_markdown_of_a_report_fits_a_comment() -> None:
    markdown = b"".join(report_markdown(hostile_report(2_000))).decode()

    assert markdown.startswith(REPORT_MARKER + "\n")
    assert len(markdown.encode("utf-16-le")) // 2 <= 65_000
    assert re.search(r"and [\d,]+ more", markdown)


def test_a_report_that_does_not_add_up_says_so_and_is_an_error() -> None:
    report = replace(REPORT, facts=replace(REPORT.facts, planned=6, exits=()))

    assert not report.balanced
    assert report.exit is Exit.ERROR
    assert json.loads(rendered(report, "json"))["balanced"] is False
    assert any("do not add up" in line for line in result_text(report))


def test_a_killed_run_has_no_end() -> None:
    report = replace(REPORT, facts=replace(REPORT.facts, finished_at_s=None))

    assert json.loads(rendered(report, "json"))["finished_at"] is None
    assert any("never finished" in line for line in result_text(report))


def test_a_report_is_rendered_a_line_at_a_time() -> None:
    for form in ("json", "jsonl", "csv"):
        pieces = render_report(a_report(list(REPORT.rows) * 200), form)
        assert max(map(len, pieces)) < 2_000


def test_the_schemas_are_sound() -> None:
    Draft202012Validator.check_schema(REPORT_SCHEMA)
    Draft202012Validator.check_schema(REPORT_LINE_SCHEMA)
