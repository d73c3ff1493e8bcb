"""`python -m kbsync.emulator`: the same as `kbsync emulate`, without the rest of kbsync."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kbsync.emulator.options import OPTIONS, Options
from kbsync.emulator.process import run
from kbsync.errors import KbsyncError

__all__ = ("main", "parsed")

USAGE_EXIT = 64
ERROR_EXIT = 1

_TYPES = {"text": str, "whole": int, "number": float, "path": Path}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; give the exit code."""
    try:
        run(parsed(arguments))
    except KbsyncError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_EXIT
    except OSError as error:
        sys.stderr.write(f"cannot listen: {error.strerror}\n")
        return ERROR_EXIT
    return 0


def parsed(arguments: Sequence[str] | None = None) -> Options:
    """Read a command line."""
    defaults = Options()
    parser = argparse.ArgumentParser("kbsync.emulator", description=__doc__, allow_abbrev=False)
    for option in OPTIONS:
        parser.add_argument(
            option.flag,
            dest=option.member,
            type=_TYPES[option.kind],
            metavar=option.metavar,
            help=option.about.replace("%", "%%"),
            choices=option.choices or None,
            action="append" if option.repeated else "store",
            default=[] if option.repeated else getattr(defaults, option.member),
        )
    values = vars(parser.parse_args(arguments))
    for option in OPTIONS:
        if option.repeated:
            values[option.member] = tuple(values[option.member])
    return Options(**values)


if __name__ == "__main__":
    sys.exit(main())
