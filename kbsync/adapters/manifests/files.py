"""Which files are manifests, and opening them without ever hanging or leaving the root."""

import os
import stat
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache as memo
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

__all__ = (
    "MAX_DOCUMENT_BYTES",
    "WHOLE",
    "Absent",
    "ManifestFile",
    "Span",
    "UnreadableError",
    "find_files",
    "format_of",
    "is_manifest",
    "open_regular",
)

MAX_DOCUMENT_BYTES: Final = 64 << 20
SCHEMA_ENDING: Final = ".schema.json"
_FORMATS: Final = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
}
ENDINGS: Final = ", ".join(_FORMATS)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file to read. *name* is how messages call it; *format* is `yaml`, `json`, `jsonl` or `csv`."""

    path: Path
    name: str
    format: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A path that names nothing to read. *rule* says why."""

    name: str
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a file of lines that begins at the byte *begin*, which is that of the 1-based *line*."""

    begin: int
    size: int
    line: int


WHOLE: Final = Span(0, sys.maxsize, 1)


class UnreadableError(Exception):
    """Raised inside the readers when a file cannot be read; `str` of it says why."""


def format_of(name: str) -> str | None:
    """Return the format that a file of this *name* has, or None when it is no manifest by its ending."""
    return _FORMATS.get(Path(name).suffix.lower())


def find_files(paths: Iterable[str | Path], root: Path) -> tuple[list[ManifestFile], list[Absent]]:
    """Return the manifests that *paths* name, sorted, each once, and the paths that name none.

    Files, folders and globs; relative ones are beneath *root*. Folders are searched for the endings of manifests;
    hidden names and JSON Schemas are left out, and symbolic links lead nowhere outside *root*.
    """
    found: dict[tuple[Path, str], ManifestFile] = {}
    absent: list[Absent] = []
    # Of many files in few folders only the folders are looked at, unless a file is a link.
    real_folder, prefix = memo(_real), memo(_prefix)
    for given in paths:
        path = root / given
        is_within = memo(partial(_is_beneath, (real_folder(root), real_folder(path))))
        candidates, fault = _candidates(path, root)
        for candidate in candidates:
            parent = candidate.parent
            real = _real(candidate) if candidate.is_symlink() else None
            folder = real_folder(parent) if real is None else real.parent
            name = prefix(parent) + _as_utf8(candidate.name)
            if candidate != path and not is_within(folder if real is None else real):
                absent.append(Absent(name, "unreadable-file", "the link leads out of the manifests' root"))
            else:
                key = folder, candidate.name if real is None else real.name
                found.setdefault(key, ManifestFile(candidate, name, _FORMATS[candidate.suffix.lower()]))
        if fault is not None:
            absent.append(fault)
    return sorted(found.values(), key=lambda file: file.name), absent


@contextmanager
def open_regular(path: Path) -> Generator[BinaryIO, None, None]:
    """Open *path* for reading. Raises UnreadableError when it is no regular file; never waits for a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOCTTY", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableError(f"the file cannot be opened: {reason}") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableError("this is no regular file")
        yield file


def is_manifest(name: str) -> bool:
    """Tell whether a file of this *name* is a manifest where it is found in a folder."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - it is a name, and there may be a million
    return ending in _FORMATS and not name.startswith(".") and not name.lower().endswith(SCHEMA_ENDING)


def _candidates(path: Path, root: Path) -> tuple[list[Path], Absent | None]:
    try:
        if path.is_dir():
            files = sorted(_beneath(path), key=os.fspath)
        elif os.path.lexists(path):
            return _one(path)
        else:
            files = sorted(_matches(path, root))
    except (OSError, ValueError) as error:
        return [], Absent(_name(path), "unreadable-file", f"the path cannot be searched: {error}")
    if not files:
        return [], Absent(_name(path), "no-manifest", f"the path names no manifest; manifests end in {ENDINGS}")
    return files, None


def _one(path: Path) -> tuple[list[Path], Absent | None]:
    if path.suffix.lower() in _FORMATS:
        return [path], None
    return [], Absent(_name(path), "no-manifest", f"the file is no manifest by its ending; manifests end in {ENDINGS}")


def _beneath(folder: Path) -> Iterator[Path]:
    """Yield the manifests in *folder* and the folders in it. Links to folders are not followed."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # A folder or pipe with a manifest's ending is somebody's mistake: opening it says so.
        for name in (*files, *(name for name in folders if is_manifest(name))):
            if is_manifest(name):
                yield Path(parent, name)


def _matches(path: Path, root: Path) -> Iterator[Path]:
    text = str(path)
    if not any(character in text for character in "*?["):
        return
    anchor = root if path.is_relative_to(root) else Path(path.anchor)
    for match in anchor.glob(str(path.relative_to(anchor))):
        hidden = any(part.startswith(".") for part in match.relative_to(anchor).parts)
        if is_manifest(match.name) and not hidden:
            yield match


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or no path at all; opening it says so
        return path.absolute()


def _is_beneath(folders: Iterable[Path], path: Path) -> bool:
    return any(map(path.is_relative_to, folders))


def _name(path: Path) -> str:
    """Return *path* as seen from the working directory when it is beneath that, else whole; always as UTF-8 can."""
    try:
        name = str(path.absolute().relative_to(Path.cwd()))
    except (OSError, ValueError):
        name = str(path)
    return _as_utf8(name)


def _prefix(folder: Path) -> str:
    """Return what the names of files in *folder* begin with."""
    name = _name(folder)
    return "" if name == "." else f"{name.rstrip(os.sep)}{os.sep}"


def _as_utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
