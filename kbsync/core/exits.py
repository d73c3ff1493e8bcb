"""Exit codes: one table, and one function that says which of several stands."""

from collections.abc import Collection
from enum import IntEnum
from typing import Final

__all__ = ("Exit", "most_telling")


class Exit(IntEnum):
    """The exit codes of every command; the member's name in lower case is the name in reports."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    PARTIAL = 3
    GUARD = 4
    CONFLICT = 5
    LOCKED = 6
    UNFINISHED = 7
    STATE = 8
    USAGE = 64
    INPUT = 65
    CREDENTIALS = 77
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


_PRECEDENCE: Final = (
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.HANGUP,
    Exit.STATE,
    Exit.ERROR,
    Exit.CREDENTIALS,
    Exit.LOCKED,
    Exit.GUARD,
    Exit.UNFINISHED,
    Exit.PARTIAL,
    Exit.CONFLICT,
    Exit.CHANGES,
    Exit.OK,
)


def most_telling(exits: Collection[Exit]) -> Exit:
    """Return the one of *exits* that the process ends with; `Exit.OK` when there is none.

    Usage and input errors end a command before anything else can be true, and stand above all.
    """
    for early in (Exit.USAGE, Exit.INPUT):
        if early in exits:
            return early

    return next((candidate for candidate in _PRECEDENCE if candidate in exits), Exit.OK)
