"""JSON Lines manifests: one item a line, at the speed of the decoder."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.json_scan import JsonSyntaxError, scan_json
from kbsync.adapters.manifests.json_text import Doubtful, decode_line
from kbsync.adapters.manifests.leaks import leaks_in
from kbsync.adapters.manifests.problems import Path, Place, Trail
from kbsync.adapters.manifests.rows import Rows
from kbsync.core.manifest import Desired

__all__ = ("MAX_LINE_BYTES", "read_json_lines")

MAX_LINE_BYTES: Final = 16 << 20
_BOM: Final = b"\xef\xbb\xbf"


def read_json_lines(file: BinaryIO, intake: Intake) -> Iterator[Desired]:
    """Yield the items of the JSON Lines manifest *file*. There is no limit to its size."""
    admit = Rows(intake).admit
    trail = _LineTrail()
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if b"pat_" in line or b"AKLT" in line:
            for fault in leaks_in(line, number):
                intake.problems.add(*fault)
        try:
            row = decode_line(line)
        except Doubtful:
            desired = _doubtful(line, number, file, intake, admit)
        else:
            trail.line, trail.number = line, number
            desired = admit(row, (number, 1), trail)
        if desired is not None:
            yield desired


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


def _doubtful(line: bytes, number: int, file: BinaryIO, intake: Intake, admit: Any) -> Desired | None:
    """Read a line that the fast decoder is not sure about."""
    problems = intake.problems
    if not line.strip():
        return None
    if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
        problems.add((number, 1), "too-large", f"the line is longer than {MAX_LINE_BYTES >> 20} MiB")
        while (more := file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
            pass
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
