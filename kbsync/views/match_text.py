"""What came of a match, for people: what is paired and how, what is not and why, and what has no place."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from kbsync.core.carrying import Loss, Reason
from kbsync.core.handover import Handover, Lost
from kbsync.core.matching import Ambiguity, Candidate, Matching, Missing, Pair, Why
from kbsync.views.difference import compare, tokens
from kbsync.views.escape import one_line
from kbsync.views.lookalikes import seen, unseen
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.wording import count, place

__all__ = ("match_text",)

_SHOWN: Final = 10
_PAIRS_SHOWN: Final = 3
_ALIKE_SHOWN: Final = 4
_LOST_SHOWN: Final = 3
_NAME_WIDTH: Final = 60

_WHY: Final[Mapping[Why, str]] = {
    "absent": "",
    "nameless": "nothing is known to pair it by",
    "taken": "what is like it there has another counterpart",
    "told": "the id map names an item that is not there, or not free",
}
_REASONS: Final[Mapping[Reason, str]] = {
    "no_place": "",
    "refused": "the destination's rules refuse it",
    "doubtful": "a rule warns of it there",
    "untold": "the live list does not tell it in a form that a manifest has",
    "empty": "it is empty here, which nobody has declared",
}


def match_text(handover: Handover, *, paint: Paint = PLAIN, width: int = 100) -> Iterator[str]:
    """Yield *handover* as lines without line ends, for a screen of this *width*; of many alike, some."""
    matching = handover.matching
    yield paint.bold(f"Match: {_headline(matching)}.")
    yield f"From {_path(handover.origin)} to {_path(handover.destination)}."
    yield from _pairs(matching, paint, width)
    yield from _ambiguous(matching, paint, width)
    yield from _missing(handover, paint, width)
    if matching.left_over:
        yield ""
        yield f"{paint.bold('Left over there')}  {paint.dim('their like is not here: they stay as they are')}"
        yield from _some((f"  {_called(one, width)}" for one in matching.left_over), len(matching.left_over))
    yield from _lost(handover, paint, width)


def _headline(matching: Matching) -> str:
    total = len(matching.pairs) + matching.unpaired
    ambiguous = sum(len(group.here) for group in matching.ambiguous)
    others = (
        (ambiguous, f"{ambiguous:,} ambiguous"),
        (len(matching.missing), f"{len(matching.missing):,} missing there"),
        (len(matching.left_over), f"{len(matching.left_over):,} left over there"),
    )
    said = [f"{len(matching.pairs):,} of {count(total, 'item')} paired", *(text for number, text in others if number)]
    return ", ".join(said)


# ------------------------------------------------------------------------------------------------------------ the sides
def _pairs(matching: Matching, paint: Paint, width: int) -> Iterator[str]:
    if not matching.pairs:
        return
    ways = Counter(pair.by for pair in matching.pairs)
    yield ""
    yield paint.bold("Paired")
    for way, number in ways.items():
        yield f"  {number:,} by {one_line(way, width)}"
        unequal = (pair for pair in matching.pairs if pair.by == way and pair.here.name != pair.there.name)
        for pair in islice(unequal, _PAIRS_SHOWN):
            yield f"    {_pair(pair, width)}"


def _pair(pair: Pair, width: int) -> str:
    here, there = pair.here.name or "", pair.there.name or ""
    hidden = unseen(compare(tokens(here), tokens(there)))
    return f"{_quoted(here)} is {_quoted(there)}" + (f": {one_line(hidden, width)}" if hidden else "")


def _ambiguous(matching: Matching, paint: Paint, width: int) -> Iterator[str]:
    if not matching.ambiguous:
        return
    yield ""
    hint = "a further --by may tell them apart, an id map does: fill in the to_id that --map leaves empty"
    yield f"{paint.bold('Ambiguous')}  {paint.dim(hint)}"
    lines = (line for group in matching.ambiguous[:_SHOWN] for line in _group(group, paint, width))
    yield from lines
    if len(matching.ambiguous) > _SHOWN:
        yield f"  … and {count(len(matching.ambiguous) - _SHOWN, 'more group')}"


def _group(group: Ambiguity, paint: Paint, width: int) -> Iterator[str]:
    yield f"  {paint.yellow('?')} by {one_line(group.by, width)}: {len(group.here):,} here, {len(group.there):,} there"
    for mark, side in (("here ", group.here), ("there", group.there)):
        yield from (f"      {mark}  {_called(one, width)}" for one in side[:_ALIKE_SHOWN])
        if len(side) > _ALIKE_SHOWN:
            yield f"      … and {len(side) - _ALIKE_SHOWN:,} more"


def _missing(handover: Handover, paint: Paint, width: int) -> Iterator[str]:
    missing = handover.matching.missing
    if not missing:
        return
    yield ""
    yield paint.bold("Missing there")
    shown = missing[:_SHOWN]
    alike = _alike(shown, handover.matching.left_over)
    for one, why in shown:
        note = f"  {paint.dim(_WHY[why])}" if _WHY[why] else ""
        yield f"  {paint.red('-')} {_called(one, width)}{note}"
        twin = alike.get(seen(one.name or ""))
        if twin is not None and one.name:
            hidden = unseen(compare(tokens(one.name), tokens(twin.name or "")))
            yield f"      {_called(twin, width)} looks like it: {one_line(hidden, width)}"
    yield from _more(len(missing), len(shown))
    if handover.near:
        yield f"  {handover.near:,} of them would be paired by a further --by {handover.near_by}."


def _alike(missing: Iterable[Missing], left_over: Iterable[Candidate]) -> Mapping[str, Candidate]:
    """Return of what is left over one for each name that looks like that of something missing."""
    wanted = {seen(one.name) for one, _ in missing if one.name}
    return {looks: one for one in left_over if one.name and (looks := seen(one.name)) in wanted}


# ---------------------------------------------------------------------------------------------------- what has no place
def _lost(handover: Handover, paint: Paint, width: int) -> Iterator[str]:
    groups: dict[tuple[str, Reason, str], list[Lost]] = {}
    for lost in handover.lost:
        loss = lost.loss
        groups.setdefault((loss.field, loss.reason, loss.rule), []).append(lost)
    doubtful = {key: group for key, group in groups.items() if key[1] == "doubtful"}
    others = {key: group for key, group in groups.items() if key not in doubtful}
    yield from _losses("Not carried over", others, handover, paint, width)
    yield from _losses("Carried over, and doubtful", doubtful, handover, paint, width)


def _losses(
    title: str,
    groups: Mapping[tuple[str, Reason, str], Sequence[Lost]],
    handover: Handover,
    paint: Paint,
    width: int,
) -> Iterator[str]:
    if not groups:
        return
    yield ""
    yield paint.bold(title)
    for (field, _, _), group in sorted(groups.items()):
        what = f"{paint.yellow(one_line(field, _NAME_WIDTH))} of " if field else ""
        yield f"  {what}{count(len(group), 'item')}: {_reason(group[0], handover)}"
        for lost in group[:_LOST_SHOWN]:
            detail = f": {one_line(lost.loss.message, width)}" if lost.loss.message else ""
            yield f"      {_called(lost.here, width)}{detail}"
        yield from _more(len(group), min(len(group), _LOST_SHOWN), "      ")


def _reason(lost: Lost, handover: Handover) -> str:
    loss: Loss = lost.loss
    rule = f" [{loss.rule}]" if loss.rule else ""
    if not loss.field:
        return f"the item there cannot be declared{rule}"
    if loss.reason == "no_place":
        held = ", ".join(sorted(handover.held[lost.there.kind]))
        return f"a {one_line(lost.there.kind, 40)} of {one_line(lost.there.target, 80)} has no such field, only: {held}"
    return f"{_REASONS[loss.reason]}{rule}"


# --------------------------------------------------------------------------------------------------------------- words
def _called(one: Candidate, width: int) -> str:
    """Return what an item is called: its kind, id and name, and where a manifest declares it."""
    name = f" {_quoted(one.name)}" if one.name else ""
    where = f"  {place(one.source)}" if one.source is not None else ""
    return f"{one_line(f'{one.item.kind} {one.item.id}', width)}{name}{where}"


def _quoted(name: str) -> str:
    return f'"{one_line(name, _NAME_WIDTH)}"'


def _path(container: Sequence[str]) -> str:
    return one_line(" / ".join(container), 200)


def _some(lines: Iterable[str], total: int) -> Iterator[str]:
    yield from islice(lines, _SHOWN)
    yield from _more(total, min(total, _SHOWN))


def _more(total: int, shown: int, margin: str = "  ") -> Iterator[str]:
    if total > shown:
        yield f"{margin}… and {total - shown:,} more"
