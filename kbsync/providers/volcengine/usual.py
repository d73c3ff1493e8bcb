"""What every page of the vendor takes: where older or other pages than the newest draw the line."""

import re
from typing import Final

__all__ = (
    "IDENTIFIER",
    "UNUSUAL_CHARACTERS",
    "UNUSUAL_TYPES",
    "USUAL_DOCUMENT_NAME_CHARACTERS",
    "USUAL_FIELD_NAME_BYTES",
    "USUAL_STRING_BYTES",
    "is_usual_field_name",
    "is_usual_name",
    "is_usual_text",
)

USUAL_DOCUMENT_NAME_CHARACTERS: Final = 255
USUAL_FIELD_NAME_BYTES: Final = 128
USUAL_STRING_BYTES: Final = 128
UNUSUAL_TYPES: Final = frozenset({"list<int64>", "date_time", "geo_point"})
IDENTIFIER: Final = re.compile("[A-Za-z][A-Za-z0-9_]{0,127}")
UNUSUAL_CHARACTERS: Final = re.compile(r'[<>:"/\\|?*]')


def is_usual_field_name(name: str, *, strict: bool = False) -> bool:
    """Tell at little cost of nearly every meta field name that nothing is found in it, *strict* ones included."""
    return len(name) * 4 <= USUAL_FIELD_NAME_BYTES and (not strict or IDENTIFIER.fullmatch(name) is not None)


def is_usual_name(name: str) -> bool:
    """Tell whether nothing is found in a document's *name*."""
    return 0 < len(name) <= USUAL_DOCUMENT_NAME_CHARACTERS and UNUSUAL_CHARACTERS.search(name) is None


def is_usual_text(text: str) -> bool:
    """Tell at little cost of nearly every meta text that it is not too long: a character has four bytes at most."""
    return len(text) * 4 <= USUAL_STRING_BYTES
