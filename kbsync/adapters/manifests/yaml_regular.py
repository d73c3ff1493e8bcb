"""YAML manifests read by their lines: documents of a head and lists, most of whose entries look alike.

libyaml makes an object of every word, which takes longer than all else that is done for an entry. Here entries are cut
out of the text, and those of one form (`yaml_forms`) taken apart together. The head and entries without a form are read
by libyaml. Nothing is told of what is wrong: such a file is irregular, and libyaml reads the whole of it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import Any, BinaryIO, Final, TypeAlias

from kbsync.adapters.manifests.alike import Numbers, picked
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.leaks import leaks_in_file
from kbsync.adapters.manifests.problems import Place
from kbsync.adapters.manifests.quick import QuickSection
from kbsync.adapters.manifests.yaml_forms import EntryForm, IrregularError, Written, form_of
from kbsync.adapters.manifests.yaml_pieces import LateTrail, entries_in, head_in
from kbsync.adapters.manifests.yaml_text import UNSAFE
from kbsync.core.columns import Columns

__all__ = ("read_regular_yaml",)

_BLOCK_BYTES: Final = 1 << 16
# A head, an entry or a line of so many characters is no regular one.
_MOST_CHARACTERS: Final = 4 << 20
_MOST_FORMS: Final = 32
# A head is read with as many empty lines above it as the file has: of many documents, that is many lines.
_MOST_LINES_ABOVE: Final = 10_000_000
# When one of so few entries has no form, libyaml reads the others with it as fast.
_FEW: Final = 4

# What libyaml takes for the end of a line beside the line feed, and what it takes for no text, in comments too.
_STRANGE: Final = re.compile(f"[{UNSAFE}]")
_COMMENT_LINE: Final = re.compile(r"\n *#[^\n]*")
_AT_MARGIN: Final = re.compile(r"^[^ \n#][^\n]*", re.MULTILINE)
_KEY: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*):(?: [^\n]*)?")
_FIRST_DASH: Final = re.compile(r"\n(?: *+(?:#[^\n]*+)?\n)*+( *)- ")
_MARGIN: Final = re.compile(r"\n(?=[^ \n#])")
_MARGIN_WITHOUT_DASH: Final = re.compile(r"\n(?=[^ \n#-]|-(?! ))")

# A form, where entries of it stand, and what is written there.
_Formed: TypeAlias = tuple[EntryForm, Numbers, Sequence[Written]]


def read_regular_yaml(file: BinaryIO, intake: Intake) -> None:
    """Have the entries of *file*, which stands at its beginning, entered.

    Raises IrregularError, perhaps after some of them, when it is not sure that this is all that libyaml would say.
    """
    for fault in leaks_in_file(file):
        intake.problems.add(*fault)
    _Reader(file, intake).read()


class _Reader:
    """Reads one file.

    *_text* is what was read and is not done with: it begins at *_line*, and ends with a line. *_has_tabs* tells whether
    there was a tab, which means more to YAML than other characters do.
    """

    def __init__(self, file: BinaryIO, intake: Intake) -> None:
        self._pieces = _texts(file)
        self._intake = intake
        self._text = ""
        self._line = 1
        self._lines_above = 0
        self._has_tabs = False
        self._section_line = re.compile(rf"^({'|'.join(intake.words.sections)}):(?: +#[^\n]*| *)$", re.MULTILINE)

    def read(self) -> None:
        while self._read_document():
            pass

    def _read_document(self) -> bool:
        """Read the document that the text begins with; tell whether another one follows."""
        while (first := self._section_line.search(self._text)) is None:
            self._read_on()
        head = self._text[: first.start()]
        names = _names_at_margin(head)
        self._lines_above += self._line
        if self._lines_above > _MOST_LINES_ABOVE:
            raise IrregularError
        container = self._intake.open(head_in(head, self._line, names, self._intake))
        self._drop(first.start())
        while (match := self._section_line.match(self._text)) is not None:
            name = match[1]
            section = container.section(name, (self._line, 1))
            if name in names or not isinstance(section, QuickSection):
                raise IrregularError
            names.append(name)
            self._read_list(section, len(match[0]))
        container.close(names)
        if self._text and not self._text.startswith("---\n"):
            raise IrregularError
        return self._text != ""

    def _read_list(self, section: QuickSection, begin: int) -> None:
        """Read the list that begins there in the text."""
        while (first := _FIRST_DASH.match(self._text, begin)) is None:
            self._read_on()
        entries = _Entries(section, first[1])
        margin = _MARGIN if first[1] else _MARGIN_WITHOUT_DASH
        self._drop(first.end())
        while (end := margin.search(self._text)) is None:
            cut = self._text.rfind(entries.dash)
            if cut >= 0:
                entries.take(self._text[: cut + 1], self._line, has_tabs=self._has_tabs)
                self._drop(cut + len(entries.dash))
            if not self._has_more():
                break
        stop = len(self._text) if end is None else end.end()
        entries.take(self._text[:stop], self._line, has_tabs=self._has_tabs)
        section.finish()
        self._drop(stop)

    def _drop(self, characters: int) -> None:
        """Be done with the first *characters*."""
        self._line += self._text.count("\n", 0, characters)
        self._text = self._text[characters:]

    def _has_more(self) -> bool:
        """Take in more of the file; tell whether there was more."""
        if len(self._text) > _MOST_CHARACTERS:
            raise IrregularError
        piece = next(self._pieces, None)
        if piece is None:
            return False
        # Far quicker than to look for what is strange; much that cannot be seen is not.
        if not piece.replace("\n", "").isprintable() and _STRANGE.search(piece):
            raise IrregularError
        self._has_tabs = self._has_tabs or "\t" in piece
        self._text += piece
        return True

    def _read_on(self) -> None:
        if not self._has_more():
            raise IrregularError


class _Entries:
    """The entries of a list. *dash* is what each but the first begins with."""

    def __init__(self, section: QuickSection, indent: str) -> None:
        self.dash = f"\n{indent}- "
        self._section = section
        self._indent = len(indent) + 2
        self._forms: list[EntryForm] = []

    def take(self, text: str, line: int, *, has_tabs: bool) -> None:
        """Enter the entries in *text*: whole lines, from behind the dash of the first entry, which stands at *line*.

        Unless it *has_tabs*, nobody has to look for one.
        """
        texts = [f"{one}\n" for one in text.split(self.dash)]
        texts[-1] = texts[-1][:-1]
        bare = [_without_comments(one) for one in texts] if "#" in text else texts
        alike, odd = self._sorted(bare, has_tabs=has_tabs)
        if len(odd) * _FEW > len(texts):
            self._read(text, line)
            return
        lines = [*accumulate((one.count("\n") for one in texts[:-1]), initial=line)]
        for form, numbers, rows in alike:
            columns = form.columns(rows, self._section.shape)
            _Alike(self._section, self.dash[1:], columns, picked(texts, numbers), picked(lines, numbers)).enter()
        for number in odd:
            self._read(texts[number], lines[number])

    def _sorted(self, texts: Sequence[str], *, has_tabs: bool) -> tuple[list[_Formed], Sequence[int]]:
        """Return *texts* by their form, and the positions of those that have none: only some, if they are many."""
        alike: list[_Formed] = []
        odd: list[int] = []
        left: Numbers = range(len(texts))
        if has_tabs:
            odd = [number for number in left if "\t" in texts[number]]
            left = [number for number in left if "\t" not in texts[number]]
        for form in self._forms:
            left = _sift(form, texts, left, alike) if left else ()
        while left and len(odd) * _FEW <= len(texts):
            text = texts[left[0]]
            new = form_of(text, self._indent) if len(self._forms) < _MOST_FORMS else None
            if new is None or new.written([text]) == [None]:
                odd.append(left[0])
                left = left[1:]
            else:
                self._forms.append(new)
                left = _sift(new, texts, left, alike)
        return alike, odd

    def _read(self, text: str, line: int) -> None:
        """Have libyaml read the entries in *text*, as `take` takes it."""
        for entry in entries_in(self.dash[1:] + text, line, self._section.shape):
            self._section.take(*entry)


def _sift(form: EntryForm, texts: Sequence[str], numbers: Numbers, alike: list[_Formed]) -> Numbers:
    """Add those of *texts* at *numbers* that are of *form* to what is *alike*; return where the others stand."""
    found = form.written(picked(texts, numbers))
    rows = [written for written in found if written is not None]
    if len(rows) == len(found):
        alike.append((form, numbers, rows))
        return ()
    if rows:
        alike.append((form, [at for at, written in zip(numbers, found, strict=True) if written is not None], rows))
    return [at for at, written in zip(numbers, found, strict=True) if written is None]


@dataclass(frozen=True, slots=True)
class _Alike:
    """Entries of one form: a `Batch`. Before each of the *texts*, *dash* begins one of the *lines*."""

    section: QuickSection
    dash: str
    columns: Columns
    texts: Sequence[str]
    lines: Sequence[int]

    def enter(self) -> None:
        """Enter all of them."""
        numbers = range(len(self.texts))
        if self.section.has_defaults:
            self.section.sift_rows(self, [self._entry(number) for number in numbers])
        else:
            self.section.sift(self, numbers, self.columns)

    def places(self, numbers: Numbers) -> list[Place]:
        """Return where entries begin: at their first key."""
        return [*zip(picked(self.lines, numbers), repeat(len(self.dash) + 1))]

    def is_whole(self, numbers: Numbers, texts: int) -> bool:  # noqa: ARG002 - no key stands twice in a form
        """Tell whether nothing was lost."""
        return True

    def look_closely(self, number: int) -> None:
        """Have an entry admitted the long way."""
        line = self.lines[number]
        trail = LateTrail(self.dash + self.texts[number], line, self.section.shape)
        self.section.admit(self._entry(number), (line, len(self.dash) + 1), trail)

    def _entry(self, number: int) -> dict[str, Any]:
        entry: dict[str, Any] = {}
        for path, column in self.columns.items():
            inside = entry if len(path) == 1 else entry.setdefault(path[0], {})
            inside[path[-1]] = column[number]
        return entry


def _names_at_margin(head: str) -> list[str]:
    """Return the keys of *head*, as its lines say: whoever reads it has to compare."""
    lines = _AT_MARGIN.findall(head)
    if lines[:1] == ["---"]:
        del lines[0]
    keys = [_KEY.fullmatch(line) for line in lines]
    names = [key[1] for key in keys if key is not None]
    if len({*names}) < len(lines):
        raise IrregularError
    return names


def _without_comments(entry: str) -> str:
    """Return *entry* without the lines that are comments; of one that may have a text of several lines, all of it."""
    return entry if "|" in entry else _COMMENT_LINE.sub("", entry)


def _texts(file: BinaryIO) -> Iterator[str]:
    """Yield the text of *file* in pieces of whole lines, the last of which ends with the file."""
    rest = b""
    while piece := file.read(_BLOCK_BYTES):
        end = piece.rfind(b"\n") + 1
        if end:
            yield _text(rest + piece[:end])
            rest = piece[end:]
        else:
            rest += piece
        if len(rest) > _MOST_CHARACTERS:
            raise IrregularError
    if rest:
        yield _text(rest)


def _text(data: bytes) -> str:
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise IrregularError from None
