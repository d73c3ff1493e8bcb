"""`kbsync report`: the report of any run, ended or killed, in any format."""

from collections.abc import Sequence
from pathlib import Path

import click

from kbsync.adapters.files import write_whole
from kbsync.cli.options import config_option, console_of
from kbsync.cli.undo import write_undo
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.errors import UsageError
from kbsync.views.paint import Paint
from kbsync.views.reports import REPORT_FORMATS, render_report
from kbsync.views.result_text import result_text

__all__ = ("report", "report_format")


@click.command()
@click.argument("run", default="last")
@config_option
@click.option("--format", "form", type=click.Choice(["human", *REPORT_FORMATS]), default="human", show_default=True)
@click.option("--undo", is_flag=True, help="A manifest of the values that the run replaced instead, as YAML.")
@click.option(
    "-o",
    "--out",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it to FILE; the ending says the format.",
)
@click.pass_context
def report(
    context: click.Context, *, run: str, config_file: Path | None, form: str, undo: bool, out: Sequence[Path]
) -> int:
    """Show the report of RUN (an id from `kbsync runs`, or `last`), or write it to files.

    With --undo a manifest of the values that the run replaced, which `kbsync apply --refresh FILE` puts back: YAML, or
    JSON Lines, CSV or JSON. Values that something newer has replaced since are left out, and named.

    The exit code is about this command, not about that run.
    """
    console = console_of(context)
    workspace = open_workspace(config_file)
    if undo:
        write_undo(run, form, out, workspace, console)
        return Exit.OK
    formats = {path: report_format(path) for path in out}
    with workspace.store() as store:
        found = store.load_report(run)

    for path, name in formats.items():
        write_whole(path, render_report(found, name))
    if form == "human" and not out:
        console.out.lines(result_text(found, paint=Paint(colour=console.colour), width=console.width))
    elif form != "human":
        console.out.pieces(render_report(found, form))
    return Exit.OK


def report_format(path: Path) -> str:
    """Return the report format that the ending of *path* names. Raises UsageError when it names none."""
    name = path.suffix.removeprefix(".")
    if name not in REPORT_FORMATS:
        raise UsageError(f"{path}: a report ends in {', '.join('.' + known for known in REPORT_FORMATS)}")
    return name
