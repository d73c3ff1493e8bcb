"""What is drawn for the requests of one modelled account: the same for the same seed."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from zlib import crc32

from kbsync.core.items import Item
from kbsync.simulator.faults import Fault, Spell
from kbsync.simulator.wire import Ask, Write

__all__ = ("Luck",)


class Luck:
    """The draws of one account, in which *spells* are cast."""

    def __init__(self, spells: Sequence[Spell], seed: object) -> None:
        self._spells = tuple(_Cast(spell, f"{seed}/{number}") for number, spell in enumerate(spells))
        self._random = Random(f"{seed}/luck")

    def between(self, bounds: tuple[float, float]) -> float:
        """Draw a number between *bounds*."""
        low, high = bounds
        return low if low == high else self._random.uniform(low, high)

    def fault(self, ask: Ask, at_s: float) -> Fault | None:
        """Draw what is wrong with a request for *ask* that is made at *at_s*."""
        for cast in self._spells:
            if cast.spell.from_s <= at_s < cast.spell.until_s:
                fault = self._drawn(cast, ask)
                if fault is not None:
                    return fault
        return None

    def _drawn(self, cast: "_Cast", ask: Ask) -> Fault | None:
        if not cast.spell.by_item:
            return cast.pick(self._random.random())
        return cast.pick(cast.number_of(ask.item)) if isinstance(ask, Write) else None


class _Cast:
    """A spell, and what makes drawing from it cheap."""

    def __init__(self, spell: Spell, salt: str) -> None:
        self.spell = spell
        total = sum(weight for _, weight in spell.faults)
        ends = accumulate(weight / total * spell.share for _, weight in spell.faults)
        self._ends = tuple((end, fault) for end, (fault, _) in zip(ends, spell.faults, strict=True))
        self._salt = salt

    def pick(self, drawn: float) -> Fault | None:
        """Return the fault that *drawn*, from [0, 1), stands for."""
        return next((fault for end, fault in self._ends if drawn < end), None)

    def number_of(self, item: Item) -> float:
        """Return a number from [0, 1) that is the same for *item*, whatever is drawn for others."""
        return crc32(f"{self._salt}/{item}".encode()) / 2**32
