"""Names of files as people mean them: two that differ only in form are one, and an ending is worth what it says."""

import unicodedata
from collections.abc import Mapping
from typing import Final, NamedTuple

from kbsync.core.inert import CHARACTERS

__all__ = ("PlainName", "plain_name", "plain_type")

_SAME_TYPES: Final[Mapping[str, str]] = {"jpeg": "jpg", "htm": "html", "markdown": "md", "tiff": "tif"}
_ENDINGS: Final = frozenset(
    {
        *("pdf", "txt", "doc", "docx", "md", "markdown", "html", "htm", "csv", "xls", "xlsx", "ppt", "pptx"),
        *("json", "jsonl", "xml", "rtf", "epub", "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "heic"),
        *("mp3", "mp4", "m4a", "wav", "mov"),
    }
)


class PlainName(NamedTuple):
    """A name in its plain form: *ending* is that of a file, without the dot, and empty where there is none."""

    stem: str
    ending: str


def plain_name(name: str) -> PlainName | None:
    """Return the plain form of *name*, None when nothing of it is left.

    Characters that hide are left out, the others are in their compatibility form (NFKC) and without case; white space
    is one space between words, and none at the ends. An ending counts when it is one of those that files usually have;
    `jpeg` is `jpg`, `htm` is `html`, `markdown` is `md`, `tiff` is `tif`; one that is doubled counts once.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", CHARACTERS.sub("", name)).casefold())
    stem, ending = _parted(" ".join(folded.split()))
    while ending:
        inner, again = _parted(stem)
        if again != ending:
            break
        stem = inner
    return PlainName(stem, ending) if stem else None


def plain_type(type_: str) -> str:
    """Return what a list calls the type of a file, in lower case, without a dot, and of several words always one."""
    word = type_.casefold().strip().removeprefix(".")
    return _SAME_TYPES.get(word, word)


def _parted(text: str) -> tuple[str, str]:
    """Return *text* without its ending, and the ending; a text that would be nothing without it has none."""
    stem, dot, ending = text.rpartition(".")
    stem = stem.rstrip()
    if not dot or not stem or ending not in _ENDINGS:
        return text, ""
    return stem, _SAME_TYPES.get(ending, ending)
