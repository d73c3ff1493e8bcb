"""The id map of a migration: which item there is which item here, for programs, people, and the next match."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from kbsync.core.handover import Handover
from kbsync.core.matching import Candidate

__all__ = ("ID_MAP_COLUMNS", "MapRow", "map_rows")

_MOST_CANDIDATES: Final = 20


class MapRow(NamedTuple):
    """One item here. Where *to_id* is empty it has no counterpart, and *by* is `ambiguous` or `missing`.

    *candidates* are the ids of some that it could be, with a space between two.
    """

    kind: str
    from_id: str
    to_id: str
    by: str
    name: str
    candidates: str


ID_MAP_COLUMNS: Final = MapRow._fields


def map_rows(handover: Handover) -> Iterator[MapRow]:
    """Yield a row for each item here: those with a counterpart that can be declared first."""
    unusable = {lost.there for lost in handover.lost if not lost.loss.field}
    matching = handover.matching
    for pair in matching.pairs:
        if pair.there.item not in unusable:
            yield _row(pair.here, pair.there.item.id, pair.by)
    for group in matching.ambiguous:
        candidates = " ".join(one.item.id for one in group.there[:_MOST_CANDIDATES])
        for one in group.here:
            yield _row(one, "", "ambiguous", candidates)
    yield from (_row(one, "", "missing") for one, _ in matching.missing)
    yield from (_row(pair.here, "", "missing") for pair in matching.pairs if pair.there.item in unusable)


def _row(one: Candidate, to_id: str, by: str, candidates: str = "") -> MapRow:
    return MapRow(one.item.kind, one.item.id, to_id, by, one.name or "", candidates)
