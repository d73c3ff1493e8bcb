"""The words that manifests may use: of one target, and of all targets together."""

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from kbsync.adapters.manifests.problems import shown
from kbsync.adapters.manifests.shapes import TEXT, shape_of
from kbsync.core.entries import nearest
from kbsync.core.manifest import Dialect, KindDialect

__all__ = ("COMMON_KEYS", "KindWords", "Vocabulary", "Words", "is_secret_name", "secret_key", "unknown")

COMMON_KEYS: Final = ("kbsync", "target", "defaults")
MAX_SECRET_NAME_CHARACTERS: Final = 60
_SECRET_NAME: Final = re.compile(
    r"(?:.*[_-])?(?:token|secret|password|passwd|credentials?|authorization|bearer|ak|sk)"
    r"|.*(?:api|access|secret|private)[_-]?key(?:[_-]?id)?|secret.*",
    re.IGNORECASE,
)


class KindWords:
    """How entries of one kind are read: the model's validator, and its shape."""

    def __init__(self, dialect: KindDialect) -> None:
        self.kind = dialect.kind
        self.section = dialect.section
        self.check = dialect.check
        self.plain = dialect.plain
        self.model = dialect.model
        self.validate, self.schema = _described(dialect.model)  # type: ignore[arg-type]  # classes are hashable
        shape = shape_of(self.schema)
        # An id is text wherever it stands, also when its model takes exact integers from JSON.
        self.shape = dataclasses.replace(shape, keys={**shape.keys, "id": TEXT})


class Vocabulary:
    """The words of one target."""

    def __init__(self, target: str, dialect: Dialect, kinds: Iterable[KindWords]) -> None:
        self.target = target
        self.unique_in_target = dialect.unique_in_target
        self.header = dialect.header
        self.validate_header, self.header_schema = _described(dialect.header)  # type: ignore[arg-type]
        self.header_keys = tuple(field.name for field in dataclasses.fields(dialect.header))
        self.by_kind: Mapping[str, KindWords] = {words.kind: words for words in kinds}
        self.by_section: Mapping[str, KindWords] = {words.section: words for words in self.by_kind.values()}


class Words:
    """The words of all targets: what tells a misspelt key from one that belongs to another provider."""

    def __init__(self, targets: Mapping[str, Dialect]) -> None:
        kinds: dict[tuple[type[Any], str], KindWords] = {}
        self.targets: dict[str, Vocabulary] = {}
        for target, dialect in targets.items():
            # Targets of one provider mostly share their models, but may check differently.
            words = [self._kind(kinds, kind) for kind in dialect.kinds.values()]
            self.targets[target] = Vocabulary(target, dialect, words)
        self.header_keys = frozenset(key for words in self.targets.values() for key in words.header_keys)
        self.sections = frozenset(section for words in self.targets.values() for section in words.by_section)
        self.kinds = frozenset(kind for words in self.targets.values() for kind in words.by_kind)

    @staticmethod
    def _kind(kinds: dict[tuple[type[Any], str], KindWords], dialect: KindDialect) -> KindWords:
        key = (dialect.model, dialect.section)
        known = kinds.get(key)
        if known is None or (known.check, known.plain) != (dialect.check, dialect.plain):
            known = kinds[key] = KindWords(dialect)
        return known


@cache
def _described(model: type[Any]) -> tuple[Callable[[Any], Any], dict[str, Any]]:
    """Return the validator of *model* and its JSON Schema, which take longer to make than most manifests to read."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    return adapter.validator.validate_python, adapter.json_schema()


def unknown(key: str, known: Collection[str], what: str = "key") -> tuple[str, str]:
    """Return the rule that an unknown *key* breaks and the message, with the nearest of *known* if one is near."""
    if what == "key" and is_secret_name(key):
        return secret_key(key)
    hint = nearest(key, known) or (f"; known: {', '.join(sorted(known))}" if known else "")
    return f"unknown-{what}", f"unknown {what} {shown(key)}{hint}"


def is_secret_name(key: str) -> bool:
    """Tell whether *key* is what people call a credential."""
    return len(key) <= MAX_SECRET_NAME_CHARACTERS and _SECRET_NAME.fullmatch(key) is not None


def secret_key(key: str) -> tuple[str, str]:
    """Return the rule that a *key* named like a credential breaks, and the message."""
    return "secret-in-manifest", f"{shown(key)} names a credential: no manifest holds one, kbsync.toml refers to it"
