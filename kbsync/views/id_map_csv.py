"""An id map as CSV, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from kbsync.core.handover import Handover
from kbsync.core.id_map import ID_MAP_COLUMNS, map_rows
from kbsync.views.escape import csv_cell

__all__ = ("id_map_csv",)

# What ids are in manifests; a formula takes more than that.
_PLAIN_ID: Final = re.compile("[A-Za-z0-9_-]+")


def id_map_csv(handover: Handover) -> Iterator[bytes]:
    """Yield the id map of *handover* line by line, the column names first. Ids are as they are, for the next match."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(ID_MAP_COLUMNS)
    for row in map_rows(handover):
        yield _taken(buffer)
        writer.writerow([csv_cell(cell, raw=_PLAIN_ID.fullmatch(cell) is not None) for cell in row])
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    """Return what *buffer* holds, and empty it."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")
