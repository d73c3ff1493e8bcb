"""A saved plan, on its way back: it runs exactly as it was reviewed, or not at all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kbsync.adapters.files import read_regular
from kbsync.cli.workspace import Workspace
from kbsync.core.entries import findings
from kbsync.core.fields import META_PREFIX, Fields, family, is_empty, to_declared, to_plain
from kbsync.core.guards import Blast, tripped
from kbsync.core.items import Item
from kbsync.core.manifest import Dialect, Entry, KindDialect
from kbsync.core.plan import Change, Plan, Recognised
from kbsync.core.plan_document import MAX_PLAN_BYTES, plan_from_json
from kbsync.core.settings import GuardSettings
from kbsync.core.state import Known
from kbsync.core.wire import Codec, Operation
from kbsync.errors import InputError
from kbsync.providers import ALL_RULES

__all__ = ("check_encodable", "moved", "read_saved")

_SHOWN = 20


def read_saved(path: Path, workspace: Workspace, known: Known, guards: GuardSettings) -> Plan:
    """Return the plan in *path*, made for this workspace, with its guards judged by what is known now.

    What was lifted when it was made is not lifted by that, and what it recognised of an item whose known values have
    moved since is left out. Raises InputError when it is not exactly such a plan, or
    holds a change that no manifest could ask for.
    """
    try:
        data = read_regular(path, MAX_PLAN_BYTES)
    except OSError as error:
        raise InputError([f"{path}:1:1: cannot be read: {error.strerror} [bad-plan]"]) from None

    plan = plan_from_json(data, str(path))
    _refuse(path, [*_elsewhere(plan, workspace, known), *_undeclarable(plan, workspace)])
    return replace(
        plan,
        guards=tripped(_blast(plan, known), guards, workspace.allowed),
        recognised=tuple(_still_recognised(plan.recognised, known)),
    )


def moved(plan: Plan, known: Known) -> list[int]:
    """Return the positions of the changes of *plan* whose known value is no longer what the plan was made against."""
    doubts = known.doubts()
    stale: list[int] = []
    for seq, change in enumerate(plan.changes):
        fields = known.fields(change.item)
        doubtful = change.operation in doubts.get(change.item, ())
        same = all(fields.get(one.field) == one.known for one in change.fields)
        if not same or doubtful != (change.reason == "in_doubt"):
            stale.append(seq)
    return stale


def _still_recognised(recognised: Sequence[Recognised], known: Known) -> Iterator[Recognised]:
    """Yield those of *recognised* of whose fields the same is known as then."""
    doubts = known.doubts()
    for found, fields in zip(recognised, known.fields_of(one.item for one in recognised), strict=True):
        same = all(fields.get(one.field) == one.known for one in found.fields)
        if same and doubts.get(found.item, frozenset()).issuperset(found.doubts):
            yield found


def check_encodable(path: Path, plan: Plan, codecs: Mapping[str, Codec]) -> None:
    """Raise InputError when a change of *plan* cannot be written as a request: an id or container of the wrong form."""
    wrong: list[str] = []
    for change in plan.changes:
        codec = codecs[change.item.target]
        try:
            if codec.operations[change.operation].overlays:
                codec.encode_read(change.operation, [change.item])
            else:
                codec.encode(change.operation, change.item, change.desired, None)
        except ValueError:
            wrong.append(f"{change.item} cannot be sent")
    _refuse(path, wrong)


def _refuse(path: Path, wrong: list[str]) -> None:
    if wrong:
        more = [f"and {len(wrong) - _SHOWN:,} more"] if len(wrong) > _SHOWN else []
        raise InputError([f"{path}:1:1: {why} [bad-plan]" for why in (*wrong[:_SHOWN], *more)])


def _elsewhere(plan: Plan, workspace: Workspace, known: Known) -> Iterator[str]:
    """Say what the plan was made for that is not here."""
    if plan.base.lineage != known.lineage and (plan.base.lineage or known.serial):
        yield "it was made against another state; make a new plan"
    origins = workspace.origins()
    named: Iterable[Change | Recognised] = (*plan.changes, *plan.recognised)
    for name in sorted({one.item.target for one in named}):
        if plan.base.targets.get(name, "") != origins.get(name):
            yield f"it was made for {name} at another address than the configuration has now; make a new plan"


def _undeclarable(plan: Plan, workspace: Workspace) -> Iterator[str]:
    """Say what no manifest could ask for. Rules that can be lifted are not held against a plan."""
    dialects, operations = workspace.dialects(), workspace.operations()
    validators: dict[type[Any], TypeAdapter[Any]] = {}
    sent = ((one.item, one.operation, one.desired) for one in plan.changes)
    read = ((one.item, None, {field.field: field.desired for field in one.fields}) for one in plan.recognised)
    for item, operation, desired in (*sent, *read):
        if item.target not in dialects:
            continue  # told already: it has no address here
        if not _has_fields(operations[item.target], item.kind, operation, desired):
            fields = ", ".join(sorted(desired)) or "nothing"
            yield f"{item}: it has no {fields}" if operation is None else f"{item}: {operation} does not send {fields}"
            continue
        words = _kind(dialects[item.target], item.kind)
        validator = validators.setdefault(words.model, TypeAdapter(words.model))
        yield from (f"{item}: {fault}" for fault in _faults(item, desired, words, validator))


def _has_fields(operations: Iterable[Operation], kind: str, name: str | None, fields: Fields) -> bool:
    """Tell whether items of *kind* have *fields*, which the operation *name* sends together if it is given."""
    its = [one for one in operations if one.kind == kind and name in (None, one.name)]
    families = {told for one in its for told in one.families}
    return bool(fields) and {family(field) for field in fields} <= families


def _kind(dialect: Dialect, kind: str) -> KindDialect:
    return next(words for words in dialect.kinds.values() if words.kind == kind)


def _faults(item: Item, desired: Fields, words: KindDialect, validator: TypeAdapter[Any]) -> Iterator[str]:
    written: dict[str, Any] = {"id": item.id, "allow_empty": True}
    for field, value in desired.items():
        if field.startswith(META_PREFIX):
            written.setdefault("meta", {})[field.removeprefix(META_PREFIX)] = to_declared(value)
        else:
            written[field] = to_plain(value)
    try:
        entry: Entry = validator.validate_python(written)
    except ValidationError as error:
        yield from (finding.message for finding in findings(error, words.model))
        return
    for finding in words.check(entry):
        rule = ALL_RULES[finding.rule]
        if rule.severity == "error" and not rule.liftable:
            yield finding.message
    if entry.id != item.id or dict(entry.fields()) != dict(desired):
        yield "its values are not in their canonical form"


def _blast(plan: Plan, known: Known) -> Blast:
    """Return how much *plan* alters, counted from its changes."""
    touched: set[tuple[str, str, str, str]] = set()
    emptied: set[tuple[str, str, str, str]] = set()
    for change in plan.changes:
        for field in change.fields:
            if field.known is not None:
                touched.add(change.item)
                if is_empty(field.desired) and field.before is not None and not is_empty(field.before):
                    emptied.add(change.item)
    return Blast(
        items=plan.summary.items,
        changes=len(plan.changes),
        last_items=known.declared_items,
        whole=plan.whole,
        known=known.counts(),
        touched=Counter(item[:2] for item in touched),
        emptied=Counter(item[:2] for item in emptied),
    )
