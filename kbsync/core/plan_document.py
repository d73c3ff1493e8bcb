"""The plan as a document: format `kbsync.plan/1`, written and read.

One JSON object. Each change stands on a line of its own, so that two plans can be compared line by line; white space
has no meaning. `plan_id` is the SHA-256, in hexadecimal, of the canonical JSON of all other members: keys sorted by
code point, no white space. Whoever reads a plan refuses whatever is not exactly such a document.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, cast

import orjson

from kbsync.core.fields import to_plain
from kbsync.core.inert_json import dumps
from kbsync.core.items import Item, Source
from kbsync.core.plan import PLAN_FORMAT, UNSET, Change, FieldChange, GuardResult, Plan, ReadPlace, Skipped
from kbsync.core.plan_shape import Misfit, plan_of
from kbsync.errors import InputError

__all__ = (
    "MAX_PLAN_BYTES",
    "change_to_plain",
    "field_to_plain",
    "guard_to_plain",
    "item_to_plain",
    "plan_from_json",
    "plan_lines",
    "plan_to_json",
    "read_to_plain",
    "seal",
    "skipped_to_plain",
    "source_to_plain",
)

MAX_PLAN_BYTES: Final = 1 << 30
_FOREIGN: Final = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x80", "binary data"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xef\xbb\xbf", "text with a byte order mark"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


# ------------------------------------------------------------------------------------------------------- writing


def seal(plan: Plan) -> Plan:
    """Return *plan* with the `plan_id` that its content has."""
    digest = sha256()
    for chunk in _canonical(plan):
        digest.update(chunk)
    return replace(plan, plan_id=digest.hexdigest())


def plan_to_json(plan: Plan) -> bytes:
    """Return the document of *plan*, which must be sealed."""
    return b"".join(plan_lines(plan))


def plan_lines(plan: Plan) -> Iterator[bytes]:
    """Yield the document of *plan* in pieces that are each about a line; *plan* must be sealed."""
    yield b'{"format":%b,"plan_id":%b' % (dumps(PLAN_FORMAT), dumps(plan.plan_id))
    for name, member in _members(plan).items():
        if name == "format":
            continue
        yield b',\n"%b":' % name.encode()
        if callable(member):
            yield from _list(cast("Iterator[Any]", member()), b"[\n", b",\n", dumps)
        else:
            yield dumps(member)
    yield b"}\n"


def item_to_plain(item: Item) -> dict[str, Any]:
    """Return the JSON form of *item*."""
    return item._asdict()


def source_to_plain(source: Source) -> dict[str, Any]:
    """Return the JSON form of *source*; bytes of a file name that are no UTF-8 are written as escapes."""
    return {
        "file": source.file.encode("utf-8", "backslashreplace").decode(),
        "line": source.line,
        "column": source.column,
    }


def guard_to_plain(guard: GuardResult) -> dict[str, Any]:
    """Return the JSON form of *guard*."""
    return {"guard": guard.guard, "message": guard.message, "lifted": guard.lifted}


def change_to_plain(change: Change) -> dict[str, Any]:
    """Return the JSON form of *change*."""
    return {
        "item": item_to_plain(change.item),
        "operation": change.operation,
        "reason": change.reason,
        "fields": [field_to_plain(field) for field in change.fields],
        "source": source_to_plain(change.source),
    }


def skipped_to_plain(skip: Skipped) -> dict[str, Any]:
    """Return the JSON form of *skip*."""
    return {**change_to_plain(skip.change), "why": skip.why}


def _members(plan: Plan) -> dict[str, Any]:
    """Return all members of the document but `plan_id`; lists as functions that begin to yield their elements.

    What only a refreshed plan has is left out of any other.
    """
    summary, base = plan.summary, plan.base
    members: dict[str, Any] = {
        "format": PLAN_FORMAT,
        "summary": {
            "items": summary.items,
            "in_sync": summary.in_sync,
            "changes": summary.changes,
            "released": summary.released,
            "conflicts": summary.conflicts,
            "skipped": summary.skipped,
        },
        "changes": lambda: map(change_to_plain, plan.changes),
        "conflicts": lambda: map(skipped_to_plain, plan.conflicts),
        "released": lambda: map(item_to_plain, plan.released),
        "skipped": lambda: map(skipped_to_plain, plan.skipped),
        "unmanaged": lambda: (
            {"item": item_to_plain(left.item), "fields": list(left.fields)} for left in plan.unmanaged
        ),
        "guards": lambda: map(guard_to_plain, plan.guards),
        "forecast": {"requests": plan.forecast.requests, "seconds": plan.forecast.seconds},
        "base": {
            "lineage": base.lineage,
            "serial": base.serial,
            "kbsync": base.kbsync,
            "targets": dict(base.targets),
            **({"read": list(map(read_to_plain, base.read))} if base.read else {}),
        },
        "whole": plan.whole,
    }
    if plan.recognised:
        members["recognised"] = lambda: (
            {
                "item": item_to_plain(found.item),
                "fields": list(map(field_to_plain, found.fields)),
                "doubts": list(found.doubts),
            }
            for found in plan.recognised
        )
    return members


def read_to_plain(read: ReadPlace) -> dict[str, Any]:
    """Return the JSON form of *read*: of a whole list it has no `asked`."""
    plain = read._asdict()
    if read.asked is None:
        del plain["asked"]
    return plain


def field_to_plain(change: FieldChange) -> dict[str, Any]:
    """Return the JSON form of *change*: a live value that is not set is null, what nobody knows or read is left out."""
    plain: dict[str, Any] = {"field": change.field}
    if change.known is not None:
        plain["known"] = to_plain(change.known)
    if change.live is not None:
        plain["live"] = None if change.live is UNSET else to_plain(change.live)
    plain["desired"] = to_plain(change.desired)
    return plain


def _canonical(plan: Plan) -> Iterator[bytes]:
    separator = b"{"
    for name, member in sorted(_members(plan).items()):
        yield b'%b"%b":' % (separator, name.encode())
        if callable(member):
            yield from _list(cast("Iterator[Any]", member()), b"[", b",", _canonical_json)
        else:
            yield _canonical_json(member)
        separator = b","
    yield b"}"


def _canonical_json(plain: Any) -> bytes:
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def _list(elements: Iterator[Any], opening: bytes, comma: bytes, write: Callable[[Any], bytes]) -> Iterator[bytes]:
    separator = opening
    for element in elements:
        yield separator + write(element)
        separator = comma
    yield b"[]" if separator is opening else b"]"


# ------------------------------------------------------------------------------------------------------- reading


def plan_from_json(data: bytes, name: str = "plan", *, max_bytes: int = MAX_PLAN_BYTES) -> Plan:
    """Return the plan whose document is *data*.

    Raises InputError with rule `bad-plan` when *data* is anything else: damaged, changed after it was written, over
    *max_bytes*, of another or a newer format. *name* stands for the file in messages.
    """
    if len(data) > max_bytes:
        raise _refusal(name, f"over {max_bytes:,} bytes; no plan is that large")
    for start, what in _FOREIGN:
        if data.startswith(start):
            raise _refusal(name, f"this is {what}, not a plan")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        message = f"not well-formed JSON, perhaps cut short: {error.msg}"
        raise _refusal(name, message, error.lineno, error.colno) from None

    try:
        plan = plan_of(document)
        _check_unchanged(plan, data)
    except Misfit as misfit:
        raise _refusal(name, str(misfit)) from None
    return plan


def _check_unchanged(plan: Plan, data: bytes) -> None:
    """Raise Misfit unless *plan*, read from *data*, is what was sealed and *data* says nothing else beside."""
    if seal(plan).plan_id != plan.plan_id:
        raise Misfit("the content is not what plan_id was made of: the file was changed; plan again")
    if not _is_written_form(plan, data):
        json.loads(data, object_pairs_hook=_without_duplicates)


def _refusal(name: str, message: str, line: int = 1, column: int = 1) -> InputError:
    return InputError([f"{Source(name, line, column)}: {message} [bad-plan]"])


def _is_written_form(plan: Plan, data: bytes) -> bool:
    """Tell whether *data* is byte for byte what `plan_lines` yields, which holds no key twice."""
    position = 0
    for piece in plan_lines(plan):
        if not data.startswith(piece, position):
            return False
        position += len(piece)
    return position == len(data)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Misfit("a key stands twice in one object")
    return members
