"""Options that several commands share, and what the group was told."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from kbsync.views.stream import Stream

__all__ = ("Console", "allow_option", "config_option", "console_of", "paths_argument", "reason_option")

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command writes: results to *out*, everything else to *err*; and how much it says there."""

    out: Stream
    err: Stream
    verbose: int
    quiet: bool
    log_file: Path | None

    @property
    def colour(self) -> bool:
        """Whether results are for a person's eyes: stdout is a terminal, and NO_COLOR is not set."""
        return self.out.isatty() and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int:
        """How many columns a line of the result may have."""
        return max(40, shutil.get_terminal_size((100, 24)).columns)

    def say(self, line: str) -> None:
        """Write one line to stderr, unless asked to be quiet."""
        if not self.quiet:
            self.err.lines([line])


def console_of(context: click.Context) -> Console:
    """Return the console of the running command."""
    told: dict[str, Any] = context.find_root().obj or {}
    log_file = told.get("log_file")
    return Console(
        out=Stream(sys.stdout),
        err=Stream(sys.stderr),
        verbose=told.get("verbose", 0),
        quiet=told.get("quiet", False),
        log_file=Path(log_file) if log_file else None,
    )


def paths_argument(command: _Command) -> _Command:
    """Take PATH…: manifests, folders and globs; without one, what the configuration names."""
    return click.argument("paths", nargs=-1, metavar="[PATH]...")(command)


def config_option(command: _Command) -> _Command:
    """Take `--config FILE`."""
    return click.option(
        "-c",
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration; without it, the nearest kbsync.toml in this folder or a parent.",
    )(command)


def allow_option(command: _Command) -> _Command:
    """Take `--allow ID`, any number of times."""
    return click.option(
        "--allow",
        "allowed",
        multiple=True,
        metavar="ID",
        help="Lift a rule or guard once, by its id (see `kbsync validate --rules`).",
    )(command)


def reason_option(command: _Command) -> _Command:
    """Take `--reason TEXT`."""
    return click.option(
        "--reason", default="", metavar="TEXT", help="Why something is allowed; kept with the run and in its report."
    )(command)
