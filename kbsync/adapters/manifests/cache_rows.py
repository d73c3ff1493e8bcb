"""What a cache keeps of one manifest: a row that is always looked at, and blobs that seldom are."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from kbsync.adapters.manifests.extract_form import problem_from_plain, problem_to_plain
from kbsync.adapters.manifests.rolls import Place3, Roll
from kbsync.adapters.signatures import Signature
from kbsync.core.fields import DIGEST_SIZE_BYTES
from kbsync.core.rules import Problem

__all__ = ("Blobs", "RollHead", "Row", "blobs_of", "captions_in", "heads_of", "mark_of", "rolls_in")

_MARK_SIZE_BYTES: Final = 16
_KEY_SIZE_BYTES: Final = 8


class RollHead(NamedTuple):
    """A `Roll` of so many *items* without them; *size_bytes* is that of its ids."""

    place: Place3
    scope: tuple[str, ...]
    items: int
    size_bytes: int
    captions: bool


class Blobs(NamedTuple):
    """The items of a file's rolls: ids and digests, roll by roll; and the captions of those that have them."""

    items: bytes
    captions: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """What was read in the file *name* while it had *signature*; *racy* says that this may be another's by now.

    *items* and *captions* are the marks of its blobs.
    """

    name: str
    signature: Signature
    racy: bool
    rolls: tuple[RollHead, ...]
    problems: tuple[Problem, ...]
    items: bytes
    captions: bytes

    def to_bytes(self) -> bytes:
        """Return the row as JSON."""
        return orjson.dumps(
            (
                self.name,
                tuple(self.signature),
                self.racy,
                [tuple(head) for head in self.rolls],
                [*map(problem_to_plain, self.problems)],
                self.items.hex(),
                self.captions.hex(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Row":
        """Return the row that *data* was made of."""
        name, signature, racy, rolls, problems, items, captions = orjson.loads(data)
        return cls(
            name,
            Signature(*signature),
            racy,
            tuple(_head(*head) for head in rolls),
            tuple(map(problem_from_plain, problems)),
            bytes.fromhex(items),
            bytes.fromhex(captions),
        )


def mark_of(data: bytes) -> bytes:
    """Return a digest of *data*, by which it is known again."""
    return blake2b(data, digest_size=_MARK_SIZE_BYTES).digest()


def heads_of(rolls: Sequence[Roll]) -> tuple[RollHead, ...]:
    """Return the heads of *rolls*."""
    return tuple(
        RollHead(roll.place, roll.scope, len(roll), len(roll.ids.encode()), roll.captions is not None) for roll in rolls
    )


def blobs_of(rolls: Sequence[Roll]) -> Blobs:
    """Return the blobs of *rolls*."""
    return Blobs(
        b"".join([piece for roll in rolls for piece in (roll.ids.encode(), roll.digests)]),
        b"".join([roll.captions or b"" for roll in rolls]),
    )


def rolls_in(heads: Sequence[RollHead], blobs: Blobs) -> Iterator[Roll]:
    """Yield the rolls with these *heads* and *blobs*. Nothing is said of what differs or was left out."""
    at = captions_at = 0
    for head in heads:
        ids_end = at + head.size_bytes
        end = ids_end + head.items * DIGEST_SIZE_BYTES
        captions_end = captions_at + head.items * _KEY_SIZE_BYTES * head.captions
        yield Roll(
            head.place,
            head.scope,
            blobs.items[at:ids_end].decode(),
            blobs.items[ids_end:end],
            blobs.captions[captions_at:captions_end] if head.captions else None,
            0,
            0,
        )
        at, captions_at = end, captions_end


def captions_in(heads: Sequence[RollHead], captions: bytes) -> Iterator[tuple[Place3, Sequence[int]]]:
    """Yield the places of rolls that have captions, and the keys of these."""
    at = 0
    for head in heads:
        if head.captions:
            end = at + head.items * _KEY_SIZE_BYTES
            yield head.place, array("Q", captions[at:end])
            at = end


def _head(place: Sequence[str], scope: Sequence[str], items: int, size_bytes: int, captions: Any) -> RollHead:
    target, container, kind = place
    return RollHead((target, container, kind), tuple(scope), items, size_bytes, bool(captions))
