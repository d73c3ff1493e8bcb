"""What an undo manifest says of itself, and what is left out of it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from kbsync.core.undo import LeftOut, Obstacle, RunWrites, Undo
from kbsync.views.escape import one_line
from kbsync.views.wording import count, moment

__all__ = ("undo_comment", "undo_left_out")

_WIDTH: Final = 200
_OBSTACLES: Final[Mapping[Obstacle, str]] = {
    "never_known": "never known before the run, so there is nothing to put back",
    "written_since": "a later run wrote, or may have written, another value",
    "forgotten": "no longer known",
    "moved": "known to have another value by now",
    "undeclarable": "no manifest for the targets of kbsync.toml can declare the value",
    "restored": "back at the earlier value already",
}


def undo_comment(run: RunWrites, undo: Undo, broken: Collection[str], *, most: int) -> Iterator[bytes]:
    """Yield the lines of a YAML comment about *undo*, which undoes *run*; *broken* are the rules that are to be lifted.

    Of what is left out for one reason, *most* fields are named.
    """
    for line in (*_heading(run, undo, broken), *undo_left_out(undo, most=most)):
        yield f"# {one_line(line, _WIDTH)}".rstrip().encode() + b"\n"


def undo_left_out(undo: Undo, *, most: int) -> Iterator[str]:
    """Yield lines about what is left out of *undo*, by reason; for each *most* fields are named."""
    for why, words in _OBSTACLES.items():
        left = [one for one in undo.left if one.why == why]
        if not left:
            continue
        # What needs nothing needs no name.
        shown = 0 if why == "restored" else most
        yield f"{count(len(left), 'field')} left out, {words}{':' if shown else ''}"
        yield from map(_named, left[:shown])
        if shown and len(left) > shown:
            yield f"  and {len(left) - shown:,} more"


def _heading(run: RunWrites, undo: Undo, broken: Collection[str]) -> Iterator[str]:
    yield f"What the run {run.run_id} of {moment(run.started_at_s)} replaced."
    yield "`kbsync apply --refresh FILE` puts it back. --refresh asks the provider first: what somebody changed there"
    yield "since is a conflict, and stays as it is."
    yield "Manifests that declare what the run wrote have to change too, or the next apply of them writes it again."
    if not run.has_ended:
        yield "The run has not ended: it was killed, or still goes on, and what it writes from now on is not in here."
    if undo.unsure:
        yield f"Of {count(undo.unsure, 'item')} here nobody knows whether the run got through: sent again in any case."
    if broken:
        allowed = " ".join(f"--allow {rule}" for rule in sorted(broken))
        yield f"Some values break a rule that can be lifted: {allowed} --reason TEXT"


def _named(left: LeftOut) -> str:
    since = f"  (run {left.run_id})" if left.run_id else ""
    return f"  {left.item}  {left.field}{since}"
