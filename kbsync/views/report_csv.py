"""A report as CSV (RFC 4180), one change a line, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from kbsync.core.report import Report, ReportRow
from kbsync.views.escape import csv_cell

__all__ = ("CSV_COLUMNS", "report_csv")

CSV_COLUMNS: Final = (
    "target",
    "container",
    "kind",
    "id",
    "operation",
    "outcome",
    "reason",
    "attempts",
    "http_status",
    "code",
    "message",
    "log_id",
    "duration_ms",
    "file",
    "line",
    "column",
    "finding",
)


def report_csv(report: Report, *, raw: bool = False) -> Iterator[bytes]:
    """Yield *report* line by line, the column names first.

    Texts are in quotes, numbers are not. A text that a spreadsheet would take for a formula begins with a quote mark,
    and control characters are visible escapes; with *raw*, texts are as they are.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    yield _taken(buffer)
    for row in report:
        finding = report.finding(row)
        cells = (*_cells(row), "" if finding is None else finding.word)
        writer.writerow([csv_cell(cell, raw=raw) if isinstance(cell, str) else cell for cell in cells])
        yield _taken(buffer)


def _cells(row: ReportRow) -> tuple[str | int | float | None, ...]:
    change, settlement = row.change, row.settlement
    answer = settlement.answer
    return (
        *change.item,
        change.operation,
        settlement.outcome,
        settlement.reason,
        settlement.attempts,
        answer.http_status,
        answer.code,
        answer.message,
        answer.log_id,
        round(settlement.duration_ms, 3),
        *change.source,
    )


def _taken(buffer: io.StringIO) -> bytes:
    """Return what *buffer* holds, and empty it."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")
