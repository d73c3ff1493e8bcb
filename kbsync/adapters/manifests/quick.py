"""Sections that keep of an item its digest only, when that is all that is asked for, and see at a glance that it is."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

from kbsync.adapters.manifests.problems import FileProblems, Place, Trail
from kbsync.adapters.manifests.rolls import OpenRoll, Place3, Roll
from kbsync.adapters.manifests.sections import Defaults, Section
from kbsync.adapters.manifests.vocabulary import KindWords
from kbsync.core.fields import Fields, digest, digest_of_plain, fields_from_plain
from kbsync.core.items import Source
from kbsync.core.manifest import Desired

__all__ = ("ODD", "Glance", "Ledger", "Odd", "QuickSection", "Select", "Settled")

_MOST_SHAPES: Final = 1_000

# Of a place: the digests that need no second look, by id.
Settled: TypeAlias = Callable[[Place3], Mapping[str, bytes]]
Select: TypeAlias = Callable[[Desired], bool]


class Glance(Enum):
    """What is seen at a glance of an entry that has to be looked at more closely."""

    ODD = "odd"


Odd: TypeAlias = Literal[Glance.ODD]
ODD: Final = Glance.ODD


class Ledger:
    """The rolls of one part of a manifest, as they are written.

    *settled* gives the digests that nobody needs to see the items of; without it, nobody needs to see any item. With
    *select*, items that it refuses are left out, and count nowhere.
    """

    def __init__(self, settled: Settled | None, select: Select | None) -> None:
        self._settled = settled
        self._select = select
        self._rolls: dict[Place3, OpenRoll] = {}

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
        settled = None if self._settled is None else self._settled(place)
        return QuickSection(words, place, roll, settled, self._select, problems, defaults, foreign)

    def close(self) -> tuple[Roll, ...]:
        """Return the rolls."""
        return tuple(roll.close() for roll in self._rolls.values())


class QuickSection(Section):
    """A section that enters its items in a *roll*, and returns those whose digest is not what *settled* says.

    An id that stands twice is not noticed here: whoever has all rolls sees it.
    """

    def __init__(
        self,
        words: KindWords,
        place: Place3,
        roll: OpenRoll,
        settled: Mapping[str, bytes] | None,
        select: Select | None,
        problems: FileProblems,
        defaults: Defaults | None = None,
        foreign: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(words, place, _no_mark, problems, defaults, foreign)
        self._plain = words.plain
        self._shapes: set[tuple[str, ...]] = set()
        self._roll = roll
        self._put_id, self._put_digest = roll.ids.append, roll.digests.append
        self._put_caption = None if roll.captions is None else roll.captions.append
        self._settled = None if settled is None else settled.get
        self._select = select

    def admit(self, written: dict[str, Any], place: Place, trail: Trail) -> Desired | None:
        """Return the item that *written* declares, unless it is settled or not asked about; problems are recorded."""
        seen = self.glance(self._merged(written), place)
        return self.scrutinise(written, place, trail) if seen is ODD else seen

    def scrutinise(self, written: dict[str, Any], place: Place, trail: Trail) -> Desired | None:
        """Return what `admit` does, having gone the long way."""
        desired = super().admit(written, place, trail)
        if desired is None:
            return None
        item_id, key = desired.item.id, digest(desired.fields)
        self._put_id(item_id)
        self._put_digest(key)
        if self._put_caption is not None:
            self._put_caption(_caption_key(desired.fields, key))
        return self._of_interest(desired, key)

    def glance(self, written: dict[str, Any], place: Place, marks: int | None = None) -> Desired | Odd | None:
        """Return what `admit` does if that is seen at a glance, else `ODD`; *written* has the defaults.

        *marks* counts the quotation marks of its JSON, when it was read by a decoder that may have dropped a key.
        """
        plain = self._plain(written)
        if plain is None:
            return ODD
        fields, texts = plain
        if marks is not None and marks != 2 * texts:
            return ODD
        shape = tuple(fields)
        if shape not in self._shapes:
            # The first of each shape goes the long way, where lints look at the names of fields.
            if len(self._shapes) < _MOST_SHAPES:
                self._shapes.add(shape)
            return ODD
        item_id: str = written["id"]
        key = digest_of_plain(fields)
        self._put_id(item_id)
        self._put_digest(key)
        if self._put_caption is not None:
            self._put_caption(key if len(shape) == 1 else _caption_key(fields, key))
        if self._settled is None or (self._select is None and self._settled(item_id) == key):
            return None
        return self._of_interest(self._desired(item_id, fields_from_plain(fields), place), key)

    def _of_interest(self, desired: Desired, key: bytes) -> Desired | None:
        if self._settled is None:
            return None
        if self._select is not None and not self._select(desired):
            self._roll.left_out += 1
            return None
        if self._settled(desired.item.id) == key:
            return None
        self._roll.differing += 1
        return desired


def _no_mark(_item_id: str, _place: Place) -> Source | None:
    return None


def _caption_key(fields: Fields | Mapping[str, Any], key: bytes) -> bytes | None:
    """Return what stands for the caption among *fields*, whose digest is *key*."""
    caption = fields.get("caption")
    if caption is None:
        return None
    return key if len(fields) == 1 else digest({"caption": caption})
