"""A plan for people, as lines of text: summary first, then changes by container, or by what they do."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from kbsync.core.plan import FieldChange, Plan
from kbsync.views.difference import Piece
from kbsync.views.escape import one_line, width_of
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.plan_outline import (
    LARGE_PLAN,
    Bundle,
    Container,
    Entry,
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
from kbsync.views.wording import count, place

__all__ = ("field_lines", "plan_text")

_OTHERS_SHOWN: Final = 20
_GUARDS_SHOWN: Final = 20
_MARGIN: Final = 6
# What a large plan takes of a screen.
_BUNDLES_SHOWN: Final = 12
_BUNDLE_LINES: Final = 28
_CONTAINERS_SHOWN: Final = 4
_REST_SHOWN: Final = 3
# So many examples of changes that do the same, and of changes that differ: the first that leave room for all bundles.
_EXAMPLES: Final = ((3, 3), (3, 2), (2, 2), (2, 1), (1, 1))


def plan_text(
    plan: Plan, *, paint: Paint = PLAIN, max_changes_shown: int = LARGE_PLAN, width: int = 100
) -> Iterator[str]:
    """Yield *plan* as lines without line ends.

    At most *max_changes_shown* changes are listed; when there are more, all of them are told in groups, and what else
    the plan says in few lines. *width* is that of the screen: what is long is cut to about that, but names are not.
    """
    yield paint.bold(f"Plan: {headline(plan)}.")
    if forecast(plan):
        yield f"Takes {forecast(plan)}."
    if recognised(plan):
        yield f"{recognised(plan)}."
    yield from _guards(plan, paint)

    is_large = len(plan.changes) > max_changes_shown
    if is_large:
        yield from _overview(plan, paint, width)
    else:
        for section in change_sections(plan):
            yield from _section(section, paint, section.total, width)

    others_shown = _REST_SHOWN if is_large else _OTHERS_SHOWN
    for section in other_sections(plan):
        yield from _section(section, paint, others_shown, width)
        if section.total > others_shown:
            yield f"  … and {section.total - others_shown:,} more"
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


# ---------------------------------------------------------------------------------------------------- a large plan


def _overview(plan: Plan, paint: Paint, width: int) -> Iterator[str]:
    outline = overview(plan, _BUNDLES_SHOWN)
    yield ""
    yield from _containers(outline.containers, paint)
    yield ""
    yield f"{paint.bold('By what they do')}  {paint.dim('rare ones first; `kbsync plan --all` lists every change')}"
    lines: list[str] = []
    for equal, varied in _EXAMPLES:
        lines = [line for bundle in outline.bundles for line in _bundle(bundle, paint, width, equal, varied)]
        if len(lines) <= _BUNDLE_LINES:
            break
    yield from lines


def _containers(containers: Sequence[Container], paint: Paint) -> Iterator[str]:
    yield paint.bold(f"In {count(len(containers), 'container')}")
    shown_ = containers[:_CONTAINERS_SHOWN]
    margin = max(len(f"{container.changes:,}") for container in shown_)
    for container in shown_:
        address = f" at {container.address}" if container.address else ""
        name = " / ".join(one_line(step, 80) for step in container.path)
        yield f"  {container.changes:>{margin},} × {name}{paint.dim(one_line(address, 120))}"
    if len(containers) > _CONTAINERS_SHOWN:
        rest = containers[_CONTAINERS_SHOWN:]
        yield f"  … and {sum(container.changes for container in rest):,} in {count(len(rest), 'more container')}"


def _bundle(bundle: Bundle, paint: Paint, width: int, equal: int, varied: int) -> Iterator[str]:
    if bundle.whole:
        for entry in bundle.entries:
            yield from _entry(entry, paint, width, whole_path=True)
        return
    head = f"  {_marked(bundle.mark, paint)} {paint.bold(f'{bundle.total:,} × {one_line(bundle.kind, 40)}')}"
    lines = list(_fields(bundle.fields, paint, width))
    if len(lines) == 1:
        head += f"  {lines.pop().lstrip()}"
    yield f"{head}  {paint.dim(one_line(bundle.note, 200))}" if bundle.note else head
    yield from lines
    for entry in bundle.entries[: equal if bundle.equal else varied]:
        fields = () if bundle.equal else entry.fields
        yield from _entry(entry._replace(mark=" ", note="", fields=fields), paint, width, whole_path=True)


# --------------------------------------------------------------------------------------------------- a small plan


def _section(section: Section, paint: Paint, limit: int, width: int) -> Iterator[str]:
    name = " / ".join(one_line(step, 80) for step in section.path) or section.title
    yield ""
    yield f"{paint.bold(name)}  {paint.dim(one_line(section.hint, 160))}"
    for entry in islice(section.entries, limit):
        yield from _entry(entry, paint, width, whole_path=not section.path)


def _entry(entry: Entry, paint: Paint, width: int, *, whole_path: bool) -> Iterator[str]:
    name = str(entry.item) if whole_path else f"{entry.item.kind} {entry.item.id}"
    source = f"  {paint.dim(place(entry.source))}" if entry.source else ""
    note = f"  {one_line(entry.note, 200)}" if entry.note else ""
    yield f"  {_marked(entry.mark, paint)} {one_line(name, 160)}{source}{note}"
    yield from field_lines(entry.fields, paint, width)


def _marked(mark: str, paint: Paint) -> str:
    return {"+": paint.green, "~": paint.yellow, "?": paint.yellow, "!": paint.red}.get(mark, paint.dim)(mark)


# ------------------------------------------------------------------------------------------------------- a field


def field_lines(fields: Sequence[FieldChange], paint: Paint, width: int) -> Iterator[str]:
    """Yield what becomes of each of *fields*, indented, in lines of about *width* columns."""
    return _fields([Told(field.field, field, "") for field in fields], paint, width)


def _fields(fields: Sequence[Told], paint: Paint, width: int) -> Iterator[str]:
    names = [one_line(told.name, 60) for told in fields]
    margin = min(max(map(width_of, names), default=0), 30)
    for name, told in zip(names, fields, strict=True):
        head = f"{' ' * _MARGIN}{name}{' ' * (margin - width_of(name))}  "
        note = paint.dim(told.note)
        if told.change is None:
            yield head + note
            continue
        lines = _values(told.change, paint, max(20, width - width_of(head)))
        yield head + next(lines) + (f"  {note}" if told.note else "")
        yield from (" " * (width_of(head) - 2) + line for line in lines)


def _values(field: FieldChange, paint: Paint, room: int) -> Iterator[str]:
    """Yield what becomes of *field*, in one line when *room* columns are enough."""
    remark = ""
    match shown(field, room):
        case New(desired):
            yield f"{paint.dim('(new)')} → {paint.green(desired)}"
        case Along(desired):
            yield paint.dim(f"{desired} (sent along)")
        case Edit(pieces, quote, remark):
            yield f"{quote}{''.join(_piece(piece, paint) for piece in pieces)}{quote}"
        case Pair(known, desired, remark) if width_of(known) + 3 + width_of(desired) <= room:
            yield f"{paint.red(known)} → {paint.green(desired)}"
        case Pair(known, desired, remark):
            yield paint.red(known)
            yield f"→ {paint.green(desired)}"
    if remark:
        yield f"  {paint.yellow('hard to see: ' + one_line(remark, 400))}"
    known = once_known(field, room)
    if known:
        yield paint.dim(f"  last confirmed: {known}")


def _piece(piece: Piece, paint: Paint) -> str:
    match piece.kind:
        case "kept":
            return piece.marked
        case "deleted":
            return paint.red(piece.marked)
        case "inserted":
            return paint.green(piece.marked)
