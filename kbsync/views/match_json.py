"""What came of a match, as JSON.

    {"format": "kbsync.match/1", "from": {…}, "to": {…}, "exit": {…}, "summary": {…},
     "pairs": [{"from": item, "to": item, "by": "name", "name": "a.pdf"}],
     "ambiguous": [{"by": "name", "from": [candidate], "to": [candidate]}],
     "missing": [{…candidate, "why": "absent"}], "left_over": [candidate],
     "not_carried": [{"from": item, "to": item, "field": "caption", "reason": "no_place", "rule": "", "message": ""}]}

A candidate is `{"item", "name", "source"}`, with null for what is not known. `not_carried` holds what is doubtful too.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from kbsync.core.exits import Exit
from kbsync.core.handover import Handover, Lost
from kbsync.core.inert_json import dumps
from kbsync.core.matching import Ambiguity, Candidate, Missing, Pair
from kbsync.core.plan_document import item_to_plain, source_to_plain

__all__ = ("MATCH_FORMAT", "match_json")

MATCH_FORMAT: Final = "kbsync.match/1"
_Entry = TypeVar("_Entry")


def match_json(handover: Handover) -> Iterator[bytes]:
    """Yield *handover* as one JSON object, an entry of a list in a line."""
    matching = handover.matching
    exit_ = Exit.OK if handover.whole else Exit.PARTIAL
    head = {
        "format": MATCH_FORMAT,
        "from": dict(zip(("target", "container"), handover.origin, strict=True)),
        "to": dict(zip(("target", "container"), handover.destination, strict=True)),
        "exit": {"code": exit_.value, "name": exit_.name.lower()},
        "summary": {
            "items": len(matching.pairs) + matching.unpaired,
            "paired": len(matching.pairs),
            "ambiguous": sum(len(group.here) for group in matching.ambiguous),
            "missing": len(matching.missing),
            "left_over": len(matching.left_over),
            "declared": handover.entries,
            "not_carried": sum(lost.loss.reason != "doubtful" for lost in handover.lost if lost.loss.field),
            "refused": handover.refused,
        },
    }
    yield dumps(head).removesuffix(b"}")
    yield from _list("pairs", matching.pairs, _pair)
    yield from _list("ambiguous", matching.ambiguous, _ambiguity)
    yield from _list("missing", matching.missing, _missing)
    yield from _list("left_over", matching.left_over, _candidate)
    yield from _list("not_carried", handover.lost, _lost)
    yield b"}\n"


def _list(name: str, entries: Iterable[_Entry], plain: Callable[[_Entry], Any]) -> Iterator[bytes]:
    yield b",\n" + dumps(name) + b": ["
    for number, entry in enumerate(entries):
        yield (b",\n" if number else b"\n") + dumps(plain(entry))
    yield b"]"


def _candidate(one: Candidate) -> dict[str, Any]:
    source = None if one.source is None else source_to_plain(one.source)
    return {"item": item_to_plain(one.item), "name": one.name, "source": source}


def _pair(pair: Pair) -> dict[str, Any]:
    name = pair.here.name or pair.there.name
    return {"from": item_to_plain(pair.here.item), "to": item_to_plain(pair.there.item), "by": pair.by, "name": name}


def _ambiguity(group: Ambiguity) -> dict[str, Any]:
    return {"by": group.by, "from": [*map(_candidate, group.here)], "to": [*map(_candidate, group.there)]}


def _missing(missing: Missing) -> dict[str, Any]:
    return {**_candidate(missing.here), "why": missing.why}


def _lost(lost: Lost) -> dict[str, Any]:
    return {"from": item_to_plain(lost.here.item), "to": item_to_plain(lost.there), **lost.loss._asdict()}
