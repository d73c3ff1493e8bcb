"""The rules of meta fields: names, types, replacing and merging."""

import re
from collections.abc import Callable
from typing import NamedTuple, cast

import orjson

from kbsync.emulator.behaviour import Normalisation, normalised
from kbsync.emulator.messages import JsonObject
from kbsync.emulator.volcengine.lookup import invalid
from kbsync.emulator.world import Collection

__all__ = ("MetaField", "merged_meta", "meta_text", "read_meta")

NAME_MAX = 128

_ASCII_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


class MetaField(NamedTuple):
    """One field of a document."""

    name: str
    type: str
    value: object


def read_meta(value: object, collection: Collection, *, strict_names: bool) -> list[MetaField]:
    """Read the meta of a request: a list, or that list as JSON text.

    A repeated field counts once, with its last value. Refuses what the pages forbid.
    """
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise invalid("meta is not a JSON list") from error
    if not isinstance(value, list):
        raise invalid("meta must be a list")
    entries = [_field(entry, collection, strict_names=strict_names) for entry in cast("list[object]", value)]
    return list({entry.name: entry for entry in entries}.values())


def meta_text(fields: list[MetaField], how: Normalisation = "none") -> str:
    """Write *fields* as the API returns them: the JSON text of a list."""
    return orjson.dumps(
        [
            {
                "field_name": entry.name,
                "field_type": entry.type,
                "field_value": normalised(entry.value, how) if isinstance(entry.value, str) else entry.value,
            }
            for entry in fields
        ]
    ).decode()


def merged_meta(stored: str, fields: list[MetaField]) -> list[MetaField]:
    """Overlay *fields* on the *stored* ones."""
    known = cast("list[JsonObject]", orjson.loads(stored))
    before = {
        str(entry["field_name"]): MetaField(str(entry["field_name"]), str(entry["field_type"]), entry["field_value"])
        for entry in known
    }
    return list({**before, **{entry.name: entry for entry in fields}}.values())


def _field(value: object, collection: Collection, *, strict_names: bool) -> MetaField:
    if not isinstance(value, dict):
        raise invalid("a meta item must be an object")
    entry = cast("JsonObject", value)
    name, claimed, content = entry.get("field_name"), entry.get("field_type"), entry.get("field_value")
    if not isinstance(name, str) or not name or name == "doc_id" or len(name) > NAME_MAX:
        raise invalid(f"field_name {name!r} is not allowed")
    if strict_names and not _ASCII_NAME.fullmatch(name):
        raise invalid(f"field_name {name!r} is not allowed")
    # The configured type rules; the request's type counts only for fields that are not configured.
    type_name = collection.field_type(name) or claimed or _guessed_type(content)
    if not isinstance(type_name, str) or type_name not in _VALUES:
        raise invalid(f"field_type {type_name!r} is not supported")
    if not _VALUES[type_name](content):
        raise invalid(f"field_value of {name!r} is not {type_name}")
    return MetaField(name, type_name, content)


def _guessed_type(value: object) -> str:
    return next((name for name in _GUESSES if _VALUES[name](value)), "")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list_of(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(check, cast("list[object]", value)))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_VALUES: dict[str, Callable[[object], bool]] = {
    "int64": _is_int,
    "float32": lambda value: isinstance(value, float) or _is_int(value),
    "string": _is_text,
    "bool": lambda value: isinstance(value, bool),
    "list<string>": _is_list_of(_is_text),
    "list<int64>": _is_list_of(_is_int),
    "date_time": _is_text,
    "geo_point": _is_text,
}

_GUESSES = ("bool", "int64", "float32", "string", "list<string>", "list<int64>")
