"""Meta values: their types, their canonical form, and how a manifest writes them."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast

from kbsync.core.entries import control_character, nearest
from kbsync.core.fields import META_TYPES, REMOVED, MetaValue, float32
from kbsync.core.rules import Finding

__all__ = (
    "DATE_TIME_PATTERN",
    "MAX_NAME_CHARACTERS",
    "USUAL_INTEGERS",
    "MetaFault",
    "checked_value",
    "is_field_name",
    "read_meta",
)

_INT64: Final = range(-(2**63), 2**63)
USUAL_INTEGERS: Final = range(-(2**53) + 1, 2**53)
# The constructors of named tuples cost as much as what is checked here.
_new: Final[Callable[[type[MetaValue], tuple[str, object]], MetaValue]] = tuple[Any, ...].__new__
DATE_TIME_PATTERN: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,3})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_DATE_TIME: Final = re.compile(DATE_TIME_PATTERN.strip("^$"))
_GEO_POINT: Final = re.compile(r"(-?[0-9]{1,3}(?:\.[0-9]{1,18})?),(-?[0-9]{1,2}(?:\.[0-9]{1,18})?)")
MAX_NAME_CHARACTERS: Final = 128

Inner: TypeAlias = str | bool | int | float | tuple[str, ...] | tuple[int, ...]


class MetaFault(Exception):  # noqa: N818  # it never leaves this module's callers
    """A value that cannot be the meta value it is meant to be; *path* is beneath the value."""

    def __init__(self, rule: str, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.finding = Finding(path, rule, message)


def read_meta(written: object) -> tuple[dict[str, MetaValue], list[Finding]]:
    """Return the meta fields that a manifest declares by *written*, and what is wrong with it."""
    if not isinstance(written, dict):
        rule = "null-value" if written is None else "wrong-type"
        return {}, [Finding((), rule, "meta takes a mapping of field names to values")]

    values: dict[str, MetaValue] = {}
    broken: list[Finding] = []
    for name, value in cast("dict[object, object]", written).items():
        try:
            plain = _plain_value(value)
            values[_name(name)] = _written_value(value) if plain is None else plain
        except MetaFault as fault:
            broken.append(fault.finding._replace(path=(cast("str", name), *fault.finding.path)))
    return values, broken


# A few names stand in every document of a collection.
@lru_cache(maxsize=1024)
def _name(name: object) -> str:
    if not isinstance(name, str):
        raise MetaFault("wrong-type", "a meta field name is text; put it in quotation marks")
    if not name:
        raise MetaFault("meta-field-name", "a meta field name is not empty")
    if name == "doc_id":
        raise MetaFault("meta-field-name", "doc_id is the document's own id and no meta field")
    if len(name) > MAX_NAME_CHARACTERS:
        raise MetaFault("meta-field-name", f"a meta field name has at most {MAX_NAME_CHARACTERS} characters")
    control = control_character(name)
    if control is not None:
        raise MetaFault("meta-field-name", f"the meta field name holds {control}")
    return name


def is_field_name(name: object) -> bool:
    """Tell whether *name* is the name of a meta field."""
    try:
        _name(name)
    except MetaFault:
        return False
    return True


def _plain_value(written: object) -> MetaValue | None:
    """Return what nearly every value is in one step: printable text, true or false, a usual integer. Else None."""
    kind = type(written)
    if kind is str:
        return _new(MetaValue, ("string", written)) if cast("str", written).isprintable() else None
    if kind is bool:
        return _new(MetaValue, ("bool", written))
    if kind is int and written in USUAL_INTEGERS:
        return _new(MetaValue, ("int64", written))
    return None


def _written_value(written: object) -> MetaValue:
    if written is None:
        return REMOVED
    if isinstance(written, dict):
        return _typed_value(cast("dict[object, object]", written))
    type_ = _type_of(written)
    return MetaValue(type_, checked_value(type_, written))


def _typed_value(written: Mapping[object, object]) -> MetaValue:
    for key in written:
        if key not in ("type", "value"):
            hint = nearest(key, ("type", "value")) if isinstance(key, str) else ""
            raise MetaFault(
                "unknown-key", f"a meta value takes the keys type and value only{hint}", (cast("str", key),)
            )
    for key in ("type", "value"):
        if key not in written:
            raise MetaFault("missing-key", f"the key '{key}' is missing", (key,))

    type_ = written["type"]
    if not isinstance(type_, str):
        raise MetaFault("wrong-type", "type takes text", ("type",))
    if type_ not in META_TYPES:
        raise MetaFault(
            "bad-value", f"type takes one of {', '.join(META_TYPES)}{nearest(type_, META_TYPES)}", ("type",)
        )
    try:
        return MetaValue(type_, checked_value(type_, written["value"]))
    except MetaFault as fault:
        raise MetaFault(fault.finding.rule, fault.finding.message, ("value", *fault.finding.path)) from None


def _type_of(written: object) -> str:
    """Return the type that a plain value has by itself."""
    if isinstance(written, list | tuple):
        return _type_of_list(cast("Sequence[object]", written))
    # By the exact type: true is no integer here.
    type_ = _PLAIN_TYPES.get(type(written))
    if type_ is None:
        raise MetaFault("wrong-type", "a meta value is text, true or false, a number or a list")
    return type_


def _type_of_list(elements: Sequence[object]) -> str:
    if not elements:
        raise MetaFault("meta-type", 'an empty list has no type of its own; write {type: "list<string>", value: []}')
    kinds = {type(element) for element in elements}
    if kinds == {str}:
        return "list<string>"
    if kinds == {int}:
        return "list<int64>"
    raise MetaFault("meta-type", "a list holds either texts or integers")


_PLAIN_TYPES: Final[Mapping[type, str]] = {str: "string", bool: "bool", int: "int64", float: "float32"}


def checked_value(type_: str, value: object) -> Inner:
    """Return *value* in its canonical form. Raises MetaFault when it is none of *type_*."""
    if value is None:
        raise MetaFault("null-value", "null is no meta value")
    return _CHECKS[type_](value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise MetaFault("wrong-type", "this takes text; put it in quotation marks")
    control = control_character(value)
    if control is not None:
        raise MetaFault("control-character", f"the text holds {control}")
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise MetaFault("wrong-type", "this takes true or false")
    return value


def _int64(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MetaFault("wrong-type", "this takes an integer")
    if value not in _INT64:
        raise MetaFault("bad-value", "this integer does not fit into 64 bits")
    return value


def _float32(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise MetaFault("wrong-type", "this takes a number")
    try:
        wide = float(value)
        if math.isfinite(wide):
            return float32(wide) + 0.0  # there is one zero only
    except OverflowError:
        pass
    raise MetaFault("bad-value", "this number does not fit into a float32")


def _list(value: object, element: Callable[[object], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise MetaFault("wrong-type", "this takes a list")
    checked: list[Any] = []
    for position, member in enumerate(cast("Iterable[object]", value)):
        try:
            checked.append(element(member))
        except MetaFault as fault:
            raise MetaFault(fault.finding.rule, fault.finding.message, (position,)) from None
    return tuple(checked)


def _date_time(value: object) -> str:
    text = _string(value)
    try:
        if _DATE_TIME.fullmatch(text):
            datetime.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise MetaFault("bad-value", "a date_time is written as 2025-08-12T11:33:56+08:00, or with Z")


def _geo_point(value: object) -> str:
    text = _string(value)
    match = _GEO_POINT.fullmatch(text)
    if match is None or not (abs(float(match[1])) < 180 and abs(float(match[2])) < 90):
        raise MetaFault("bad-value", 'a geo_point is "longitude,latitude", under 180 and 90 degrees')
    return text


_CHECKS: Final[Mapping[str, Callable[[object], Inner]]] = {
    "string": _string,
    "bool": _bool,
    "int64": _int64,
    "float32": _float32,
    "list<string>": lambda value: _list(value, _string),
    "list<int64>": lambda value: _list(value, _int64),
    "date_time": _date_time,
    "geo_point": _geo_point,
}
