"""What every view of a plan for people says, and in which order; how it looks is the views' own."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from kbsync.core.items import Item, Source
from kbsync.core.plan import Change, FieldChange, GuardResult, Plan
from kbsync.views.plan_groups import Group, Touched, grouped
from kbsync.views.wording import count, duration, moment

__all__ = (
    "LARGE_PLAN",
    "Bundle",
    "Container",
    "Entry",
    "Overview",
    "Section",
    "Told",
    "change_sections",
    "footing",
    "forecast",
    "guard_hint",
    "headline",
    "other_sections",
    "overview",
    "recognised",
)

# So many changes are listed one by one; more are shown as groups.
LARGE_PLAN: Final = 50

_NOTES: Final = {
    "new": "",
    "changed": "",
    "in_doubt": "in doubt: an earlier attempt got no answer, so it is sent again",
    "drifted": "drifted: somebody else changed it, and it is set back",
    "conflict": "in conflict: somebody else changed it too, and the manifest wins",
}
MARKS: Final = {"new": "+", "changed": "~", "in_doubt": "?", "drifted": "!", "conflict": "!"}
_FIELDS_SHOWN: Final = 8
WHY: Final = {
    "protected": "protected by the manifest",
    "conflict": "live and manifest both changed",
    "drifted": "somebody else changed it",
    "drift_kept": "somebody else changed it, and it stays so",
    "theirs": "live and manifest both changed, and what is live stays",
    "item_in_conflict": "waits for the conflict of its item",
    "absent": "it does not exist there",
    "pending": "the provider still processes it; left for the next run",
}


class Entry(NamedTuple):
    """One line about an item, and one for each field beneath it. *mark* is one of `+ ~ ? ! -`."""

    mark: str
    item: Item
    source: Source | None
    note: str
    fields: tuple[FieldChange, ...] = ()


class Section(NamedTuple):
    """*total* entries under one heading. *path* is the target and container that all entries share, or empty."""

    title: str
    path: tuple[str, ...]
    hint: str
    total: int
    entries: Iterator[Entry]


class Container(NamedTuple):
    """A container with the number of its changes, and the address of its target."""

    path: tuple[str, ...]
    changes: int
    address: str


class Told(NamedTuple):
    """What becomes of the field *name* in a bundle: *change* when that can be shown, and a *note* that may be empty."""

    name: str
    change: FieldChange | None
    note: str


class Bundle(NamedTuple):
    """*total* changes of one *kind* of item that are told together.

    When they are *equal*, all of them do just what *fields* say. *entries* are examples; when *whole*, they are all of
    the changes and say everything.
    """

    mark: str
    total: int
    kind: str
    note: str
    fields: tuple[Told, ...]
    entries: tuple[Entry, ...]
    equal: bool
    whole: bool


class Overview(NamedTuple):
    """The changes of a large plan: every change is in one container and in one bundle; what is rare comes first."""

    containers: tuple[Container, ...]
    bundles: tuple[Bundle, ...]


def headline(plan: Plan) -> str:
    """Return the counts of *plan* in one line, what matters first."""
    summary = plan.summary
    reasons = Counter(change.reason for change in plan.changes)
    parts = ", ".join(f"{number:,} {reason.replace('_', ' ')}" for reason, number in sorted(reasons.items()))
    changes = count(summary.changes, "change") + (f" ({parts})" if parts else "")
    others = (
        (summary.conflicts, count(summary.conflicts, "conflict")),
        (summary.skipped, f"{summary.skipped:,} skipped"),
        (summary.released, f"{summary.released:,} released"),
        (len(plan.recognised), f"{len(plan.recognised):,} recognised"),
    )
    said = [changes, *(text for number, text in others if number)]
    return f"{', '.join(said)}; {summary.in_sync:,} of {count(summary.items, 'item')} in sync"


def forecast(plan: Plan) -> str:
    """Return what applying takes when nothing fails; empty when there is nothing to send."""
    requests, seconds = plan.forecast.requests, plan.forecast.seconds
    if not requests:
        return ""
    return f"{count(requests, 'request')}, about {duration(seconds)} at the configured rates"


def recognised(plan: Plan) -> str:
    """Return what reading has shown to be right already; empty when there is nothing of that kind."""
    if not plan.recognised:
        return ""
    return f"{count(len(plan.recognised), 'item')} found to be live as declared: apply takes note, and sends nothing"


def footing(plan: Plan) -> str:
    """Return what the plan was made against."""
    state = f"state {plan.base.lineage[:12]} at run {plan.base.serial:,}" if plan.base.lineage else "no state yet"
    read = f" and what was live at {moment(min(one.at_s for one in plan.base.read))}" if plan.base.read else ""
    scope = "the whole manifest" if plan.whole else "a part of the manifest: nothing is released"
    return f"plan {plan.plan_id[:12]}, made against {state}{read}, over {scope}"


def guard_hint(guard: GuardResult) -> str:
    """Return what stands after a guard's message."""
    return "lifted for this run" if guard.lifted else f"--allow {guard.guard} --reason TEXT lifts it once"


