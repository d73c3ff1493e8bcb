"""What went wrong, on stderr."""

import os
import sys
import traceback
from pathlib import Path
from typing import cast

from kbsync import __version__
from kbsync.adapters.secrets import without_secrets
from kbsync.errors import InputError, KbsyncError
from kbsync.views.problems import problem_lines
from kbsync.views.stream import Stream

__all__ = ("complain", "note")


def complain(error: BaseException) -> None:
    """Say what *error* is about; nothing in its text acts on a terminal or a CI system.

    Bad input is told line by line as it is: editors and problem matchers look for a file name where a line begins. What
    is no KbsyncError is our own mistake, and told without values, which might be secrets. Asked for, a traceback
    follows; it holds values, but none of the secrets that were resolved.
    """
    match error:
        case InputError():
            lines = list(error.problems)
        case KbsyncError():
            lines = [f"kbsync: {line}" for line in str(error).splitlines()]
        case _:
            lines = [f"kbsync: {_defect(error)}"]
    if not isinstance(error, KbsyncError) and os.environ.get("KBSYNC_TRACEBACK"):
        lines += without_secrets("".join(traceback.format_exception(error))).rstrip().split("\n")
    Stream(sys.stderr).lines(problem_lines(lines))


def note(line: str) -> None:
    """Say what a person should know beside the result, however quiet the command is."""
    Stream(sys.stderr).lines(problem_lines([f"kbsync: {line}"]))


def _defect(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _defect(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])

    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return (
        f"internal error {type(error).__name__} at {where}; this is a defect of kbsync {__version__}: please report it"
    )
