"""Every form that a report can take, by the ending of its file."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from kbsync.core.report import Report
from kbsync.views.report_csv import report_csv
from kbsync.views.report_json import report_json, report_jsonl
from kbsync.views.report_markdown import report_markdown

__all__ = ("REPORT_FORMATS", "render_report")

REPORT_FORMATS: Final[Mapping[str, Callable[[Report], Iterator[bytes]]]] = {
    "json": report_json,
    "jsonl": report_jsonl,
    "md": report_markdown,
    "csv": report_csv,
}


def render_report(report: Report, form: str) -> Iterator[bytes]:
    """Yield *report* in the form of that name, a key of `REPORT_FORMATS`, piece by piece in UTF-8."""
    return REPORT_FORMATS[form](report)
