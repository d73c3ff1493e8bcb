"""The same caption on many images."""

from collections.abc import Iterator
from typing import NamedTuple

from kbsync.core.items import Source
from kbsync.core.lint.rules import MANY_IMAGES
from kbsync.core.lint.wording import quoted

__all__ = ("Captions", "Repeated")


class Repeated(NamedTuple):
    """A caption that *images* images of a container have; the second of them stands at *source*."""

    source: Source
    images: int
    caption: str

    def __str__(self) -> str:
        return f"{self.images:,} images of the container have the caption {self.caption}; this is the second"


class Captions:
    """The captions of one container's images, as they come.

    Keeps 64 bits of each, and a place of those that came twice. *seen* are the hashes of those that came, which whoever
    has a caption looks into and adds to: a call for each would cost as much again. Their key is new in every process,
    so that no manifest is made to fool them.
    """

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self._second: dict[int, Source] = {}
        self._images: dict[int, int] = {}
        self._shown: dict[int, str] = {}

    def again(self, key: int, caption: str, source: Source) -> None:
        """Take in one more image with a *caption* whose hash, *key*, was seen before."""
        if key not in self._second:
            self._second[key] = source
            return
        images = self._images[key] = self._images.get(key, 2) + 1
        if images == MANY_IMAGES:
            self._shown[key] = quoted(caption)

    def repeated(self) -> Iterator[Repeated]:
        """Yield the captions that many images have, those of the most images first."""
        for key in sorted(self._shown, key=lambda key: (-self._images[key], self._second[key])):
            yield Repeated(self._second[key], self._images[key], self._shown[key])
