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
from kbsync.adapters.manifests.shapes import as_mapping

__all__ = ("Doubtful", "decode_at", "decode_line", "has_raw_control_characters")

_EXACT: Final = float(1 << 63)
_C1: Final = re.compile(rb"\xc2[\x80-\x9f]|\x7f")
# Escapes of control characters; whoever decodes whole lines knows surrogates.
_SUSPECT: Final = re.compile(rb"\\(?:[bfr]|u00[01789])")
_SUSPECT_TEXT: Final = re.compile(r"[\x7f-\x9f]|\\(?:[bfr]|u(?:00[01789]|[dD][89a-fA-F]))")


class Doubtful(Exception):  # noqa: N818 - it asks for the slow way and is no error
    """Raised when a text may not mean what the fast decoder says."""


def decode_line(line: bytes) -> dict[str, Any]:
    """Return the object that *line* holds. Raises Doubtful.

    The line holds no control character as itself; `has_raw_control_characters` tells.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Doubtful from None
    if type(value) is not dict:
        raise Doubtful
    # Every key and every text has two quotation marks. A dropped key leaves marks over.
    texts = _texts_in(cast("dict[str, Any]", value), 1)
    marks = line.count(b'"')
    if b"\\" in line:
        if b"\\\\" in line or _SUSPECT.search(line):
            return _decode_strictly(line)
        marks -= line.count(b'\\"')
    if marks != 2 * texts:
        raise Doubtful
    return cast("dict[str, Any]", value)


def has_raw_control_characters(data: bytes) -> bool:
    """Tell whether *data* holds a character as itself that JSON admits and manifests do not."""
    return b"\x7f" in data or (b"\xc2" in data and _C1.search(data) is not None)


def decode_at(text: str, at: int, *, suspicious: bool) -> tuple[Any, int]:
    """Return the value that begins at *at*, and where it ends. Raises Doubtful.

    *suspicious* says that the text may hold control characters, as themselves or as escapes.
    """
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        raise Doubtful from None
    if suspicious and _SUSPECT_TEXT.search(text, at, end):
        raise Doubtful
    mapping = as_mapping(value)
    if mapping is not None:
        _texts_in(mapping, 1)
    return value, end


def _decode_strictly(line: bytes) -> dict[str, Any]:
    text = line.decode()
    value, end = decode_at(text, len(text) - len(text.lstrip(" \t\r\n")), suspicious=True)
    if text[end:].strip(" \t\r\n"):
        raise Doubtful
    return cast("dict[str, Any]", value)


def _texts_in(value: dict[str, Any], depth: int) -> int:
    """Return the number of keys and texts in *value* and beneath. Raises Doubtful when something in it is."""
    count = len(value)
    for inner in value.values():
        kind = inner.__class__
        if kind is str:
            count += 1
        elif kind is dict:
            count += _texts_in(inner, depth + 1) if depth < MAX_DEPTH else _doubt()
        elif kind is not int and kind is not bool:
            count += _texts_in_other(inner, depth)
    return count


def _texts_in_other(value: Any, depth: int) -> int:
    if isinstance(value, list):
        # The positions stand in for keys, and are no texts.
        elements: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        count = _texts_in(dict(enumerate(elements)), depth + 1) if depth < MAX_DEPTH else _doubt()  # type: ignore[arg-type]
        return count - len(elements)
    # A large float was perhaps an integer, which the decoder rounded.
    return 0 if type(value) is float and -_EXACT < value < _EXACT else _doubt()


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
