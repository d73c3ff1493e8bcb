"""The shape of a plan document: from parsed JSON to a plan, with nothing forgiven."""

import json
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, TypeVar, cast

from kbsync.core.fields import META_PREFIX, REMOVED, MetaValue, UpdateRule, Value, from_plain
from kbsync.core.items import Item, Source
from kbsync.core.plan import (
    PLAN_FORMAT,
    UNSET,
    Base,
    Change,
    FieldChange,
    Forecast,
    GuardResult,
    LiveValue,
    Plan,
    ReadPlace,
    Reason,
    Recognised,
    Skipped,
    Summary,
    Unmanaged,
)

__all__ = ("Misfit", "plan_of")

_REASONS: Final[Mapping[str, Reason]] = {
    "new": "new",
    "changed": "changed",
    "in_doubt": "in_doubt",
    "drifted": "drifted",
    "conflict": "conflict",
}
_CHANGE_KEYS: Final = ("item", "operation", "reason", "fields", "source")
_SCALARS: Final[Mapping[str, type]] = {"string": str, "bool": bool, "int64": int, "date_time": str, "geo_point": str}
_T = TypeVar("_T")


class Misfit(Exception):  # noqa: N818
    """Raised where a document is not a plan; gathers the way there while it rises."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self._path = ""

    def within(self, step: str) -> "Misfit":
        """Return this, found one *step* further out."""
        self._path = f"{step}.{self._path}" if self._path else step
        return self

    def __str__(self) -> str:
        return f"{self._path}: {self.args[0]}" if self._path else str(self.args[0])


def plan_of(parsed: Any) -> Plan:
    """Return the plan that the JSON value *parsed* describes; its `plan_id` is as written, not checked.

    Raises Misfit.
    """
    _check_format(parsed)
    lists = ("changes", "conflicts", "released", "skipped", "unmanaged", "guards")
    recognised = _if_there(parsed, "recognised")
    plain = _object(parsed, "format", "plan_id", "summary", *lists, "forecast", "base", "whole", *recognised)
    plan = Plan(
        plan_id=_typed(plain, "plan_id", str),
        changes=_each(plain, "changes", _change),
        skipped=_each(plain, "skipped", _skipped),
        released=_each(plain, "released", _item),
        unmanaged=_each(plain, "unmanaged", _unmanaged),
        guards=_each(plain, "guards", _guard),
        summary=_member(plain, "summary", _summary),
        forecast=_member(plain, "forecast", _forecast),
        base=_member(plain, "base", _base),
        whole=_typed(plain, "whole", bool),
        conflicts=_each(plain, "conflicts", _skipped),
        recognised=_each(plain, "recognised", _recognised) if recognised else (),
    )
    _check_counts(plan)
    return plan


def _check_format(parsed: Any) -> None:
    found = cast("dict[str, Any]", parsed).get("format") if isinstance(parsed, dict) else None
    if found == PLAN_FORMAT:
        return
    if not isinstance(found, str):
        raise Misfit("this is not a plan of kbsync")
    kind, _, version = found.partition("/")
    if kind == PLAN_FORMAT.partition("/")[0] and version.isdecimal():
        raise Misfit(f"the format is version {version[:20]}, made by another kbsync; this one reads {PLAN_FORMAT}")
    raise Misfit(f"the format is not {PLAN_FORMAT}")


def _check_counts(plan: Plan) -> None:
    counts = (plan.summary.changes, plan.summary.released, plan.summary.skipped, plan.summary.conflicts)
    if counts != (len(plan.changes), len(plan.released), len(plan.skipped), len(plan.conflicts)):
        raise Misfit("summary: the counts are not those of the lists")
    if any(skip.outcome != "conflict" for skip in plan.conflicts):
        raise Misfit("conflicts: one of them is none")
    order = [(change.item, change.operation) for change in plan.changes]
    if any(first >= second for first, second in pairwise(order)):
        raise Misfit("changes: not sorted by item and operation, or one stands twice")


def _change(parsed: Any) -> Change:
    return _change_of(_object(parsed, *_CHANGE_KEYS))


def _change_of(plain: dict[str, Any]) -> Change:
    reason = _REASONS.get(_typed(plain, "reason", str))
    if reason is None:
        raise Misfit("reason: not one of " + ", ".join(_REASONS))
    fields = _fields(plain)
    item, source = _member(plain, "item", _item), _member(plain, "source", _source)
    return Change(item, _typed(plain, "operation", str), reason, fields, source)


def _fields(plain: dict[str, Any]) -> tuple[FieldChange, ...]:
    fields = _each(plain, "fields", _field)
    names = [field.field for field in fields]
    if not names or names != sorted(set(names)):
        raise Misfit("fields: none, not sorted, or one stands twice")
    return fields


def _field(parsed: Any) -> FieldChange:
    known, live = _if_there(parsed, "known"), _if_there(parsed, "live")
    plain = _object(parsed, "field", *known, *live, "desired")
    name = _typed(plain, "field", str)
    return FieldChange(
        name,
        _value(name, plain["known"]) if known else None,
        _value(name, plain["desired"]),
        _live(name, plain["live"]) if live else None,
    )


def _live(field: str, plain: Any) -> LiveValue:
    return UNSET if plain is None else _value(field, plain)


def _value(field: str, plain: Any) -> Value:
    try:
        value = from_plain(field, plain)
    except ValueError as error:
        raise Misfit(str(error)) from None
    if field in ("meta", META_PREFIX) or not _is_sound(value):
        raise Misfit(f"not a value of {field}")
    return value


def _is_sound(value: Value) -> bool:
    match value:
        case str():
            return True
        case UpdateRule(update_type, interval):
            return type(update_type) is int and (interval is None or type(interval) is int)
        case MetaValue(REMOVED.type, None):
            return True
        case MetaValue("list<string>", tuple() as texts):
            return all(type(text) is str for text in texts)
        case MetaValue("list<int64>", tuple() as numbers):
            return all(type(number) is int for number in numbers)
        case MetaValue("float32", int() | float() as number):
            return type(number) is not bool and math.isfinite(number)
        case MetaValue(type_, inner):
            return type(inner) is _SCALARS.get(type_)


def _skipped(parsed: Any) -> Skipped:
    plain = _object(parsed, *_CHANGE_KEYS, "why")
    return Skipped(_change_of(plain), _typed(plain, "why", str))


def _recognised(parsed: Any) -> Recognised:
    plain = _object(parsed, "item", "fields", "doubts")
    return Recognised(_member(plain, "item", _item), _fields(plain), _each(plain, "doubts", _text))


def _unmanaged(parsed: Any) -> Unmanaged:
    plain = _object(parsed, "item", "fields")
    return Unmanaged(_member(plain, "item", _item), _each(plain, "fields", _text))


def _guard(parsed: Any) -> GuardResult:
    plain = _object(parsed, "guard", "message", "lifted")
    return GuardResult(_typed(plain, "guard", str), _typed(plain, "message", str), _typed(plain, "lifted", bool))


def _item(parsed: Any) -> Item:
    plain = _object(parsed, *Item._fields)
    return Item(*(_typed(plain, name, str) for name in Item._fields))


def _source(parsed: Any) -> Source:
    plain = _object(parsed, *Source._fields)
    return Source(_typed(plain, "file", str), _count(plain, "line"), _count(plain, "column"))


def _summary(parsed: Any) -> Summary:
    plain = _object(parsed, "items", "in_sync", "changes", "released", "conflicts", "skipped")
    return Summary(**{name: _count(plain, name) for name in plain})


def _forecast(parsed: Any) -> Forecast:
    plain = _object(parsed, "requests", "seconds")
    seconds = plain["seconds"]
    if type(seconds) not in (int, float) or seconds < 0:
        raise Misfit("seconds: not a number from 0 on")
    return Forecast(_count(plain, "requests"), seconds)


def _base(parsed: Any) -> Base:
    read = _if_there(parsed, "read")
    plain = _object(parsed, "lineage", "serial", "kbsync", "targets", *read)
    targets: dict[str, Any] = cast("Any", _typed(plain, "targets", dict))
    return Base(
        lineage=_typed(plain, "lineage", str),
        serial=_count(plain, "serial"),
        kbsync=_typed(plain, "kbsync", str),
        targets={name: _typed(targets, name, str) for name in targets},
        read=_each(plain, "read", _read_place) if read else (),
    )


def _read_place(parsed: Any) -> ReadPlace:
    asked = _if_there(parsed, "asked")
    plain = _object(parsed, *ReadPlace._fields[:5], *asked)
    at_s = plain["at_s"]
    if type(at_s) not in (int, float):
        raise Misfit("at_s: not a number")
    target, container, kind = (_typed(plain, name, str) for name in ReadPlace._fields[:3])
    return ReadPlace(target, container, kind, _count(plain, "items"), at_s, _count(plain, "asked") if asked else None)


def _if_there(parsed: Any, key: str) -> tuple[str, ...]:
    """Return *key*, which an object may go without, if *parsed* has it."""
    return (key,) if isinstance(parsed, dict) and key in parsed else ()


def _object(parsed: Any, *keys: str) -> dict[str, Any]:
    """Return *parsed*, an object with exactly *keys*."""
    if not isinstance(parsed, dict):
        raise Misfit("not an object")
    plain = cast("dict[str, Any]", parsed)
    if len(plain) != len(keys) or not all(map(plain.__contains__, keys)):
        missing = [key for key in keys if key not in plain]
        unknown = sorted(plain.keys() - set(keys))
        raise Misfit(f"{missing[0]} is missing" if missing else f"unknown key {json.dumps(unknown[0][:40])}")
    return plain


def _each(plain: dict[str, Any], key: str, read: Callable[[Any], _T]) -> tuple[_T, ...]:
    elements: list[Any] = cast("Any", _typed(plain, key, list))
    result: list[_T] = []
    try:
        result.extend(map(read, elements))
    except Misfit as misfit:
        # What was read before stays in the list, so its length is the position of the misfit.
        raise misfit.within(f"{key}[{len(result)}]") from None
    return tuple(result)


def _member(plain: dict[str, Any], key: str, read: Callable[[Any], _T]) -> _T:
    try:
        return read(plain[key])
    except Misfit as misfit:
        raise misfit.within(key) from None


def _typed(plain: dict[str, Any], key: str, kind: type[_T]) -> _T:
    value = plain[key]
    if type(value) is not kind:
        raise Misfit(f"{key}: not of type {kind.__name__}")
    return value


def _count(plain: dict[str, Any], key: str) -> int:
    value = _typed(plain, key, int)
    if value < 0:
        raise Misfit(f"{key}: below 0")
    return value


def _text(plain: Any) -> str:
    if type(plain) is not str:
        raise Misfit("not text")
    return plain
