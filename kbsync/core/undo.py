"""Undo: the values that a run replaced, as far as they can be put back without overwriting anything newer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from kbsync.core.fields import REMOVED, Value, family
from kbsync.core.items import Item, Source
from kbsync.core.plan import UNSET, FieldChange
from kbsync.core.state import Known

__all__ = ("LeftOut", "Obstacle", "RunWrites", "Undo", "Write", "undo_of")

# Why a field is not put back. `restored` is none to worry about: it is what it was already.
Obstacle: TypeAlias = Literal["restored", "never_known", "written_since", "forgotten", "moved", "undeclarable"]


class Write(NamedTuple):
    """A change that a run sent, or may have sent.

    *sure* says that it was updated; otherwise nobody knows whether it was. *since* names for each field the last run
    that wrote, or may have written, another value afterwards.
    """

    item: Item
    operation: str
    fields: tuple[FieldChange, ...]
    sure: bool
    since: Mapping[str, str]
    source: Source


@dataclass(frozen=True, slots=True)
class RunWrites:
    """What a run wrote. *has_ended* is false of a run that goes on, and of one that was killed."""

    run_id: str
    started_at_s: float
    has_ended: bool
    writes: Sequence[Write]


class LeftOut(NamedTuple):
    """A field that is not put back, and why. *run_id* is the run that wrote it since, if one did."""

    item: Item
    field: str
    why: Obstacle
    run_id: str = ""


@dataclass(slots=True)
class Undo:
    """What to put back, by item, with the place that declared what replaced it; and what is left out.

    *unsure* counts the items of which nobody knows whether the run changed them.
    """

    items: dict[Item, tuple[dict[str, Value], Source]] = field(
        default_factory=dict[Item, tuple[dict[str, Value], Source]]
    )
    left: list[LeftOut] = field(default_factory=list[LeftOut])
    unsure: int = 0


def undo_of(writes: Iterable[Write], known: Known) -> Undo:
    """Return what puts back the values that *writes* replaced; *known* is what is known by now.

    A field that was sent along with its known value was not replaced. One that is no longer what the run left is left
    out: whatever made it so is newer.
    """
    undo, doubts = Undo(), known.doubts()
    unsure: set[Item] = set()
    for write in writes:
        item = write.item
        in_doubt = write.operation in doubts.get(item, ())
        now = known.fields(item)
        for change in write.fields:
            if not change.differs:
                continue
            before = _before(change)
            why = _obstacle(change, before, write, now.get(change.field), in_doubt=in_doubt)
            if why is None:
                assert before is not None
                undo.items.setdefault(item, ({}, write.source))[0][change.field] = before
                if in_doubt or not write.sure:
                    unsure.add(item)
            else:
                run_id = write.since.get(change.field, "") if why == "written_since" else ""
                undo.left.append(LeftOut(item, change.field, why, run_id))
    undo.unsure = len(unsure)
    return undo


def _before(change: FieldChange) -> Value | None:
    """Return what *change* replaced, in a word of a manifest: that a meta field was not set can be said."""
    return REMOVED if change.live is UNSET and family(change.field) == "meta" else change.before


def _obstacle(
    change: FieldChange, before: Value | None, write: Write, now: Value | None, *, in_doubt: bool
) -> Obstacle | None:
    """Say why *before* is not put back; *now* is what is known of the field of *change*, and may be *in_doubt*."""
    if before is None:
        return "never_known"
    if now == before and not in_doubt:
        return "restored"
    if change.field in write.since:
        return "written_since"
    if now is None:
        return "forgotten"
    # What is in doubt is known as it was before.
    left = now == change.desired or (now == change.known and not write.sure)
    return None if left else "moved"
