"""The `kbsync` command."""

import gc
import resource
import sys
from typing import Final

from kbsync.cli.start import leaving_at_once, settled

__all__ = ("main",)

# What a command makes is either let go at once, without the collector, or kept to its end: a plan, what is known. With
# Python's own 700 the collector walks the kept part again and again, a tenth of the time of `plan` and of `apply`.
_COLLECT_EVERY: Final = 50_000
_INTERRUPTED: Final = 130


def main() -> None:
    """Run the command line and leave with its exit code. No core of this process, which holds secrets, is dumped."""
    gc.set_threshold(_COLLECT_EVERY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with leaving_at_once():
            from kbsync.cli.main import run  # noqa: PLC0415  # where an interrupt leaves no traceback

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    settled()
    sys.exit(code)


if __name__ == "__main__":
    main()
