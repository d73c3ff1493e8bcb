"""What is live against what is declared, for a manifest that is to follow it."""

from typing import NamedTuple

from kbsync.core.fields import REMOVED, Fields
from kbsync.core.manifest import Desired
from kbsync.core.wire import Live

__all__ = ("Pulled", "pull")


class Pulled(NamedTuple):
    """What of the managed fields of an item is live.

    *seen* are those that have a value, and *changes* those of them that are declared otherwise. *unset* are declared
    fields that are not set there, *untold* those of which the list tells nothing.
    """

    seen: Fields
    changes: Fields
    unset: tuple[str, ...]
    untold: tuple[str, ...]


def pull(desired: Desired, live: Live) -> Pulled:
    """Return what of the managed fields of *desired* is *live*. Ignored ones are somebody else's."""
    told = [name for name in desired.fields if live.tells(name)]
    seen = {name: live.fields[name] for name in told if name in live.fields}
    seen |= {name: REMOVED for name in told if name not in seen and desired.fields[name] == REMOVED}
    return Pulled(
        seen=seen,
        changes={name: value for name, value in seen.items() if value != desired.fields[name]},
        unset=tuple(name for name in told if name not in seen),
        untold=tuple(name for name in desired.fields if not live.tells(name)),
    )
