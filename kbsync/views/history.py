"""Earlier runs, and what the state says of an item: for people and as JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from kbsync.core.fields import Fields, fields_to_plain
from kbsync.core.inert_json import dumps
from kbsync.core.items import Item
from kbsync.core.plan_document import item_to_plain
from kbsync.core.report import OUTCOMES, AttemptRecord, ItemStory, RunSummary
from kbsync.views.escape import one_line
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.report_outline import answer_words, words
from kbsync.views.wording import duration, moment, timestamp, value_text

__all__ = ("attempt_to_plain", "item_json", "item_lines", "item_text", "items_jsonl", "runs_json", "runs_text")

_COLUMNS: Final = ("run", "started", "took", "exit", "changes")


def runs_text(runs: Sequence[RunSummary], *, paint: Paint = PLAIN) -> Iterator[str]:
    """Yield a table of *runs*, in their order, as lines."""
    if not runs:
        yield "No run yet."
        return
    rows = [_COLUMNS, *map(_run_cells, runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield paint.bold(line) if number == 0 else line


def runs_json(runs: Iterable[RunSummary]) -> bytes:
    """Return `{"runs": […]}`; `exit` and `finished_at` are null where they are not known."""
    return dumps({"runs": [_run_to_plain(run) for run in runs]}) + b"\n"


def item_text(story: ItemStory, *, paint: Paint = PLAIN, width: int = 100) -> Iterator[str]:
    """Yield what is known of one item as lines."""
    yield paint.bold(one_line(str(story.item), 200))
    if not story.fields and not story.doubts and not story.attempts:
        yield "  nothing is known of it"
    for field, value in sorted(story.fields.items()):
        yield f"  {one_line(field, 60)}  {value_text(value, width)}"
    for operation in story.doubts:
        yield paint.yellow(f"  in doubt: {one_line(operation, 80)} got no answer; it may have been applied or not")
    for attempt in story.attempts:
        yield f"  {_attempt(attempt, width)}"


def item_json(story: ItemStory) -> bytes:
    """Return what is known of one item as a JSON object."""
    plain = {
        "item": item_to_plain(story.item),
        "known": fields_to_plain(story.fields),
        "in_doubt": list(story.doubts),
        "attempts": [attempt_to_plain(attempt) for attempt in story.attempts],
    }
    return dumps(plain) + b"\n"


def item_lines(items: Iterable[tuple[Item, Fields]], *, width: int = 60) -> Iterator[str]:
    """Yield a line for each of *items* with its known fields."""
    for item, fields in items:
        known = "  ".join(f"{one_line(name, 60)} {value_text(value, width)}" for name, value in sorted(fields.items()))
        yield f"{one_line(str(item), 200)}  {known}".rstrip()


def items_jsonl(items: Iterable[tuple[Item, Fields]]) -> Iterator[bytes]:
    """Yield a JSON line for each of *items*: `item` and `known`."""
    for item, fields in items:
        yield dumps({"item": item_to_plain(item), "known": fields_to_plain(fields)}) + b"\n"


def attempt_to_plain(attempt: AttemptRecord) -> dict[str, Any]:
    """Return the JSON form of *attempt*."""
    answer = attempt.answer
    return {
        "run_id": attempt.run_id,
        "operation": attempt.operation,
        "number": attempt.number,
        "at": timestamp(attempt.at_s),
        "verdict": attempt.verdict or None,
        "doubt": attempt.doubt,
        "http_status": answer.http_status,
        "code": answer.code,
        "message": answer.message,
        "log_id": answer.log_id,
    }


def _run_cells(run: RunSummary) -> tuple[str, ...]:
    took = "" if run.finished_at_s is None else duration(run.finished_at_s - run.started_at_s)
    name = "unfinished" if run.exit is None else f"{run.exit.value} {run.exit.name.lower()}"
    return one_line(run.run_id, 80), moment(run.started_at_s), took, name, _changes(run)


def _changes(run: RunSummary) -> str:
    return f"{_outcomes(run.totals)} (pruned)" if run.pruned else _outcomes(run.totals)


def _outcomes(totals: Mapping[str, int]) -> str:
    counted = ", ".join(f"{totals[outcome]:,} {words(outcome)}" for outcome in OUTCOMES if totals.get(outcome))
    return counted or "none"


def _run_to_plain(run: RunSummary) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "plan_id": run.plan_id,
        "started_at": timestamp(run.started_at_s),
        "finished_at": None if run.finished_at_s is None else timestamp(run.finished_at_s),
        "exit": None if run.exit is None else {"code": run.exit.value, "name": run.exit.name.lower()},
        "totals": dict(run.totals),
        "pruned": run.pruned,
    }


def _attempt(attempt: AttemptRecord, width: int) -> str:
    ended = attempt.verdict or "no answer yet"
    told = "".join(f", {word} {one_line(text, width)}" for word, text in answer_words(attempt.answer))
    return (
        f"{moment(attempt.at_s)}  run {one_line(attempt.run_id, 80)}  {one_line(attempt.operation, 80)}"
        f"  attempt {attempt.number}: {one_line(ended, 60)}{' (in doubt)' if attempt.doubt else ''}{told}"
    )
