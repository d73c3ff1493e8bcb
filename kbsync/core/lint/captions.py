"""The same caption on many images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from kbsync.core.items import Source
from kbsync.core.lint.rules import MANY_IMAGES
from kbsync.core.lint.wording import quoted

__all__ = ("Repeated", "captions_of_many")


class Repeated(NamedTuple):
    """A caption that *images* images of a container have; the second of them stands at *source*."""

    source: Source
    images: int
    caption: str

    def __str__(self) -> str:
        return f"{self.images:,} images of the container have the caption {quoted(self.caption)}; this is the second"


def captions_of_many(keys: Sequence[Sequence[int]]) -> Mapping[int, int]:
    """Return how many images of a container have a caption, for each caption that many have.

    *keys* are its captions, list by list; 0 stands for none. Costs little where no caption stands twice.
    """
    distinct = set(chain.from_iterable(keys))
    distinct.discard(0)
    if len(distinct) == sum(len(some) - some.count(0) for some in keys):
        return {}
    counts = Counter(chain.from_iterable(keys))
    return {key: images for key, images in counts.items() if key and images >= MANY_IMAGES}
