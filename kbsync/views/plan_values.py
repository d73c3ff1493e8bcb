"""How one field changes, for every view of a plan: both values, or one text with what went and what came."""

from itertools import islice
from typing import NamedTuple, TypeAlias

import orjson

from kbsync.core.fields import MetaValue, Value
from kbsync.core.plan import FieldChange
from kbsync.views.difference import Piece, compare, excerpt, tokens
from kbsync.views.lookalikes import unseen
from kbsync.views.wording import is_text, pair_text, texts_of, value_text

__all__ = ("Along", "Edit", "New", "Pair", "Shown", "shown")


class New(NamedTuple):
    """A value of a field that was never known."""

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
    if field.known is None:
        return New(value_text(field.desired, width))
    if not field.differs:
        return Along(value_text(field.desired, width))

    pieces = (
        () if texts_of(field.known, field.desired) is None else compare(_tokens(field.known), _tokens(field.desired))
    )
    remark = unseen(pieces)
    partial = excerpt(pieces, width)
    if partial is not None:
        return Edit(partial, '"' if is_text(field.desired) else "", remark)
    return Pair(*pair_text(field.known, field.desired, width), remark)


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
