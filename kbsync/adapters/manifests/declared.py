"""Manifests read for all that they declare: options, and the values of ignored fields, which are never sent."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from kbsync.adapters.manifests.files import ManifestFile
from kbsync.adapters.manifests.order import entry_keys
from kbsync.adapters.manifests.reader import ManifestReader
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.core.fields import REMOVED, MetaValue
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired, Dialect, Entry, KindDialect
from kbsync.core.rules import Finding, Problem, Rule

__all__ = ("Declared", "DeclaredReader", "Fingerprint", "fingerprint", "keys_of", "plain_meta")

_SIZE_BYTES: Final = 16
_NOTHING: Final[tuple[Any, ...]] = (None, False, (), {})


class Declared(NamedTuple):
    """An item with the keys of its entry, those of the defaults included, in the order of the documentation.

    Values are as JSON has them, a meta value is a `MetaValue`. Options that say nothing are left out.
    """

    item: Item
    keys: Mapping[str, Any]
    source: Source


class _Last:
    """The entry that was checked last."""

    __slots__ = ("entry",)

    def __init__(self) -> None:
        self.entry: Any = None

    def of(self, dialect: Dialect) -> Dialect:
        """Return *dialect*, whose entries are seen here."""
        kinds = {name: self._of_kind(kind) for name, kind in dialect.kinds.items()}
        return dataclasses.replace(dialect, kinds=kinds)

    def _of_kind(self, kind: KindDialect) -> KindDialect:
        def check(entry: Any) -> Iterable[Finding]:
            self.entry = entry
            return kind.check(entry)

        return dataclasses.replace(kind, check=check)


class DeclaredReader:
    """Reads files of one manifest set as `ManifestReader` does, whose problems it shares."""

    def __init__(self, targets: Mapping[str, Dialect], rules: Mapping[str, Rule], allow: frozenset[str]) -> None:
        self._last = _Last()
        dialects = {name: self._last.of(dialect) for name, dialect in targets.items()}
        self._reader = ManifestReader(Words(dialects), rules, allow)

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong, in the order of reading."""
        return self._reader.problems

    def read(self, file: ManifestFile) -> Iterator[Declared]:
        """Yield what the items of *file* declare that are declared without a mistake, in the order of the file."""
        for desired, keys in self.read_with_keys(file):
            yield Declared(desired.item, keys, desired.source)

    def read_with_keys(self, file: ManifestFile) -> Iterator[tuple[Desired, dict[str, Any]]]:
        """Yield the items of *file* that are declared without a mistake, as a plan takes them, with the same keys."""
        for desired in self._reader.read(file):
            # The reader yields an item before it checks the next entry.
            entry: Entry = self._last.entry
            assert entry.id == desired.item.id
            yield desired, keys_of(entry)


@dataclass(slots=True)
class Fingerprint:
    """How many items there are, and a number that only the same items with the same keys have, in any order."""

    items: int = 0
    total: int = 0

    def add(self, declared: Declared) -> None:
        """Take *declared* in."""
        text = orjson.dumps([tuple(declared.item), declared.keys], tuple, orjson.OPT_SORT_KEYS)
        self._add(1, int.from_bytes(blake2b(text, digest_size=_SIZE_BYTES).digest()))

    def add_all(self, other: "Fingerprint") -> None:
        """Take in what *other* stands for."""
        self._add(other.items, other.total)

    def _add(self, items: int, total: int) -> None:
        self.items += items
        self.total = (self.total + total) % (1 << 8 * _SIZE_BYTES)


def fingerprint(declared: Iterable[Declared]) -> Fingerprint:
    """Return the fingerprint of *declared*."""
    found = Fingerprint()
    for one in declared:
        found.add(one)
    return found


def plain_meta(value: MetaValue) -> Any:
    """Return *value* as a manifest in YAML or JSON writes it: plain where that has its type, else with the type."""
    inner = list(value.value) if isinstance(value.value, tuple) else value.value
    match value.type, inner:
        case "string" | "bool" | "int64" | "float32" | REMOVED.type, _:
            return inner
        case "list<string>" | "list<int64>", [_, *_]:
            return inner
        case _:
            return {"type": value.type, "value": inner}


def keys_of(entry: Entry) -> dict[str, Any]:
    """Return the keys of *entry* as `Declared` has them."""
    values = ((key, getattr(entry, key)) for key in entry_keys(type(entry)))
    return {key: _plain(value) for key, value in values if value not in _NOTHING}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: inner for key, inner in dataclasses.asdict(value).items() if inner is not None}
    return [*value] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType]
