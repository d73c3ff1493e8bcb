"""Everything that some manifests declare, kept in a temporary file: it is written only when all of it is right."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, cast

import orjson

from kbsync.adapters.manifests.declared import Declared, Fingerprint, plain_meta
from kbsync.core.fields import MetaValue
from kbsync.core.items import Item, Source

__all__ = ("Spool", "Spooled", "SpooledContainer")

# Unsigned and eight bytes long.
_OFFSETS: Final = "Q"


class Spooled(NamedTuple):
    """An item with the keys of its entry as JSON has them."""

    item: Item
    keys: Mapping[str, Any]
    source: Source


@dataclass(slots=True)
class SpooledContainer:
    """What is declared in one container: where the items of each kind are in the spool, and what they amount to."""

    target: str
    name: str
    offsets: dict[str, "array[int]"] = field(default_factory=dict[str, "array[int]"])
    fingerprint: Fingerprint = field(default_factory=Fingerprint)


class Spool:
    """Keeps what is declared on disk, in the order in which it came. *containers* are in the order of their first."""

    def __init__(self) -> None:
        self.containers: dict[tuple[str, str], SpooledContainer] = {}
        self._file = TemporaryFile()  # noqa: SIM115  # it is closed by __exit__
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, declared: Declared) -> None:
        """Keep *declared*."""
        item = declared.item
        key = (item.target, item.container)
        container = self.containers.get(key)
        if container is None:
            container = self.containers[key] = SpooledContainer(*key)
        container.offsets.setdefault(item.kind, array(_OFFSETS)).append(self._end)
        container.fingerprint.add(declared)
        plain = [tuple(item), declared.keys, tuple(declared.source)]
        self._end += self._file.write(orjson.dumps(plain, _plain, orjson.OPT_APPEND_NEWLINE))

    def all(self) -> Iterator[Spooled]:
        """Yield every item, in the order in which it came."""
        self._file.seek(0)
        yield from map(_spooled, self._file)

    def of_kind(self, container: SpooledContainer, kind: str) -> Iterator[Spooled]:
        """Yield the items of *kind* in *container*, in the order in which they came."""
        for offset in container.offsets.get(kind, ()):
            self._file.seek(offset)
            yield _spooled(self._file.readline())

    def of(self, container: SpooledContainer) -> Iterator[Spooled]:
        """Yield the items of *container*, one kind after the other."""
        for kind in container.offsets:
            yield from self.of_kind(container, kind)


def _spooled(line: bytes) -> Spooled:
    item, keys, source = orjson.loads(line)
    return Spooled(Item(*item), keys, Source(*source))


def _plain(value: Any) -> Any:
    return plain_meta(cast("MetaValue", value))
