"""A large plan in few words: changes that do the same are one group, and what is rare is not lost among them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeAlias

from kbsync.core.fields import MetaValue, Value, is_empty
from kbsync.core.plan import Change, FieldChange

__all__ = ("Effect", "Group", "Touched", "grouped")

Effect: TypeAlias = Literal["new", "changed", "emptied"]
_Values: TypeAlias = tuple[FieldChange, ...]
_Member: TypeAlias = tuple[Change, _Values]

# Equal changes that are a smaller part of what is otherwise alike are no group of their own.
_LEAST_SHARE: Final = 200
# Changes of several fields that come in more combinations are told field by field.
_MAX_COMBINATIONS: Final = 3
_EXAMPLES: Final = 3


class Touched(NamedTuple):
    """What the changes of a group do to one field, which differs in some of them, if not in all.

    *variants* counts the different things they do, *usual* is what most of them do, *share* how many.
    """

    field: str
    effect: Effect
    variants: int
    usual: FieldChange
    share: int


class Group(NamedTuple):
    """*total* changes with one reason and one operation, of one kind of item.

    *variants* counts how many different things they do: when it is 1, all put the same values in place of the same
    values. *examples* are at most three of them, all when there are no more. Those that tell most come first: one that
    does not do what nearly all others do, one that loses much of its text.
    """

    reason: str
    kind: str
    total: int
    variants: int
    touched: tuple[Touched, ...]
    examples: tuple[Change, ...]


def grouped(changes: Iterable[Change], limit: int) -> tuple[Group, ...]:
    """Return *changes*, sorted by item, as about *limit* groups, the small ones first: every change is in one of them.

    There may be more groups than *limit* only when there are more pairs of a reason and an operation.
    """
    members = [(change, tuple([field for field in change.fields if field.differs])) for change in changes]
    alike = _split(members, lambda member: (member[0].reason, member[0].operation, *map(_touch, member[1])))
    if len(alike) > limit:
        alike = _split(members, lambda member: (member[0].reason, member[0].operation))

    counted = [Counter(values for _, values in part) for part in alike]
    common = sorted(
        ((number, place, values) for place, counts in enumerate(counted) for values, number in _common(counts)),
        key=lambda found: -found[0],
    )[: max(0, limit - len(alike))]
    groups = [
        group
        for place, part in enumerate(alike)
        for group in _groups(part, counted[place], [values for _, at, values in common if at == place])
    ]
    return tuple(sorted(groups, key=lambda group: group.total))


def _split(members: Iterable[_Member], key: Callable[[_Member], object]) -> list[list[_Member]]:
    parts: dict[object, list[_Member]] = {}
    for member in members:
        parts.setdefault(key(member), []).append(member)
    return list(parts.values())


def _common(counts: Counter[_Values]) -> list[tuple[_Values, int]]:
    """Return what many of the counted changes do, with their number."""
    total = counts.total()
    found = [(values, number) for values, number in counts.items() if number > 1 and number * _LEAST_SHARE >= total]
    if len(found) > _MAX_COMBINATIONS and any(len(values) > 1 for values, _ in found):
        return []
    return found


def _groups(members: list[_Member], counts: Counter[_Values], common: Iterable[_Values]) -> Iterator[Group]:
    """Yield a group for each of the *common* changes, and one for all others."""
    equal: dict[_Values, list[_Member]] = {values: [] for values in common}
    others: list[_Member] = [] if equal else members
    if equal:
        for member in members:
            equal.get(member[1], others).append(member)

    yield from (_group(part, 1) for part in equal.values())
    if others:
        yield _group(others, len(counts) - len(equal))


def _group(members: Sequence[_Member], variants: int) -> Group:
    first = members[0][0]
    touched = _touched(members) if variants > 1 else ()
    examples = _examples(members, touched, variants)
    return Group(first.reason, first.item.kind, len(members), variants, touched, examples)


def _touched(members: Sequence[_Member]) -> tuple[Touched, ...]:
    counts: dict[tuple[str, Effect], Counter[FieldChange]] = {}
    for _, values in members:
        for field in values:
            counts.setdefault(_touch(field), Counter())[field] += 1
    return tuple(Touched(*touch, len(counts[touch]), *counts[touch].most_common(1)[0]) for touch in sorted(counts))


def _examples(members: Sequence[_Member], touched: Sequence[Touched], variants: int) -> tuple[Change, ...]:
    """Return some of *members*: the telling ones, and others from all over them; or all when they are few."""
    size = len(members)
    spread = [0, size // 2, size - 1]
    if variants > 1 and size > _EXAMPLES:
        spread = [*_odd(members, touched), max(range(size), key=lambda at: _loss(members[at][1])), *spread]
    return tuple(members[at][0] for at in list(dict.fromkeys(spread))[:_EXAMPLES])


def _odd(members: Sequence[_Member], touched: Sequence[Touched]) -> Iterator[int]:
    """Yield the first of *members* that does something else to a field than nearly all others, if there is one."""
    usual = {one.field: one.usual for one in touched if one.variants > 1 and one.share * 10 >= len(members) * 9}
    if usual:
        odd = (at for at, (_, values) in enumerate(members) if any(usual.get(v.field, v) != v for v in values))
        yield from islice(odd, 1)


def _touch(field: FieldChange) -> tuple[str, Effect]:
    if field.before is None:
        return field.field, "new"
    return field.field, "emptied" if is_empty(field.desired) else "changed"


def _loss(values: _Values) -> int:
    return sum([_size(field.before) - _size(field.desired) for field in values])


def _size(value: Value | None) -> int:
    match value:
        case str() as text:
            return len(text)
        case MetaValue(_, (str() | tuple()) as inner):
            return len(inner)
        case _:
            return 0
