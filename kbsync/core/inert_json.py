"""JSON that does nothing where it is shown, on a terminal or in the log of a CI system."""

import re
from typing import Any

import orjson

from kbsync.core.inert import CHARACTERS, ORDER

__all__ = ("dumps",)


def dumps(plain: Any) -> bytes:
    """Return *plain* as JSON in one line, of the same value wherever it is read, that does nothing where it is shown.

    Raises orjson.JSONEncodeError for what JSON cannot carry.
    """
    data = orjson.dumps(plain)
    if data.isascii() and b"\x7f" not in data and b"##" not in data:
        return data
    text = CHARACTERS.sub(_escaped, data.decode())
    return (ORDER.sub(_escaped, text) if "##" in text else text).encode()


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
