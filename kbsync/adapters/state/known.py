"""What the state knows, as the comparison reads it."""

# ruff: noqa: S608 - what is put into SQL here are constants of this module; values are bound

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson

from kbsync.adapters.state.files import Facts, facts_of, open_reader, reading
from kbsync.adapters.state.hazards import read_hazards
from kbsync.adapters.state.schema import DOUBTS
from kbsync.core.fields import DIGEST_SIZE_BYTES, Fields, fields_from_plain
from kbsync.core.items import Item
from kbsync.core.state import Hazard

__all__ = ("StoredKnown",)

_NOTHING: Final[Mapping[str, bytes]] = {}
_MOST_TOGETHER: Final = 256
# Reading a digest by itself costs little more than reading it with all of its container, but a container has so many
# that nobody asks for.
_ASKED_OF: Final = 16
_DIGESTS: Final = "SELECT id, digest FROM items WHERE container = ? AND id IN "
# From so many ids on it is seen whether they are neighbours. Others may stand between them, though not more than they.
_NEIGHBOURS: Final = 64
_DIGESTS_BETWEEN: Final = "SELECT id, digest FROM items WHERE container = ? AND id BETWEEN ? AND ? ORDER BY id LIMIT ?"
# Two texts are made faster than many rows.
_ALL_BETWEEN: Final = f"SELECT group_concat(id, '\n'), group_concat(hex(digest), '') FROM ({_DIGESTS_BETWEEN})"
_IS_LARGER: Final = "SELECT 1 FROM items WHERE container = ? LIMIT 1 OFFSET ?"
_TEXTS: Final = "SELECT id, fields FROM items JOIN known USING (known) WHERE container = ? AND id IN "


