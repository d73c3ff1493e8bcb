"""The command group, and the one place where errors become exit codes.

Commands are imported when they are run: `kbsync --help` needs none of what they need.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import StringIO
from typing import Any, Final

import click

from kbsync import __version__
from kbsync.cli.start import leaving_at_once
from kbsync.core.exits import Exit
from kbsync.errors import (
    CredentialsError,
    InputError,
    KbsyncError,
    LockedError,
    LockLostError,
    StateWriteError,
    UnreadError,
    UsageError,
)

__all__ = ("COMMANDS", "kbsync", "run")

# Each command lives in the module of its name and is the function of its name there. The order is that of the help.
COMMANDS: Final[Mapping[str, str]] = {
    "demo": "Show the whole job on both providers, without an account.",
    "init": "Write a configuration, an example manifest and the JSON Schema.",
    "validate": "Check manifests and configuration, offline.",
    "fmt": "Rewrite manifests in one form, and keep what they say.",
    "convert": "Write manifests in another format.",
    "match": "Pair the items of two containers, and write the manifest of the second.",
    "plan": "Compare, and show what apply would send. Changes nothing.",
    "apply": "Plan, and send the missing updates.",
    "pull": "Write what is live into manifests: new ones, or in their place.",
    "drift": "Tell what somebody else changed since it was last confirmed. Sends nothing.",
    "simulate": "Tell how long apply would take, and what if. Sends nothing.",
    "runs": "List earlier runs.",
    "report": "Show or write the report of an earlier run.",
    "why": "Tell all there is about one item: its line, commit, known values and attempts.",
    "state": "Look into the state, and mend it.",
    "emulate": "Serve both APIs locally, with faults on demand.",
    "schema": "Print the JSON Schemas of the file formats.",
}

_LINE_WIDTH: Final = 2000
_EXITS: Final[tuple[tuple[type[KbsyncError], Exit], ...]] = (
    (UsageError, Exit.USAGE),
    (InputError, Exit.INPUT),
    (CredentialsError, Exit.CREDENTIALS),
    (LockedError, Exit.LOCKED),
    (LockLostError, Exit.LOCKED),
    (StateWriteError, Exit.STATE),
)


class _Commands(click.Group):
    """A group that knows its commands by name and one line, and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        with leaving_at_once():
            module = import_module(f"kbsync.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="kbsync %(version)s")
@click.option("-v", "--verbose", count=True, help="Say more on stderr: failed attempts; -vv outcomes too.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; results and errors only.")
@click.option(
    "--log-file", type=click.Path(dir_okay=False), metavar="FILE", help="Append what `apply -vv` says to FILE."
)
@click.pass_context
def kbsync(ctx: click.Context, *, verbose: int, quiet: bool, log_file: str | None) -> None:
    """Keep the captions, names, update rules and meta fields of knowledge bases equal to a manifest in git.

    Start with `kbsync demo`. The two commands of daily work are `kbsync plan` and `kbsync apply`.
    """
    ctx.obj = {"verbose": verbose, "quiet": quiet, "log_file": log_file}


def run(arguments: Sequence[str]) -> int:
    """Run the command line *arguments* and return the exit code of DESIGN's table; print errors to stderr."""
    try:
        outcome: Any = kbsync.main(args=list(arguments), prog_name="kbsync", standalone_mode=False)
    except click.ClickException as error:
        _explain(error)
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("kbsync: interrupted", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _without_a_reader()
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  # what a user can cause is a KbsyncError; the rest is our own mistake
        from kbsync.cli.complaints import complain  # noqa: PLC0415  # only errors need it

        complain(error)
        if isinstance(error, UnreadError):
            return error.code
        return next((code for kind, code in _EXITS if isinstance(error, kind)), Exit.ERROR)
    return outcome if isinstance(outcome, int) else Exit.OK


def _explain(error: click.ClickException) -> None:
    """Say why a command line has no meaning, as click does; the words that were given act on nothing."""
    from kbsync.views.escape import one_line  # noqa: PLC0415  # only errors need them
    from kbsync.views.stream import Stream  # noqa: PLC0415

    said = StringIO()
    error.show(said)
    Stream(sys.stderr).lines(one_line(line, _LINE_WIDTH) for line in said.getvalue().rstrip().split("\n"))


def _without_a_reader() -> int:
    """Leave quietly when the reader of our output has gone, as `| head` does; 0, for the work itself was done."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # keeps the interpreter's flush quiet
    return Exit.OK
