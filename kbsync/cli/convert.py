"""`kbsync convert`: the same items in another format."""

from collections.abc import Sequence
from pathlib import Path

import click

from kbsync.adapters.files import mode_of
from kbsync.adapters.manifests import (
    ManifestFile,
    Spool,
    Writer,
    left_behind,
)
from kbsync.cli.options import Console, allow_option, config_option, console_of, paths_argument
from kbsync.cli.outputs import ENDINGS, make_room, outputs_for, print_output, write_output
from kbsync.cli.sources import find_sources, reader_of
from kbsync.cli.workspace import Workspace, open_workspace, refuse
from kbsync.core.exits import Exit
from kbsync.core.rules import Problem
from kbsync.errors import KbsyncError
from kbsync.views.wording import count

__all__ = ("convert",)


@click.command()
@paths_argument
@config_option
@allow_option
@click.option("--to", "form", type=click.Choice(list(ENDINGS)), required=True, help="The format to write.")
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
        outputs = list(outputs_for(out, form, list(spool.containers.values())))
        refuse([problem for output in outputs for problem in writer.problems(form, output.containers)])
        if out:
            make_room(out, outputs)
            for output in outputs:
                workspace.check_output("--out", output.path, paths)
            for output in outputs:
                # As readable as what was there, or else as what it comes from.
                mode = mode_of(output.path if output.path.exists() else files[0].path)
                write_output(output, form, writer, reader_of(workspace), mode)
                console.say(f"kbsync: {count(output.items, 'item')} written to {output.path}")
        else:
            containers = list(spool.containers.values())
            refuse(list(writer.problems(form, containers)))
            print_output(containers, form, writer, reader_of(workspace), console.out)

    _tell_what_is_left_behind(files, console)
    return Exit.OK


def _read(files: Sequence[ManifestFile], spool: Spool, workspace: Workspace) -> Sequence[Problem]:
    """Put what *files* declare into *spool*; return what is wrong with them."""
    reader = reader_of(workspace)
    for file in files:
        for declared in reader.read(file):
            spool.add(declared)
    return reader.problems


def _tell_what_is_left_behind(files: Sequence[ManifestFile], console: Console) -> None:
    for file in files:
        comments, has_defaults = left_behind(file)
        if comments:
            console.say(f"kbsync: {count(comments, 'comment')} of {file.name} left out")
        if has_defaults:
            console.say(f"kbsync: the defaults of {file.name} are written out in its entries")
