"""How one field changes, for every view of a plan: both values, or one text with what went and what came."""

from itertools import islice
from typing import NamedTuple, TypeAlias

import orjson

from kbsync.core.fields import MetaValue, Value
from kbsync.core.plan import FieldChange
from kbsync.views.difference import Piece, compare, excerpt, tokens
from kbsync.views.lookalikes import unseen
from kbsync.views.wording import is_text, pair_text, texts_of, value_text

__all__ = ("Along", "Edit", "New", "Pair", "Shown", "once_known", "shown")


class New(NamedTuple):
    """A value of a field that has none, for all that is known."""

    desired: str


class Along(NamedTuple):
    """A value that is the same and is sent along."""

    desired: str


class Pair(NamedTuple):
    """Both values, and which characters differ without looking different."""

    known: str
    desired: str
    remark: str


class Edit(NamedTuple):
    """A text that changed in part, in visible pieces; *quote* stands at both ends."""

    pieces: tuple[Piece, ...]
    quote: str
    remark: str


Shown: TypeAlias = New | Along | Pair | Edit


def shown(field: FieldChange, width: int) -> Shown:
    """Return *field* for people: at most *width* columns for a value, and up to three lines of them for an edit."""
    before = field.before
    if before is None:
        return New(value_text(field.desired, width))
    if not field.differs:
        return Along(value_text(field.desired, width))

    pieces = () if texts_of(before, field.desired) is None else compare(_tokens(before), _tokens(field.desired))
    remark = unseen(pieces)
    partial = excerpt(pieces, width)
    if partial is not None:
        return Edit(partial, '"' if is_text(field.desired) else "", remark)
    return Pair(*pair_text(before, field.desired, width), remark)


def once_known(field: FieldChange, width: int) -> str:
    """Return what was last confirmed of *field*, when it is neither what was read nor what is desired; else nothing."""
    if field.live is None or field.known is None or field.known in (field.before, field.desired):
        return ""
    return value_text(field.known, width)


def _tokens(value: Value) -> list[str]:
    """Return a text or a list in parts to compare: an element of a list is one."""
    match value:
        case str() as text:
            return tokens(text)
        case MetaValue(_, tuple() as elements):
            written = (part for element in elements for part in (",", orjson.dumps(element).decode()))
            return ["[", *islice(written, 1, None), "]"]
        case _:
            return tokens(str(value[1]))
