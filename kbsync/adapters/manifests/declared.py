"""Manifests read for all that they declare: options, and the values of ignored fields, which are never sent."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from kbsync.adapters.manifests.files import ManifestFile
from kbsync.adapters.manifests.order import entry_keys
from kbsync.adapters.manifests.reader import ManifestReader
from kbsync.core.fields import MetaValue
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Dialect, Entry, KindDialect
from kbsync.core.rules import Finding, Problem, Rule

__all__ = ("Declared", "DeclaredReader", "fingerprint", "plain_meta")

_SIZE_BYTES: Final = 16
_NOTHING: Final[tuple[Any, ...]] = (None, False, (), {})


class Declared(NamedTuple):
    """An item with the keys of its entry, those of the defaults included, in the order of the documentation.

    Values are as JSON has them, a meta value is a `MetaValue`. Options that say nothing are left out.
    """

    item: Item
    keys: Mapping[str, Any]
    source: Source


class DeclaredReader:
    """Reads files of one manifest set as `ManifestReader` does, whose problems it shares."""

    def __init__(self, targets: Mapping[str, Dialect], rules: Mapping[str, Rule], allow: frozenset[str]) -> None:
        self._entry: Entry | None = None
        dialects = {name: self._remembering(dialect) for name, dialect in targets.items()}
        self._reader = ManifestReader(dialects, rules, allow)

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong, in the order of reading."""
        return self._reader.problems

    def read(self, file: ManifestFile) -> Iterator[Declared]:
        """Yield what the items of *file* declare that are declared without a mistake, in the order of the file."""
        for desired in self._reader.read(file):
            # The reader yields an item before it checks the next entry.
            entry = self._entry
            assert entry is not None
            assert entry.id == desired.item.id
            yield Declared(desired.item, _keys_of(entry), desired.source)

    def _remembering(self, dialect: Dialect) -> Dialect:
        kinds = {name: self._remembering_kind(kind) for name, kind in dialect.kinds.items()}
        return dataclasses.replace(dialect, kinds=kinds)

    def _remembering_kind(self, kind: KindDialect) -> KindDialect:
        def check(entry: Any) -> Iterable[Finding]:
            self._entry = entry
            return kind.check(entry)

        return dataclasses.replace(kind, check=check)


def fingerprint(declared: Iterable[Declared]) -> tuple[int, int]:
    """Return how many items there are and a number that only the same items with the same keys have, in any order."""
    items = total = 0
    for item, keys, _ in declared:
        text = orjson.dumps([tuple(item), keys], tuple, orjson.OPT_SORT_KEYS)
        items += 1
        total += int.from_bytes(blake2b(text, digest_size=_SIZE_BYTES).digest())
    return items, total % (1 << 8 * _SIZE_BYTES)


def plain_meta(value: MetaValue) -> Any:
    """Return *value* as a manifest in YAML or JSON writes it: plain where that has its type, else with the type."""
    inner = list(value.value) if isinstance(value.value, tuple) else value.value
    match value.type, inner:
        case "string" | "bool" | "int64" | "float32", _:
            return inner
        case "list<string>" | "list<int64>", [_, *_]:
            return inner
        case _:
            return {"type": value.type, "value": inner}


def _keys_of(entry: Entry) -> dict[str, Any]:
    values = ((key, getattr(entry, key)) for key in entry_keys(type(entry)))
    return {key: _plain(value) for key, value in values if value not in _NOTHING}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: inner for key, inner in dataclasses.asdict(value).items() if inner is not None}
    return [*value] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType]
