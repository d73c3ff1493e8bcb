"""Texts kept in files: what a view said last time somebody looked.

Run pytest with KBSYNC_GOLDEN=write to keep what the views say now; the diff is then for review.
"""

import os
from pathlib import Path

_FOLDER = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """Compare *text* with the file *name*."""
    path = _FOLDER / name
    if os.environ.get("KBSYNC_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode()
