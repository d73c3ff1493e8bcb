"""What came of matching two containers: who is whose counterpart, and what the manifest there cannot say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kbsync.core.carrying import Loss
from kbsync.core.items import Item
from kbsync.core.matching import Candidate, Matching

__all__ = ("Handover", "Lost")


class Lost(NamedTuple):
    """A loss on the way from the item *here* to the one *there*."""

    here: Candidate
    there: Item
    loss: Loss


@dataclass(frozen=True, slots=True)
class Handover:
    """What came of matching two containers, *origin* and *destination*, each a target and a container.

    *entries* items are declared at the destination; *held* says by kind which families of fields items there hold.
    *near* counts those missing that the strategy *near_by*, which was not asked for, would pair.
    """

    origin: tuple[str, str]
    destination: tuple[str, str]
    matching: Matching
    entries: int
    lost: Sequence[Lost]
    held: Mapping[str, frozenset[str]]
    near: int = 0
    near_by: str = ""

    @property
    def refused(self) -> int:
        """How many pairs there are of which the item there cannot be declared."""
        return sum(not lost.loss.field for lost in self.lost)

    @property
    def whole(self) -> bool:
        """Whether every item has a counterpart that can be declared."""
        return not self.matching.unpaired and not self.refused
