"""`kbsync convert`: the same items in another format."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from kbsync.adapters.files import mode_of
from kbsync.adapters.manifests import ManifestFile, Spool, SpooledContainer, Writer, format_of, left_behind
from kbsync.cli.options import Console, allow_option, config_option, console_of, paths_argument
from kbsync.cli.sources import find_sources, reader_of
from kbsync.cli.workspace import Workspace, open_workspace, refuse
from kbsync.cli.writing import write_manifest
from kbsync.core.exits import Exit
from kbsync.core.rules import Problem
from kbsync.errors import KbsyncError, UsageError
from kbsync.views.wording import count

__all__ = ("convert",)

_ENDINGS: Final = {"yaml": ".yaml", "json": ".json", "jsonl": ".jsonl", "csv": ".csv"}
_BLOCK_BYTES: Final = 1 << 20
_OWNER_ONLY: Final = 0o600


@click.command()
@paths_argument
@config_option
@allow_option
@click.option("--to", "form", type=click.Choice(list(_ENDINGS)), required=True, help="The format to write.")
@click.option(
    "--out",
    metavar="FILE_OR_FOLDER/",
    default="",
    help="Where to: a file, or a folder for a file of each container.",
)
@click.pass_context
def convert(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    form: str,
    out: str,
) -> int:
    """Write what manifests declare in another format: everything that plan and apply read, ignored values included.

    Comments are left out and defaults written out, and stderr says so. What the format cannot say is told with its
    place, exit 65, and nothing is written.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed)
    files, problems = find_sources(workspace, paths)
    with Spool() as spool:
        refuse([*problems, *_read(files, spool, workspace)])
        if not spool.containers:
            raise KbsyncError("the manifests declare no item: there is nothing to convert")
        writer = Writer(workspace.dialects(), spool)
        outputs = list(_outputs(out, form, list(spool.containers.values())))
        refuse([problem for output in outputs for problem in writer.problems(form, output.containers)])
        if out:
            _make_room(out, outputs)
            for output in outputs:
                workspace.check_output("--out", output.path, paths)
            for output in outputs:
                # As readable as what was there, or else as what it comes from.
                mode = mode_of(output.path if output.path.exists() else files[0].path)
                write_manifest(output.path, form, writer, output.containers, workspace, mode)
                console.say(f"kbsync: {count(output.items, 'item')} written to {output.path}")
        else:
            _print(form, list(spool.containers.values()), writer, workspace, console)

    _tell_what_is_left_behind(files, console)
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Output:
    """A file to be written, and what goes there."""

    path: Path
    containers: Sequence[SpooledContainer]

    @property
    def items(self) -> int:
        return sum(container.fingerprint.items for container in self.containers)


def _read(files: Sequence[ManifestFile], spool: Spool, workspace: Workspace) -> Sequence[Problem]:
    """Put what *files* declare into *spool*; return what is wrong with them."""
    reader = reader_of(workspace)
    for file in files:
        for declared in reader.read(file):
            spool.add(declared)
    return reader.problems


def _make_room(out: str, outputs: Sequence[_Output]) -> None:
    """Make the folder *out*, if it is one and not there. Raises UsageError when that cannot be."""
    try:
        if any(output.path != Path(out) for output in outputs):
            Path(out).mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from None


def _outputs(out: str, form: str, containers: Sequence[SpooledContainer]) -> Iterator[_Output]:
    """Yield the files that *out* stands for; none for stdout. Raises UsageError when it cannot stand for any."""
    is_folder = out.endswith(os.sep) or Path(out).is_dir()
    if form == "json" and len(containers) != 1 and not (out and is_folder):
        message = f"a JSON manifest has one container, and there are {len(containers)}"
        raise UsageError(f"{message}: --out FOLDER/ writes a file for each")
    if not out:
        return
    if not is_folder:
        if format_of(out) != form:
            raise UsageError(f"--out {out}: a file of this format ends in {_ENDINGS[form]}; a folder ends in {os.sep}")
        yield _Output(Path(out), containers)
        return
    names: set[str] = set()
    for container in containers:
        name = f"{container.target}.{container.name.replace('/', '.')}{_ENDINGS[form]}"
        if name.casefold() in names:
            raise UsageError(f"--out {out}: two containers would be written to {name}")
        names.add(name.casefold())
        yield _Output(Path(out, name), [container])


def _print(
    form: str, containers: Sequence[SpooledContainer], writer: Writer, workspace: Workspace, console: Console
) -> None:
    refuse(list(writer.problems(form, containers)))
    with TemporaryDirectory() as folder:
        path = Path(folder, f"out{_ENDINGS[form]}")
        write_manifest(path, form, writer, containers, workspace, _OWNER_ONLY)
        with path.open(encoding="utf-8", newline="") as file:
            while piece := file.read(_BLOCK_BYTES):
                console.out.write(piece)
        console.out.flush()


def _tell_what_is_left_behind(files: Sequence[ManifestFile], console: Console) -> None:
    for file in files:
        comments, has_defaults = left_behind(file)
        if comments:
            console.say(f"kbsync: {count(comments, 'comment')} of {file.name} left out")
        if has_defaults:
            console.say(f"kbsync: the defaults of {file.name} are written out in its entries")
