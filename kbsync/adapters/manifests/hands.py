"""How a value is written where another one stood: as that was, where it can be."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from kbsync.adapters.manifests.spots import ScalarSpot
from kbsync.adapters.manifests.yaml_text import literal_of, number_of, quoted, single_quoted, text_of

__all__ = ("JsonHand", "YamlHand")

_HEADER: Final = re.compile(r"[|>][-+0-9]*")
_STEP: Final = 2


class YamlHand:
    """Writes YAML."""

    comments = True

    def inline(self, value: Any, *, flow: bool) -> str:
        """Return *value* in one line: in a list or mapping that is in brackets, if *flow*."""
        match value:
            case str():
                return text_of(value, flow=flow)
            case dict():
                pairs = cast("Mapping[str, Any]", value).items()
                inner = (f"{text_of(key, flow=True)}: {self.inline(one, flow=True)}" for key, one in pairs)
                return f"{{{', '.join(inner)}}}"
            case list():
                return f"[{', '.join(self.inline(one, flow=True) for one in cast('Sequence[Any]', value))}]"
            case _:
                return number_of(value)

    def like(self, value: Any, text: str, spot: ScalarSpot, *, flow: bool, column: int, line_break: str) -> str:
        """Return *value* in the manner of *spot* in *text*, which is in a collection at *column*."""
        if not isinstance(value, str):
            return f"{number_of(value)}{_beside(text, spot)}"
        if spot.style in {"|", ">"}:
            return _block(value, text, spot, column, line_break)
        if spot.style == '"':
            return quoted(value)
        if spot.style == "'":
            return single_quoted(value) or quoted(value)
        return text_of(value, flow=flow)


class JsonHand:
    """Writes JSON."""

    comments = False

    def inline(self, value: Any, *, flow: bool) -> str:
        """Return *value* in one line."""
        del flow
        return json.dumps(value, ensure_ascii=False)

    def like(self, value: Any, text: str, spot: ScalarSpot, *, flow: bool, column: int, line_break: str) -> str:
        """Return *value* in the manner of *spot* in *text*: with escapes, if that has some of what is not ASCII."""
        del flow, column, line_break
        return json.dumps(value, ensure_ascii="\\u" in text[spot.begin : spot.end])


def _block(value: str, text: str, spot: ScalarSpot, column: int, line_break: str) -> str:
    """Return *value* as a block if it can be one: a folded one, if *spot* is that, when it is one line."""
    beside = _beside(text, spot)
    header, *lines = literal_of(value) or ("",)
    if not header:
        return f"{quoted(value)}{beside}"
    if spot.style == ">" and len(lines) == 1:
        header = header.replace("|", ">")
    indent = " " * _indent(text, spot, column)
    return line_break.join((f"{header}{beside}", *(f"{indent}{line}" if line else "" for line in lines)))


def _beside(text: str, spot: ScalarSpot) -> str:
    """Return what stands behind the header of a block: its comment."""
    if spot.style not in {"|", ">"}:
        return ""
    written = text[spot.begin : spot.end].splitlines()[0]
    return _HEADER.sub("", written, count=1).rstrip()


def _indent(text: str, spot: ScalarSpot, column: int) -> int:
    """Return how far the lines of a block are indented."""
    header, *lines = text[spot.begin : spot.end].splitlines()
    first = next((line for line in lines if line.strip()), "")
    is_told = any(mark.isdigit() for mark in header.partition("#")[0])
    return column + _STEP if is_told or not first else len(first) - len(first.lstrip(" "))
