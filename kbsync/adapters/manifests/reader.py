"""Manifests in, desired items out: the files one after the other, the items one at a time."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from kbsync.adapters.manifests.csv_rows import read_csv
from kbsync.adapters.manifests.files import (
    MAX_DOCUMENT_BYTES,
    WHOLE,
    ManifestFile,
    Span,
    UnreadableError,
    find_files,
    open_regular,
)
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.json_documents import read_json
from kbsync.adapters.manifests.json_lines import read_json_lines
from kbsync.adapters.manifests.places import Places
from kbsync.adapters.manifests.problems import FileProblems, TooManyErrors
from kbsync.adapters.manifests.sections import Defaults, Section
from kbsync.adapters.manifests.vocabulary import KindWords, Words
from kbsync.adapters.manifests.yaml_documents import read_yaml
from kbsync.adapters.manifests.yaml_regular import read_regular_yaml
from kbsync.core.items import Source
from kbsync.core.manifest import Desired, Dialect
from kbsync.core.rules import Problem, Rule

__all__ = ("ManifestReader", "ManifestStream", "read_items", "read_manifests")

_READERS: Final = {"yaml": read_yaml, "json": read_json, "csv": read_csv}
_WHOLE_DOCUMENTS: Final = frozenset({"yaml", "json"})


class ManifestReader:
    """Reads files of one manifest set, in which no item is declared twice.

    *rules* has every rule by id; those in *allow* are lifted when they can be. What is wrong goes to `problems`, in the
    order of reading; nothing is raised.
    """

    def __init__(self, words: Words, rules: Mapping[str, Rule], allow: frozenset[str]) -> None:
        self.problems: list[Problem] = []
        self._words = words
        self._places = Places()
        self._rules = rules
        self._allow = allow

    def read(self, file: ManifestFile) -> Iterator[Desired]:
        """Yield the items of *file* that are declared without a mistake, in the order of the file."""
        problems = FileProblems(file.name, self.problems, self._rules, self._allow)
        number = self._places.begin(file.name)

        def section(
            words: KindWords,
            place: tuple[str, str, str],
            scope: tuple[str, ...],
            problems: FileProblems,
            defaults: Defaults | None,
            foreign: frozenset[str],
        ) -> Section:
            mark = self._places.register(scope, number).mark
            return Section(words, place, mark, problems, defaults, foreign)

        yield from read_items(file, Intake(self._words, section, problems))


def read_items(file: ManifestFile, intake: Intake, span: Span = WHOLE) -> Iterator[Desired]:
    """Yield what the sections of *intake* make of the entries of *file*; of JSON Lines, of those in *span*.

    Problems are closed at the end; that the file cannot be read is one of them. Raises IrregularError when a quick look
    at YAML is not enough.
    """
    try:
        with open_regular(file.path) as opened:
            yield from _unchanged(opened, file, intake, span)
    except UnreadableError as error:
        intake.problems.add((1, 1), "unreadable-file", str(error))
    except OSError as error:
        intake.problems.add((1, 1), "unreadable-file", f"the file cannot be read: {error.strerror or error}")
    except TooManyErrors:
        pass
    intake.problems.close()


def _unchanged(opened: BinaryIO, file: ManifestFile, intake: Intake, span: Span) -> Iterator[Desired]:
    """Yield the items of *opened*; record it when the file was written to meanwhile."""
    before = os.fstat(opened.fileno())
    if file.format in _WHOLE_DOCUMENTS and before.st_size > MAX_DOCUMENT_BYTES:
        message = f"the file has {before.st_size:,} bytes, and {file.format.upper()} may have {MAX_DOCUMENT_BYTES:,}"
        intake.problems.add((1, 1), "too-large", f"{message}: split it, or write JSON Lines (.jsonl), without a limit")
        return
    if file.format == "jsonl":
        yield from read_json_lines(opened, intake, span)
    elif file.format == "yaml" and intake.quick:
        read_regular_yaml(opened, intake)
    else:
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


def read_manifests(
    paths: Iterable[str | Path],
    *,
    targets: Mapping[str, Dialect],
    rules: Mapping[str, Rule],
    allow: frozenset[str] = frozenset(),
    root: Path,
) -> ManifestStream:
    """Return the items of the manifests that *paths* name: files, folders and globs, relative to *root*."""
    return ManifestStream(ManifestReader(Words(targets), rules, allow), paths, root)
