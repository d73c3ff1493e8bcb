"""Which encoding a CSV file has when it is not UTF-8: spreadsheets write what their locale says."""

import codecs
import re
import unicodedata
from typing import BinaryIO, Final

from kbsync.adapters.manifests.problems import Fault, Place, shown

__all__ = ("BOM", "Doubt", "gb18030_or_utf8", "not_utf8", "utf16")

BOM: Final = b"\xef\xbb\xbf"

_PIECE_BYTES: Final = 1 << 20
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_ASCII: Final = re.compile("[\x00-\x7f]+")
# Of Chinese text nearly everything; of other text that happens to be valid GB18030, next to nothing.
_USUAL_PERCENT: Final = 80
_RUN: Final = re.compile("[^\x00-\x7f]{2,}")
_ALPHABETS: Final = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC"})
_ADVICE: Final = "save it as CSV UTF-8, or have it read as GB18030 by --allow gb18030"


def utf16(file: BinaryIO) -> str | None:
    """Return what to say when *file*, which then stands at its beginning, is UTF-16 or UTF-32; else None."""
    head = file.read(2)
    file.seek(0)
    if head in _UTF_16_MARKS or b"\0" in head:
        return "the file is UTF-16, which Excel calls Unicode Text: save it as CSV UTF-8"
    return None


def gb18030_or_utf8(file: BinaryIO) -> str:
    """Return the name of the encoding that *file* is in, which then stands at its beginning."""
    if _is(file, "utf-8"):
        doubt = Doubt()
        doubt.possible = file.read(len(BOM)) != BOM
        file.seek(0)
        for number, line in enumerate(file, start=1):
            doubt.see(line, number)
        file.seek(0)
        return "utf-8" if doubt.fault() is None else "gb18030"
    return "gb18030" if _is(file, "gb18030") else "utf-8"


def not_utf8(file: BinaryIO) -> tuple[str, str]:
    """Return the rule that *file* breaks by not being UTF-8, and what to do about it."""
    if _is(file, "gb18030") and _is_chinese(file):
        message = "the file is not UTF-8; it looks like GB18030 (GBK), which Excel writes in China"
        return "gb18030", f"{message}: {_ADVICE}"
    return "not-utf8", "the file is not UTF-8 text: save it as CSV UTF-8"


class Doubt:
    """Whether a file of a few words that is valid UTF-8 was meant as GB18030, as 小猫 is: Сè in UTF-8.

    It was when all of it is everyday Chinese as GB18030, while as UTF-8 it has letters of two alphabets side by side.
    """

    def __init__(self) -> None:
        self.possible = True
        self._mixed: tuple[Place, str, str] | None = None

    def see(self, line: bytes, number: int) -> None:
        """Look at a line, which is valid UTF-8 and has no byte order mark."""
        if not self.possible or line.isascii():
            return
        try:
            chinese = line.decode("gb2312")
        except UnicodeDecodeError:
            self.possible = False
            return
        for run in () if self._mixed else _RUN.finditer(line.decode()):
            if len({unicodedata.name(letter, "").partition(" ")[0] for letter in run[0]} & _ALPHABETS) > 1:
                # Both encodings have two bytes for each of these characters.
                self._mixed = (number, run.start() + 1), run[0], chinese[run.start() : run.end()]
                return

    def fault(self) -> Fault | None:
        """Return what to say when all lines were seen."""
        if not self.possible or self._mixed is None:
            return None
        place, said, meant = self._mixed
        message = f"the file is UTF-8 as well as GB18030: this would be {shown(said)}, and is perhaps {shown(meant)}"
        return Fault(place, "gb18030", f"{message}: {_ADVICE}")


def _is(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while piece := file.read(_PIECE_BYTES):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _is_chinese(file: BinaryIO) -> bool:
    """Tell of a *file* that is valid GB18030 whether what is not ASCII in it is mostly everyday Chinese."""
    text = codecs.getincrementaldecoder("gb18030")().decode(file.read(_PIECE_BYTES))
    file.seek(0)
    wide = _ASCII.sub("", text)
    usual = len(wide.encode("gb2312", "ignore")) // 2
    return usual * 100 >= len(wide) * _USUAL_PERCENT
