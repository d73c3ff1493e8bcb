"""What is found only when all items were seen: captions that many images have, and ids that look alike."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import lt
from typing import Final, TypeAlias

from kbsync.adapters.manifests.files import ManifestFile
from kbsync.adapters.manifests.rolls import Place3, Roll
from kbsync.core.items import Item, Source
from kbsync.core.lint import Repeated, captions_of_many, look_alikes, may_look_alike, problems_of
from kbsync.core.lint.rules import MAX_LISTED
from kbsync.core.manifest import Desired
from kbsync.core.rules import Problem, Rule

__all__ = ("Find", "Rolled", "across", "is_anything_twice")

_DUPLICATES: Final = "duplicate-caption"
_LOOK_ALIKES: Final = "look-alike-id"

Rolled: TypeAlias = tuple[ManifestFile, Roll]
"""A roll, and the file it is of."""

Wanted: TypeAlias = Mapping[ManifestFile, set[Item]]
Find: TypeAlias = Callable[[Wanted], Mapping[Item, Desired]]
"""Reads files again for some of their items."""


def is_anything_twice(rolled: Iterable[Rolled], distinct: Callable[[], Mapping[Place3, Collection[str]]]) -> bool:
    """Tell whether an id repeats in its scope; *distinct* returns the distinct ids of each place."""
    scopes: defaultdict[tuple[str, ...], set[Place3]] = defaultdict(set)
    counts: Counter[Place3] = Counter()
    rolls: defaultdict[tuple[str, ...], list[Roll]] = defaultdict(list)
    for _, roll in rolled:
        scopes[roll.scope].add(roll.place)
        counts[roll.place] += len(roll)
        rolls[roll.scope].append(roll)
    if all(map(_ascend, rolls.values())):
        return False
    ids = distinct()
    if any(counts[place] != len(ids[place]) for place in counts):
        return True
    return any(
        len(places) > 1
        and len({one for place in places for one in ids[place]}) != sum(counts[place] for place in places)
        for places in scopes.values()
    )


def _ascend(rolls: Iterable[Roll]) -> bool:
    """Tell whether each id stands behind the one before: then they are different, without a look at all of them."""
    last = ""
    for roll in rolls:
        ids = roll.all_ids()
        if not all(map(lt, chain((last,), ids), ids)):
            return False
        last = ids[-1] if ids else last
    return True


def across(rolled: Sequence[Rolled], rules: Mapping[str, Rule], find: Find) -> Iterator[Problem]:
    """Yield what the lints among *rules* find in all items together; *rolled* is in the order of reading."""
    if _is_on(rules, _DUPLICATES):
        containers: defaultdict[tuple[str, str], list[Rolled]] = defaultdict(list)
        for file, roll in rolled:
            if roll.captions:
                containers[roll.place[:2]].append((file, roll))
        found = sorted(
            (again for one in containers.values() for again in _repeated(one, find)),
            key=lambda again: (-again.images, again.source),
        )
        yield from problems_of(rules[_DUPLICATES], ((again.source, str(again)) for again in found))

    if _is_on(rules, _LOOK_ALIKES):
        scopes: defaultdict[tuple[str, ...], list[Rolled]] = defaultdict(list)
        for file, roll in rolled:
            scopes[roll.scope].append((file, roll))
        alike = [pair for one in scopes.values() for pair in _alike(one)]
        shown = alike[: MAX_LISTED + 1]
        sources = _sources([one for pair in shown for one in pair], find)
        told = [
            (sources[one], f"the id {one[1].id} looks like {earlier[1].id} at {sources[earlier]}")
            for one, earlier in shown
        ]
        yield from problems_of(rules[_LOOK_ALIKES], told, unlisted=len(alike) - len(shown))


def _is_on(rules: Mapping[str, Rule], lint: str) -> bool:
    return lint in rules and rules[lint].severity != "off"


def _repeated(rolled: Sequence[Rolled], find: Find) -> Iterator[Repeated]:
    """Yield the captions that many images of one container have."""
    keys = [roll.caption_keys() for _, roll in rolled]
    many = captions_of_many(keys)
    if not many:
        return
    times: defaultdict[int, int] = defaultdict(int)
    seconds: dict[Item, int] = {}
    wanted: defaultdict[ManifestFile, set[Item]] = defaultdict(set)
    for (file, roll), some in zip(rolled, keys, strict=True):
        ids = roll.all_ids()
        for position, key in enumerate(some):
            if key in many:
                times[key] += 1
                if times[key] == 2:
                    item = Item(*roll.place, ids[position])
                    seconds[item] = key
                    wanted[file].add(item)
    again = find(wanted)
    for item, key in seconds.items():
        if item in again:
            yield Repeated(again[item].source, many[key], str(again[item].fields["caption"]))


_Found: TypeAlias = tuple[ManifestFile, Item]


def _alike(rolled: Sequence[Rolled]) -> Iterator[tuple[_Found, _Found]]:
    """Yield each item of one scope whose id looks like an earlier one, with the first that it looks like."""
    if not any(may_look_alike(roll.ids) for _, roll in rolled):
        return
    owners = {one: at for at, (_, roll) in enumerate(rolled) for one in roll.all_ids()}

    def found(one: str) -> _Found:
        file, roll = rolled[owners[one]]
        return file, Item(*roll.place, one)

    for one, earlier in look_alikes(owners):
        yield found(one), found(earlier)


def _sources(found: Iterable[_Found], find: Find) -> dict[_Found, Source]:
    wanted: defaultdict[ManifestFile, set[Item]] = defaultdict(set)
    for file, item in found:
        wanted[file].add(item)
    again = find(wanted)
    return {(file, item): again[item].source for file, items in wanted.items() for item in items}
