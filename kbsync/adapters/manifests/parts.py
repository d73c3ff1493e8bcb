"""Manifests in parts that can be read apart from each other: files, and pieces of large files of lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from kbsync.adapters.manifests.files import WHOLE, ManifestFile, Span, UnreadableError, open_regular

__all__ = ("Part", "parts_of")

_PIECE_BYTES: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """What is read at once: *file*, or of a file of lines those in *span*. *weight* says how much there is to do."""

    file: ManifestFile
    span: Span
    weight: int


# How much longer than a byte of JSON Lines a byte takes, roughly.
_WEIGHTS: Final = {"jsonl": 1, "csv": 2, "json": 3, "yaml": 2}


def parts_of(files: Iterable[ManifestFile]) -> Iterator[Part]:
    """Yield the parts of *files*, in order. A file that cannot be looked at is a part: reading it says why."""
    for file in files:
        spans = [WHOLE]
        try:
            size = file.path.stat().st_size
            if file.format == "jsonl" and size > 2 * _PIECE_BYTES:
                spans = list(_spans(file, size))
        except (OSError, UnreadableError):
            size = 0
        for span in spans:
            yield Part(file, span, min(span.size, size) * _WEIGHTS[file.format])


def _spans(file: ManifestFile, size: int) -> Iterator[Span]:
    """Yield spans of whole lines."""
    with open_regular(file.path) as opened:
        begin, line, lines = 0, 1, 0
        while piece := opened.read(_PIECE_BYTES):
            lines += piece.count(b"\n") + (rest := opened.readline()).count(b"\n")
            end = opened.tell()
            # The last one has no end, so that what is added meanwhile is noticed.
            yield Span(begin, end - begin if end < size else WHOLE.size, line)
            if end >= size:
                break
            begin, line = end, 1 + lines
            del piece, rest
