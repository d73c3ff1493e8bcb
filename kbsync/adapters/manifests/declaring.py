"""Values that no manifest was read for, as the entry of a manifest declares them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from kbsync.adapters.manifests.declared import Declared, plain_meta
from kbsync.adapters.manifests.leaks import leaks_in
from kbsync.adapters.manifests.vocabulary import KindWords, Words
from kbsync.core.fields import META_PREFIX, Fields, MetaValue, Value, to_plain
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Dialect
from kbsync.core.rules import Rule

__all__ = ("Declarer",)


class Declarer:
    """Makes entries for *targets*. *broken* collects the ids of the *rules* that an apply of them has to lift."""

    def __init__(self, targets: Mapping[str, Dialect], rules: Mapping[str, Rule]) -> None:
        self._words = Words(targets)
        self._rules = rules
        self.broken: set[str] = set()

    def declare(self, item: Item, fields: Fields, source: Source) -> tuple[Declared | None, Sequence[str]]:
        """Return the entry that declares *fields* of *item*, and the names of those that no manifest can declare.

        It is None when that is all of them.
        """
        vocabulary = self._words.targets.get(item.target)
        words = None if vocabulary is None else vocabulary.by_kind.get(item.kind)
        if words is None:
            return None, sorted(fields)
        undeclarable: list[str] = []
        if not self._is_right(words, item, fields):
            undeclarable = [name for name, value in fields.items() if not self._is_right(words, item, {name: value})]
        left = {name: value for name, value in fields.items() if name not in undeclarable}
        return Declared(item, _keys(item.id, left.items()), source) if left else None, undeclarable

    def _is_right(self, words: KindWords, item: Item, fields: Fields) -> bool:
        """Tell whether an entry can declare *fields*, with every rule lifted that can be."""
        keys = _keys(item.id, fields.items())
        if "meta" in keys:
            keys["meta"] = {name: plain_meta(value) for name, value in keys["meta"].items()}
        try:
            found = [
                finding.rule for finding in words.check(words.validate(keys)) if not self._rules[finding.rule].lint
            ]
        except ValidationError:
            return False
        if not all(self._rules[rule].liftable for rule in found) or leaks_in(orjson.dumps(keys), 1):
            return False
        self.broken.update(found)
        return True


def _keys(id_: str, fields: Iterable[tuple[str, Value]]) -> dict[str, Any]:
    """Return the keys of an entry, in the order of the documentation."""
    own: dict[str, Any] = {}
    meta: dict[str, MetaValue] = {}
    for name, value in sorted(fields):
        if isinstance(value, MetaValue):
            meta[name.removeprefix(META_PREFIX)] = value
        else:
            own[name] = to_plain(value)
    keys = {"id": id_, **own, **({"meta": meta} if meta else {})}
    return {**keys, "allow_empty": True} if "" in own.values() else keys