def overview(plan: Plan, max_bundles: int) -> Overview:
    """Return the changes of *plan* as about *max_bundles* bundles: equal changes in one, rare ones each by itself."""
    sizes = Counter(change.item[:2] for change in plan.changes)
    containers = (Container(path, size, plan.base.targets.get(path[0], "")) for path, size in sizes.most_common())
    return Overview(tuple(containers), tuple(map(_bundle, grouped(plan.changes, max_bundles))))


def change_sections(plan: Plan) -> Iterator[Section]:
    """Yield the changes by target and container; read each section's entries before the next section."""
    sizes = Counter(change.item[:2] for change in plan.changes)
    for path, changes in groupby(plan.changes, key=lambda change: change.item[:2]):
        entries = (_entry(change, _NOTES[change.reason]) for change in changes)
        address = plan.base.targets.get(path[0], "")
        hint = count(sizes[path], "change") + (f" at {address}" if address else "")
        yield Section("", path, hint, sizes[path], entries)


def other_sections(plan: Plan) -> Iterator[Section]:
    """Yield what the plan says beside its changes; sections without entries are left out."""
    sections = (
        Section(
            "Conflicts",
            (),
            f"{count(len(plan.conflicts), 'change')}: not sent; the manifest, a policy or --on-conflict decides",
            len(plan.conflicts),
            (_entry(skip.change, WHY.get(skip.why, skip.why)) for skip in plan.conflicts),
        ),
        Section(
            "Skipped",
            (),
            f"{count(len(plan.skipped), 'change')}: listed, not sent",
            len(plan.skipped),
            (_entry(skip.change, WHY.get(skip.why, skip.why)) for skip in plan.skipped),
        ),
        Section(
            "Released",
            (),
            f"{count(len(plan.released), 'item')} left the manifest: forgotten by apply, not deleted",
            len(plan.released),
            (Entry("-", item, None, "") for item in plan.released),
        ),
        Section(
            "No longer managed",
            (),
            f"fields of {count(len(plan.unmanaged), 'item')} left the manifest: they stay as they are",
            len(plan.unmanaged),
            (Entry("-", left.item, None, ", ".join(left.fields)) for left in plan.unmanaged),
        ),
    )
    return (section for section in sections if section.total)


def _bundle(group: Group) -> Bundle:
    entries = tuple(map(_example, group.examples))
    is_equal = group.variants == 1
    if is_equal:
        fields = tuple(Told(field.field, field, "") for field in entries[0].fields)
        note = entries[0].note
    else:
        fields = tuple(_told(touched, group.total) for touched in group.touched[:_FIELDS_SHOWN])
        variety = f"{count(group.variants, 'combination')}" if len(group.touched) > 1 else ""
        note = _joined(_NOTES[group.reason], variety, _more_fields(len(group.touched)))
    return Bundle(
        MARKS[group.reason],
        group.total,
        group.kind,
        note,
        fields,
        entries,
        equal=is_equal,
        whole=group.total == 1 or (not is_equal and len(entries) == group.total),
    )


def _told(touched: Touched, total: int) -> Told:
    """Say what a group of *total* changes does to a field: the same in more than half of them, or how many things."""
    if touched.share * 2 > total:
        others = count(touched.variants - 1, "other change") if touched.variants > 1 else ""
        return Told(
            touched.field, touched.usual, _joined(f"in {touched.share:,}" if touched.share < total else "", others)
        )
    variety = "all different" if touched.variants == total else f"{touched.variants:,} different changes"
    match touched.effect:
        case "new":
            return Told(touched.field, None, f"new, {variety}")
        case "changed":
            return Told(touched.field, None, variety)
        case "emptied":
            return Told(touched.field, None, f"emptied, {variety}")


def _example(change: Change) -> Entry:
    """Return *change* without what is only sent along, and with some of its fields when it has very many."""
    fields = tuple(field for field in change.fields if field.differs)
    note = _joined(_NOTES[change.reason], _more_fields(len(fields)))
    return Entry(MARKS[change.reason], change.item, change.source, note, fields[:_FIELDS_SHOWN])


def _more_fields(number: int) -> str:
    more = number - _FIELDS_SHOWN
    return f"and {count(more, 'more field')}" if more > 0 else ""


def _joined(*notes: str) -> str:
    return ", ".join(filter(None, notes))


def _entry(change: Change, note: str) -> Entry:
    return Entry(MARKS[change.reason], change.item, change.source, note, change.fields)
