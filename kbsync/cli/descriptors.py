"""How many connections a process may have: the system gives it so many open files, and no more."""

import resource
from contextlib import suppress
from typing import Final

__all__ = ("connections_for",)

# What a run has open beside its connections: streams, the state, the loop, what it writes.
_OTHERS: Final = 32


def connections_for(wanted: int, all_wanted: int) -> int:
    """Return how many connections there may be where *wanted* are, at least one, when *all_wanted* are in all.

    Has the system allow as many as are wanted, if it lets itself be asked.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = all_wanted + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    return max(1, wanted * (soft - _OTHERS) // all_wanted)
