"""What a few changed manifests may bring about in all of them together, told from these few as far as that goes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from kbsync.adapters.manifests.rolls import Place3, Roll
from kbsync.core.lint.rules import MANY_IMAGES

__all__ = ("Captions", "is_still_clean")

Captions: TypeAlias = Iterable[tuple[Place3, Sequence[int]]]
_Of = TypeVar("_Of", bound=Hashable)
_One = TypeVar("_One", bound=Hashable)

_NO_CAPTION: Final = 0


def is_still_clean(before: Sequence[Roll], after: Sequence[Roll], elsewhere: Callable[[], Captions]) -> bool:
    """Tell whether surely nothing is twice and nothing is found across all manifests, where nothing was before.

    In those that changed stands *after* in the place of *before*; *elsewhere* returns the captions of all others. When
    it is not sure, everything has to be looked at.
    """
    if any(_gains(_ids(before), _ids(after)).values()):
        # A new id may stand elsewhere already, or look like one that does.
        return False
    captions = _captions(after)
    gains = _gains(_captions(before), captions)
    if any(captions[container][key] >= MANY_IMAGES for container, keys in gains.items() for key in keys):
        return False
    return not any(gains.values()) or all(
        gains.get(place[:2], _NOTHING).isdisjoint(keys) for place, keys in elsewhere()
    )


_NOTHING: Final[frozenset[int]] = frozenset()


def _ids(rolls: Iterable[Roll]) -> Mapping[tuple[str, ...], Counter[str]]:
    """Return how often each id stands in each scope."""
    counts: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for roll in rolls:
        counts[roll.scope].update(roll.all_ids())
    return counts


def _captions(rolls: Iterable[Roll]) -> Mapping[tuple[str, str], Counter[int]]:
    """Return how many items of each container have a caption."""
    counts: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for roll in rolls:
        counts[roll.place[:2]].update(roll.caption_keys())
        del counts[roll.place[:2]][_NO_CAPTION]
    return counts


def _gains(before: Mapping[_Of, Counter[_One]], after: Mapping[_Of, Counter[_One]]) -> Mapping[_Of, frozenset[_One]]:
    """Return what *after* has more often than *before*."""
    return {of: frozenset(counts - before.get(of, Counter())) for of, counts in after.items()}
