"""All there is about one item, for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from kbsync.core.plan import Change
from kbsync.core.report import AttemptRecord, Fate, ItemStory
from kbsync.core.why import Commit, Origin, Why
from kbsync.core.wire import Answer
from kbsync.views.escape import one_line, width_of
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.plan_outline import MARKS
from kbsync.views.plan_text import field_lines
from kbsync.views.report_outline import answer_words, words
from kbsync.views.wording import count, moment, place, value_text

__all__ = ("why_text",)

_COMMITS_SHOWN: Final = 5
_MARGIN: Final = 30
_ID_SHOWN: Final = 10


def why_text(told: Why, *, paint: Paint = PLAIN, width: int = 100) -> Iterator[str]:
    """Yield *told* as lines: what follows for the next apply first, then from the manifest to the last attempts."""
    yield paint.bold(one_line(str(told.item), 200))
    yield f"  {_verdict(told)}"
    yield from _declared(told, paint, width)
    yield from _known(told.story, paint, width)
    yield from _difference(told, paint, width)
    yield from _history(told.story, paint, width)


def _verdict(told: Why) -> str:
    """Say in a sentence what the next apply of the whole manifest makes of the item."""
    story = told.story
    if told.desired is None:
        if story.doubts:
            return "No manifest declares it; it is in doubt, and stays managed until that ends."
        if story.fields:
            return "No manifest declares it: the next apply of the whole manifest releases it."
        return "No manifest declares it, and nothing is known of it any more."
    if told.changes:
        return f"The next apply sends {count(len(told.changes), 'change')} of it."
    if told.skipped:
        return "It differs and is protected: nothing is sent."
    if not told.desired.fields:
        return "All of its fields are ignored: nothing is compared."
    return "In sync: what is declared is what was last confirmed."


def _declared(told: Why, paint: Paint, width: int) -> Iterator[str]:
    if told.desired is None:
        return
    yield ""
    yield f"{paint.bold('Declared')}  {paint.dim(place(told.desired.source))}"
    rows = [(name, value_text(value, width)) for name, value in sorted(told.desired.fields.items())]
    yield from _rows(rows)
    if told.desired.protect:
        yield paint.yellow("  protected: it is compared and never sent")
    if told.desired.ignored:
        names = ", ".join(one_line(name, 60) for name in sorted(told.desired.ignored))
        yield f"  ignored: {names}"
    if told.origin is not None:
        yield from _origin(told.origin, paint, width)


def _origin(origin: Origin, paint: Paint, width: int) -> Iterator[str]:
    if origin.remark:
        yield paint.dim(f"  git: {one_line(origin.remark, 400)}")
    for commit in origin.commits[:_COMMITS_SHOWN]:
        yield f"  {_commit(commit, width)}"
    if len(origin.commits) > _COMMITS_SHOWN:
        yield f"  … and {count(len(origin.commits) - _COMMITS_SHOWN, 'earlier commit')}"


def _commit(commit: Commit, width: int) -> str:
    older = " or an earlier one, which this shallow clone does not have" if commit.is_oldest else ""
    told = f"{one_line(commit.author, 60)}: {one_line(commit.subject, width)}"
    return f"commit {one_line(commit.id, 80)[:_ID_SHOWN]}{older}  {moment(commit.at_s)}  {told}"


def _known(story: ItemStory, paint: Paint, width: int) -> Iterator[str]:
    yield ""
    yield paint.bold("Known")
    if not story.fields:
        yield "  nothing"
    rows: list[tuple[str, str]] = []
    for name, value in sorted(story.fields.items()):
        fate = story.confirmed(name)
        since = "" if fate is None else f"  confirmed {moment(fate.at_s)} by run {one_line(fate.run_id, 80)}"
        rows.append((name, f"{value_text(value, width)}{paint.dim(since)}"))
    yield from _rows(rows)
    for operation in story.doubts:
        yield paint.yellow(f"  in doubt: {one_line(operation, 80)} got no answer; it may have been applied or not")


def _difference(told: Why, paint: Paint, width: int) -> Iterator[str]:
    changes = (*told.changes, *(skip.change for skip in told.skipped))
    if not changes and not told.unmanaged:
        return
    yield ""
    yield paint.bold("Difference")
    for change in changes:
        yield from _change(change, told.held_until_s or {}, paint, width)
    if told.unmanaged:
        names = ", ".join(one_line(name, 60) for name in told.unmanaged)
        yield f"  - no longer declared, and forgotten by the next apply: {names}"


def _change(change: Change, held_until_s: Mapping[str, float], paint: Paint, width: int) -> Iterator[str]:
    yield f"  {MARKS[change.reason]} {one_line(change.operation, 80)}"
    yield from field_lines(change.fields, paint, width)
    if change.operation in held_until_s:
        until = moment(held_until_s[change.operation])
        yield paint.yellow(f"      held until {until}: an earlier value may still arrive")


def _history(story: ItemStory, paint: Paint, width: int) -> Iterator[str]:
    if not story.fates:
        return
    yield ""
    yield f"{paint.bold('Last changes')}  {paint.dim('newest first')}"
    for fate in story.fates:
        yield f"  {_fate(fate, width)}"
        for attempt in story.attempts:
            if (attempt.run_id, attempt.operation) == (fate.run_id, fate.operation):
                yield paint.dim(f"      {_attempt(attempt, width)}")


def _fate(fate: Fate, width: int) -> str:
    why = f" ({one_line(fate.why, width)})" if fate.why else ""
    run, operation = one_line(fate.run_id, 80), one_line(fate.operation, 80)
    return f"{moment(fate.at_s)}  run {run}  {operation}: {words(fate.outcome)}{why}"


def _attempt(attempt: AttemptRecord, width: int) -> str:
    ended = one_line(attempt.verdict, 60) or "no answer yet"
    doubt = ", in doubt" if attempt.doubt else ""
    return f"attempt {attempt.number}  {moment(attempt.at_s)}  {ended}{doubt}{_answer(attempt.answer, width)}"


def _answer(answer: Answer, width: int) -> str:
    return "".join(f", {word} {one_line(text, width)}" for word, text in answer_words(answer))


def _rows(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield names, made visible, and texts beside each other."""
    names = [one_line(name, 60) for name, _ in rows]
    margin = min(max(map(width_of, names), default=0), _MARGIN)
    for name, (_, text) in zip(names, rows, strict=True):
        yield f"  {name}{' ' * (margin - width_of(name))}  {text}"
