"""Manifests that a command writes anew: which files, and each of them whole or not at all."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from kbsync.adapters.files import write_whole
from kbsync.adapters.manifests import (
    MAX_DOCUMENT_BYTES,
    DeclaredReader,
    ManifestFile,
    SpooledContainer,
    Writer,
    fingerprint,
    format_of,
)
from kbsync.cli.workspace import refuse
from kbsync.errors import KbsyncError, UsageError
from kbsync.views.stream import Stream

__all__ = ("ENDINGS", "Output", "make_room", "outputs_for", "print_output", "write_output")

ENDINGS: Final = {"yaml": ".yaml", "json": ".json", "jsonl": ".jsonl", "csv": ".csv"}
_OWNER_ONLY: Final = 0o600
_BLOCK_CHARACTERS: Final = 1 << 20
_BY_CONTAINER: Final = frozenset({"yaml", "json"})


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be written, and what goes there."""

    path: Path
    containers: Sequence[SpooledContainer]

    @property
    def items(self) -> int:
        """How many items go there."""
        return sum(container.fingerprint.items for container in self.containers)


def outputs_for(out: str, form: str, containers: Sequence[SpooledContainer]) -> Iterator[Output]:
    """Yield the files that *out* stands for; none for stdout. Raises UsageError when it cannot stand for any."""
    is_folder = out.endswith(os.sep) or Path(out).is_dir()
    if form == "json" and len(containers) != 1 and not (out and is_folder):
        message = f"a JSON manifest has one container, and there are {len(containers)}"
        raise UsageError(f"{message}: --out FOLDER/ writes a file for each")
    if not out:
        return
    if not is_folder:
        if format_of(out) != form:
            raise UsageError(f"--out {out}: a file of this format ends in {ENDINGS[form]}; a folder ends in {os.sep}")
        yield Output(Path(out), containers)
        return
    names: set[str] = set()
    for container in containers:
        name = f"{container.target}.{container.name.replace('/', '.')}{ENDINGS[form]}"
        if name.casefold() in names:
            raise UsageError(f"--out {out}: two containers would be written to {name}")
        names.add(name.casefold())
        yield Output(Path(out, name), [container])


def make_room(out: str, outputs: Sequence[Output]) -> None:
    """Make the folder *out*, if it is one and not there. Raises UsageError when that cannot be."""
    try:
        if any(output.path != Path(out) for output in outputs):
            Path(out).mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from None


def write_output(output: Output, form: str, writer: Writer, reader: DeclaredReader, mode: int) -> None:
    """Write *output*, which *reader* reads back.

    Raises KbsyncError, and leaves what is there, unless it reads as what was to be written.
    """

    def check(written: Path) -> None:
        size_bytes = written.stat().st_size
        if form in _BY_CONTAINER and size_bytes > MAX_DOCUMENT_BYTES:
            message = f"{output.path} would have {size_bytes:,} bytes, and may have {MAX_DOCUMENT_BYTES:,}"
            raise KbsyncError(f"{message}: write JSON Lines (.jsonl), without a limit")
        found = fingerprint(reader.read(ManifestFile(written, str(output.path), form)))
        refuse(reader.problems)
        if found != writer.fingerprint(output.containers):
            raise KbsyncError(f"{output.path} would not say the same, and is not written: please report this")

    pieces = writer.pieces(form, output.containers)
    write_whole(output.path, pieces, mode=mode, check=check)


def print_output(
    containers: Sequence[SpooledContainer], form: str, writer: Writer, reader: DeclaredReader, out: Stream
) -> None:
    """Write *containers* to *out*, as `write_output` writes them to a file. Raises as that does."""
    with TemporaryDirectory() as folder:
        output = Output(Path(folder, f"out{ENDINGS[form]}"), containers)
        write_output(output, form, writer, reader, _OWNER_ONLY)
        with output.path.open(encoding="utf-8", newline="") as file:
            while piece := file.read(_BLOCK_CHARACTERS):
                out.write(piece)
        out.flush()
