"""A document's live meta list, and the list that an update sends in its place."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

import orjson

from kbsync.core.fields import META_TYPES, REMOVED, MetaValue
from kbsync.core.pages import told_text
from kbsync.core.strict_json import STRICT_JSON
from kbsync.providers.volcengine.values import MetaFault, checked_value

__all__ = ("LiveItem", "overlay", "parse_live", "write_item")


class LiveItem(NamedTuple):
    """One member of a document's live meta list.

    *text* is its own JSON, to be sent back to the byte; *name* is empty when it has no field name that could be kept;
    *value* is None when it is not of a form that kbsync knows.
    """

    name: str
    text: bytes
    value: MetaValue | None


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACE: Final = re.compile(r"[ \t\n\r]*")


def parse_live(meta: str) -> tuple[LiveItem, ...] | None:
    """Return the members of the JSON list that *meta* is, or None when it is no such list.

    An empty text and null are how a server without a list may write it.
    """
    # A lone surrogate stands inside a JSON string, if anywhere, and there its escape means the same.
    text = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", meta).strip(" \t\n\r")
    if text in ("", "null"):
        return ()
    try:
        return tuple(_members(text))
    except (ValueError, RecursionError):
        return None


def _members(text: str) -> Iterable[LiveItem]:
    position = _expect(text, 0, "[")
    if text.startswith("]", position):
        position = _expect(text, position, "]")
    else:
        while True:
            member, end = STRICT_JSON.raw_decode(text, position)
            yield _live_item(member, text[position:end])
            position = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches everywhere
            if not text.startswith(",", position):
                break
            position = _expect(text, position, ",")
        position = _expect(text, position, "]")
    if position != len(text):
        raise ValueError("something follows the list")


def _expect(text: str, position: int, mark: str) -> int:
    """Return the position of what follows *mark*, which has to stand at *position*."""
    if not text.startswith(mark, position):
        raise ValueError(f"{mark} is missing")
    return _SPACE.match(text, position + 1).end()  # type: ignore[union-attr]  # it matches everywhere


def _live_item(member: object, text: str) -> LiveItem:
    fields = cast("dict[str, Any]", member) if isinstance(member, dict) else {}
    return LiveItem(told_text(fields.get("field_name")) or "", text.encode(), _live_value(fields))


def _live_value(fields: Mapping[str, Any]) -> MetaValue | None:
    """Return the meta value of a live list member, or None when it is not of a form that kbsync knows."""
    type_ = fields.get("field_type")
    if not isinstance(type_, str) or type_ not in META_TYPES:
        return None
    try:
        return MetaValue(type_, checked_value(type_, fields.get("field_value")))
    except MetaFault:
        return None


def overlay(live: Iterable[LiveItem], desired: Mapping[str, MetaValue]) -> list[bytes]:
    """Return the members of the list to send: *live* in its order, with *desired* in place of what it names.

    Whatever *desired* does not name goes back as it came; what is to be removed is left out. New fields follow by name.
    """
    new = {name: value for name, value in sorted(desired.items()) if value != REMOVED}
    members: list[bytes] = []
    for item in live:
        if item.name not in desired:
            members.append(item.text)
        elif item.name in new:  # a field that stands in the live list twice is written once
            members.append(write_item(item.name, new.pop(item.name)))
    members.extend(write_item(name, value) for name, value in new.items())
    return members


def write_item(name: str, value: MetaValue) -> bytes:
    """Return the list member that sets *name* to *value*."""
    return orjson.dumps({"field_name": name, "field_type": value.type, "field_value": value.value})
