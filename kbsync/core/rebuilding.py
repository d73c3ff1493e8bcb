"""Knowing again what is live: the state made anew from lists and the manifest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.listing import Complete
from kbsync.core.live import Place, ReadList
from kbsync.core.manifest import Desired

__all__ = ("Rebuilt", "rebuild")


@dataclass(slots=True)
class Rebuilt:
    """What of the declared items is live.

    *known* holds the values of declared fields that are live, of items that have any. *missing* are items that do not
    exist, *untold* those of which the list leaves a declared field out. *same* counts items that are live as declared.
    """

    known: list[tuple[Item, Fields]] = field(default_factory=list[tuple[Item, Fields]])
    missing: list[Desired] = field(default_factory=list[Desired])
    untold: list[Desired] = field(default_factory=list[Desired])
    same: int = 0


def rebuild(declared: Iterable[Desired], lists: Mapping[Place, Complete | ReadList]) -> Rebuilt:
    """Return what is live of the *declared* items; *lists* are those of every target, container and kind of theirs."""
    rebuilt = Rebuilt()
    for one in declared:
        live = lists[one.item[:3]].items.get(one.item.id)
        if live is None:
            rebuilt.missing.append(one)
            continue

        fields = {name: live.fields[name] for name in one.fields if name in live.fields}
        if fields:
            rebuilt.known.append((one.item, fields))
        if not all(map(live.tells, one.fields)):
            rebuilt.untold.append(one)
        rebuilt.same += fields == one.fields
    return rebuilt
