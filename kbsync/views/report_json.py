"""A report for programs: format `kbsync.report/1`, as one JSON document or as JSON Lines.

JSON Lines has the same members. Its first line is the document without `items`; each line after it is one element of
`items`. Both are written piece by piece, however many changes there are.
"""

from collections.abc import Iterator
from typing import Any, cast

import orjson

from kbsync.core.inert_json import dumps
from kbsync.core.plan_document import guard_to_plain, item_to_plain, source_to_plain
from kbsync.core.report import REPORT_FORMAT, Report, ReportRow, is_balanced
from kbsync.views.verification_json import finding_to_plain, flap_to_plain, verification_to_plain
from kbsync.views.wording import timestamp

__all__ = ("report_json", "report_jsonl")


def report_json(report: Report) -> Iterator[bytes]:
    """Yield *report* as one JSON document, each change on a line of its own."""
    yield _dumps(_run(report))[:-1]
    separator = b',\n"items":[\n'
    for row in report:
        yield separator + _dumps(_row(row, report))
        separator = b",\n"
    yield b"]}\n" if separator == b",\n" else b',\n"items":[]}\n'


def report_jsonl(report: Report) -> Iterator[bytes]:
    """Yield *report* as JSON Lines: the run, then its changes."""
    yield _dumps(_run(report)) + b"\n"
    for row in report:
        yield _dumps(_row(row, report)) + b"\n"


def _run(report: Report) -> dict[str, Any]:
    facts, totals, code = report.facts, report.totals, report.exit
    return {
        "format": REPORT_FORMAT,
        "run_id": facts.run_id,
        "plan_id": facts.plan_id,
        "kbsync": facts.kbsync,
        "exit": {"code": code.value, "name": code.name.lower()},
        "started_at": timestamp(facts.started_at_s),
        "finished_at": None if facts.finished_at_s is None else timestamp(facts.finished_at_s),
        "totals": totals,
        "balanced": is_balanced(totals),
        "reads": facts.reads,
        "stopped": dict(facts.stopped),
        "guards": [guard_to_plain(guard) for guard in facts.guards],
        "allow_reason": facts.allow_reason,
        "released": [item_to_plain(item) for item in facts.released],
        **({} if facts.verification is None else {"verification": verification_to_plain(facts.verification)}),
        **({"flapping": len(facts.flapping)} if facts.flapping else {}),
    }


def _row(row: ReportRow, report: Report) -> dict[str, Any]:
    change, settlement = row.change, row.settlement
    finding, flap = report.finding(row), report.facts.flapping.get(settlement.seq)
    answer = settlement.answer
    return {
        "item": item_to_plain(change.item),
        "operation": change.operation,
        "cause": change.reason,
        "outcome": settlement.outcome,
        "reason": settlement.reason,
        "attempts": settlement.attempts,
        "http_status": answer.http_status,
        "code": answer.code,
        "message": answer.message,
        "log_id": answer.log_id,
        "duration_ms": round(settlement.duration_ms, 3),
        "source": source_to_plain(change.source),
        **({} if finding is None else {"verification": finding_to_plain(change, finding)}),
        **({} if flap is None else {"flapping": flap_to_plain(flap)}),
    }


def _dumps(plain: dict[str, Any]) -> bytes:
    """Return *plain* as JSON, with what JSON cannot carry, halves of surrogate pairs and giant numbers, as text."""
    try:
        return dumps(plain)
    except orjson.JSONEncodeError:
        return dumps(_carried(plain))


def _carried(plain: Any) -> Any:
    match plain:
        case str():
            return plain.encode("utf-8", "backslashreplace").decode()
        case int() if plain.bit_length() > 63:
            return str(plain)
        case dict():
            return {_carried(key): _carried(value) for key, value in cast("dict[str, Any]", plain).items()}
        case list():
            return [_carried(value) for value in cast("Any", plain)]
        case _:
            return plain
