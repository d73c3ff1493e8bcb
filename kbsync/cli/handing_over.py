"""What becomes of the items that have a counterpart: their entries, carried over."""

from collections.abc import Sequence

from kbsync.adapters.manifests import Declared, Spool, keys_of
from kbsync.cli.counterparts import Origin
from kbsync.cli.workspace import Workspace
from kbsync.core.carrying import Carrier, Loss, held_by
from kbsync.core.handover import Handover, Lost
from kbsync.core.matching import Matching

__all__ = ("hand_over",)


def hand_over(
    side: Origin, matching: Matching, carried: Spool, workspace: Workspace, *, near: int, near_by: str
) -> Handover:
    """Put what is carried over into *carried*, and return what came of everything; *near* of the missing are near."""
    (target, _), there = side.kinds.destination, side.kinds.there
    dialects, operations = workspace.dialects(), workspace.operations()[target]
    declared, dialect = dialects[side.kinds.origin.target].kinds, dialects[target].kinds
    held = {kind: held_by(operations, kind) for kind in there.values()}
    carriers = {
        kind: Carrier(declared[kind], dialect[like], held[like], workspace.rules, workspace.allowed)
        for kind, like in there.items()
    }
    pairs = {pair.here.item: pair for pair in matching.pairs}
    lost: list[Lost] = []
    entries = 0
    for found in side.spool.all():
        pair = pairs.get(found.item)
        if pair is None:
            continue
        keys = {key: value for key, value in found.keys.items() if key != "id"}
        become = carriers[found.item.kind].carry(pair.there.item.id, keys)
        unsaid: Sequence[Loss] = side.losses.get(found.item, ()) if become.usable else ()
        lost.extend(Lost(pair.here, pair.there.item, loss) for loss in (*unsaid, *become.losses))
        if become.entry is not None:
            carried.add(Declared(pair.there.item, keys_of(become.entry), found.source))
            entries += 1
    return Handover(side.kinds.origin, side.kinds.destination, matching, entries, lost, held, near, near_by)
