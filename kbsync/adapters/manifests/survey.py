"""All manifests looked at once: what they declare, what of it differs from what is settled, and what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from kbsync.adapters.manifests.across import across, is_anything_twice
from kbsync.adapters.manifests.extract_form import extract_from_bytes, extract_to_bytes
from kbsync.adapters.manifests.extracts import Extract, Extractor
from kbsync.adapters.manifests.files import ManifestFile, find_files
from kbsync.adapters.manifests.parallel import Work, in_parallel
from kbsync.adapters.manifests.parts import Part, parts_of
from kbsync.adapters.manifests.problems import joined
from kbsync.adapters.manifests.quick import Select, Settled
from kbsync.adapters.manifests.reader import ManifestReader
from kbsync.adapters.manifests.rolls import Place3, Roll
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.core.items import Item, Source
from kbsync.core.lint import ONCE
from kbsync.core.manifest import Desired, Dialect
from kbsync.core.rules import Problem, Rule

__all__ = ("Survey", "survey_manifests")


@dataclass(frozen=True, slots=True)
class Survey:
    """What the manifests say.

    *declared* has the ids of each place (target, container, kind), *in_sync* how many of them are settled. *differing*
    are the items that are not, in the order of the manifests. All that is complete and right when none of *problems* is
    an error.
    """

    files: Sequence[str]
    problems: Sequence[Problem]
    declared: Mapping[Place3, set[str]]
    in_sync: Mapping[Place3, int]
    differing: Sequence[Desired]

    @property
    def items(self) -> int:
        """How many items are declared, those included that were not asked about."""
        return sum(map(len, self.declared.values()))


def survey_manifests(
    paths: Iterable[str | Path],
    *,
    targets: Mapping[str, Dialect],
    rules: Mapping[str, Rule],
    allow: frozenset[str] = frozenset(),
    root: Path,
    settled: Settled | None = None,
    select: Select | None = None,
) -> Survey:
    """Read the manifests that *paths* name: files, folders and globs, relative to *root*.

    *settled* gives the digests, by id, of which no item needs to be seen, and without it nobody sees any; with *select*
    only those that it takes are asked about. Of all other items nothing but id and digest is kept. Large manifests are
    read by several processes.
    """
    files, absent = find_files(paths, root)
    problems = [Problem(Source(nothing.name, 1, 1), nothing.rule, nothing.message) for nothing in absent]
    words = Words(targets)
    parts = list(parts_of(files))
    extractor = Extractor(words, rules, allow, settled, select)
    # What selects may take notes, which children would keep to themselves.
    weights = [part.weight if select is None else 0 for part in parts]
    extracts = in_parallel(Work(extractor.extract, extract_to_bytes, extract_from_bytes), parts, weights)
    rolled = [(part.file, roll) for part, extract in zip(parts, extracts, strict=True) for roll in extract.rolls]
    found = list(_problems(parts, extracts))
    declared = _ids_of(roll for _, roll in rolled)
    if any(problem.severity == "error" for problem in found) or is_anything_twice(rolled, declared):
        # Whoever reads everything at leisure tells also what stands where for the second time.
        found = _at_leisure(files, ManifestReader(words, rules, allow))

    problems += _once(found)
    problems += across(rolled, rules, partial(_find, words))
    in_sync: Counter[Place3] = Counter()
    for _, roll in rolled:
        in_sync[roll.place] += roll.in_sync
    return Survey(
        files=[file.name for file in files],
        problems=problems,
        declared=declared,
        in_sync=in_sync,
        differing=[desired for extract in extracts for desired in extract.differing],
    )


def _problems(parts: Sequence[Part], extracts: Sequence[Extract]) -> Iterator[Problem]:
    """Yield the problems of all parts, file by file, as if each file had been read whole."""
    for _, pairs in groupby(zip(parts, extracts, strict=True), key=lambda pair: pair[0].file):
        yield from joined([extract.problems for _, extract in pairs])


def _ids_of(rolls: Iterable[Roll]) -> Mapping[Place3, set[str]]:
    """Return the distinct ids of each place."""
    ids: defaultdict[Place3, set[str]] = defaultdict(set)
    for roll in rolls:
        ids[roll.place].update(roll.all_ids())
    return ids


def _at_leisure(files: Iterable[ManifestFile], reader: ManifestReader) -> list[Problem]:
    """Return the problems of *files*."""
    for file in files:
        for _ in reader.read(file):
            pass
    return reader.problems


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield *problems*, of those about a name in all of the manifests the first."""
    told: set[str] = set()
    for problem in problems:
        if problem.rule in ONCE:
            if problem.message in told:
                continue
            told.add(problem.message)
        yield problem


def _find(words: Words, wanted: Mapping[ManifestFile, set[Item]]) -> dict[Item, Desired]:
    """Read the files that hold what is *wanted* again, as far as that goes."""
    found: dict[Item, Desired] = {}
    for file, items in wanted.items():
        left = set(items)
        for desired in ManifestReader(words, {}, frozenset()).read(file):
            if desired.item in left:
                found[desired.item] = desired
                left.remove(desired.item)
                if not left:
                    break
    return found
