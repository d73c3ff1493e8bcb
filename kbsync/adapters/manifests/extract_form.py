"""Extracts as bytes, to go from process to process."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson

from kbsync.adapters.manifests.extracts import Extract
from kbsync.adapters.manifests.rolls import Roll
from kbsync.core.fields import fields_from_plain, fields_to_plain
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.rules import Problem

__all__ = (
    "desired_from_plain",
    "desired_to_plain",
    "extract_from_bytes",
    "extract_to_bytes",
    "problem_from_plain",
    "problem_to_plain",
)

_SIZE_BYTES: Final = 8


def extract_to_bytes(extract: Extract) -> bytes:
    """Return *extract* as JSON that says everything but the digests, which follow."""
    # Named tuples are no arrays to the encoder.
    head = orjson.dumps(
        {
            "rolls": [
                (
                    roll.place,
                    roll.scope,
                    roll.ids,
                    *_sizes(roll),
                    roll.differing,
                    roll.left_out,
                )
                for roll in extract.rolls
            ],
            "differing": [*map(desired_to_plain, extract.differing)],
            "problems": [*map(problem_to_plain, extract.problems)],
        }
    )
    blobs = [blob for roll in extract.rolls for blob in (roll.digests, roll.captions or b"")]
    return b"".join([len(head).to_bytes(_SIZE_BYTES, "big"), head, *blobs])


def extract_from_bytes(data: bytes) -> Extract:
    """Return the extract that `extract_to_bytes` made *data* of.

    Raises ValueError or TypeError for what it did not make, as far as that is noticed.
    """
    end = _SIZE_BYTES + int.from_bytes(data[:_SIZE_BYTES], "big")
    head = orjson.loads(data[_SIZE_BYTES:end])
    return Extract(
        rolls=tuple(_rolls(head["rolls"], data, end)),
        differing=tuple(map(desired_from_plain, head["differing"])),
        problems=tuple(map(problem_from_plain, head["problems"])),
    )


def desired_to_plain(desired: Desired) -> Sequence[Any]:
    """Return what `desired_from_plain` makes *desired* of again once it was JSON."""
    item, fields, source, protect, ignored = desired
    return tuple(item), fields_to_plain(fields), tuple(source), protect, sorted(ignored)


def desired_from_plain(plain: Sequence[Any]) -> Desired:
    """Return what *plain* was made of."""
    item, fields, source, protect, ignored = plain
    return Desired(Item(*item), fields_from_plain(fields), Source(*source), protect, frozenset(ignored))


def problem_to_plain(problem: Problem) -> Sequence[Any]:
    """Return what `problem_from_plain` makes *problem* of again once it was JSON."""
    return tuple(problem.source), problem.rule, problem.message, problem.severity


def problem_from_plain(plain: Sequence[Any]) -> Problem:
    """Return what *plain* was made of."""
    source, rule, message, severity = plain
    return Problem(Source(*source), rule, message, severity)


def _sizes(roll: Roll) -> tuple[int, int | None]:
    return len(roll.digests), None if roll.captions is None else len(roll.captions)


def _rolls(heads: Iterable[list[Any]], data: bytes, at: int) -> Iterator[Roll]:
    """Yield the rolls whose digests stand in *data*, one after the other from *at* on."""
    for place, scope, ids, size, captions_size, differing, left_out in heads:
        digests = data[at : at + size]
        at += size
        captions = data[at : at + captions_size] if captions_size is not None else None
        at += captions_size or 0
        yield Roll(tuple(place), tuple(scope), ids, digests, captions, differing, left_out)
