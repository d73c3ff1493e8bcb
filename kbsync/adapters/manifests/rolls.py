"""What a file declares, as little of it as another look needs: its items, and a digest of what each is to be."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from kbsync.core.fields import DIGEST_SIZE_BYTES

__all__ = ("OpenRoll", "Place3", "Roll")

Place3: TypeAlias = tuple[str, str, str]
"""A target, a container and a kind: what all items of a list have in common."""

_NO_CAPTION: Final = bytes(DIGEST_SIZE_BYTES)


@dataclass(frozen=True, slots=True)
class Roll:
    """The items of one place in one part of a manifest, in its order.

    *ids* stand one on a line, and their *digests* one after the other; so do those of the *captions* alone, where items
    have them. An id must not repeat in *scope*. *differing* and *left_out* count items that are not the digest that was
    asked for, and those that were not asked about.
    """

    place: Place3
    scope: tuple[str, ...]
    ids: str
    digests: bytes
    captions: bytes | None
    differing: int
    left_out: int

    def __len__(self) -> int:
        return len(self.digests) // DIGEST_SIZE_BYTES

    @property
    def in_sync(self) -> int:
        """How many items have the digest that was asked for."""
        return len(self) - self.differing - self.left_out

    def all_ids(self) -> list[str]:
        """Return the ids, in order."""
        return self.ids.split("\n") if self.digests else []

    def caption_keys(self) -> Sequence[int]:
        """Return 64 bits for each item, which are the same for the same caption; 0 where there is none."""
        return array("Q", self.captions or b"")[::2]


class OpenRoll:
    """A roll that is being written: three lists side by side."""

    __slots__ = ("_place", "_scope", "captions", "differing", "digests", "ids", "left_out")

    def __init__(self, place: Place3, scope: tuple[str, ...], *, captions: bool) -> None:
        self._place = place
        self._scope = scope
        self.ids: list[str] = []
        self.digests: list[bytes] = []
        self.captions: list[bytes | None] | None = [] if captions else None
        self.differing = 0
        self.left_out = 0

    def close(self) -> Roll:
        """Return the roll as it is kept."""
        captions = None
        if self.captions is not None:
            captions = b"".join([key or _NO_CAPTION for key in self.captions])
        return Roll(
            self._place,
            self._scope,
            "\n".join(self.ids),
            b"".join(self.digests),
            captions,
            self.differing,
            self.left_out,
        )
