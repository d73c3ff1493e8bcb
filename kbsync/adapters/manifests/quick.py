"""Sections that keep of an item its digest only, when that is all that is asked for, and see at a glance that it is."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import compress
from operator import ne
from typing import Any, Final, Protocol, TypeAlias

import orjson

from kbsync.adapters.manifests.alike import Numbers, alike, picked, some
from kbsync.adapters.manifests.problems import FileProblems, Place, Trail
from kbsync.adapters.manifests.rolls import OpenRoll, Place3, Roll
from kbsync.adapters.manifests.sections import Defaults, Section
from kbsync.adapters.manifests.vocabulary import KindWords
from kbsync.core.columns import Columns
from kbsync.core.fields import digest, digests_of, fields_from_plain
from kbsync.core.items import Source
from kbsync.core.manifest import Desired

__all__ = ("Batch", "Ledger", "QuickSection", "Select", "Settled")

_MOST_WAITING: Final = 128
_MOST_SHAPES: Final = 1_000
# So few rows are looked at one by one as soon as one of them is odd.
_FEW: Final = 8

# Of ids of a place: the digests that need no second look.
Settled: TypeAlias = Callable[[Place3, Sequence[str]], list[bytes | None]]
Select: TypeAlias = Callable[[Desired], bool]


class Ledger:
    """What comes of one part of a manifest, as it is written: its rolls, and the items that somebody has to see.

    *settled* gives the digests that nobody needs to see the items of; without it, nobody needs to see any item. With
    *select*, items that it refuses are left out, and count nowhere.
    """

    def __init__(self, settled: Settled | None, select: Select | None) -> None:
        self._settled = settled
        self._select = select
        self._rolls: dict[Place3, OpenRoll] = {}
        self._differing: list[Desired] = []

    def section(
        self,
        words: KindWords,
        place: Place3,
        scope: tuple[str, ...],
        problems: FileProblems,
        defaults: Defaults | None,
        foreign: frozenset[str],
    ) -> "QuickSection":
        """Return what takes entries at *place*: a `SectionMaker`."""
        roll = self._rolls.get(place)
        if roll is None:
            roll = self._rolls[place] = OpenRoll(place, scope, captions="caption" in words.shape.keys)
        settled = None if self._settled is None else partial(self._settled, place)
        interest = _Interest(settled, self._select, roll, self._differing)
        return QuickSection(words, place, roll, interest, problems, defaults, foreign)

    def close(self) -> tuple[tuple[Roll, ...], tuple[Desired, ...]]:
        """Return the rolls, and the items that are neither settled nor left out, in the order of the text."""
        differing = sorted(self._differing, key=lambda desired: desired.source[1:])
        return tuple(roll.close() for roll in self._rolls.values()), tuple(differing)


class _Interest:
    """Which items of a place somebody has to see; these go to *differing*. When it *is_choosy*, some are refused."""

    def __init__(
        self,
        settled: Callable[[Sequence[str]], list[bytes | None]] | None,
        select: Select | None,
        roll: OpenRoll,
        differing: list[Desired],
    ) -> None:
        self._settled = settled
        self._select = select
        self._roll = roll
        self._put = differing.append
        self.is_choosy = select is not None

    def candidates(self, ids: Sequence[str], digests: Sequence[bytes]) -> Sequence[int]:
        """Return the positions of the items that `add` may have to be told of."""
        if self._settled is None:
            return ()
        if self._select is not None:
            return range(len(ids))
        known = self._settled(ids)
        return () if known == digests else [*compress(range(len(ids)), map(ne, known, digests))]

    def add(self, desired: Desired, key: bytes) -> None:
        """Take *desired* in, whose digest is *key*."""
        if self._settled is None:
            return
        if self._select is not None and not self._select(desired):
            self._roll.left_out += 1
        elif self._settled((desired.item.id,)) != [key]:
            self.put(desired)

    def put(self, desired: Desired) -> None:
        """Take in *desired*, which is not settled, and which nobody may refuse."""
        self._roll.differing += 1
        self._put(desired)


class Batch(Protocol):
    """Rows of one section, as whoever read them knows them, by their position."""

    def places(self, numbers: Numbers, /) -> list[Place]:
        """Return where the rows stand."""
        ...

    def is_whole(self, numbers: Numbers, texts: int, /) -> bool:
        """Tell whether reading lost nothing of the rows, each of which has so many keys and texts."""
        ...

    def look_closely(self, number: int, /) -> None:
        """Have the row admitted the long way."""
        ...


class QuickSection(Section):
    """A section that enters its items in a *roll*, and returns none: it tells *interest* of them.

    An id that stands twice is not noticed here: whoever has all rolls sees it.
    """

    def __init__(
        self,
        words: KindWords,
        place: Place3,
        roll: OpenRoll,
        interest: _Interest,
        problems: FileProblems,
        defaults: Defaults | None = None,
        foreign: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(words, place, _no_mark, problems, defaults, foreign)
        self._plain = words.plain
        self._shapes: set[frozenset[tuple[str, ...]]] = set()
        self._roll = roll
        self._interest = interest
        self._waiting: list[tuple[dict[str, Any], Place, Trail]] = []

    def admit(self, written: dict[str, Any], place: Place, trail: Trail) -> None:
        """Enter the item that *written* declares; problems are recorded."""
        desired = super().admit(written, place, trail)
        if desired is not None:
            key = digest(desired.fields)
            caption = desired.fields.get("caption")
            self._roll.add(desired.item.id, place, key, digest({"caption": caption}) if caption is not None else None)
            self._interest.add(desired, key)

    def take(self, written: dict[str, Any], place: Place, trail: Trail) -> None:
        """Do what `admit` does, in a while."""
        self._waiting.append((written, place, trail))
        if len(self._waiting) == _MOST_WAITING:
            self.finish()

    def finish(self) -> None:
        """Admit what was taken."""
        waiting, self._waiting = self._waiting, []
        self.sift_rows(_Waiting(self.admit, waiting), [written for written, _, _ in waiting])

    @property
    def has_defaults(self) -> bool:
        """Whether entries have more than is written in them."""
        return self._defaults is not None

    def sift_rows(self, batch: Batch, rows: Sequence[dict[str, Any]]) -> None:
        """Enter the *rows* of *batch*, which are as they were written and have no head."""
        for numbers, columns in alike([self._merged(written) for written in rows]):
            self.sift(batch, numbers, columns)

    def sift(self, batch: Batch, numbers: Numbers, columns: Columns, head_texts: int = 0) -> None:
        """Enter the rows of *batch* that *columns* shows: all at once where nothing is wrong with them.

        They have the defaults, and no head; that had so many keys and texts.
        """
        shape = frozenset(columns)
        if shape not in self._shapes:
            # The first of each shape goes the long way, where lints look at the names of fields.
            if len(self._shapes) < _MOST_SHAPES:
                self._shapes.add(shape)
            batch.look_closely(numbers[0])
            columns, numbers = some(columns, range(1, len(numbers))), numbers[1:]
        if numbers:
            self._sift(batch, numbers, columns, head_texts)

    def _sift(self, batch: Batch, numbers: Numbers, columns: Columns, head_texts: int) -> None:
        texts = self._plain(columns)
        if texts is not None and batch.is_whole(numbers, head_texts + _texts_in(columns)):
            self._enter(batch, numbers, columns, texts)
        elif len(numbers) <= _FEW:
            for number in numbers:
                batch.look_closely(number)
        else:
            middle = len(numbers) // 2
            for part in (range(middle), range(middle, len(numbers))):
                self._sift(batch, picked(numbers, part), some(columns, part), head_texts)

    def _enter(self, batch: Batch, numbers: Numbers, columns: Columns, texts: Sequence[str]) -> None:
        ids = columns["id",]
        digests = digests_of(texts)
        places = batch.places(numbers)
        captions: Sequence[bytes | None] = ()
        if self._roll.has_captions:
            captions = digests if frozenset(columns) == _CAPTION_ALONE else _caption_keys(columns, len(ids))
        self._roll.extend(ids, places, digests, captions)
        for at in self._interest.candidates(ids, digests):
            desired = self._desired(ids[at], fields_from_plain(orjson.loads(texts[at])), places[at])
            if self._interest.is_choosy:
                self._interest.add(desired, digests[at])
            else:
                self._interest.put(desired)


class _Waiting:
    """Rows that wait in a section."""

    def __init__(
        self,
        admit: Callable[[dict[str, Any], Place, Trail], None],
        waiting: Sequence[tuple[dict[str, Any], Place, Trail]],
    ) -> None:
        self._admit = admit
        self._waiting = waiting

    def places(self, numbers: Numbers) -> list[Place]:
        return [self._waiting[number][1] for number in numbers]

    def is_whole(self, numbers: Numbers, texts: int) -> bool:  # noqa: ARG002 - the reader told what it lost
        return True

    def look_closely(self, number: int) -> None:
        self._admit(*self._waiting[number])


_CAPTION_ALONE: Final = frozenset[tuple[str, ...]]({("id",), ("caption",)})


def _texts_in(columns: Columns) -> int:
    """Return how many keys and texts each row has; no column has values of two types."""
    keys = len({path[0] for path in columns}) + sum(len(path) - 1 for path in columns)
    return keys + sum(type(column[0]) is str for column in columns.values())


def _caption_keys(columns: Columns, count: int) -> Sequence[bytes | None]:
    captions = columns.get(("caption",))
    return [None] * count if captions is None else [digest({"caption": caption}) for caption in captions]


def _no_mark(_item_id: str, _place: Place) -> Source | None:
    return None
