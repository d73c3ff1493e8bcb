"""Numbers, times and field values in words; values are made visible and cut."""

from datetime import UTC, datetime
from itertools import takewhile

import orjson

from kbsync.core.fields import MetaValue, UpdateRule, Value
from kbsync.core.items import Source
from kbsync.views.escape import one_line

__all__ = (
    "count",
    "duration",
    "is_text",
    "moment",
    "pair_text",
    "place",
    "reading_back",
    "share",
    "texts_of",
    "timestamp",
    "value_text",
)


def count(number: int, noun: str) -> str:
    """Return *number* with *noun*, in the plural unless it is one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: int, whole: int) -> str:
    """Return *part* of *whole* as a percentage that says 0 and 100 only when it is so."""
    if not whole:
        return "100 %"
    percent = part * 100 / whole
    return f"{min(max(round(percent), int(part > 0)), 100 if part == whole else 99)} %"


def duration(seconds: float) -> str:
    """Return *seconds* with two units at most, as in `2 h 5 min`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def reading_back(changes: int, after_s: float) -> str:
    """Return that so many changes are read back, or read again, in *after_s* seconds."""
    if not after_s:
        return f"reading back {count(changes, 'updated change')}"
    return f"{count(changes, 'updated change')} not shown as sent: read again in {duration(after_s)}"


def timestamp(epoch_s: float) -> str:
    """Return *epoch_s* in RFC 3339, UTC, to the millisecond: for programs."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(epoch_s: float) -> str:
    """Return *epoch_s* for people, UTC, to the second."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def place(source: Source, width: int = 200) -> str:
    """Return the file and line of *source*."""
    return f"{one_line(source.file, width)}:{source.line}"


def value_text(value: Value, width: int) -> str:
    """Return *value* for people: texts in quotes, everything visible, about *width* columns at most."""
    match value:
        case str() as text:
            return _quoted(text, width)
        case UpdateRule(0, _):
            return "never"
        case UpdateRule(1, int() as interval_h):
            return f"every {interval_h} h"
        case UpdateRule(update_type, interval_h):
            return f"type {update_type}" if interval_h is None else f"type {update_type}, {interval_h} h"
        case MetaValue():
            return _meta_text(value, width)


def pair_text(known: Value, desired: Value, width: int) -> tuple[str, str]:
    """Return both values for people, so that where they begin to differ is inside what is shown."""
    texts = texts_of(known, desired)
    start = _start(*texts, width) if texts is not None else 0
    if texts is None or not start:
        return value_text(known, width), value_text(desired, width)
    show = _quoted if is_text(desired) else one_line
    return show("…" + texts[0][start:], width), show("…" + texts[1][start:], width)


def texts_of(known: Value, desired: Value) -> tuple[str, str] | None:
    """Return both values as texts to compare, or None when they are not of one kind, or no texts or lists."""
    match known, desired:
        case str(), str():
            return known, desired
        case MetaValue("string", str() as first), MetaValue("string", str() as second):
            return first, second
        case MetaValue(one, (_, *_) as first), MetaValue(other, (_, *_) as second) if one == other:
            return orjson.dumps(first).decode(), orjson.dumps(second).decode()
        case _:
            return None


def is_text(value: Value) -> bool:
    """Tell whether *value* is shown in quotation marks."""
    return isinstance(value, str) or (isinstance(value, MetaValue) and value.type == "string")


def _start(first: str, second: str, width: int) -> int:
    """Return from where on long texts are shown: a little before the first difference."""
    if max(len(first), len(second)) <= width // 2 or first == second:
        return 0
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
    return max(0, same - width // 6) if same > width // 3 else 0


def _meta_text(meta: MetaValue, width: int) -> str:
    match meta.value:
        case None:
            return "removed"
        case str() as text:
            return _quoted(text, width) if meta.type == "string" else f"{_quoted(text, width)} ({meta.type})"
        case ():
            return f"[] ({meta.type})"
        case inner:
            return one_line(orjson.dumps(inner).decode(), width)


def _quoted(text: str, width: int) -> str:
    return f'"{one_line(text, width - 2)}"'
