"""`kbsync runs`: what happened before."""

from pathlib import Path

import click

from kbsync.cli.options import config_option, console_of
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.views.history import runs_json, runs_text
from kbsync.views.paint import Paint

__all__ = ("runs",)


@click.command()
@config_option
@click.option("-n", "--last", "count", type=click.IntRange(min=1), default=20, show_default=True, help="So many.")
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.pass_context
def runs(context: click.Context, *, config_file: Path | None, count: int, form: str) -> int:
    """List earlier runs, the latest first, with how they ended."""
    console = console_of(context)
    with open_workspace(config_file).store() as store:
        latest = store.list_runs()[:count]
    if form == "json":
        console.out.pieces([runs_json(latest)])
    else:
        console.out.lines(runs_text(latest, paint=Paint(colour=console.colour)))
    return Exit.OK
