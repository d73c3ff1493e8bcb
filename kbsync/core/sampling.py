"""What a sample proves about all that it was drawn from.

The bound is exact: it sums the hypergeometric distribution in whole numbers, for a sample is drawn from a known number
of changes, each once at most. Where they are many more than the sample it is that of Clopper and Pearson.
"""

from collections.abc import Iterable
from hashlib import blake2b
from heapq import nsmallest
from math import comb
from typing import Final

__all__ = ("SAMPLE_SIZE", "drawn", "most_wrong", "under_percent")

# With none wrong among so many, fewer than 0.6 % of any number are wrong.
SAMPLE_SIZE: Final = 500
# What is said is wrong for one sample of so many, at most.
_ONE_IN: Final = 20
_PERSON: Final = b"kbsync-sample/1"


def drawn(positions: Iterable[int], size: int, seed: str) -> list[int]:
    """Return *size* of *positions*, or all if there are no more, in order: chosen by chance, and by *seed* alone."""
    return sorted(nsmallest(size, positions, key=lambda position: _lot(position, seed)))


def most_wrong(population: int, sample: int, wrong: int) -> int:
    """Return how many of *population* may be wrong, at 95 % confidence, when *wrong* of a random *sample* are.

    With more wrong ones, a sample with as few of them as that comes in at most one draw of twenty.
    """
    assert 0 <= wrong <= sample <= population
    least, most = wrong, population - (sample - wrong)
    while least < most:
        middle = (least + most + 1) // 2
        if _is_likely(population, sample, wrong, middle):
            least = middle
        else:
            most = middle - 1
    return least


def under_percent(population: int, wrong: int) -> float:
    """Return the percentage, in tenths, that *wrong* of *population* stay below; 100 is reached."""
    tenths = wrong * 1000 // population + 1
    return min(tenths, 1000) / 10


def _lot(position: int, seed: str) -> bytes:
    return blake2b(f"{seed}/{position}".encode(), digest_size=16, person=_PERSON).digest()


def _is_likely(population: int, sample: int, seen: int, wrong: int) -> bool:
    """Tell whether at most *seen* wrong ones are in more than one of twenty samples, when *wrong* are in all."""
    right = population - wrong
    fewest = max(0, sample - right)
    # Each term follows from the one before, and all of them are whole.
    term = comb(wrong, fewest) * comb(right, sample - fewest)
    total = 0
    for number in range(fewest, seen + 1):
        total += term
        left = sample - number
        term = term * (wrong - number) * left // ((number + 1) * (right - left + 1))
    return total * _ONE_IN > comb(population, sample)
