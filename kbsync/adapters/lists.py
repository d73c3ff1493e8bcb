"""Lists that were read, kept for a while: nothing is lost when they go, and what is doubtful about one makes it go."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson

from kbsync.adapters.files import read_regular, write_whole
from kbsync.core.fields import Fields, fields_from_plain, fields_to_plain
from kbsync.core.live import Place, ReadList
from kbsync.core.wire import Live

__all__ = ("ListCache",)

_FORMAT: Final = "kbsync.list/1"
_MAX_BYTES: Final = 1 << 32


class ListCache:
    """The lists in *folder*, by the address that they came from and their place. They hold what is live, in clear."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, origin: str, place: Place) -> ReadList | None:
        """Return the list that was kept, or None when there is none that is whole."""
        try:
            lines = read_regular(self._file(origin, place), _MAX_BYTES).splitlines()
            head: dict[str, Any] = orjson.loads(lines[0])
            items = dict(map(_item, lines[1:]))
            if head != _head(origin, place, len(items), float(head["read_at_s"])):
                return None
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None
        return ReadList(items, head["read_at_s"])

    def keep(self, origin: str, place: Place, read: ReadList) -> None:
        """Keep *read* in the place of an older one. Raises KbsyncError when it cannot be written, OSError likewise."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._file(origin, place), _pieces(_head(origin, place, len(read.items), read.read_at_s), read))

    def _file(self, origin: str, place: Place) -> Path:
        name = blake2b("\0".join((origin, *place)).encode(), digest_size=16).hexdigest()
        return self._folder / f"list-{name}.jsonl"


def _head(origin: str, place: Place, items: int, read_at_s: float) -> dict[str, Any]:
    return {"format": _FORMAT, "origin": origin, "place": list(place), "items": items, "read_at_s": read_at_s}


def _pieces(head: Mapping[str, Any], read: ReadList) -> Iterator[bytes]:
    yield orjson.dumps(head) + b"\n"
    for id_, live in read.items.items():
        yield orjson.dumps([id_, fields_to_plain(live.fields), sorted(live.untold), live.pending]) + b"\n"


def _item(line: bytes) -> tuple[str, Live]:
    id_, fields, untold, pending = orjson.loads(line)
    known: Fields = fields_from_plain(fields)
    return str(id_), Live(known, frozenset(map(str, untold)), bool(pending))
