"""A large plan in few words: changes that do the same are one group, and what is rare is not lost among them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from kbsync.core.fields import MetaValue, Value, is_empty
from kbsync.core.plan import Change, FieldChange

__all__ = ("Effect", "Group", "Touch", "grouped")

Effect: TypeAlias = Literal["new", "changed", "emptied"]
# Equal changes that are a smaller part of what is otherwise alike are no group of their own.
_LEAST_SHARE: Final = 200


class Touch(NamedTuple):
    """What a change does to one field: one that travels along is not touched."""

    field: str
    effect: Effect


class Group(NamedTuple):
    """*total* changes with one reason and one operation, of one kind of item.

    *touches* are the fields that differ, in at least one of them. *variants* counts how many different things the
    changes do: when it is 1, all of them put the same values in place of the same values. *examples* are at most
    three of them, all when there are no more; the one that loses most of its text comes first.
    """

    reason: str
    kind: str
    total: int
    variants: int
    touches: tuple[Touch, ...]
    examples: tuple[Change, ...]


def grouped(changes: Sequence[Change], limit: int) -> tuple[Group, ...]:
    """Return *changes*, sorted by item, as about *limit* groups, the small ones first: every change is in one of them.

    There may be more groups than *limit* only when there are more pairs of a reason and an operation.
    """
    alike = _split(changes, lambda change: (change.reason, change.operation, _touches(change)))
    if len(alike) > limit:
        alike = _split(changes, lambda change: (change.reason, change.operation))
    equal = sorted(
        ((number, place, values) for place, members in enumerate(alike) for values, number in _common(members)),
        key=lambda found: -found[0],
    )[: max(0, limit - len(alike))]
    groups = [
        group
        for place, members in enumerate(alike)
        for group in _groups(members, {values for _, at, values in equal if at == place})
    ]
    return tuple(sorted(groups, key=lambda group: group.total))


def _split(changes: Iterable[Change], key: Callable[[Change], object]) -> list[list[Change]]:
    parts: dict[object, list[Change]] = {}
    for change in changes:
        parts.setdefault(key(change), []).append(change)
    return list(parts.values())


def _common(members: Sequence[Change]) -> Iterator[tuple[tuple[FieldChange, ...], int]]:
    """Yield what many of *members* do, with their number."""
    for values, number in Counter(map(_values, members)).items():
        if number > 1 and number * _LEAST_SHARE >= len(members):
            yield values, number


def _groups(members: Sequence[Change], common: set[tuple[FieldChange, ...]]) -> Iterator[Group]:
    """Yield a group for each of the *common* changes, and one for all others."""
    equal: dict[tuple[FieldChange, ...], list[Change]] = {values: [] for values in common}
    others: list[Change] = []
    for change in members:
        equal.get(_values(change), others).append(change)

    yield from (_group(part, 1) for part in equal.values())
    if others:
        yield _group(others, len(set(map(_values, others))))


def _group(members: Sequence[Change], variants: int) -> Group:
    first = members[0]
    touches = sorted({touch for change in (members if variants > 1 else members[:1]) for touch in _touches(change)})
    return Group(first.reason, first.item.kind, len(members), variants, tuple(touches), _examples(members, variants))


def _examples(members: Sequence[Change], variants: int) -> tuple[Change, ...]:
    """Return three of *members* from all over them, or all."""
    size = len(members)
    spread = [0, size // 2, size - 1]
    if variants > 1 and size > 3:
        most = max(range(size), key=lambda position: _loss(members[position]))
        spread = [most, *(position for position in spread if position != most)]
    return tuple(members[position] for position in dict.fromkeys(spread[:3]))


def _touches(change: Change) -> tuple[Touch, ...]:
    return tuple(Touch(field.field, _effect(field)) for field in change.fields if field.differs)


def _values(change: Change) -> tuple[FieldChange, ...]:
    return tuple(field for field in change.fields if field.differs)


def _effect(field: FieldChange) -> Effect:
    if field.known is None:
        return "new"
    return "emptied" if is_empty(field.desired) else "changed"


def _loss(change: Change) -> int:
    return sum(_size(field.known) - _size(field.desired) for field in change.fields)


def _size(value: Value | None) -> int:
    match value:
        case str() as text:
            return len(text)
        case MetaValue(_, (str() | tuple()) as inner):
            return len(inner)
        case _:
            return 0
