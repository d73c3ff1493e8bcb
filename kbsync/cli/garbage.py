"""Garbage that only the collector finds, which most work makes none of."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ("uncollected",)


@contextmanager
def uncollected() -> Generator[None]:
    """Have no garbage collected within the block: for work that makes much which lives, and little that is circular.

    Looking through a million items again and again would take longer than reading them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
