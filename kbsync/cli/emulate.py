"""`kbsync emulate`: both APIs on this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kbsync.core.exits import Exit
from kbsync.emulator import OPTIONS, Option, Options, run
from kbsync.errors import KbsyncError

__all__ = ("emulate",)

_KINDS: dict[str, Any] = {
    "text": str,
    "whole": int,
    "number": float,
    "path": click.Path(path_type=Path),
}
_LIMITS: dict[str, Any] = {"port": click.IntRange(0, 65_535)}


def _flag(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    default: Any = Options.__dataclass_fields__[option.member].default
    return click.option(
        option.flag,
        option.member,
        type=click.Choice(option.choices) if option.choices else _LIMITS.get(option.member, _KINDS[option.kind]),
        metavar=None if option.choices else option.metavar,
        help=option.about,
        multiple=option.repeated,
        default=None if option.repeated else default,
        show_default=bool(default) and not option.repeated,
    )


def _flags(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = _flag(option)(command)
    return command


@click.command()
@_flags
def emulate(**members: Any) -> int:
    """Serve both providers' APIs on this machine, until it is interrupted.

    Prints its address and a kbsync.toml for it. Its content is made up, or comes from --data; it checks credentials,
    signatures and rates as the vendors' pages say, and misbehaves when told to.
    """
    try:
        run(Options(**members))
    except OSError as error:
        raise KbsyncError(f"cannot listen: {error.strerror}") from None
    return Exit.OK
