"""What `kbsync why` tells: all there is about one item, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kbsync.core.items import Item
from kbsync.core.manifest import Desired
from kbsync.core.plan import Change, Skipped
from kbsync.core.report import ItemStory

__all__ = ("Commit", "Origin", "Why", "lines_of_entry")


class Commit(NamedTuple):
    """A commit; *at_s* is when it was written, in seconds since the epoch.

    *is_oldest* says that a shallow clone knows none before it: what is said to come from it may be older.
    """

    id: str
    author: str
    at_s: float
    subject: str
    is_oldest: bool


class Origin(NamedTuple):
    """The *commits* that the lines of an entry come from, newest first; without any, *remark* says why."""

    commits: tuple[Commit, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """Why an item is as it is.

    *desired* and *origin* are None when no manifest declares it. *changes* are what an apply would send, *skipped* what
    it would send but for the manifest's word, *unmanaged* the fields that it would forget. *held_until_s* says of
    operations that an apply would wait for so long, in seconds since the epoch: an earlier value may still arrive.
    """

    item: Item
    desired: Desired | None
    origin: Origin | None
    story: ItemStory
    changes: tuple[Change, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    unmanaged: tuple[str, ...] = ()
    held_until_s: Mapping[str, float] | None = None


def lines_of_entry(lines: Sequence[bytes], first: int) -> list[bytes]:
    """Return the lines of a manifest's entry that begins in line *first* (1-based): it, and what is indented more.

    Blank lines at its end are not its own.
    """
    entry = list(lines[first - 1 : first])
    if not entry:
        return []
    margin = _indent(entry[0])
    blank: list[bytes] = []
    for line in lines[first:]:
        if not line.strip():
            blank.append(line)
        elif _indent(line) > margin:
            entry += (*blank, line)
            blank = []
        else:
            break
    return entry


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())