class StoredKnown:
    """`kbsync.core.state.Known` as of the moment of its construction, until `close`. A context manager.

    In a process that was forked from this one it still answers, as of the moment when it is first asked there. Digests
    of many ids that stand together are read together; those of a container, about 180 bytes an item, once a good part
    of them was asked for that do not. Without a
    *connection* nothing is known. *facts* are those of the state when it was opened, and *now_s* is the moment before
    that, in seconds since the epoch.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection | None, now_s: float, facts: Facts) -> None:
        self._path = path
        self._now_s = now_s
        self._facts = facts
        self._connection = connection
        self._pid = os.getpid()
        self._lineage, self._serial, self._declared_items = "", 0, 0
        self._containers: dict[tuple[str, str, str], int] = {}
        self._digests: dict[tuple[str, str, str], Mapping[str, bytes]] = {}
        self._asked: Counter[tuple[str, str, str]] = Counter()
        # How many must have been asked for before the size of a container is looked at again.
        self._enough: dict[tuple[str, str, str], int] = {}
        self._counts: Mapping[tuple[str, str], int] | None = None
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

    def version(self) -> bytes:
        """Return what stays the same only as long as nothing that is known changes; empty when nothing says that.

        It is empty once the state has changed since the construction: then other processes may have seen another one.
        """
        racy = any(one is not None and one.is_racy(self._now_s) for one in self._facts)
        if racy or facts_of(self._path) != self._facts:
            return b""
        return repr((self._lineage, self._serial, self._facts)).encode()

    def digest(self, item: Item) -> bytes | None:
        """Return the digest of all known fields of *item*, or None when nothing is known of it."""
        return self.digests_of(item[:3], (item[3],))[0]

    def digests(self, place: tuple[str, str, str]) -> Mapping[str, bytes]:
        """Return the digests of all known fields of the items of a target, container and kind, by id."""
        digests = self._digests.get(place)
        return self._load_container(place) if digests is None else digests

    def digests_of(self, place: tuple[str, str, str], ids: Sequence[str]) -> list[bytes | None]:
        """Return what `digest` returns for each of *ids* of a target, container and kind, at less cost."""
        digests = self._digests.get(place)
        if digests is None and len(ids) >= _NEIGHBOURS:
            if (in_order := self._in_order(place, ids)) is not None:
                return in_order
            digests = self._neighbours(place, ids)
        if digests is None:
            self._asked[place] += len(ids)
            worth_loading = self._asked[place] > self._enough.get(place, 0) and not self._is_large(place)
            digests = self._load_container(place) if worth_loading else self._some_digests(place, ids)
        return [*map(digests.get, ids)]

    def fields(self, item: Item) -> Fields:
        """Return the known fields of *item*; empty when nothing is known."""
        return next(self.fields_of((item,)))

    def fields_of(self, items: Iterable[Item]) -> Iterator[Fields]:
        """Yield the known fields of each of *items*; some hundreds are read together."""
        rest = iter(items)
        while chunk := [*islice(rest, _MOST_TOGETHER)]:
            ids: dict[tuple[str, str, str], list[str]] = {}
            for item in chunk:
                ids.setdefault(item[:3], []).append(item.id)
            texts = {place: self._texts(place, some) for place, some in ids.items()}
            yield from (_fields(texts[item[:3]].get(item.id)) for item in chunk)

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
        if self._counts is None:
            counted: Counter[tuple[str, str]] = Counter()
            for place, number in self._containers.items():
                count = len(self._digests[place]) if place in self._digests else self._count(number)
                if count:
                    counted[place[:2]] += count
            self._counts = counted
        return self._counts

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
        if self._pid != os.getpid():
            # SQLite forbids to use a connection that was inherited, and to close it.
            self._inherited = self._connection
            self._connection, self._pid = open_reader(self._path), os.getpid()
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

    def _count(self, container: int) -> int:
        with reading(self._path):
            count: int = self._open.execute("SELECT count(*) FROM items WHERE container = ?", (container,)).fetchone()[
                0
            ]
        return count

    def _is_large(self, place: tuple[str, str, str]) -> bool:
        """Tell whether the container has many more items than were asked for; then so many more may be asked for."""
        number = self._containers.get(place)
        if number is None:
            return False
        asked = self._asked[place]
        self._enough[place] = 2 * asked
        with reading(self._path):
            return self._open.execute(_IS_LARGER, (number, asked * _ASKED_OF)).fetchone() is not None

    def _neighbours(self, place: tuple[str, str, str], ids: Sequence[str]) -> Mapping[str, bytes] | None:
        """Return the digests of a part of the container that holds all of *ids*, None unless it is a small one."""
        number = self._containers.get(place)
        if number is None:
            return _NOTHING
        most = 2 * len(ids)
        with reading(self._path):
            rows = self._open.execute(_DIGESTS_BETWEEN, (number, min(ids), max(ids), most + 1)).fetchall()
        return dict(rows) if len(rows) <= most else None

    def _in_order(self, place: tuple[str, str, str], ids: Sequence[str]) -> list[bytes | None] | None:
        """Return the digests of *ids* if these are, in order, all that is known between the first and the last."""
        number = self._containers.get(place)
        if number is None or ids[0] >= ids[-1]:
            return None
        with reading(self._path):
            known_ids, text = self._open.execute(_ALL_BETWEEN, (number, ids[0], ids[-1], len(ids) + 1)).fetchone()
        if known_ids != "\n".join(ids):
            return None
        digests = bytes.fromhex(text)
        return [digests[at : at + DIGEST_SIZE_BYTES] for at in range(0, len(digests), DIGEST_SIZE_BYTES)]

    def _some_digests(self, place: tuple[str, str, str], ids: Sequence[str]) -> Mapping[str, bytes]:
        number = self._containers[place]
        found: dict[str, bytes] = {}
        with reading(self._path):
            for at in range(0, len(ids), _MOST_TOGETHER):
                some = ids[at : at + _MOST_TOGETHER]
                found.update(self._open.execute(_DIGESTS + _marks(len(some)), (number, *some)))
        return found

    def _texts(self, place: tuple[str, str, str], ids: Sequence[str]) -> Mapping[str, str]:
        number = self._containers.get(place)
        if number is None:
            return {}
        with reading(self._path):
            return dict(self._open.execute(_TEXTS + _marks(len(ids)), (number, *ids)))

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


def _marks(count: int) -> str:
    """Return so many placeholders for a statement."""
    return f"({', '.join('?' * count)})"


def _fields(text: str | None) -> Fields:
    return {} if text is None else fields_from_plain(orjson.loads(text))
