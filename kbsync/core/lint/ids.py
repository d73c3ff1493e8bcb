"""Ids that look alike."""

import re
from collections.abc import Collection, Iterator
from typing import Final

__all__ = ("look_alikes", "may_look_alike")

_BESIDE_DIGIT: Final = re.compile("[oil](?:[0-9]|(?<=[0-9].))")
_IN_NUMBER: Final = re.compile("(?<=[0-9])[oil]+|[oil]+(?=[0-9])")
_AS_DIGITS: Final = str.maketrans("oil", "011")


# Letters that pass for digits become x, digits 0.
_KINDS: Final = bytes(0x78 if chr(c) in "oil" else 0x30 if 0x30 <= c <= 0x39 else 0x2D for c in range(256))


def may_look_alike(ids: str) -> bool:
    """Tell whether an id in the text *ids* may look like one that is not itself, at little cost.

    Two ids look alike only when one of them may.
    """
    if ids != ids.lower():
        return True
    kinds = ids.encode().translate(_KINDS)
    return b"x0" in kinds or b"0x" in kinds


def look_alikes(ids: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each of *ids* that looks like an earlier one, with the first that it looks like.

    Two ids look alike when they differ only in letter case, or in O for 0 and I or l for 1 beside a digit, whatever the
    case. Ids of digits alone never do: numbers that are given out one after the other differ in a digit, or in the
    order of two, without being mistyped.

    *ids* are gone through up to twice, and must be quick to find one in. Keeps 64 bits of those whose shape is not
    their own, and more only of the ones that look alike.
    """
    if all(map(str.isdecimal, ids)):
        return
    shapes: set[int] = set()
    double: set[int] = set()
    for one in ids:
        if one != one.lower() or _BESIDE_DIGIT.search(one) is not None:  # most ids are their own shape
            shape = _shape(one)
            key = hash(shape)
            if key in shapes or shape in ids:
                double.add(key)
            shapes.add(key)
    if not double:
        return

    first: dict[str, str] = {}
    for one in ids:
        shape = _shape(one)
        if hash(shape) in double and (earlier := first.setdefault(shape, one)) != one:
            yield one, earlier


def _shape(one: str) -> str:
    return _IN_NUMBER.sub(lambda found: found[0].translate(_AS_DIGITS), one.lower())
