"""What a file declares, as little of it as another look needs: its items, and a digest of what each is to be."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import gt
from typing import Final, TypeAlias

from kbsync.adapters.manifests.problems import Place
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
    """A roll that is being written: lists side by side."""

    def __init__(self, place: Place3, scope: tuple[str, ...], *, captions: bool) -> None:
        self._place = place
        self._scope = scope
        self._ids: list[str] = []
        self._places: list[Place] = []
        self._digests: list[bytes] = []
        self.captions: list[bytes | None] | None = [] if captions else None
        self.differing = 0
        self.left_out = 0

    def add(self, item_id: str, place: Place, key: bytes, caption: bytes | None) -> None:
        """Enter an item that stands at *place*, whose digest is *key*, and that of its *caption*."""
        self.extend((item_id,), (place,), (key,), (caption,))

    def extend(
        self,
        ids: Sequence[str],
        places: Sequence[Place],
        digests: Sequence[bytes],
        captions: Sequence[bytes | None],
    ) -> None:
        """Enter many items. The digests of *captions* count only where items have them."""
        self._ids += ids
        self._places += places
        self._digests += digests
        if self.captions is not None:
            self.captions += captions

    def close(self) -> Roll:
        """Return the roll as it is kept."""
        ids, digests, captions = self._ids, self._digests, self.captions
        if any(map(gt, self._places, self._places[1:])):
            order = sorted(range(len(ids)), key=self._places.__getitem__)
            ids, digests = [ids[at] for at in order], [digests[at] for at in order]
            captions = None if captions is None else [captions[at] for at in order]
        return Roll(
            self._place,
            self._scope,
            "\n".join(ids),
            b"".join(digests),
            None if captions is None else b"".join([key or _NO_CAPTION for key in captions]),
            self.differing,
            self.left_out,
        )
