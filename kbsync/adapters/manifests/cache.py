"""What earlier runs read in manifests, so that this one reads only what changed. It never changes a result.

A file is taken as unchanged the way git does it: by its signature, and only if it was not touched around the time when
it was read. What of it differs from what is known is taken over as long as nothing of that changed either, and is else
compared anew, digest by digest.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kbsync.adapters.manifests.accounts import Account
from kbsync.adapters.manifests.cache_file import CacheFile, Findings, Kept
from kbsync.adapters.manifests.cache_rows import Blobs, Row, blobs_of, captions_in, heads_of, mark_of, rolls_in
from kbsync.adapters.manifests.files import ManifestFile
from kbsync.adapters.manifests.gains import Captions, is_still_clean
from kbsync.adapters.manifests.quick import Settled
from kbsync.adapters.manifests.rolls import Place3, Roll
from kbsync.adapters.signatures import Signature, signature_of
from kbsync.core.manifest import Desired
from kbsync.core.rules import Problem

__all__ = ("PlanCache",)

# More would take longer to keep than they save.
_MOST_DIFFERING: Final = 10_000
# When more than one in so many files has changed, it is quicker to look at everything.
_FEW_OF: Final = 2


class PlanCache:
    """The cache in *folder* of what is read by *key*, for one survey. A context manager.

    *version* returns what stays the same only as long as nothing that is known changes, or nothing. *now_s* tells the
    time, in seconds since the epoch.
    """

    def __init__(
        self, folder: Path, key: bytes, version: Callable[[], bytes], now_s: Callable[[], float] = time.time
    ) -> None:
        self._file = CacheFile(folder, key)
        self._version_of_now = version
        self._now_s = now_s
        self._kept = Kept()
        self._version = b""
        self._is_off = True
        self._signatures: dict[str, Signature | None] = {}
        self._racy: frozenset[str] = frozenset()
        self._recalled: dict[str, Row] = {}
        self._read: dict[str, tuple[Row, Blobs]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def discard(self) -> None:
        """Have no cache any more."""
        self._file.discard()

    def recall(self, files: Sequence[ManifestFile], settled: Settled) -> Mapping[ManifestFile, Account]:
        """Return what those of *files* come to that need not be read. Raises CacheLostError.

        Called once, before the others are read.
        """
        self._version = self._version_of_now()
        now_s = self._now_s()
        self._signatures = {file.name: signature_of(file.path) for file in files}
        # Two files that are called the same cannot be told apart.
        self._is_off = len(self._signatures) < len(files)
        if self._is_off:
            return {}
        self._racy = frozenset(name for name, one in self._signatures.items() if one is None or one.is_racy(now_s))
        self._kept = self._file.load()
        rows = self._kept.rows
        unchanged = [file for file in files if self._is_unchanged(rows.get(file.name))]
        as_known = bool(self._version) and self._kept.findings.version == self._version
        accounts: dict[ManifestFile, Account] = {}
        for file in unchanged:
            row = rows[file.name]
            if as_known or self._is_settled(row, settled):
                accounts[file] = self._account(file, row, self._kept.findings.differing.get(row.name, ()))
                self._recalled[row.name] = row
        return accounts

    def across(self, accounts: Sequence[Account]) -> list[Problem] | None:
        """Return what is found in all of *accounts* together; None when only a look at all items can tell.

        None of them has an error. Raises CacheLostError.
        """
        rows = self._rows_of(accounts)
        kept, found = self._kept.rows, self._kept.findings.across
        if found is None or len(rows) < len(accounts):
            return None
        if not self._read and rows.keys() == kept.keys():
            return [*found]
        changed = {name for name in rows.keys() | kept.keys() if not _are_same(rows.get(name), kept.get(name))}
        if found or len(changed) * _FEW_OF > len(rows):
            return None
        before = [roll for name in changed & kept.keys() for roll in self._rolls(kept[name])]
        after = [roll for account in accounts if account.file.name in changed for roll in account.rolls()]
        others = [kept[name] for name in kept if name not in changed]
        return [] if is_still_clean(before, after, partial(self._captions, others)) else None

    def keep(self, accounts: Sequence[Account], across: Sequence[Problem] | None) -> None:
        """Keep *accounts*, and what was found *across* all of them, for the next run; None when that is not known."""
        if self._is_off:
            return
        rows = self._rows_of(accounts)
        differing = {account.file.name: account.differing for account in accounts if account.differing}
        few = sum(map(len, differing.values())) <= _MOST_DIFFERING
        version = self._version if few and self._version == self._version_of_now() else b""
        findings = Findings(
            tuple(across) if across is not None and len(rows) == len(accounts) else None,
            version,
            {name: items for name, items in differing.items() if name in rows} if version else {},
        )
        kept = self._kept
        gone = kept.rows.keys() - rows.keys()
        is_news = findings.across != kept.findings.across or version not in {b"", kept.findings.version}
        if self._read or gone or is_news:
            self._file.save([*self._read.values()], gone, findings)

    def _is_unchanged(self, row: Row | None) -> bool:
        return row is not None and not row.racy and row.signature == self._signatures[row.name]

    def _is_settled(self, row: Row, settled: Settled) -> bool:
        """Tell whether all items of *row* have the digests that *settled* gives."""
        for roll in self._rolls(row):
            digests = settled(roll.place, roll.all_ids())
            if b"".join([digest or b"" for digest in digests]) != roll.digests:
                return False
        return True

    def _account(self, file: ManifestFile, row: Row, differing: Sequence[Desired]) -> Account:
        counts: Counter[Place3] = Counter()
        for head in row.rolls:
            counts[head.place] += head.items
        in_sync = counts.copy()
        in_sync.subtract(desired.item[:3] for desired in differing)
        return Account(file, row.problems, counts, in_sync, differing, partial(self._rolls, row))

    def _rolls(self, row: Row) -> Sequence[Roll]:
        return [*rolls_in(row.rolls, self._file.blobs(row))]

    def _captions(self, rows: Sequence[Row]) -> Captions:
        for row in rows:
            if any(head.captions for head in row.rolls):
                yield from captions_in(row.rolls, self._file.captions(row))

    def _rows_of(self, accounts: Sequence[Account]) -> Mapping[str, Row]:
        """Return the rows of *accounts*, in their order, without those that cannot be kept."""
        rows: dict[str, Row] = {}
        for account in accounts:
            name = account.file.name
            if name not in self._recalled and name not in self._read and self._is_fit(account):
                self._read[name] = self._row_of(account)
            if name in self._recalled or name in self._read:
                rows[name] = self._recalled[name] if name in self._recalled else self._read[name][0]
        return rows

    def _is_fit(self, account: Account) -> bool:
        """Tell whether *account*, which was just read, is all of the file, and the file was the same all the time."""
        wrong = any(problem.severity == "error" for problem in account.problems)
        before = self._signatures[account.file.name]
        return not wrong and before is not None and signature_of(account.file.path) == before

    def _row_of(self, account: Account) -> tuple[Row, Blobs]:
        name, rolls = account.file.name, account.rolls()
        blobs = blobs_of(rolls)
        signature = self._signatures[name]
        assert signature is not None
        row = Row(
            name,
            signature,
            name in self._racy,
            heads_of(rolls),
            tuple(account.problems),
            mark_of(blobs.items),
            mark_of(blobs.captions),
        )
        return row, blobs


def _are_same(one: Row | None, other: Row | None) -> bool:
    """Tell whether *one* and the *other* declare the same, wherever in the file."""
    return (
        one is not None
        and other is not None
        and (one.rolls, one.items, one.captions) == (other.rolls, other.items, other.captions)
    )
