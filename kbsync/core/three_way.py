"""The comparison of an item that was read: known, live and desired, field by field."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kbsync.core.fields import REMOVED, Fields, Value, family
from kbsync.core.findings import Absent
from kbsync.core.items import Item
from kbsync.core.live import Refresh, live_value
from kbsync.core.manifest import Desired
from kbsync.core.plan import UNSET, Change, FieldChange, LiveValue, Reason, Recognised, Skipped, Why
from kbsync.core.policies import Policies
from kbsync.core.state import Hazard
from kbsync.core.wire import Live, Operation

__all__ = ("Judgement", "judge")

# Of the reasons of several fields, the one that says most about their change.
_TELLING: Final[Sequence[Reason]] = ("conflict", "drifted", "changed", "new")
_KEPT: Final[Sequence[Why]] = ("drift_kept", "theirs")
_STUCK: Final[Sequence[Why]] = ("conflict", "drifted")


@dataclass(slots=True)
class Judgement:
    """What becomes of one item. An item that has nothing here but *recognised* is in sync."""

    changes: list[Change] = field(default_factory=list[Change])
    conflicts: list[Skipped] = field(default_factory=list[Skipped])
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    recognised: Recognised | None = None

    @property
    def in_sync(self) -> bool:
        """Whether the item is live as it is desired."""
        return not (self.changes or self.conflicts or self.skipped)


def judge(
    desired: Desired,
    known: Fields,
    in_doubt: Collection[str],
    operations: Iterable[Operation],
    seen: Live | Absent,
    refresh: Refresh,
    hazards: Mapping[tuple[Item, str], Hazard],
) -> Judgement:
    """Return what becomes of *desired*, of which *refresh* has *seen* what is live.

    *in_doubt* are those of its *operations* that an attempt without an answer was about, *hazards* what they may still
    set. Values that the provider does not tell are compared as if nobody had asked.
    """
    live = seen if isinstance(seen, Live) else None
    judged = _Judge(desired, in_doubt, refresh, hazards, Judgement()).judge(known, operations, live)
    if live is None:
        return judged
    if live.pending:
        return Judgement(skipped=[Skipped(change, "pending") for change in _unsent(judged)])
    if desired.protect:
        protected = [Skipped(change, "protected") for change in _unsent(judged)]
        return Judgement(skipped=protected, recognised=judged.recognised)
    if judged.conflicts:
        judged.skipped += [Skipped(change, "item_in_conflict") for change in judged.changes]
        judged.changes.clear()
    return judged


def _unsent(judged: Judgement) -> list[Change]:
    return [*judged.changes, *(skip.change for skip in (*judged.conflicts, *judged.skipped))]


class _Fate(NamedTuple):
    """Why a field differs. *why* says why it is not sent all the same; it is empty when it is."""

    reason: Reason
    why: Why | None = None


@dataclass(slots=True)
class _Judge:
    """Judges one item, request by request."""

    desired: Desired
    in_doubt: Collection[str]
    refresh: Refresh
    hazards: Mapping[tuple[Item, str], Hazard]
    found: Judgement
    _right: list[FieldChange] = field(default_factory=list[FieldChange])
    _ended: list[str] = field(default_factory=list[str])

    def judge(self, known: Fields, operations: Iterable[Operation], live: Live | None) -> Judgement:
        wanted = self.desired.fields
        for operation in operations:
            fields = tuple(
                FieldChange(name, known.get(name), wanted[name], _seen(live, name, known.get(name), wanted[name]))
                for name in sorted(wanted)
                if family(name) in operation.families
            )
            if not fields:
                continue
            if live is None:
                self._absent(operation.name, fields)
            elif operation.name in self.in_doubt:
                self._doubtful(operation.name, fields)
            else:
                self._compared(operation.name, fields)

        if self.desired.protect or self.found.conflicts:
            # Nothing of the item is sent, so that no answer makes known what would have travelled along.
            for change in self.found.changes:
                if change.operation not in self.in_doubt:
                    self._recognise(change.fields)
        if self._right or self._ended:
            right = tuple(sorted(self._right, key=lambda one: one.field))
            self.found.recognised = Recognised(self.desired.item, right, tuple(self._ended))
        return self.found

    def _absent(self, operation: str, fields: tuple[FieldChange, ...]) -> None:
        reason: Reason = "in_doubt" if operation in self.in_doubt else "drifted"
        differing = [one for one in fields if one.differs]
        if reason == "drifted" and differing:
            reason = "new" if all(one.known is None for one in differing) else "changed"
        self.found.skipped.append(Skipped(self._change(operation, reason, fields), "absent"))

    def _doubtful(self, operation: str, fields: tuple[FieldChange, ...]) -> None:
        right = all(one.live == one.desired for one in fields)
        if right and self._is_over(operation, {one.field: one.desired for one in fields}):
            self._ended.append(operation)
            self._right += (FieldChange(one.field, one.known, one.desired) for one in fields)
        else:
            self.found.changes.append(self._change(operation, "in_doubt", fields))

    def _is_over(self, operation: str, group: Fields) -> bool:
        """Tell whether what was read proves that what is in doubt can set nothing but *group* any more."""
        item = self.desired.item
        hazard, read_at_s = self.hazards.get((item, operation)), self.refresh.read_at_s(item)
        if hazard is None or hazard.last_s >= read_at_s:  # it may have arrived since
            return False
        harmless = all(fields == group for fields in hazard.fields)
        return harmless or hazard.last_s + self.refresh.quarantine_s <= read_at_s

    def _compared(self, operation: str, fields: tuple[FieldChange, ...]) -> None:
        policies = self.refresh.policies.get(self.desired.item.target, _DEFAULTS)
        fates = {one.field: _fate(one, policies) for one in fields if one.differs}
        whys = {fate.why for fate in fates.values()}
        for why in _STUCK:
            if why in whys:
                self.found.conflicts.append(Skipped(self._change(operation, _worst(fates.values()), fields), why))
                self._recognise(fields)
                return

        for why in _KEPT:
            kept = tuple(one for one in fields if one.field in fates and fates[one.field].why == why)
            if kept:
                # To send it with the others would overwrite it, and to call it known would do so the next time.
                reason: Reason = "drifted" if why == "drift_kept" else "conflict"
                self.found.skipped.append(Skipped(self._change(operation, reason, kept), why))
        sent = [fate for fate in fates.values() if fate.why is None]
        rest = tuple(one for one in fields if one.field not in fates or fates[one.field].why is None)
        if sent:
            self.found.changes.append(self._change(operation, _worst(sent), rest))
        else:
            self._recognise(rest)

    def _recognise(self, fields: Iterable[FieldChange]) -> None:
        """Take note of those of *fields* that are live as they are desired, and are known to be something else."""
        self._right += (
            FieldChange(one.field, one.known, one.desired)
            for one in fields
            if one.live == one.desired and one.known != one.desired
        )

    def _change(self, operation: str, reason: Reason, fields: tuple[FieldChange, ...]) -> Change:
        return Change(self.desired.item, operation, reason, fields, self.desired.source)


def _seen(live: Live | None, name: str, known: Value | None, wanted: Value) -> LiveValue | None:
    """Return the live value of the field *name*, in the words in which it is known or wanted."""
    seen = None if live is None else live_value(live, name)
    return REMOVED if seen is UNSET and REMOVED in (known, wanted) else seen


_DEFAULTS: Final = Policies()


def _fate(one: FieldChange, policies: Policies) -> _Fate:
    """Return what becomes of a field that is not as it is desired."""
    if one.live is None or one.known is None or one.live == one.known:
        return _Fate("new" if one.known is None else "changed")
    if one.known == one.desired:
        match policies.of_drift(one.field):
            case "revert":
                return _Fate("drifted")
            case "keep":
                return _Fate("drifted", "drift_kept")
            case "report":
                return _Fate("drifted", "drifted")
    match policies.of_conflict(one.field):
        case "ours":
            return _Fate("conflict")
        case "theirs":
            return _Fate("conflict", "theirs")
        case "fail":
            return _Fate("conflict", "conflict")


def _worst(fates: Iterable[_Fate]) -> Reason:
    reasons = {fate.reason for fate in fates}
    return next(reason for reason in _TELLING if reason in reasons)
