"""A plan for a pull request: Markdown that fits one comment, whatever the plan's size."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from kbsync.core.plan import FieldChange, Plan
from kbsync.views.escape import code_span, prose
from kbsync.views.links import linked
from kbsync.views.page import MAX_COMMENT_CHARACTERS, Page, length
from kbsync.views.plan_outline import (
    LARGE_PLAN,
    Bundle,
    Entry,
    Overview,
    Section,
    Told,
    change_sections,
    footing,
    forecast,
    guard_hint,
    headline,
    other_sections,
    overview,
    recognised,
)
from kbsync.views.plan_values import Along, Edit, New, Pair, once_known, shown
from kbsync.views.wording import count

__all__ = ("PLAN_MARKER", "field_span", "plan_markdown")

PLAN_MARKER: Final = "<!-- kbsync plan -->"
_OTHERS_SHOWN: Final = 20
_GUARDS_SHOWN: Final = 20
_BUNDLES_SHOWN: Final = 40
_CONTAINERS_SHOWN: Final = 10
_VALUE_WIDTH: Final = 160
_NOTE_CHARACTERS: Final = 300


def plan_markdown(plan: Plan, *, max_characters: int = MAX_COMMENT_CHARACTERS, link_base: str = "") -> str:
    """Return *plan* as Markdown of at most *max_characters*, not fewer than 10,000.

    It begins with a hidden marker, by which a later plan's comment can take this one's place. The changes of a large
    plan are told in groups; every change is listed when all fit. Files are linked below *link_base*, which is empty or
    an address that ends with a slash.
    """
    tail = Page(max_characters // 3)
    for section in other_sections(plan):
        listed = _add_section(tail, section, _OTHERS_SHOWN, link_base)
        if listed < section.total:
            tail.add(f"- … and {section.total - listed:,} more\n")
    tail.add(f"\n{prose(footing(plan))}\n")

    head = Page(max_characters - length(tail.text()))
    for line in _head(plan):
        head.add(f"{line}\n", reserve=_NOTE_CHARACTERS)
    return head.text() + _changes(plan, head.left, link_base) + tail.text()


def _changes(plan: Plan, max_characters: int, link_base: str) -> str:
    is_large = len(plan.changes) > LARGE_PLAN
    outline = overview(plan, _BUNDLES_SHOWN)
    page = Page(max_characters)
    if is_large:
        _add_overview(page, outline, "all are listed below", link_base)
    sections = change_sections(plan)
    if all(_add_section(page, section, section.total, link_base) == section.total for section in sections):
        return page.text()

    page = Page(max_characters)
    _add_overview(page, outline, "`kbsync plan --all` lists every change", link_base)
    return page.text()


def _head(plan: Plan) -> Iterable[str]:
    yield PLAN_MARKER
    yield "### kbsync plan"
    yield ""
    yield f"**{headline(plan)}.**"
    if forecast(plan):
        yield f"Takes {forecast(plan)}."
    if recognised(plan):
        yield f"{recognised(plan)}."
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


# ---------------------------------------------------------------------------------------------------- a large plan


def _add_overview(page: Page, outline: Overview, hint: str, link_base: str) -> None:
    page.add(f"\n#### In {count(len(outline.containers), 'container')}\n\n", reserve=_NOTE_CHARACTERS)
    for container in outline.containers[:_CONTAINERS_SHOWN]:
        address = f" at {prose(container.address, 120)}" if container.address else ""
        page.add(f"- {container.changes:,} × {_path(container.path)}{address}\n", reserve=_NOTE_CHARACTERS)
    if len(outline.containers) > _CONTAINERS_SHOWN:
        rest = outline.containers[_CONTAINERS_SHOWN:]
        changes = sum(container.changes for container in rest)
        page.add(f"- … and {changes:,} in {count(len(rest), 'more container')}\n", reserve=_NOTE_CHARACTERS)

    page.add(f"\n#### By what they do\n\nRare ones first; {hint}.\n\n", reserve=_NOTE_CHARACTERS)
    left = sum(
        bundle.total
        for bundle in outline.bundles
        if not page.add("".join(_bundle(bundle, link_base)), reserve=_NOTE_CHARACTERS)
        and not page.add("".join(_bundle_head(bundle)), reserve=_NOTE_CHARACTERS)
    )
    if left:
        page.add(f"- … and {count(left, 'more change')}, left out here for want of space\n")


def _bundle(bundle: Bundle, link_base: str) -> Iterator[str]:
    if bundle.whole:
        for entry in bundle.entries:
            yield from _entry(entry, link_base, whole_path=True)
        return
    yield from _bundle_head(bundle)
    for entry in bundle.entries:
        yield f"  - {code_span(str(entry.item), 160)}{_source(entry, link_base)}\n"
        if not bundle.equal:
            yield from _fields(entry.fields, "    ")


def _bundle_head(bundle: Bundle) -> Iterator[str]:
    note = f" · {prose(bundle.note, 200)}" if bundle.note else ""
    yield f"- `{bundle.mark}` **{bundle.total:,} ×** {code_span(bundle.kind, 40)}"
    told = [f"{code_span(told.name, 60)}: {_told(told)}\n" for told in bundle.fields]
    yield f" {told[0].rstrip()}{note}\n" if len(told) == 1 else f"{note}\n"
    if len(told) > 1:
        yield from (f"  - {line}" for line in told)


def _told(told: Told) -> str:
    note = prose(told.note, 100)
    if told.change is None:
        return note
    return f"{field_span(told.change)} {note}".rstrip()


# ----------------------------------------------------------------------------------------------------- a small plan


def _add_section(page: Page, section: Section, limit: int, link_base: str) -> int:
    """Append as many entries of *section* as fit, *limit* at most; return how many."""
    heading = _path(section.path) or section.title
    if not page.add(f"\n#### {heading}\n\n{prose(section.hint, 160)}\n\n", reserve=_NOTE_CHARACTERS):
        return 0
    listed = 0
    for entry in islice(section.entries, limit):
        text = "".join(_entry(entry, link_base, whole_path=not section.path))
        if not page.add(text, reserve=_NOTE_CHARACTERS):
            break
        listed += 1
    return listed


def _entry(entry: Entry, link_base: str, *, whole_path: bool) -> Iterator[str]:
    name = str(entry.item) if whole_path else f"{entry.item.kind} {entry.item.id}"
    note = f" · {prose(entry.note, 200)}" if entry.note else ""
    yield f"- `{entry.mark}` {code_span(name, 160)}{_source(entry, link_base)}{note}\n"
    yield from _fields(entry.fields, "  ")


def _path(path: Iterable[str]) -> str:
    return " / ".join(code_span(step, 80) for step in path)


def _source(entry: Entry, link_base: str) -> str:
    return f" · {linked(entry.source, link_base)}" if entry.source else ""


def _fields(fields: Iterable[FieldChange], indent: str) -> Iterator[str]:
    for field in fields:
        yield f"{indent}- {code_span(field.field, 60)}: {field_span(field)}\n"


def field_span(field: FieldChange) -> str:
    """Return what becomes of *field*, in a line."""
    known = once_known(field, _VALUE_WIDTH)
    return f"{_before_and_after(field)} (last confirmed: {_span(known)})" if known else _before_and_after(field)


def _before_and_after(field: FieldChange) -> str:
    match shown(field, _VALUE_WIDTH):
        case New(desired):
            return f"(new) → {_span(desired)}"
        case Along(desired):
            return f"{_span(desired)} (sent along)"
        case Edit(pieces, quote, remark):
            text = "".join(piece.marked for piece in pieces)
            return f"{_span(quote + text + quote)}{_remark(remark)}"
        case Pair(known, desired, remark):
            return f"{_span(known)} → {_span(desired)}{_remark(remark)}"


def _remark(remark: str) -> str:
    return f" (hard to see: {prose(remark, 400)})" if remark else ""


def _span(text: str) -> str:
    return code_span(text, 2 * _VALUE_WIDTH + 40)
