"""Hostile text made inert: for a terminal or log line, for Markdown, for CSV.

Captions, names, file names and whatever a provider answers may hold anything. What a view writes was passed through one
of these functions first, or was written by kbsync itself.
"""

import re
import unicodedata
from typing import Final

from kbsync.core.inert import CHARACTERS, ORDER

__all__ = ("clip", "code_span", "csv_cell", "one_line", "prose", "visible", "width_of")

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_FORMULA: Final = tuple("=+-@\t\r\n\x00＝＋－＠")
# Where a cell begins for whoever takes another character for the separator.
_INNER_FORMULA: Final = re.compile(r"""(?<=[;|])(?=[\s"']*[=+\-@＝＋－＠])""")
_PROSE: Final = re.compile(
    r"""(?P<coded>[@#]+|\b(?i:GH)-(?=[0-9]))|(?P<plain>[\\`*_{}\[\]<>()!|~&$]|:(?=//))|(?P<www>(?i:(?<=www))\.)"""
)
_FENCE: Final = re.compile("`+")


def visible(text: str) -> str:
    r"""Return *text* with every character that is not seen, or is obeyed, shown as an escape such as `\u202e`.

    Wherever it stands in a line, at its beginning too, it is no order to a CI system.
    """
    shown = CHARACTERS.sub(_escape, text)
    if "##" in shown:
        shown = ORDER.sub(_escape, shown)
    words = shown.lstrip()
    return f"{shown[: -len(words)]}\\x3a{words[1:]}" if words.startswith("::") else shown


def one_line(text: str, width: int) -> str:
    """Return *text* made visible and cut to *width* columns."""
    # Cut before it is escaped: what a megabyte holds behind the cut need not be looked at.
    return clip(visible(text if len(text) <= width + 1 else text[: width + 1] + "…"), width)


def clip(text: str, width: int) -> str:
    """Return visible *text*, cut to *width* terminal columns with an ellipsis when it is wider."""
    if len(text) * 2 <= width or width_of(text) <= width:
        return text

    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > width - 1:
            return text[:position] + "…"
    return text


def width_of(text: str) -> int:
    """Return how many terminal columns visible *text* takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def code_span(text: str, width: int = 200) -> str:
    """Return *text* as Markdown code, in which nothing is a mention, a link, an image, HTML or markup of any kind.

    Not for table cells: a bar inside code still ends a cell.
    """
    shown = one_line(text, width)
    if not shown:
        return "` `"
    fence = "`" * (max(map(len, _FENCE.findall(shown)), default=0) + 1)
    # Code that begins and ends with a space loses both; code that begins or ends with a backtick needs one.
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: str, width: int = 500) -> str:
    """Return *text* as Markdown that reads as written: no markup, mention, reference, link, image or HTML."""
    return _PROSE.sub(_inert, one_line(text, width))


def csv_cell(text: str, *, raw: bool = False) -> str:
    """Return *text* for one CSV cell, which is still to be quoted.

    A cell that a spreadsheet would take for a formula begins with a quote mark, also one that begins inside the text
    when it is read with another separator, and control characters are made visible; *raw* leaves the text as it is, for
    programs.
    """
    if raw:
        return text
    guard = "'" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else ""
    return guard + _INNER_FORMULA.sub("'", visible(text))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _inert(match: re.Match[str]) -> str:
    return f"`{match[0]}`" if match["coded"] else f"\\{match[0]}"
