"""Not yet."""

from collections.abc import Iterator
from typing import BinaryIO

from kbsync.adapters.manifests.intake import Intake
from kbsync.core.manifest import Desired

__all__ = ("read_csv",)


def read_csv(file: BinaryIO, intake: Intake) -> Iterator[Desired]:
    """Yield the items of *file*."""
    raise NotImplementedError
