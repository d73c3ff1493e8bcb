"""What reading back a change shows: whether the provider has what it said that it took."""

import html
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from kbsync.core.fields import REMOVED, MetaValue, Value
from kbsync.core.listing import Complete, Listed
from kbsync.core.plan import Change
from kbsync.core.wire import Live

__all__ = ("FINDINGS", "Absent", "Difference", "Finding", "FindingName", "How", "Seen", "Unread", "look", "seen_in")

FindingName: TypeAlias = Literal["verified", "differs", "absent", "pending", "unread"]
FINDINGS: Final[tuple[FindingName, ...]] = ("verified", "differs", "absent", "pending", "unread")
How: TypeAlias = Literal["ignored", "trimmed", "cut", "normalised", "escaped", "retyped", "other"]


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider proved that there is no such item."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Nothing is proved of an item. *reason* is a stable word, *detail* a sentence for people."""

    reason: str
    detail: str


Seen: TypeAlias = Live | Absent | Unread


class Finding(NamedTuple):
    """What reading back one change showed; the change itself is named elsewhere.

    `differs` and `absent` mean that the provider does not have what it confirmed. `pending` says that it still
    processes the item, and `unread` that nothing could be proved, because of *reason*, a stable word. *live* holds the
    fields that are not as they were sent, with their live values; None stands for one that is not set. *at_s* is when
    it was read, in seconds since the epoch.
    """

    word: FindingName
    reason: str
    live: Mapping[str, Value | None]
    at_s: float

    @property
    def wrong(self) -> bool:
        """Whether it is proved that the provider does not have what was sent."""
        return self.word in {"differs", "absent"}

    @property
    def settled(self) -> bool:
        """Whether it is proved what the provider has."""
        return self.wrong or self.word == "verified"

    def differences(self, change: Change) -> Iterator["Difference"]:
        """Yield the fields of *change* that are not as they were sent."""
        for field in change.fields:
            if field.field in self.live:
                live = self.live[field.field]
                yield Difference(field.field, field.desired, live, _how(field.desired, live, field.known))


class Difference(NamedTuple):
    """A field that is not as it was sent; *live* is None when it is not set.

    A manifest that says *live* leaves nothing to send. *how* tells what may have become of the value: `ignored` when
    the one from before is still there, `other` when nothing explains it.
    """

    field: str
    sent: Value
    live: Value | None
    how: How


def look(change: Change, seen: Seen, at_s: float) -> Finding:
    """Compare what *change* sent with what was *seen* of its item at *at_s*."""
    match seen:
        case Absent():
            return Finding("absent", "not_found", {}, at_s)
        case Unread(reason, _):
            return Finding("unread", reason, {}, at_s)
        case Live(fields, _, pending):
            desired = change.desired
            live = {
                field: fields.get(field)
                for field, value in desired.items()
                if seen.tells(field) and fields.get(field) != (None if value == REMOVED else value)
            }
            if pending:
                return Finding("pending", "processing", live, at_s)
            if live:
                return Finding("differs", "not_as_sent", live, at_s)
            if not all(map(seen.tells, desired)):
                return Finding("unread", "untold", {}, at_s)
            return Finding("verified", "as_sent", {}, at_s)


def seen_in(listed: Listed | None, id_: str) -> Seen:
    """Return what a list proves of the item *id_*: nothing when it is not whole."""
    match listed:
        case Complete(items):
            return items.get(id_, Absent())
        case None:
            return Unread("unfinished", "its list was not read")
        case _:
            return Unread(listed.reason, listed.detail)


def _how(sent: Value, live: Value | None, known: Value | None) -> How:
    if live is None:
        return "ignored"
    if isinstance(sent, MetaValue) and isinstance(live, MetaValue) and sent.type != live.type:
        return "retyped" if sent.value == live.value else "ignored" if live == known else "other"
    before, after = _text(sent), _text(live)
    # What only looks otherwise was hardly there before by chance; of a text that goes on, the beginning may have been.
    how = None if before is None or after is None else _how_it_looks(before, after)
    if how is not None:
        return how
    if live == known:
        return "ignored"
    return "cut" if before is not None and after and before.startswith(after) else "other"


def _how_it_looks(sent: str, live: str) -> How | None:
    if live == sent.strip():
        return "trimmed"
    if unicodedata.normalize("NFKC", live) == unicodedata.normalize("NFKC", sent):
        return "normalised"
    return "escaped" if html.unescape(live) == sent else None


def _text(value: Value) -> str | None:
    inner = value.value if isinstance(value, MetaValue) else value
    return inner if isinstance(inner, str) else None
