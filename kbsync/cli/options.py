"""Options that several commands share, and what the group was told."""

import math
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar, cast, get_args

import click

from kbsync.core.policies import ConflictPolicy, DriftPolicy, Policy
from kbsync.core.rules import Level
from kbsync.core.selection import KEYS, Selection, Selector, parse_selector
from kbsync.core.settings import parse_duration
from kbsync.errors import UsageError
from kbsync.views.escape import one_line
from kbsync.views.stream import Stream

__all__ = (
    "Asked",
    "Console",
    "Duration",
    "Percentage",
    "RefreshingCommand",
    "allow_option",
    "as_utf8",
    "cache_option",
    "check_writable",
    "config_option",
    "console_of",
    "lint_options",
    "lock_timeout_option",
    "paths_argument",
    "reason_option",
    "refresh_option",
    "refresh_options",
    "selection_options",
)

_LINE_WIDTH: Final = 2000
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """What `--refresh` asks for: lists that are at most *max_age_s* old, and what stands over all policies."""

    max_age_s: float
    policy: Policy


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

    def tell(self, line: str) -> None:
        """Write one line of the result to stdout, made visible."""
        self.out.lines([one_line(line, _LINE_WIDTH)])

    def say(self, line: str) -> None:
        """Write one line to stderr, made visible, unless asked to be quiet."""
        if not self.quiet:
            self.err.lines([one_line(line, _LINE_WIDTH)])


class Percentage(click.FloatRange):
    """A number over 0 and up to 100; click's own range lets `nan` in, which nothing ever exceeds."""

    def __init__(self) -> None:
        super().__init__(0, 100, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return *value* as a number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


class Duration(click.FloatRange):
    """A time like 90, 90s, 10min or 2h; its value is in seconds."""

    name = "time"

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return *value* in seconds."""
        seconds = value if isinstance(value, float) else parse_duration(str(value))
        if seconds is None:
            self.fail(f"{value!r} is no duration; write 90s, 10min or 2h.", param, ctx)
        return seconds


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


def lint_options(command: _Command) -> _Command:
    """Take `--warn ID`, `--error ID` and `--off ID`, any number of times; the command has them as *levels*."""

    @wraps(command)
    def with_levels(
        *args: Any, warned: Sequence[str], refused: Sequence[str], silenced: Sequence[str], **kwargs: Any
    ) -> Any:
        levels: dict[str, Level] = {}
        told: tuple[tuple[Level, Sequence[str]], ...] = (("warning", warned), ("error", refused), ("off", silenced))
        for level, lints in told:
            for lint in lints:
                if levels.setdefault(lint, level) != level:
                    raise UsageError(f"{lint!r} is switched twice: to {levels[lint]} and to {level}")
        return command(*args, levels=levels, **kwargs)

    options = (
        ("--warn", "warned", "Make a lint warn, by its id (see `kbsync validate --rules`)."),
        ("--error", "refused", "Make a lint an error: exit 65, and nothing is sent."),
        ("--off", "silenced", "Switch a lint off."),
    )
    decorated: Callable[..., Any] = with_levels
    for option, name, text in reversed(options):
        decorated = click.option(option, name, multiple=True, metavar="ID", help=text)(decorated)
    return cast("_Command", decorated)


def cache_option(command: _Command) -> _Command:
    """Take `--no-cache`, of which the command has the contrary as *cached*."""
    text = "Read every manifest, also those that did not change since the last plan; the result is the same."
    return click.option("--no-cache", "cached", flag_value=False, default=True, help=text)(command)


def selection_options(command: _Command) -> _Command:
    """Take `--only SELECTOR` and `--exclude SELECTOR`, which the command has as *selection*, and `--changed-since`."""

    @wraps(command)
    def with_selection(*args: Any, only: Sequence[Selector], excluded: Sequence[Selector], **kwargs: Any) -> Any:
        return command(*args, selection=Selection(only, excluded), **kwargs)

    keys = ", ".join(KEYS)
    decorated: Callable[..., Any] = click.option(
        "--changed-since",
        metavar="REV",
        help="Only items declared otherwise than in a git commit; main... is where this branch left main.",
    )(with_selection)
    for option, name, text in (
        ("--exclude", "excluded", "Leave such items out, also of what --only names."),
        ("--only", "only", f"Only items like kind=image or id=7446*,file=*pets*; by {keys}."),
    ):
        decorated = click.option(option, name, multiple=True, metavar="SELECTOR", callback=_as_selectors, help=text)(
            decorated
        )
    return cast("_Command", decorated)


def _as_selectors(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[Selector, ...]:
    """Return what each of *value* selects."""
    try:
        return tuple(map(parse_selector, value))
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


class RefreshingCommand(click.Command):
    """A command whose `--refresh` may stand alone; what follows it is no age, unless it is joined by `=`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read *args* as click does."""
        end = args.index("--") if "--" in args else len(args)
        now = ["--refresh=0" if word == "--refresh" else word for word in args[:end]]
        return super().parse_args(ctx, [*now, *args[end:]])


def refresh_options(command: _Command) -> _Command:
    """Take `--refresh`, with `--on-drift` and `--on-conflict`: for a `RefreshingCommand`, which has them as *asked*."""

    @wraps(command)
    def with_refresh(
        *args: Any,
        refresh: float | None,
        on_drift: DriftPolicy | None,
        on_conflict: ConflictPolicy | None,
        **kwargs: Any,
    ) -> Any:
        policy = Policy(on_drift, on_conflict)
        if refresh is None and any(policy):
            raise UsageError("--on-drift and --on-conflict are about what --refresh finds")
        return command(*args, asked=None if refresh is None else Asked(refresh, policy), **kwargs)

    decorated: Callable[..., Any] = with_refresh
    for option, choices, text in (
        ("--on-conflict", get_args(ConflictPolicy), "For this run: what becomes of what live and manifest changed."),
        ("--on-drift", get_args(DriftPolicy), "For this run: what becomes of what only somebody else changed."),
    ):
        decorated = click.option(option, type=click.Choice(choices), help=text)(decorated)
    return cast("_Command", refresh_option("Read first what is live, or use a list that is at most so old.")(decorated))


def lock_timeout_option(command: _Command) -> _Command:
    """Take `--lock-timeout TIME`."""
    return click.option(
        "--lock-timeout",
        type=Duration(),
        default="0s",
        metavar="TIME",
        help="Wait so long for a run that holds the state.",
    )(command)


def refresh_option(text: str) -> Callable[[_Command], _Command]:
    """Take `--refresh[=AGE]`, for a `RefreshingCommand`."""
    return click.option("--refresh", type=Duration(), metavar="[=AGE]", help=text)


def reason_option(command: _Command) -> _Command:
    """Take `--reason TEXT`."""
    return click.option(
        "--reason",
        default="",
        metavar="TEXT",
        callback=as_utf8,
        help="Why something is allowed; kept with the run and in its report.",
    )(command)


def as_utf8(context: click.Context, parameter: click.Parameter, value: str) -> str:  # noqa: ARG001  # click's own
    """Return *value* with escapes for the bytes on the command line that are no UTF-8."""
    return value.encode("utf-8", "backslashreplace").decode()


def check_writable(option: str, path: Path) -> None:
    """Raise UsageError when it is plain that no file can be put at *path*: hours of work later is too late."""
    try:
        if path.is_dir():
            raise UsageError(f"{option} {path}: there is a folder of that name")
        if not path.parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"{option} {path}: it cannot be written there")
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from None
