"""Manifests changed in their place: only what is wished, and every other byte stays as it is."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from kbsync.adapters.manifests.csv_edits import amend_csv
from kbsync.adapters.manifests.files import ManifestFile, open_regular
from kbsync.adapters.manifests.hands import JsonHand, YamlHand
from kbsync.adapters.manifests.json_spots import json_row, json_spots
from kbsync.adapters.manifests.problems import Path, Place
from kbsync.adapters.manifests.spots import Amendment, CannotAmend, Edit, MappingSpot, Refusal, Wishes
from kbsync.adapters.manifests.tree_edits import Hand, Replacement, replacements
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.adapters.manifests.yaml_spots import yaml_spots
from kbsync.core.manifest import Dialect

__all__ = ("Amender", "amended")

_BOM: Final = "\ufeff"
_PIECE_BYTES: Final = 1 << 20


class Amender:
    """Changes manifests for *targets*; *allow* are the rules that are lifted for what is read."""

    def __init__(self, targets: Mapping[str, Dialect], allow: frozenset[str] = frozenset()) -> None:
        self._words = Words(targets)
        self._allow = allow

    def amend(self, file: ManifestFile, wishes: Wishes) -> Amendment:
        """Return what makes the entries of *file*, which has no mistake, say *wishes*. Raises UnreadableError, OSError.

        An empty text is wished together with `allow_empty`, unless the entry has that.
        """
        with open_regular(file.path) as opened:
            match file.format:
                case "csv":
                    return amend_csv(opened, self._words, self._allow, wishes)
                case "jsonl":
                    return _amend_lines(opened, wishes)
                case "json":
                    return _amend_text(opened, wishes, JsonHand())
                case _:
                    return _amend_text(opened, wishes, YamlHand())


def amended(file: ManifestFile, amendment: Amendment) -> Iterator[bytes]:
    """Yield the text of *file* with the edits of *amendment*. Raises UnreadableError or OSError."""
    with open_regular(file.path) as opened:
        at = 0
        for begin, end, data in amendment.edits:
            yield from _copied(opened, begin - at)
            yield data
            opened.seek(end)
            at = end
        yield from _copied(opened, None)


def _copied(file: BinaryIO, size: int | None) -> Iterator[bytes]:
    while size is None or size > 0:
        piece = file.read(_PIECE_BYTES if size is None else min(size, _PIECE_BYTES))
        if not piece:
            return
        yield piece
        size = None if size is None else size - len(piece)


def _amend_text(file: BinaryIO, wishes: Wishes, hand: Hand) -> Amendment:
    whole = file.read().decode()
    text = whole.removeprefix(_BOM)
    spots = yaml_spots(text, wishes) if hand.comments else json_spots(text, wishes)
    done, place_in_bytes = Amendment([], []), _Counter(text, _size(whole) - _size(text))
    for place, entry in spots:
        done.edits.extend(map(place_in_bytes.edit, _made(text, place, entry, wishes[place], hand, done.refused)))
    return done


def _amend_lines(file: BinaryIO, wishes: Wishes) -> Amendment:
    done, at = Amendment([], []), 0
    for number, line in enumerate(file, start=1):
        place = (number, 1)
        if place in wishes:
            whole = line.decode()
            text = whole.removeprefix(_BOM)
            count = _Counter(text, at + _size(whole) - _size(text))
            found = _made(text, place, json_row(text), wishes[place], JsonHand(), done.refused)
            done.edits.extend(map(count.edit, found))
        at += len(line)
    return done


def _made(
    text: str, place: Place, entry: MappingSpot, wishes: Mapping[Path, Any], hand: Hand, refused: list[Refusal]
) -> list[Replacement]:
    """Return what makes one entry say *wishes*; nothing when something of it cannot be done."""
    try:
        return replacements(text, entry, wishes, hand)
    except CannotAmend as error:
        refused.extend(Refusal(place, path, str(error)) for path in wishes)
        return []


class _Counter:
    """Counts the bytes of *text*, whose first is at *begin*, along with its characters."""

    def __init__(self, text: str, begin: int) -> None:
        self._text = text
        self._seen = 0
        self._at = begin

    def edit(self, replacement: Replacement) -> Edit:
        """Return *replacement*, which stands behind all that were given before, in bytes."""
        begin = self._at + _size(self._text[self._seen : replacement.begin])
        self._seen = replacement.end
        self._at = begin + _size(self._text[replacement.begin : replacement.end])
        return Edit(begin, self._at, replacement.text.encode())


def _size(text: str) -> int:
    return len(text.encode())
