"""JSON Lines manifests: one item a line, at the speed of the decoder."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.json_scan import JsonSyntaxError, scan_json
from kbsync.adapters.manifests.json_text import Doubtful, decode_line, has_raw_control_characters
from kbsync.adapters.manifests.leaks import is_leaky, leaks_in
from kbsync.adapters.manifests.problems import Path, Place, Trail
from kbsync.adapters.manifests.rows import Rows
from kbsync.core.manifest import Desired

__all__ = ("MAX_LINE_BYTES", "read_json_lines")

MAX_LINE_BYTES: Final = 16 << 20
BLOCK_BYTES: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"


def read_json_lines(file: BinaryIO, intake: Intake) -> Iterator[Desired]:
    """Yield the items of the JSON Lines manifest *file*. There is no limit to its size."""
    admit = Rows(intake).admit
    trail = _LineTrail()
    number = 0
    for block in _blocks(file):
        if is_leaky(block):
            for fault in leaks_in(block, number + 1):
                intake.problems.add(*fault)
        suspicious = has_raw_control_characters(block)
        for line in block.split(b"\n"):
            number += 1
            try:
                row = None if suspicious and has_raw_control_characters(line) else decode_line(line)
            except Doubtful:
                row = None
            if row is None:
                desired = _doubtful(line, number, intake, admit)
            else:
                trail.line, trail.number = line, number
                desired = admit(row, (number, 1), trail)
            if desired is not None:
                yield desired


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the text in blocks of whole lines, without the line break between two blocks.

    Of a line that is too long, so much is yielded that it is seen to be.
    """
    rest = file.read(BLOCK_BYTES).removeprefix(_BOM)
    while piece := file.read(BLOCK_BYTES):
        end = piece.rfind(b"\n")
        if end >= 0:
            yield rest + piece[:end]
            rest = piece[end + 1 :]
        elif len(rest) <= MAX_LINE_BYTES:
            rest += piece
    yield rest


class _LineTrail:
    """The places in the line last read, which is scanned when somebody asks."""

    def __init__(self) -> None:
        self.line = b""
        self.number = 0

    def of(self, path: Path) -> Place:
        return self._scanned().of(path)

    def of_key(self, path: Path) -> Place:
        return self._scanned().of_key(path)

    def _scanned(self) -> Trail:
        return scan_json(self.line.decode(), (self.number, 1))[1].trail


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
