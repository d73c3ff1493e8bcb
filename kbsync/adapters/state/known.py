"""What the state knows, as the comparison reads it."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson

from kbsync.adapters.state.files import reading
from kbsync.adapters.state.hazards import read_hazards
from kbsync.adapters.state.runs import DOUBTS
from kbsync.core.fields import Fields, fields_from_plain
from kbsync.core.items import Item
from kbsync.core.state import Hazard

__all__ = ("StoredKnown",)

_NOTHING: Final[Mapping[str, bytes]] = {}
_MOST_AHEAD: Final = 255
_TEXTS: Final = (
    "SELECT id, fields FROM items JOIN known USING (known) WHERE container = ? AND id >= ? ORDER BY id LIMIT ?"
)


class StoredKnown:
    """`kbsync.core.state.Known` as of the moment of its construction, until `close`. A context manager.

    Digests are loaded container by container when one of its items is first asked for: about 180 bytes an item. Without
    a *connection* nothing is known. *now_s* is that moment, in seconds since the epoch.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection | None, now_s: float) -> None:
        self._path = path
        self._now_s = now_s
        self._connection = connection
        self._lineage, self._serial, self._declared_items = "", 0, 0
        self._containers: dict[tuple[str, str, str], int] = {}
        self._digests: dict[tuple[str, str, str], Mapping[str, bytes]] = {}
        self._texts: dict[tuple[str, str, str], _Texts] = {}
        self._doubts: dict[Item, frozenset[str]] = {}
        self._hazards: Mapping[tuple[Item, str], Hazard] | None = None if connection is not None else {}
        if connection is not None:
            with reading(path):
                # One snapshot for everything that is read here, whatever a run writes meanwhile.
                connection.execute("BEGIN")
                self._load(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def lineage(self) -> str:
        """The state's own identity; empty when there is no state yet."""
        return self._lineage

    @property
    def serial(self) -> int:
        """How many runs have written to this state."""
        return self._serial

    @property
    def declared_items(self) -> int:
        """How many items the whole manifest held at the last apply of it; 0 when there was none."""
        return self._declared_items

    def digest(self, item: Item) -> bytes | None:
        """Return the digest of all known fields of *item*, or None when nothing is known of it."""
        return self.digests(item[:3]).get(item[3])

    def digests(self, place: tuple[str, str, str]) -> Mapping[str, bytes]:
        """Return the digests of all known fields of the items of a target, container and kind, by id."""
        digests = self._digests.get(place)
        return self._load_container(place) if digests is None else digests

    def fields(self, item: Item) -> Fields:
        """Return the known fields of *item*; empty when nothing is known."""
        place = item[:3]
        texts = self._texts.get(place)
        if texts is None:
            number = self._containers.get(place)
            if number is None:
                return {}
            texts = self._texts[place] = _Texts(number)
        text = texts.ahead.get(item[3])
        if text is None:
            with reading(self._path):
                text = texts.read(self._open, item[3])
        else:
            texts.used += 1
        return {} if text is None else fields_from_plain(orjson.loads(text))

    def doubts(self) -> Mapping[Item, frozenset[str]]:
        """Return the items in doubt, each with the operations that may or may not have been applied."""
        return self._doubts

    def hazards(self) -> Mapping[tuple[Item, str], Hazard]:
        """Return what may still be set behind our back, by item and operation. Costs a look at each such attempt."""
        if self._hazards is None:
            with reading(self._path):
                self._hazards = read_hazards(self._open, self._now_s)
        return self._hazards

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many items are known, by target and container."""
        numbers: dict[int, int] = {}
        if self._containers:
            with reading(self._path):
                numbers = dict(self._open.execute("SELECT container, count(*) FROM items GROUP BY container"))
        counted: Counter[tuple[str, str]] = Counter()
        for place, number in self._containers.items():
            if number in numbers:
                counted[place[:2]] += numbers[number]
        return counted

    def items(self, target: str | None = None, container: str | None = None) -> Iterator[Item]:
        """Yield every item that the state manages, known or in doubt; only those of *target* and *container* if given.

        Known ones come first, sorted by id within their container and kind.
        """
        for place, number in sorted(self._containers.items()):
            if target not in (None, place[0]) or container not in (None, place[1]):
                continue
            if place in self._digests:
                yield from (Item(*place, id_) for id_ in self._digests[place])
                continue
            with reading(self._path):
                for (id_,) in self._open.execute("SELECT id FROM items WHERE container = ? ORDER BY id", (number,)):
                    yield Item(*place, id_)
        for item in sorted(self._doubts):
            chosen = target in (None, item.target) and container in (None, item.container)
            if chosen and self.digest(item) is None:
                yield item

    def close(self) -> None:
        """Let go of the state. What was loaded stays; nothing more can be."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _open(self) -> sqlite3.Connection:
        assert self._connection is not None, "closed"
        return self._connection

    def _load(self, connection: sqlite3.Connection) -> None:
        self._lineage, self._serial, self._declared_items = connection.execute(
            "SELECT lineage, serial, declared_items FROM state"
        ).fetchone()
        self._containers = {
            (target, name, kind): number
            for target, name, kind, number in connection.execute(
                "SELECT t.name, c.name, c.kind, c.container FROM containers AS c JOIN targets AS t USING (target)"
            )
        }
        places = {number: place for place, number in self._containers.items()}
        operations = dict(connection.execute("SELECT operation, name FROM operations"))
        found: dict[Item, set[str]] = {}
        for container, id_, operation in connection.execute(DOUBTS):
            found.setdefault(Item(*places[container], id_), set()).add(operations[operation])
        self._doubts = {item: frozenset(names) for item, names in found.items()}

    def _load_container(self, place: tuple[str, str, str]) -> Mapping[str, bytes]:
        number = self._containers.get(place)
        digests = _NOTHING
        if number is not None:
            with reading(self._path):
                digests = dict(
                    self._open.execute("SELECT id, digest FROM items WHERE container = ? ORDER BY id", (number,))
                )
        self._digests[place] = digests
        return digests


class _Texts:
    """The known texts of one container, read ahead in the order of ids for as long as they are asked for in it.

    *used* counts how often *ahead* had what was asked for.
    """

    __slots__ = ("_container", "_window", "ahead", "used")

    def __init__(self, container: int) -> None:
        self.ahead: dict[str, str] = {}
        self.used = 0
        self._container = container
        self._window = 0

    def read(self, connection: sqlite3.Connection, id_: str) -> str | None:
        """Return the text of the item *id_*, and have those of some that follow it ahead."""
        # A manifest in another order must not pay for what it does not use.
        in_order = 4 * self.used >= self._window
        self._window = min(_MOST_AHEAD, 2 * self._window + 1) if in_order else 0
        self.used = 0
        self.ahead = dict(connection.execute(_TEXTS, (self._container, id_, 1 + self._window)))
        return self.ahead.get(id_)
