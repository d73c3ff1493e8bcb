"""What a file declares, as little of it as another look needs: its items, and a digest of what each is to be."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import lt
from typing import Final, TypeAlias, TypeVar

from kbsync.adapters.manifests.problems import Place
from kbsync.core.fields import DIGEST_SIZE_BYTES

__all__ = ("OpenRoll", "Place3", "Roll")

Place3: TypeAlias = tuple[str, str, str]
"""A target, a container and a kind: what all items of a list have in common."""

_NO_CAPTION: Final = bytes(DIGEST_SIZE_BYTES)
_KEY_BYTES: Final = 8
_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Roll:
    """The items of one place in one part of a manifest, in its order.

    *ids* stand one on a line, and their *digests* one after the other; so do 64 bits of those of the *captions* alone,
    where items have them. An id must not repeat in *scope*. *differing* and *left_out* count items that are not the
    digest that was asked for, and those that were not asked about.
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
        return array("Q", self.captions or b"")


class OpenRoll:
    """A roll that is being written. What is entered is packed at once, for there may be a million."""

    def __init__(self, place: Place3, scope: tuple[str, ...], *, captions: bool) -> None:
        self._place = place
        self._scope = scope
        self._ids: list[str] = []
        self._lines = array("Q")
        self._columns = array("Q")
        self._digests: list[bytes] = []
        self._captions: list[bytes] = []
        self.has_captions = captions
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
        """Enter some items. The digests of *captions* count only where items have them."""
        if not ids:
            return
        lines, columns = zip(*places, strict=True)
        self._ids.append("\n".join(ids))
        self._lines.extend(lines)
        self._columns.extend(columns)
        self._digests.append(b"".join(digests))
        if self.has_captions:
            self._captions.append(_keys_of(captions))

    def close(self) -> Roll:
        """Return the roll as it is kept: in the order of the text."""
        ids, digests, captions = "\n".join(self._ids), b"".join(self._digests), b"".join(self._captions)
        if not all(map(lt, self._lines, self._lines[1:])):
            places = [*zip(self._lines, self._columns, strict=True)]
            order = sorted(range(len(places)), key=places.__getitem__)
            ids = "\n".join(_picked(ids.split("\n"), order))
            digests = b"".join(_picked(_cut(digests, DIGEST_SIZE_BYTES), order))
            captions = b"".join(_picked(_cut(captions, _KEY_BYTES), order)) if captions else captions
        kept = captions if self.has_captions else None
        return Roll(self._place, self._scope, ids, digests, kept, self.differing, self.left_out)


def _picked(values: Sequence[_Any], order: Iterable[int]) -> Iterator[_Any]:
    return map(values.__getitem__, order)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _keys_of(captions: Iterable[bytes | None]) -> bytes:
    whole = array("Q", b"".join([key or _NO_CAPTION for key in captions]))
    return whole[::2].tobytes()
