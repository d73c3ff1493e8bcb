"""Field values, their canonical form and their digest.

A field is named `caption`, `name`, `update_rule` or `meta.<field_name>`. Its value has one in-memory form, so that two
equal wishes are equal values, and one JSON form, which is what plans, reports and the state hold.
"""

import struct
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias, cast

import orjson

__all__ = (
    "DIGEST_SIZE_BYTES",
    "META_PREFIX",
    "META_TYPES",
    "REMOVED",
    "Fields",
    "MetaValue",
    "UpdateRule",
    "Value",
    "canonical",
    "digest",
    "digest_of",
    "digests_of",
    "family",
    "fields_from_plain",
    "fields_to_plain",
    "float32",
    "from_plain",
    "is_empty",
    "to_declared",
    "to_plain",
)

META_PREFIX: Final = "meta."
META_TYPES: Final = (
    "string",
    "bool",
    "int64",
    "float32",
    "list<string>",
    "list<int64>",
    "date_time",
    "geo_point",
)
DIGEST_SIZE_BYTES: Final = 16
# A change of the canonical form must change this, so that old digests are never compared with new ones.
_DIGEST_PERSON: Final = b"kbsync-fields/1"
_BEGUN: Final = blake2b(digest_size=DIGEST_SIZE_BYTES, person=_DIGEST_PERSON)


class UpdateRule(NamedTuple):
    """When a Coze web page is fetched again: *update_type* 0 never, 1 every *update_interval* hours."""

    update_type: int
    update_interval: int | None = None


class MetaValue(NamedTuple):
    """One typed Volcengine meta value; *type* is one of `META_TYPES`, lists are tuples. Or it is `REMOVED`."""

    type: str
    value: str | bool | int | float | tuple[str, ...] | tuple[int, ...] | None


REMOVED: Final = MetaValue("removed", None)
"""What a meta field is to be, or is, that is not set. No update says it: an update leaves the field out."""


Value: TypeAlias = str | UpdateRule | MetaValue
Fields: TypeAlias = Mapping[str, Value]


def family(field: str) -> str:
    """Return the name that request groups are made of: `meta` for every `meta.<field_name>`."""
    return "meta" if field.startswith(META_PREFIX) else field


def is_empty(value: Value) -> bool:
    """Tell whether *value* clears its field: an empty text, an empty string value, an empty list, or none at all."""
    if isinstance(value, MetaValue):
        return value.value in ("", (), None)
    return value == ""


def float32(value: float) -> float:
    """Return the shortest decimal that is the same float32 as *value*; a subnormal keeps six digits.

    Raises OverflowError when *value* is outside the range of float32.
    """
    # Only the standard sizes ("<") refuse what does not fit; the native ones make it infinite.
    narrow: float = struct.unpack("<f", struct.pack("<f", value))[0]
    for digits in range(6, 9):
        short = float(f"{narrow:.{digits}g}")
        if struct.unpack("<f", struct.pack("<f", short))[0] == narrow:
            return short

    return float(f"{narrow:.9g}")


def to_plain(value: Value) -> Any:
    """Return the JSON form of *value*."""
    match value:
        case UpdateRule(update_type, None):
            return {"update_type": update_type}
        case UpdateRule(update_type, update_interval):
            return {"update_type": update_type, "update_interval": update_interval}
        case MetaValue(type_, inner):
            return {"type": type_, "value": inner}
        case str():
            return value


def to_declared(value: Value) -> Any:
    """Return what a manifest in JSON says that declares *value*: its JSON form, or null for a field to remove."""
    return None if value == REMOVED else to_plain(value)


def from_plain(field: str, plain: Any) -> Value:
    """Return the value of *field* whose JSON form is *plain*: the inverse of `to_plain`.

    For data that kbsync wrote itself. Raises ValueError when the shape is not the field's.
    """
    match family(field), plain:
        case "meta", {"type": REMOVED.type, "value": None, **rest} if not rest:
            return REMOVED
        case "meta", {"type": str() as type_, "value": inner, **rest} if not rest and type_ in META_TYPES:
            return MetaValue(type_, tuple(cast("list[str]", inner)) if isinstance(inner, list) else inner)
        case "update_rule", {"update_type": int() as update_type, **rest} if rest.keys() <= {"update_interval"}:
            return UpdateRule(update_type, cast("int | None", rest.get("update_interval")))
        case "caption" | "name", str() as text:
            return text
        case _:
            raise ValueError(f"not a value of {field}")


def fields_to_plain(fields: Fields) -> dict[str, Any]:
    """Return the JSON form of *fields*."""
    return {field: to_plain(value) for field, value in fields.items()}


def fields_from_plain(plain: Mapping[str, Any]) -> dict[str, Value]:
    """Return the fields whose JSON form is *plain*. Raises ValueError as `from_plain` does."""
    return {field: from_plain(field, value) for field, value in plain.items()}


def canonical(fields: Fields) -> bytes:
    """Return the one JSON text of *fields*: keys sorted by code point, no white space, text as given."""
    # Texts, which most values are, are JSON already, and only the others are turned into their JSON form.
    plain: Fields = fields if fields.__class__ is dict else dict(fields)
    return orjson.dumps(plain, _typed_to_plain, orjson.OPT_SORT_KEYS)


def digest(fields: Fields) -> bytes:
    """Return the 16-byte digest of the canonical form of *fields*."""
    return digest_of(canonical(fields))


def digest_of(text: bytes) -> bytes:
    """Return the 16-byte digest of fields whose canonical form is *text*."""
    return blake2b(text, digest_size=DIGEST_SIZE_BYTES, person=_DIGEST_PERSON).digest()


def digests_of(texts: Iterable[str]) -> list[bytes]:
    """Return the digests of fields whose canonical forms are *texts*."""
    # What `digest_of` does. A copy of a hash that was begun costs a third less than one that is made.
    digests: list[bytes] = []
    begin, put = _BEGUN.copy, digests.append
    for text in texts:
        begun = begin()
        begun.update(text.encode())
        put(begun.digest())
    return digests


def _typed_to_plain(value: UpdateRule | MetaValue) -> Any:
    if type(value) is MetaValue:
        return {"type": value[0], "value": value[1]}
    if type(value) is UpdateRule:
        return to_plain(value)
    raise TypeError(f"a {type(value).__name__} is no value of a field")
