"""A plan for people, as lines of text: summary first, then changes by container."""

from collections.abc import Iterator
from itertools import islice

from kbsync.core.plan import FieldChange, Plan
from kbsync.views.escape import one_line, width_of
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.plan_outline import (
    Entry,
    Section,
    change_sections,
    footing,
    forecast,
    guard_hint,
    headline,
    other_sections,
)
from kbsync.views.wording import count, pair_text, place, value_text

__all__ = ("plan_text",)

_OTHERS_SHOWN = 20
_GUARDS_SHOWN = 20


def plan_text(plan: Plan, *, paint: Paint = PLAIN, max_changes_shown: int = 50, width: int = 100) -> Iterator[str]:
    """Yield *plan* as lines without line ends. At most *max_changes_shown* changes are listed, the others counted.

    *width* bounds how much of a value is shown; lines may be wider.
    """
    yield paint.bold(f"Plan: {headline(plan)}.")
    if forecast(plan):
        yield f"Takes {forecast(plan)}."
    yield from _guards(plan, paint)

    left = max_changes_shown
    for section in change_sections(plan):
        if left <= 0:
            break
        yield from _section(section, paint, left, width)
        left -= section.total
    hidden = len(plan.changes) - max(max_changes_shown, 0)
    if hidden > 0:
        yield ""
        yield f"… and {count(hidden, 'more change')}; --format json lists all."

    for section in other_sections(plan):
        yield from _section(section, paint, _OTHERS_SHOWN, width)
        if section.total > _OTHERS_SHOWN:
            yield f"  … and {section.total - _OTHERS_SHOWN:,} more"
    yield ""
    yield paint.dim(one_line(footing(plan), 200))


def _guards(plan: Plan, paint: Paint) -> Iterator[str]:
    refusing = sum(not guard.lifted for guard in plan.guards)
    if refusing:
        yield paint.red(f"Refused by {count(refusing, 'guard')}: nothing is sent.")
    for guard in plan.guards[:_GUARDS_SHOWN]:
        line = f"  ! {one_line(guard.guard, 40)}: {one_line(guard.message, 300)}; {one_line(guard_hint(guard), 120)}"
        yield paint.yellow(line) if guard.lifted else paint.red(line)
    if len(plan.guards) > _GUARDS_SHOWN:
        yield f"  … and {count(len(plan.guards) - _GUARDS_SHOWN, 'more guard')}"


def _section(section: Section, paint: Paint, limit: int, width: int) -> Iterator[str]:
    name = " / ".join(one_line(step, 80) for step in section.path) or section.title
    yield ""
    yield f"{paint.bold(name)}  {paint.dim(one_line(section.hint, 160))}"
    for entry in islice(section.entries, limit):
        yield from _entry(entry, paint, width, whole_path=not section.path)


def _entry(entry: Entry, paint: Paint, width: int, *, whole_path: bool) -> Iterator[str]:
    colour = {"+": paint.green, "~": paint.yellow, "?": paint.yellow}.get(entry.mark, paint.dim)
    name = str(entry.item) if whole_path else f"{entry.item.kind} {entry.item.id}"
    source = f"  {paint.dim(place(entry.source))}" if entry.source else ""
    note = f"  {one_line(entry.note, 200)}" if entry.note else ""
    yield f"  {colour(entry.mark)} {one_line(name, 160)}{source}{note}"

    names = [one_line(field.field, 60) for field in entry.fields]
    margin = min(max(map(width_of, names), default=0), 30)
    for name, field in zip(names, entry.fields, strict=True):
        yield f"      {name}{' ' * (margin - width_of(name))}  {_values(field, paint, width)}"


def _values(field: FieldChange, paint: Paint, width: int) -> str:
    if field.known is None:
        return f"{paint.dim('(new)')} → {paint.green(value_text(field.desired, width))}"
    if not field.differs:
        return paint.dim(f"{value_text(field.desired, width)} (sent along)")
    known, desired = pair_text(field.known, field.desired, width)
    return f"{paint.red(known)} → {paint.green(desired)}"
