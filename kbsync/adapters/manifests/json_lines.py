"""JSON Lines manifests: one item a line, at the speed of the decoder."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress, repeat
from operator import not_
from typing import Any, BinaryIO, Final

from orjson import JSONDecodeError, loads

from kbsync.adapters.manifests.alike import Numbers, picked
from kbsync.adapters.manifests.files import WHOLE, Span
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.json_scan import JsonSyntaxError, scan_json
from kbsync.adapters.manifests.json_text import Doubtful, decode_line, has_raw_control_characters
from kbsync.adapters.manifests.leaks import is_leaky, leaks_in
from kbsync.adapters.manifests.problems import Path, Place, Trail
from kbsync.adapters.manifests.rows import Rows
from kbsync.core.manifest import Desired

__all__ = ("MAX_LINE_BYTES", "read_json_lines")

MAX_LINE_BYTES: Final = 16 << 20
BLOCK_BYTES: Final = 1 << 16
_OBJECT: Final = {dict}
_ESCAPED_MARK: Final = re.compile(rb'\\["\\]')
_BOM: Final = b"\xef\xbb\xbf"


def read_json_lines(file: BinaryIO, intake: Intake, span: Span = WHOLE) -> Iterator[Desired]:
    """Yield the items in *span* of the JSON Lines manifest *file*. There is no limit to its size."""
    rows = Rows(intake)
    number = span.line
    for block in _blocks(file, span):
        if is_leaky(block):
            for fault in leaks_in(block, number):
                intake.problems.add(*fault)
        texts = block.split(b"\n")
        lines = _Lines(texts, range(number, number + len(texts)), partial(_read, intake, rows.admit))
        number += len(texts)
        if intake.quick:
            has_escaped_marks = b"\\" in block and _ESCAPED_MARK.search(block) is not None
            _sift(lines, rows, has_escaped_marks=has_escaped_marks)
        else:
            yield from lines.items()


def _sift(lines: "_Lines", rows: Rows, *, has_escaped_marks: bool) -> None:
    """Have *lines* admitted as *rows*: at once where that is safe."""
    decoded: list[Any]
    try:
        decoded = [*map(loads, lines.texts)]
    except JSONDecodeError:
        decoded = [*map(_decoded, lines.texts)]
    if has_escaped_marks or {*map(type, decoded)} != _OBJECT:
        odd = [
            type(row) is not dict or _ESCAPED_MARK.search(text) for row, text in zip(decoded, lines.texts, strict=True)
        ]
        for number in compress(range(len(odd)), odd):
            lines.look_closely(number)
        fine = [*map(not_, odd)]
        lines = _Lines([*compress(lines.texts, fine)], [*compress(lines.numbers, fine)], lines.read)
        decoded = [*compress(decoded, fine)]
    rows.sift(lines, decoded)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Some lines, and their *numbers*: a `Batch`. *read* reads one by itself, and exactly."""

    texts: Sequence[bytes]
    numbers: Sequence[int]
    read: Callable[[bytes, int], Desired | None]

    def items(self) -> Iterator[Desired]:
        """Yield the items, line by line."""
        for text, number in zip(self.texts, self.numbers, strict=True):
            desired = self.read(text, number)
            if desired is not None:
                yield desired

    def places(self, places: Numbers) -> list[Place]:
        """Return where lines begin."""
        return [*zip(picked(self.numbers, places), repeat(1))]

    def is_whole(self, places: Numbers, texts: int) -> bool:
        """Tell whether the decoder dropped no key of the lines, none of which has a mark that is escaped."""
        return b"".join(picked(self.texts, places)).count(b'"') == 2 * texts * len(places)

    def look_closely(self, at: int) -> None:
        """Read a line by itself, and exactly."""
        self.read(self.texts[at], self.numbers[at])


def _decoded(line: bytes) -> Any:
    """Return what *line* says, None when that is not clear."""
    try:
        return loads(line)
    except JSONDecodeError:
        return None


def _blocks(file: BinaryIO, span: Span) -> Iterator[bytes]:
    """Yield the text in blocks of whole lines, without the line break between two blocks.

    Of a line that is too long, so much is yielded that it is seen to be.
    """
    file.seek(span.begin)
    left = span.size
    rest = b""
    while piece := file.read(min(BLOCK_BYTES, left)):
        if left == span.size and not span.begin:
            piece = piece.removeprefix(_BOM)
        left -= len(piece)
        end = piece.rfind(b"\n")
        if end >= 0:
            yield rest + piece[:end]
            rest = piece[end + 1 :]
        elif len(rest) <= MAX_LINE_BYTES:
            rest += piece
    yield rest


class _LineTrail:
    """The places in a line, which is scanned when somebody asks."""

    __slots__ = ("_line", "_number")

    def __init__(self, line: bytes, number: int) -> None:
        self._line = line
        self._number = number

    def of(self, path: Path) -> Place:
        return self._scanned().of(path)

    def of_key(self, path: Path) -> Place:
        return self._scanned().of_key(path)

    def _scanned(self) -> Trail:
        return scan_json(self._line.decode(), (self._number, 1))[1].trail


def _read(intake: Intake, admit: Any, line: bytes, number: int) -> Desired | None:
    """Read one line, as fast as that is safe."""
    try:
        row = None if has_raw_control_characters(line) else decode_line(line)
    except Doubtful:
        row = None
    if row is None:
        return _doubtful(line, number, intake, admit)
    desired: Desired | None = admit(row, (number, 1), _LineTrail(line, number))
    return desired


def _doubtful(line: bytes, number: int, intake: Intake, admit: Any) -> Desired | None:
    """Read a line that the fast decoder is not sure about."""
    problems = intake.problems
    if not line.strip():
        return None
    if len(line) > MAX_LINE_BYTES:
        problems.add((number, 1), "too-large", f"the line is longer than {MAX_LINE_BYTES >> 20} MiB")
        return None
    try:
        row, scan = scan_json(line.decode().rstrip("\r\n"), (number, 1))
    except UnicodeDecodeError as error:
        column = len(line[: error.start].decode("utf-8", "replace")) + 1
        problems.add((number, column), "not-utf8", "the line is not UTF-8 text")
    except JsonSyntaxError as error:
        problems.add(*error.fault)
    else:
        if isinstance(row, dict):
            with problems.blaming(scan.faults):
                desired: Desired | None = admit(row, (number, 1), scan.trail)
            return None if scan.faults else desired
        problems.add((number, 1), "wrong-type", 'a line holds one item: {"target": …, "kind": …, "id": …}')
    return None
