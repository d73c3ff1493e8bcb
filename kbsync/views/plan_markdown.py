"""A plan for a pull request: Markdown that fits one comment, whatever the plan's size."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from kbsync.core.plan import FieldChange, Plan
from kbsync.views.escape import code_span, prose
from kbsync.views.page import MAX_COMMENT_CHARACTERS, Page, length
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

__all__ = ("PLAN_MARKER", "plan_markdown")

PLAN_MARKER: Final = "<!-- kbsync plan -->"
_OTHERS_SHOWN: Final = 20
_GUARDS_SHOWN: Final = 20
_VALUE_WIDTH: Final = 160
_NOTE_CHARACTERS: Final = 300


def plan_markdown(plan: Plan, *, max_characters: int = MAX_COMMENT_CHARACTERS) -> str:
    """Return *plan* as Markdown of at most *max_characters*, not fewer than 10,000.

    It begins with a hidden marker, by which a later plan's comment can take this one's place. What does not fit is
    counted.
    """
    tail = Page(max_characters // 3)
    for section in other_sections(plan):
        shown = _add_section(tail, section, _OTHERS_SHOWN)
        if shown < section.total:
            tail.add(f"- … and {section.total - shown:,} more\n")
    tail.add(f"\n{prose(footing(plan))}\n")

    page = Page(max_characters - length(tail.text()))
    for line in _head(plan):
        page.add(f"{line}\n", reserve=_NOTE_CHARACTERS)
    left = len(plan.changes)
    for section in change_sections(plan):
        shown = _add_section(page, section, section.total)
        left -= shown
        if shown < section.total:
            break
    if left:
        more = count(left, "more change")
        page.add(f"\n… and {more}, left out here for want of space: `kbsync plan --format json` lists all.\n")
    return page.text() + tail.text()


def _add_section(page: Page, section: Section, limit: int) -> int:
    """Append as many entries of *section* as fit, *limit* at most; return how many."""
    heading = " / ".join(code_span(step, 80) for step in section.path) or section.title
    if not page.add(f"\n#### {heading}\n\n{prose(section.hint, 160)}\n\n", reserve=_NOTE_CHARACTERS):
        return 0
    shown = 0
    for entry in islice(section.entries, limit):
        if not page.add("".join(_entry(entry, whole_path=not section.path)), reserve=_NOTE_CHARACTERS):
            break
        shown += 1
    return shown


def _head(plan: Plan) -> Iterable[str]:
    yield PLAN_MARKER
    yield "### kbsync plan"
    yield ""
    yield f"**{headline(plan)}.**"
    if forecast(plan):
        yield f"Takes {forecast(plan)}."
    refusing = sum(not guard.lifted for guard in plan.guards)
    if refusing:
        yield ""
        yield f"**Refused by {count(refusing, 'guard')}: nothing is sent.**"
    if plan.guards:
        yield ""
    for guard in plan.guards[:_GUARDS_SHOWN]:
        yield f"- {code_span(guard.guard, 40)}: {prose(guard.message, 300)}; {prose(guard_hint(guard), 120)}"
    if len(plan.guards) > _GUARDS_SHOWN:
        yield f"- … and {count(len(plan.guards) - _GUARDS_SHOWN, 'more guard')}"


def _entry(entry: Entry, *, whole_path: bool) -> Iterator[str]:
    name = str(entry.item) if whole_path else f"{entry.item.kind} {entry.item.id}"
    source = f" · {code_span(place(entry.source))}" if entry.source else ""
    note = f" · {prose(entry.note, 200)}" if entry.note else ""
    yield f"- `{entry.mark}` {code_span(name, 160)}{source}{note}\n"
    for field in entry.fields:
        yield f"  - {code_span(field.field, 60)}: {_values(field)}\n"


def _values(field: FieldChange) -> str:
    if field.known is None:
        return f"(new) → {_span(value_text(field.desired, _VALUE_WIDTH))}"
    if not field.differs:
        return f"{_span(value_text(field.desired, _VALUE_WIDTH))} (sent along)"
    known, desired = pair_text(field.known, field.desired, _VALUE_WIDTH)
    return f"{_span(known)} → {_span(desired)}"


def _span(text: str) -> str:
    return code_span(text, _VALUE_WIDTH + 40)
