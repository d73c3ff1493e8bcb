"""Writing a manifest, and reading it again before it takes its place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kbsync.adapters.files import write_whole
from kbsync.adapters.manifests import MAX_DOCUMENT_BYTES, ManifestFile, SpooledContainer, Writer, fingerprint
from kbsync.cli.sources import reader_of
from kbsync.cli.workspace import Workspace, refuse
from kbsync.errors import KbsyncError

__all__ = ("write_manifest",)

_BY_CONTAINER: Final = frozenset({"yaml", "json"})


def write_manifest(
    path: Path, form: str, writer: Writer, containers: Sequence[SpooledContainer], workspace: Workspace, mode: int
) -> None:
    """Write *containers* to *path* in *form*, with the permissions of *mode*.

    Raises KbsyncError, and leaves what is there, unless it reads as what was to be written.
    """

    def check(written: Path) -> None:
        size_bytes = written.stat().st_size
        if form in _BY_CONTAINER and size_bytes > MAX_DOCUMENT_BYTES:
            message = f"{path} would have {size_bytes:,} bytes, and may have {MAX_DOCUMENT_BYTES:,}"
            raise KbsyncError(f"{message}: write JSON Lines (.jsonl), without a limit")
        reader = reader_of(workspace)
        found = fingerprint(reader.read(ManifestFile(written, str(path), form)))
        refuse(reader.problems)
        if found != writer.fingerprint(containers):
            raise KbsyncError(f"{path} would not say the same, and is not written: please report this")

    write_whole(path, writer.pieces(form, containers), mode=mode, check=check)
