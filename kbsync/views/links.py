"""Links from Markdown to a line of a file."""

from typing import Final
from urllib.parse import quote

from kbsync.core.items import Source
from kbsync.views.escape import code_span
from kbsync.views.wording import place

__all__ = ("linked",)

_MAX_CHARACTERS: Final = 400


def linked(source: Source, base: str) -> str:
    """Return *source* as Markdown code that links to its line in the file, below *base*: empty, or an address.

    A file outside the working directory, or of a name that no address can carry, is named without a link.
    """
    text = code_span(place(source))
    address = _address(source)
    return f"[{text}]({base}{address})" if address else text


def _address(source: Source) -> str:
    steps = source.file.split("/")
    if not steps[0] or ".." in steps:
        return ""
    try:
        path = quote(source.file, errors="surrogateescape")
    except UnicodeEncodeError:
        return ""
    # Of a table, whoever shows files has only lines to point at in its plain form.
    query = "?plain=1" if path.endswith(".csv") else ""
    address = f"{path}{query}#L{source.line}"
    return address if len(address) <= _MAX_CHARACTERS else ""
