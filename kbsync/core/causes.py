"""What happens during a run, and its outcomes do not show, as causes of its exit code."""

from collections.abc import Mapping
from typing import Final

from kbsync.core.events import Event, StopRequested, TargetStopped
from kbsync.core.exits import Exit

__all__ = ("cause_of",)

# What the stop of a target means; any other reason leaves work for the next run.
_STOPS: Final[Mapping[str, Exit]] = {
    "unauthorised": Exit.CREDENTIALS,
    "redirected": Exit.CREDENTIALS,
    "tls": Exit.ERROR,
}


def cause_of(event: Event) -> Exit | None:
    """Return what *event* says of the exit code of its run, or None when that is nothing."""
    match event:
        case TargetStopped(_, reason):
            return _STOPS.get(reason, Exit.UNFINISHED)
        case StopRequested("errors"):
            return Exit.GUARD
        case StopRequested("limit" | "deadline"):
            return Exit.UNFINISHED
        case _:
            return None
