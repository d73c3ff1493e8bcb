"""Manifests as commands put them out: to files and to stdout, and only what reads as what was to be written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from kbsync.adapters.files import write_whole
from kbsync.adapters.manifests import MAX_DOCUMENT_BYTES, ManifestFile, SpooledContainer, Writer, fingerprint
from kbsync.cli.options import Console
from kbsync.cli.sources import reader_of
from kbsync.cli.workspace import Workspace, refuse
from kbsync.errors import KbsyncError

__all__ = ("ENDINGS", "OWNER_ONLY", "Output", "print_output", "write_output")

ENDINGS: Final = {"yaml": ".yaml", "json": ".json", "jsonl": ".jsonl", "csv": ".csv"}
OWNER_ONLY: Final = 0o600
_BY_CONTAINER: Final = frozenset({"yaml", "json"})
_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be written, and what goes there. *head* comes first: comments, where the format has them."""

    path: Path
    containers: Sequence[SpooledContainer]
    head: Iterable[bytes] = ()

    @property
    def items(self) -> int:
        """How many items go there."""
        return sum(container.fingerprint.items for container in self.containers)


def write_output(output: Output, form: str, writer: Writer, workspace: Workspace, mode: int) -> None:
    """Write *output*. Raises KbsyncError, and leaves what is there, unless it reads as what was to be written."""

    def check(written: Path) -> None:
        size_bytes = written.stat().st_size
        if form in _BY_CONTAINER and size_bytes > MAX_DOCUMENT_BYTES:
            message = f"{output.path} would have {size_bytes:,} bytes, and may have {MAX_DOCUMENT_BYTES:,}"
            raise KbsyncError(f"{message}: write JSON Lines (.jsonl), without a limit")
        reader = reader_of(workspace)
        found = fingerprint(reader.read(ManifestFile(written, str(output.path), form)))
        if found != writer.fingerprint(output.containers) or reader.problems:
            raise KbsyncError(f"{output.path} would not say the same, and is not written: please report this")

    pieces = chain(output.head, writer.pieces(form, output.containers))
    write_whole(output.path, pieces, mode=mode, check=check)


def print_output(output: Output, form: str, writer: Writer, workspace: Workspace, console: Console) -> None:
    """Write *output* to stdout; its path is a name for messages. Raises InputError for what *form* cannot say."""
    refuse(list(writer.problems(form, output.containers)))
    with TemporaryDirectory() as folder:
        file = Path(folder, output.path.name)
        write_output(Output(file, output.containers, output.head), form, writer, workspace, OWNER_ONLY)
        with file.open(encoding="utf-8", newline="") as written:
            while piece := written.read(_BLOCK_BYTES):
                console.out.write(piece)
        console.out.flush()
