"""All manifests looked at once: what they declare, what of it differs from what is settled, and what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache as memo
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path

from kbsync.adapters.manifests.accounts import Account, account_of
from kbsync.adapters.manifests.across import across, is_anything_twice
from kbsync.adapters.manifests.cache import PlanCache
from kbsync.adapters.manifests.extract_form import extract_from_bytes, extract_to_bytes
from kbsync.adapters.manifests.extracts import Extractor
from kbsync.adapters.manifests.files import ManifestFile, find_files
from kbsync.adapters.manifests.parallel import Work, in_parallel
from kbsync.adapters.manifests.parts import parts_of
from kbsync.adapters.manifests.quick import Select, Settled
from kbsync.adapters.manifests.reader import ManifestReader
from kbsync.adapters.manifests.rolls import Place3
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.core.items import Item, Source
from kbsync.core.lint import ONCE
from kbsync.core.manifest import Desired, Dialect
from kbsync.core.rules import Problem, Rule

__all__ = ("Survey", "survey_manifests")


@dataclass(frozen=True, slots=True)
class Survey:
    """What the manifests say.

    *counts* has how many items each place (target, container, kind) declares, those included that were not asked about,
    and *in_sync* how many of them are settled. *differing* are the items that are not, in the order of the manifests.
    All that is complete and right when none of *problems* is an error.
    """

    files: Sequence[str]
    problems: Sequence[Problem]
    counts: Mapping[Place3, int]
    in_sync: Mapping[Place3, int]
    differing: Sequence[Desired]
    ids: Callable[[], Mapping[Place3, set[str]]]

    @property
    def items(self) -> int:
        """How many items are declared."""
        return sum(self.counts.values())

    @property
    def declared(self) -> Mapping[Place3, set[str]]:
        """The ids of each place. Raises CacheLostError when they were in a cache and are not any more."""
        return self.ids()


def survey_manifests(
    paths: Iterable[str | Path],
    *,
    targets: Mapping[str, Dialect],
    rules: Mapping[str, Rule],
    allow: frozenset[str] = frozenset(),
    root: Path,
    settled: Settled | None = None,
    select: Select | None = None,
    cache: PlanCache | None = None,
) -> Survey:
    """Read the manifests that *paths* name: files, folders and globs, relative to *root*.

    *settled* gives the digests, by id, of which no item needs to be seen, and without it nobody sees any; with *select*
    only those that it takes are asked about. Of all other items nothing but id and digest is kept. Large manifests are
    read by several processes, and those that *cache* recalls are not read: it goes with *settled* and without *select*.
    Raises CacheLostError.
    """
    files, absent = find_files(paths, root)
    missing = [Problem(Source(nothing.name, 1, 1), nothing.rule, nothing.message) for nothing in absent]
    reading = _Reading(targets, rules, allow)
    accounts = _accounts(files, reading, settled, select, cache)
    ids = memo(partial(_ids_of, accounts))
    found = [problem for account in accounts for problem in account.problems]
    wrong = any(problem.severity == "error" for problem in found)
    of_all = cache.across(accounts) if cache is not None and not wrong else None
    if of_all is None:
        rolled = [(account.file, roll) for account in accounts for roll in account.rolls()]
        if wrong or is_anything_twice(rolled, ids):
            # Whoever reads everything at leisure tells also what stands where for the second time.
            wrong, found = True, reading.at_leisure(files)
        of_all = [*across(rolled, rules, reading.find)]
    if cache is not None:
        cache.keep(accounts, None if wrong else of_all)

    in_sync: Counter[Place3] = Counter()
    counts: Counter[Place3] = Counter()
    for account in accounts:
        counts.update(account.counts)
        in_sync.update(account.in_sync)
    return Survey(
        files=[file.name for file in files],
        problems=[*missing, *_once(found), *of_all],
        counts=counts,
        in_sync=in_sync,
        differing=[desired for account in accounts for desired in account.differing],
        ids=ids,
    )


class _Reading:
    """How manifests are read in this run. Words take a while to make, and are made when something is read."""

    def __init__(self, targets: Mapping[str, Dialect], rules: Mapping[str, Rule], allow: frozenset[str]) -> None:
        self._targets = targets
        self._rules = rules
        self._allow = allow

    @cached_property
    def _words(self) -> Words:
        return Words(self._targets)

    def accounts(
        self, files: Sequence[ManifestFile], settled: Settled | None, select: Select | None
    ) -> Iterator[Account]:
        """Yield what each of *files* comes to."""
        parts = list(parts_of(files))
        extractor = Extractor(self._words, self._rules, self._allow, settled, select)
        # What select may take notes, which children would keep to themselves.
        weights = [part.weight if select is None else 0 for part in parts]
        extracts = in_parallel(Work(extractor.extract, extract_to_bytes, extract_from_bytes), parts, weights)
        for file, pairs in groupby(zip(parts, extracts, strict=True), key=lambda pair: pair[0].file):
            yield account_of(file, [extract for _, extract in pairs])

    def at_leisure(self, files: Iterable[ManifestFile]) -> list[Problem]:
        """Return the problems of *files*."""
        reader = ManifestReader(self._words, self._rules, self._allow)
        for file in files:
            for _ in reader.read(file):
                pass
        return reader.problems

    def find(self, wanted: Mapping[ManifestFile, set[Item]]) -> dict[Item, Desired]:
        """Read the files that hold what is *wanted* again, as far as that goes."""
        found: dict[Item, Desired] = {}
        for file, items in wanted.items():
            left = set(items)
            for desired in ManifestReader(self._words, {}, frozenset()).read(file):
                if desired.item in left:
                    found[desired.item] = desired
                    left.remove(desired.item)
                    if not left:
                        break
        return found


def _accounts(
    files: Sequence[ManifestFile],
    reading: _Reading,
    settled: Settled | None,
    select: Select | None,
    cache: PlanCache | None,
) -> Sequence[Account]:
    """Return what each of *files* comes to, in their order."""
    if cache is None:
        return [*reading.accounts(files, settled, select)]
    assert settled is not None
    assert select is None
    recalled = cache.recall(files, settled)
    left = [file for file in files if file not in recalled]
    read = {account.file: account for account in reading.accounts(left, settled, None)} if left else {}
    return [recalled[file] if file in recalled else read[file] for file in files]


def _ids_of(accounts: Iterable[Account]) -> Mapping[Place3, set[str]]:
    """Return the distinct ids of each place."""
    ids: defaultdict[Place3, set[str]] = defaultdict(set)
    for account in accounts:
        for roll in account.rolls():
            ids[roll.place].update(roll.all_ids())
    return ids


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield *problems*, of those about a name in all of the manifests the first."""
    told: set[str] = set()
    for problem in problems:
        if problem.rule in ONCE:
            if problem.message in told:
                continue
            told.add(problem.message)
        yield problem
