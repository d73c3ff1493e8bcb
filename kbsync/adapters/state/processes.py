"""Whether the process that holds a lock looks alive."""

import socket
import subprocess
from pathlib import Path
from typing import Final, Literal, TypeAlias

from kbsync.adapters.state.lockfile import Holder

__all__ = ("Condition", "advice_on", "condition_of")

# `stopped` is frozen by a signal or a debugger; `gone` is not to be seen from here.
Condition: TypeAlias = Literal["running", "stopped", "gone", "elsewhere"]

_PROC: Final = Path("/proc")
_PATIENCE_S: Final = 5


def condition_of(holder: Holder) -> Condition:
    """Return how the process of *holder* looks from here. It is no proof: the kernel's lock is."""
    if holder.host != socket.gethostname():
        return "elsewhere"
    match _letter(holder.pid):
        case "T" | "t":
            return "stopped"
        case "" | "Z" | "X":
            return "gone"
        case _:
            return "running"


def advice_on(holder: Holder) -> str:
    """Return how *holder* looks from here, and what somebody can do who needs what it holds."""
    pid, break_lock = holder.pid, f"`kbsync state break-lock {holder.id}`"
    match condition_of(holder):
        case "running":
            return "That process is alive: run again when it has ended, or wait for it with --lock-timeout."
        case "stopped":
            return (
                f"That process is stopped: `kill -CONT {pid}` wakes it up, `kill -KILL {pid}` ends it and frees the "
                f"state at once, {break_lock} takes the state away from it."
            )
        case "gone":
            return (
                "No such process is to be seen here: it is in another container, or one that it started keeps its "
                f"lock. When it is certain that it has ended: {break_lock}."
            )
        case "elsewhere":
            return f"That is another machine. When it is certain that it has ended there: {break_lock}."


def _letter(pid: int) -> str:
    """Return the letter that stands for the state of process *pid*, empty when there is no such process."""
    if (_PROC / "self" / "stat").exists():
        try:
            # The name of the program stands in parentheses, and may itself hold some.
            return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[0].decode()
        except (OSError, IndexError):
            return ""
    try:
        told = subprocess.run(  # noqa: S603  # a number is all that varies
            ["/bin/ps", "-o", "state=", "-p", str(pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.decode(errors="replace").strip()[:1]
