"""The `kbsync` command."""

import gc
import sys
from typing import Final

from kbsync.cli.main import run

__all__ = ("main",)

# What a command makes is either let go at once, without the collector, or kept to its end: a plan, what is known. With
# Python's own 700 the collector walks the kept part again and again, a tenth of the time of `plan` and of `apply`.
_COLLECT_EVERY: Final = 50_000

def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(_COLLECT_EVERY)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
