"""Manifests in, desired items out: the files one after the other, the items one at a time."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from kbsync.adapters.manifests.csv_rows import read_csv
from kbsync.adapters.manifests.files import (
    MAX_DOCUMENT_BYTES,
    ManifestFile,
    UnreadableError,
    find_files,
    open_regular,
)
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.json_documents import read_json
from kbsync.adapters.manifests.json_lines import read_json_lines
from kbsync.adapters.manifests.linting import Lints
from kbsync.adapters.manifests.places import Places
from kbsync.adapters.manifests.problems import FileProblems, TooManyErrors
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.adapters.manifests.yaml_documents import read_yaml
from kbsync.core.items import Source
from kbsync.core.manifest import Desired, Dialect
from kbsync.core.rules import Problem, Rule

__all__ = ("ManifestReader", "ManifestStream", "read_manifests")

_READERS: Final = {"yaml": read_yaml, "json": read_json, "jsonl": read_json_lines, "csv": read_csv}
_WHOLE_DOCUMENTS: Final = frozenset({"yaml", "json"})


class ManifestReader:
    """Reads files of one manifest set, in which no item is declared twice.

    *targets* holds the words of each configured target, *rules* every rule by id; those in *allow* are lifted when
    they can be. What is wrong goes to `problems`, in the order of reading; nothing is raised.
    """

    def __init__(self, targets: Mapping[str, Dialect], rules: Mapping[str, Rule], allow: frozenset[str]) -> None:
        self.problems: list[Problem] = []
        self._words = Words(targets)
        self._places = Places()
        self._rules = rules
        self._allow = allow
        self._lints = Lints(rules)

    def read(self, file: ManifestFile) -> Iterator[Desired]:
        """Yield the items of *file* that are declared without a mistake, in the order of the file."""
        problems = FileProblems(file.name, self.problems, self._rules, self._allow, self._lints)
        intake = Intake(self._words, self._places, self._places.begin(file.name), problems)
        try:
            with open_regular(file.path) as opened:
                yield from _unchanged(opened, file, intake)
        except UnreadableError as error:
            problems.add((1, 1), "unreadable-file", str(error))
        except OSError as error:
            problems.add((1, 1), "unreadable-file", f"the file cannot be read: {error.strerror or error}")
        except TooManyErrors:
            pass
        problems.close()

    def finish(self) -> None:
        """Record what is found only when all items were seen."""
        self.problems.extend(self._lints.problems(self._places.scopes(), self._places.source))


def _unchanged(opened: BinaryIO, file: ManifestFile, intake: Intake) -> Iterator[Desired]:
    """Yield the items of *opened*; record it when the file was written to meanwhile."""
    before = os.fstat(opened.fileno())
    if file.format in _WHOLE_DOCUMENTS and before.st_size > MAX_DOCUMENT_BYTES:
        message = f"the file has {before.st_size:,} bytes, and {file.format.upper()} may have {MAX_DOCUMENT_BYTES:,}"
        intake.problems.add((1, 1), "too-large", f"{message}: split it, or write JSON Lines (.jsonl), without a limit")
        return
    yield from _READERS[file.format](opened, intake)
    after = os.fstat(opened.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        intake.problems.add((1, 1), "unreadable-file", "the file changed while it was read: try again")


class ManifestStream:
    """The items of all manifests that some paths name: iterate once, then look at what was found.

    `problems` is complete when the iteration is over, and so are `files` (the names of those read) and `items` (how
    many were yielded). A problem of severity error means that the items must not be used.
    """

    def __init__(self, reader: ManifestReader, paths: Iterable[str | Path], root: Path) -> None:
        self.files: list[str] = []
        self.items = 0
        self._reader = reader
        self._paths = tuple(paths)
        self._root = root

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong, in the order of reading."""
        return self._reader.problems

    def __iter__(self) -> Iterator[Desired]:
        files, absent = find_files(self._paths, self._root)
        for name, rule, message in ((nothing.name, nothing.rule, nothing.message) for nothing in absent):
            self.problems.append(Problem(Source(name, 1, 1), rule, message))
        for file in files:
            self.files.append(file.name)
            for desired in self._reader.read(file):
                self.items += 1
                yield desired
        self._reader.finish()


def read_manifests(
    paths: Iterable[str | Path],
    *,
    targets: Mapping[str, Dialect],
    rules: Mapping[str, Rule],
    allow: frozenset[str] = frozenset(),
    root: Path,
) -> ManifestStream:
    """Return the items of the manifests that *paths* name: files, folders and globs, relative to *root*."""
    return ManifestStream(ManifestReader(targets, rules, allow), paths, root)
