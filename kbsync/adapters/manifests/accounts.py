"""What one manifest came to, whether it was read or an earlier run's reading was recalled."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kbsync.adapters.manifests.extracts import Extract
from kbsync.adapters.manifests.files import ManifestFile
from kbsync.adapters.manifests.problems import joined
from kbsync.adapters.manifests.rolls import Place3, Roll
from kbsync.core.manifest import Desired
from kbsync.core.rules import Problem

__all__ = ("Account", "account_of")


@dataclass(frozen=True, slots=True)
class Account:
    """What *file* declares: how many items at each place, and how many of them are *in_sync* with what was asked for.

    *differing* are its items that are neither that nor left out. *rolls* returns all of its items; it may take a while.
    """

    file: ManifestFile
    problems: Sequence[Problem]
    counts: Mapping[Place3, int]
    in_sync: Mapping[Place3, int]
    differing: Sequence[Desired]
    rolls: Callable[[], Sequence[Roll]]


def account_of(file: ManifestFile, extracts: Sequence[Extract]) -> Account:
    """Return what *extracts*, which are of all parts of *file*, come to."""
    rolls = [roll for extract in extracts for roll in extract.rolls]
    counts: Counter[Place3] = Counter()
    in_sync: Counter[Place3] = Counter()
    for roll in rolls:
        counts[roll.place] += len(roll)
        in_sync[roll.place] += roll.in_sync
    return Account(
        file=file,
        problems=joined([extract.problems for extract in extracts]),
        counts=counts,
        in_sync=in_sync,
        differing=[desired for extract in extracts for desired in extract.differing],
        rolls=lambda: rolls,
    )
