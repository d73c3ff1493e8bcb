"""Guards: what refuses a plan before its first write. The plan is shown all the same."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kbsync.core.plan import GuardResult
from kbsync.core.settings import GuardSettings

__all__ = ("Blast", "tripped")

_Counts: TypeAlias = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Blast:
    """How much a plan would alter.

    *known*, *touched* and *emptied* count known items by target and container. *items* is what the manifest declares,
    *last_items* what the whole manifest declared at its last apply (0 when never). *whole* says that the configured
    manifest set was read entirely: only then do its size and its shrinking mean anything.
    """

    items: int
    changes: int
    last_items: int
    whole: bool
    known: _Counts
    touched: _Counts
    emptied: _Counts


def tripped(blast: Blast, settings: GuardSettings, allowed: Collection[str]) -> tuple[GuardResult, ...]:
    """Return every guard that *blast* trips; those in *allowed* are marked as lifted and refuse nothing."""
    return tuple(GuardResult(guard, message, lifted=guard in allowed) for guard, message in _findings(blast, settings))


def _findings(blast: Blast, settings: GuardSettings) -> Iterator[tuple[str, str]]:
    if blast.whole and blast.items == 0:
        yield "empty-manifest", "the manifest holds no item"
    elif blast.whole and blast.items * 2 < blast.last_items:
        yield "shrink", f"the manifest holds {blast.items:,} items; at the last apply it held {blast.last_items:,}"

    parts = (
        ("change-percent", "change", blast.touched, settings.max_change_percent),
        ("empty-percent", "are emptied", blast.emptied, settings.max_empty_percent),
    )
    for guard, verb, counted, limit in parts:
        for where, part, total in _shares(counted, blast.known):
            if total >= settings.min_known_items and part * 100 > limit * total:
                percent = part * 100 / total
                yield guard, f"{part:,} of {total:,} known items of {where} {verb} ({percent:.1f} %, limit {limit:g} %)"

    if settings.max_changes is not None and blast.changes > settings.max_changes:
        yield "max-changes", f"{blast.changes:,} changes; at most {settings.max_changes:,} are allowed"


def _shares(counted: _Counts, known: _Counts) -> Iterator[tuple[str, int, int]]:
    """Yield each container with its counted and its known items, then all of them together."""
    for target, container in sorted(counted):
        yield f"{target}/{container}", counted[target, container], known.get((target, container), 0)

    if len(known) > 1:
        yield "all containers", sum(counted.values()), sum(known.values())
