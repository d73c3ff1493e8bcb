"""Unquoted YAML values where a type is not given by the position: YAML 1.2's core schema, with nothing doubtful.

Whatever YAML 1.1 and 1.2 read differently, and the spellings that only some parsers know, are ambiguous: people quote
them, or write them the plain way.
"""

import math
import re
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

__all__ = ("NULLS", "NoValue", "Plain", "resolve")

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})

_WORDS_1_1: Final = frozenset(
    spelling for word in ("y", "n", "yes", "no", "on", "off") for spelling in (word, word.capitalize(), word.upper())
)
_BOOLS: Final = {"true": True, "false": False}
_ODD: Final = frozenset({"True", "TRUE", "False", "FALSE", "=", "<<"})
# Letters and signs that something other than plain text can begin with.
_FIRST: Final = frozenset("0123456789+-.~=<nNyYoOtTfF")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+][0-9]+)?", re.ASCII)
_AMBIGUOUS: Final = re.compile(
    r"""
      [-+]?[0-9][0-9_]*                                             # leading zeros, 1_000
    | [-+]?0[xob][0-9a-fA-F_]*                                      # bases
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?              # 1:30
    | [-+]?(?:[0-9][0-9_]*)?\.?[0-9_]*(?:[eE][-+]?[0-9_]+)?         # 1e3, .5, 5.
    | [-+]?(?:[0-9][0-9_]*)\.[0-9_.]*(?:[eE][-+]?[0-9_]+)?
    | [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?   # dates and times
    """,
    re.ASCII | re.VERBOSE,
)


class NoValue(Enum):
    """Why an unquoted scalar has no value."""

    NULL = "null"
    AMBIGUOUS = "ambiguous"


Plain: TypeAlias = str | bool | int | float | NoValue


@lru_cache(maxsize=4096)
def resolve(text: str) -> Plain:
    """Return what the unquoted *text* stands for, or why that cannot be said."""
    if text in NULLS:
        return NoValue.NULL
    if text[0] not in _FIRST:
        return text
    if text in _BOOLS:
        return _BOOLS[text]
    if text in _WORDS_1_1 or text in _ODD:
        return NoValue.AMBIGUOUS
    return _number(text) if text[0] in "0123456789+-." else text


def _number(text: str) -> Plain:
    if _INTEGER.fullmatch(text):
        # Python refuses longer ones; nothing that takes a number takes such a one.
        return int(text) if len(text) <= 4_000 else NoValue.AMBIGUOUS
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else NoValue.AMBIGUOUS
    # A lone sign or dots match the pattern of numbers with nothing in it.
    if _AMBIGUOUS.fullmatch(text) and any(character.isdigit() or character in "iInN" for character in text):
        return NoValue.AMBIGUOUS
    return text
