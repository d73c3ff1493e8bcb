"""JSON Lines manifests: one item a line, at the speed of the decoder."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from orjson import JSONDecodeError, loads

from kbsync.adapters.manifests.files import WHOLE, Span
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.json_scan import JsonSyntaxError, scan_json
from kbsync.adapters.manifests.json_text import Doubtful, decode_line, has_raw_control_characters
from kbsync.adapters.manifests.leaks import is_leaky, leaks_in
from kbsync.adapters.manifests.problems import Path, Place, Trail
from kbsync.adapters.manifests.quick import ODD, Odd
from kbsync.adapters.manifests.rows import Rows
from kbsync.core.manifest import Desired

__all__ = ("MAX_LINE_BYTES", "read_json_lines")

MAX_LINE_BYTES: Final = 16 << 20
BLOCK_BYTES: Final = 1 << 18
_BOM: Final = b"\xef\xbb\xbf"


def read_json_lines(file: BinaryIO, intake: Intake, span: Span = WHOLE) -> Iterator[Desired]:
    """Yield the items in *span* of the JSON Lines manifest *file*. There is no limit to its size."""
    rows = Rows(intake)
    glance = rows.glance if intake.quick else _no_glance
    number = span.line - 1
    for block in _blocks(file, span):
        if is_leaky(block):
            for fault in leaks_in(block, number + 1):
                intake.problems.add(*fault)
        suspicious = has_raw_control_characters(block)
        escapes = b"\\" in block
        for line in block.split(b"\n"):
            number += 1
            desired: Desired | Odd | None = ODD
            if not escapes or b"\\" not in line:
                try:  # noqa: SIM105 - the hot loop
                    # Of a text without escapes, marks tell what the decoder dropped.
                    desired = glance(loads(line), (number, 1), line.count(b'"'))
                except JSONDecodeError:
                    pass
            if desired is ODD:
                desired = _read(line, number, intake, rows.admit, suspicious=suspicious)
            if desired is not None:
                yield desired


def _no_glance(_row: object, _place: Place, _marks: int) -> Odd:
    return ODD


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


def _read(line: bytes, number: int, intake: Intake, admit: Any, *, suspicious: bool) -> Desired | None:
    """Read one line, as fast as that is safe. One that is not *suspicious* holds no control character as itself."""
    try:
        row = None if suspicious and has_raw_control_characters(line) else decode_line(line)
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
