"""A plan for a pull request: Markdown that fits one comment, whatever the plan's size."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from kbsync.core.plan import FieldChange, Plan
from kbsync.views.escape import code_span, prose
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

__all__ = ("MAX_COMMENT_CHARACTERS", "PLAN_MARKER", "plan_markdown")

# GitHub takes 65,536; what posts the comment may add a few words.
MAX_COMMENT_CHARACTERS: Final = 65_000
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
    head = "\n".join(_head(plan))
    tail = _Page(max_characters // 3)
    for section in other_sections(plan):
        tail.add_section(section, _OTHERS_SHOWN)
    tail.add(f"\n{prose(footing(plan))}\n")

    page = _Page(max_characters - _length(head) - _length(tail.text()) - _NOTE_CHARACTERS)
    for section in change_sections(plan):
        page.add_section(section, section.total)
        if page.full:
            break
    note = ""
    if page.entries < len(plan.changes):
        more = count(len(plan.changes) - page.entries, "more change")
        note = f"\n… and {more}, left out here for want of space: `kbsync plan --format json` lists all.\n"
    return head + page.text() + note + tail.text()


class _Page:
    """Text that grows up to a number of characters, counted as UTF-16 does, and then takes nothing more."""

    def __init__(self, max_characters: int) -> None:
        self._left = max_characters
        self._pieces: list[str] = []
        self.entries = 0
        self.full = False

    def add(self, piece: str) -> bool:
        """Append *piece* if it fits whole."""
        length = _length(piece)
        if self.full or length > self._left:
            self.full = True
            return False
        self._left -= length
        self._pieces.append(piece)
        return True

    def add_section(self, section: Section, limit: int) -> None:
        """Append as many entries of *section* as fit, *limit* at most."""
        heading = " / ".join(code_span(step, 80) for step in section.path) or section.title
        self.add(f"\n#### {heading}\n\n{prose(section.hint, 160)}\n\n")
        shown = 0
        for entry in islice(section.entries, limit):
            if not self.add("".join(_entry(entry, whole_path=not section.path))):
                break
            shown += 1
        self.entries += shown
        if shown < section.total and limit < section.total:
            self.add(f"- … and {section.total - shown:,} more\n")

    def text(self) -> str:
        """Return what was taken."""
        return "".join(self._pieces)


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


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
    yield ""


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
