"""How a text is written in YAML: plain where every reader takes it for that text, else quoted, or as a block."""

import json
import re
from typing import Final

import yaml
from yaml.events import ScalarEvent

from kbsync.adapters.manifests.plain_scalars import resolve
from kbsync.adapters.manifests.yaml_nodes import LOADER
from kbsync.adapters.manifests.yaml_tree import Scalar

__all__ = ("UNSAFE", "block_of", "is_text", "literal_of", "number_of", "quoted", "single_quoted", "text_of")

_INDICATORS: Final = "-?:,[]{}#&*!|>'\"%@`"
# What no parser, or not every one, takes as itself.
UNSAFE: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
_UNPRINTABLE: Final = re.compile(f"[\t\n{UNSAFE}]")
_NO_BLOCK: Final = re.compile(f"[{UNSAFE}]|[ \t](?:\n|\\Z)|\\A[ \t\n]|\n\n\\Z")
_NOT_PLAIN: Final = re.compile(f"[\t\n{UNSAFE}]|:(?= |\\Z)| #|\\A(?:---|\\.\\.\\.)")
_NOT_PLAIN_IN_FLOW: Final = re.compile(r"[,\[\]{}:?]")
_INTEGER_WITH_EXPONENT: Final = re.compile(r"\A(-?[0-9]+)e")
_ESCAPED: Final = re.compile(f'[\\\\"\t\n{UNSAFE}]')
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n"}


def is_text(scalar: Scalar) -> bool:
    """Tell whether *scalar* is text by the way in which it is written, and no number or truth value."""
    return not scalar.plain or isinstance(resolve(scalar.value), str)


def text_of(text: str, *, flow: bool = False) -> str:
    """Return *text* as one line of YAML: in a list or mapping that is in brackets, if *flow*."""
    if _is_plain(text) and not (flow and _NOT_PLAIN_IN_FLOW.search(text)):
        return text
    return (('"' in text or "\\" in text) and single_quoted(text)) or quoted(text)


def single_quoted(text: str) -> str:
    """Return *text* in single quotation marks; nothing when it does not fit into them."""
    return "" if _UNPRINTABLE.search(text) else "'" + text.replace("'", "''") + "'"


def quoted(text: str) -> str:
    """Return *text* in double quotation marks."""
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def block_of(scalar: Scalar) -> tuple[str, ...]:
    """Return the lines of *scalar* as a block, the header first, not indented; nothing when it should be one line.

    Text of several lines is a literal block. A text that its author folded stays folded where it was.
    """
    text = scalar.value
    if scalar.folded and _reads_back(scalar.folded, text):
        return scalar.folded
    return literal_of(text) if "\n" in text else ()


def literal_of(text: str) -> tuple[str, ...]:
    """Return the lines of *text* as a literal block, the header first, not indented; nothing when it cannot be one."""
    if not text or _NO_BLOCK.search(text):
        return ()
    return ("|" if text.endswith("\n") else "|-", *text.removesuffix("\n").split("\n"))


def number_of(value: float) -> str:
    """Return a number or truth value as YAML. Not every reader takes 1e+16 for a number."""
    return _INTEGER_WITH_EXPONENT.sub(r"\1.0e", json.dumps(value))


def _is_plain(text: str) -> bool:
    return (
        text[:1] not in _INDICATORS and text == text.strip() and not _NOT_PLAIN.search(text) and resolve(text) == text
    )


def _reads_back(folded: tuple[str, ...], text: str) -> bool:
    if any(line != line.rstrip() for line in folded):
        return False
    block = "\n".join((folded[0], *(f" {line}" if line else "" for line in folded[1:])))
    events = yaml.parse(f"{block}\n", Loader=LOADER)
    return next(event.value for event in events if isinstance(event, ScalarEvent)) == text


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}")
