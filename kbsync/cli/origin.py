"""Which commits the lines of a manifest's entry come from."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from kbsync.adapters.files import read_regular
from kbsync.adapters.git import NoHistoryError, find_repository
from kbsync.core.why import Origin, lines_of_entry

__all__ = ("origin_of",)

_MAX_BYTES = 256 << 20


def origin_of(file: Path, line: int) -> Origin:
    """Return where the entry that begins in *line* of *file* comes from, as far as git can tell."""
    try:
        return _origin(file.resolve(), line)
    except NoHistoryError as error:
        return Origin((), str(error))
    except OSError as error:
        return Origin((), f"the file cannot be read: {error.strerror}")


def _origin(file: Path, line: int) -> Origin:
    repository = find_repository(file.parent)
    if not file.is_relative_to(repository.top):
        return Origin((), f"the file is not in the repository {repository.top}")
    path = PurePosixPath(file.relative_to(repository.top))
    head = repository.commit("HEAD")
    content = repository.files(head, [path]).get(path)
    if content is None:
        return Origin((), "the file is not committed")

    now = read_regular(file, _MAX_BYTES)
    if len(now) > _MAX_BYTES:
        return Origin((), "the file is too large to look for its commits")
    entry = lines_of_entry(_lines(now), line)
    first = _find(entry, _lines(repository.content(content)), line)
    if first is None:
        return Origin((), "not committed as it stands")
    return Origin(repository.blame(head, path, first, first + len(entry) - 1))


def _lines(data: bytes) -> list[bytes]:
    return data.replace(b"\r\n", b"\n").split(b"\n")


def _find(entry: Sequence[bytes], lines: Sequence[bytes], guess: int) -> int | None:
    """Return the line (1-based) at which *entry* stands in *lines*, at *guess* if it does there; None when nowhere."""
    length = len(entry)
    if lines[guess - 1 : guess - 1 + length] == entry:
        return guess
    starts = (number for number, line in enumerate(lines) if line == entry[0])
    return next((number + 1 for number in starts if lines[number : number + length] == entry), None)
