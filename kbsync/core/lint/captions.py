"""The same caption on many images."""

from collections.abc import Iterator
from typing import NamedTuple

from kbsync.core.items import Source
from kbsync.core.lint.rules import MANY_IMAGES
from kbsync.core.lint.texts import quoted

__all__ = ("Captions", "Repeated")


class Repeated(NamedTuple):
    """A caption that *images* images of a container have. *source* is the place of the second of them."""

    source: Source
    images: int
    caption: str

    def __str__(self) -> str:
        return f"{self.images:,} images of the container have the caption {self.caption}; this is the second"


class Captions:
    """The captions of one container's images, as they come.

    Keeps 64 bits of each, and a place of those that came twice. They come from a hash whose key is new in every
    process, so that no manifest is made to fool it.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._second: dict[int, Source] = {}
        self._more: dict[int, int] = {}
        self._shown: dict[int, str] = {}

    def add(self, caption: str, source: Source) -> None:
        """Take in the caption of one image, which is not empty."""
        key = hash(caption)
        if key not in self._seen:
            self._seen.add(key)
        elif key not in self._second:
            self._second[key] = source
        else:
            images = self._more[key] = self._more.get(key, 2) + 1
            if images == MANY_IMAGES:
                self._shown[key] = quoted(caption)

    def repeated(self) -> Iterator[Repeated]:
        """Yield the captions that many images have, those of the most images first."""
        for key in sorted(self._shown, key=lambda key: (-self._more[key], self._second[key])):
            yield Repeated(self._second[key], self._more[key], self._shown[key])
