"""JSON manifests: the text in memory, but one entry at a time as values."""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from kbsync.adapters.manifests.heads import Container, Head, HeadKey, Value
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.json_scan import JsonScan, JsonSyntaxError
from kbsync.adapters.manifests.json_text import Doubtful, decode_at, has_raw_control_characters
from kbsync.adapters.manifests.leaks import leaks_in
from kbsync.adapters.manifests.problems import Path, Place, Trail, shown
from kbsync.adapters.manifests.sections import Section
from kbsync.adapters.manifests.shapes import as_mapping
from kbsync.adapters.manifests.vocabulary import COMMON_KEYS
from kbsync.core.manifest import Desired

__all__ = ("read_json",)

NO_MANIFEST: Final = 'the file holds no manifest: it is an object with "kbsync": 1, "target": …'
# A key of the head may be written with escapes.
_ESCAPED_ASCII: Final = re.compile(r"\\u00[2-7]")


def read_json(file: BinaryIO, intake: Intake) -> Iterator[Desired]:
    """Yield the items of the JSON manifest *file*."""
    data = file.read()
    for fault in leaks_in(data, 1):
        intake.problems.add(*fault)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")) + 1
        intake.problems.add((before.count(b"\n") + 1, column), "not-utf8", "the file is not UTF-8 text")
        return
    suspicious = b"\\" in data or has_raw_control_characters(data)
    del data
    try:
        yield from _Document(text, intake, suspicious=suspicious).items()
    except JsonSyntaxError as error:
        intake.problems.add(*error.fault)


class _Document:
    """A walk along the keys of the one object of a file; *at* is where it is."""

    def __init__(self, text: str, intake: Intake, *, suspicious: bool) -> None:
        self._text = text
        self._intake = intake
        self._problems = intake.problems
        self._suspicious = suspicious
        self._scan = JsonScan(text)
        self._at = 0

    def items(self) -> Iterator[Desired]:
        begin = self._scan.skip(0)
        if not self._text[begin:]:
            self._problems.add((1, 1), "missing-key", NO_MANIFEST)
            return
        if self._text[begin] != "{":
            self._at = begin
            self._value()
            self._problems.add(self._scan.place(begin), "wrong-type", NO_MANIFEST)
        else:
            yield from self._object(begin)
        end = self._scan.skip(self._at)
        if end < len(self._text):
            raise self._scan.refuse(end, "the text goes on after its only value")

    def head(self) -> Head:
        """Return the head, and read nothing else."""
        begin = self._scan.skip(0)
        head = Head(self._scan.place(begin))
        for name, place in self._pairs(begin):
            if name in self._intake.words.sections:
                self._pass()
            else:
                head.add(self._head_key(name, place))
        return head

    def _object(self, begin: int) -> Iterator[Desired]:
        head = Head(self._scan.place(begin))
        container: Container | None = None
        seen: dict[str, Place] = {}
        for name, place in self._pairs(begin):
            if name in seen:
                line, column = seen[name]
                message = f"{shown(name)} stands twice in one manifest: first at {line}:{column}"
                self._problems.add(place, "duplicate-key", message)
                self._pass()
                continue
            seen[name] = place
            if name in self._intake.words.sections:
                if container is None:
                    head = self._whole(head)
                    container = self._intake.open(head)
                yield from self._section(container.section(name, place))
            elif container is not None:
                self._pass()
            else:
                head.add(self._head_key(name, place))
        (container or self._intake.open(head)).close(seen)

    def _pairs(self, begin: int) -> Iterator[tuple[str, Place]]:
        """Yield each key of the object at *begin* and its place. Whoever asks for more has passed the value."""
        scan = self._scan
        at, ended = scan.opens(begin, "}")
        while not ended:
            place = scan.place(at)
            name, self._at = scan.key(at)
            for fault in scan.faults:
                self._problems.add(*fault)
            scan.faults.clear()
            yield name, place
            at, ended = scan.separator(self._at, "}")
        self._at = at

    def _whole(self, head: Head) -> Head:
        """Return the whole *head*, of which the lists are about to be read."""
        names = {*COMMON_KEYS, *self._intake.words.header_keys} - head.keys.keys()
        late = any(self._text.find(f'"{name}"', self._at) >= 0 for name in names)
        if not late and not _ESCAPED_ASCII.search(self._text, self._at):
            return head
        return _Document(self._text, self._intake, suspicious=self._suspicious).head()

    def _head_key(self, name: str, place: Place) -> HeadKey:
        value = self._value()
        return HeadKey(name, place, lambda _shape: value)

    def _value(self) -> Value:
        """Return the value that begins here, and pass it."""
        scan = JsonScan(self._text, self._scan.place(self._at), self._at)
        value, self._at = scan.value(self._at)
        return Value(value, scan.faults, scan.trail)

    def _pass(self) -> None:
        """Pass the value that begins here; a list element by element, so that little is held."""
        if self._text[self._at : self._at + 1] != "[":
            self._value()
            return
        at, ended = self._scan.opens(self._at, "]")
        while not ended:
            try:
                _, self._at = decode_at(self._text, at, suspicious=False)
            except Doubtful:
                self._at = at
                self._value()
            at, ended = self._scan.separator(self._at, "]")
        self._at = at

    def _section(self, section: Section | None) -> Iterator[Desired]:
        """Yield the items of the list that begins here."""
        if self._text[self._at : self._at + 1] != "[":
            place = self._scan.place(self._at)
            if self._value().value is None:
                self._problems.add(place, "null-value", "the list is null: write [] for an empty one")
            else:
                self._problems.add(place, "wrong-type", "a list of entries is expected here")
            return
        if section is None:
            self._pass()
            return
        at, ended = self._scan.opens(self._at, "]")
        while not ended:
            desired = self._entry(section, at)
            if desired is not None:
                yield desired
            at, ended = self._scan.separator(self._at, "]")
        self._at = at
        section.finish()

    def _entry(self, section: Section, at: int) -> Desired | None:
        """Return the item that the entry at *at* declares, if it does, and pass it."""
        place = self._scan.place(at)
        trail: Trail
        try:
            written, self._at = decode_at(self._text, at, suspicious=self._suspicious)
        except Doubtful:
            self._at = at
            value = self._value()
            written, faults, trail = value.value, value.faults, value.trail
        else:
            faults, trail = [], _EntryTrail(self._text, at, place)
        entry = as_mapping(written)
        if entry is None:
            self._problems.add(place, "wrong-type", 'an entry is an object that begins with an "id"')
            return None
        if not faults:
            return section.take(entry, place, trail)
        with self._problems.blaming(faults):
            section.admit(entry, place, trail)
        return None


class _EntryTrail:
    """The places in the entry at *at*, which is scanned when somebody asks."""

    def __init__(self, text: str, at: int, place: Place) -> None:
        self._text = text
        self._at = at
        self._place = place

    def of(self, path: Path) -> Place:
        return self._scanned().of(path)

    def of_key(self, path: Path) -> Place:
        return self._scanned().of_key(path)

    def _scanned(self) -> Trail:
        scan = JsonScan(self._text, self._place, self._at)
        scan.value(self._at)
        return scan.trail
