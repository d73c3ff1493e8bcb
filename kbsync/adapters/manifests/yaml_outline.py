"""Whether a YAML file can be read in one pass: whether each head stands above the lists that it speaks of.

Keys have no order, so a head may end beneath a million items. Reading the lines that begin at the margin costs a few
per cent of parsing, and tells nearly always that it does not; when in doubt, it might.
"""

import re
from collections.abc import Collection
from typing import BinaryIO, Final

__all__ = ("heads_come_first",)

_PIECE_BYTES: Final = 1 << 20
# The beginning of each line that is neither indented, nor empty, nor a comment, nor a list element.
_MARGIN: Final = re.compile(rb"\n((?:[^ \t\r\n#-]|-(?![ \t\r\n]))[^:\r\n]{0,63})")
# Other spellings of a key may be that of a section, too.
_PLAIN: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_-]*|%.*")
_BOM: Final = b"\xef\xbb\xbf"


def heads_come_first(file: BinaryIO, sections: Collection[str]) -> bool:
    """Tell whether surely nothing but *sections* follows the first of them in any document of *file*.

    For block mappings at the margin, and lines that end with a line feed: whoever relies on the answer has to notice
    when it was wrong. Reads from where *file* stands to its end.
    """
    names = frozenset(section.encode() for section in sections)
    in_sections = False
    rest = b"\n"
    while piece := file.read(_PIECE_BYTES):
        text = rest + (piece.removeprefix(_BOM) if rest == b"\n" else piece)
        cut = text.rfind(b"\n")
        for match in _MARGIN.finditer(text, 0, max(cut, 0)):
            word = match[1].rstrip()
            if word.startswith((b"---", b"...")):
                in_sections = False
            elif word in names:
                in_sections = True
            elif in_sections or not _PLAIN.fullmatch(word):
                return False
        rest = text[max(cut, 0) :]
    return not any(in_sections and match[1].rstrip() not in names for match in _MARGIN.finditer(rest))
