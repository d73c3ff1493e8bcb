"""JSON read fast, if nothing about it is doubtful.

Decoders take the last of two equal keys, round large integers, and know no place of anything. So a decoded value is
trusted only when the text proves that none of that happened; everything else is scanned again, slowly.
"""

import json
import math
import re
from typing import Any, Final, cast

import orjson

from kbsync.adapters.manifests.json_scan import MAX_DEPTH

__all__ = ("Doubtful", "decode_at", "decode_line", "has_control_characters")

_EXACT: Final = float(1 << 63)
_C1: Final = re.compile(rb"\xc2[\x80-\x9f]|\x7f")
# Escapes of control characters; whoever decodes whole lines knows surrogates.
_SUSPECT: Final = re.compile(rb"\\(?:[bfr]|u00[01789])")
_SUSPECT_TEXT: Final = re.compile(r"[\x7f-\x9f]|\\(?:[bfr]|u(?:00[01789]|[dD][89a-fA-F]))")


class Doubtful(Exception):  # noqa: N818 - it asks for the slow way and is no error
    """Raised when a text may not mean what the fast decoder says."""


def decode_line(line: bytes) -> dict[str, Any]:
    """Return the object that *line* holds. Raises Doubtful."""
    if b"\\" in line and _SUSPECT.search(line):
        raise Doubtful
    if (b"\xc2" in line or b"\x7f" in line) and _C1.search(line):
        raise Doubtful
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Doubtful from None
    if type(value) is not dict:
        raise Doubtful
    # Each key is followed by its colon. With as many such pairs in the text as there are keys, and no key apart from
    # its colon, no key was dropped and no text looks like one.
    if line.count(b'":') != _keys_in(value, 1) or b" :" in line or b"\t:" in line or b"\r:" in line:
        return _decode_strictly(line)
    return cast("dict[str, Any]", value)


def has_control_characters(data: bytes) -> bool:
    """Tell whether *data* may hold a character that texts do not hold, as itself or as an escape."""
    return b"\\" in data or b"\x7f" in data or (b"\xc2" in data and _C1.search(data) is not None)


def decode_at(text: str, at: int, *, suspicious: bool) -> tuple[Any, int]:
    """Return the value that begins at *at*, and where it ends. Raises Doubtful.

    *suspicious* says that `has_control_characters` found the text to be so.
    """
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        raise Doubtful from None
    if suspicious and _SUSPECT_TEXT.search(text, at, end):
        raise Doubtful
    if type(value) is dict:
        _keys_in(cast("dict[str, Any]", value), 1)
    return value, end


def _decode_strictly(line: bytes) -> dict[str, Any]:
    try:
        value = _DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        raise Doubtful from None
    _keys_in(value, 1)
    return cast("dict[str, Any]", value)


def _keys_in(value: dict[str, Any], depth: int) -> int:
    """Return the number of keys in *value* and beneath. Raises Doubtful when something in it is."""
    count = len(value)
    for inner in value.values():
        kind = type(inner)
        if kind is str or kind is bool or kind is int:
            continue
        if kind is dict:
            count += _keys_in(inner, depth + 1) if depth < MAX_DEPTH else _doubt()
        elif kind is list:
            count += _keys_in_list(inner, depth + 1) if depth < MAX_DEPTH else _doubt()
        elif kind is not float or not -_EXACT < inner < _EXACT:
            _doubt()
    return count


def _keys_in_list(values: list[Any], depth: int) -> int:
    return _keys_in(dict(enumerate(values)), depth) - len(values)  # type: ignore[arg-type]


def _doubt() -> int:
    raise Doubtful


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
