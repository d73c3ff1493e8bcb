"""What of an item no manifest can hold: asked before it is written, of those who read it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from kbsync.adapters.manifests.declared import plain_meta
from kbsync.adapters.manifests.leaks import leaks_in
from kbsync.adapters.manifests.order import entry_keys
from kbsync.adapters.manifests.problems import FileProblems, Path, Place
from kbsync.adapters.manifests.sections import Section
from kbsync.adapters.manifests.vocabulary import KindWords, Words
from kbsync.core.fields import META_PREFIX, Fields, MetaValue, Value, family, to_plain
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Dialect
from kbsync.core.rules import Problem, Rule

__all__ = ("Admission", "Unsayable", "keys_saying", "path_of", "plain_of", "with_fields")

# Why, by field; under an empty name stands what is wrong with the item as a whole.
Unsayable: TypeAlias = Mapping[str, str]


def path_of(field: str) -> tuple[str, ...]:
    """Return the path at which an entry has *field*."""
    return ("meta", field.removeprefix(META_PREFIX)) if family(field) == "meta" else (field,)


def plain_of(value: Value) -> Any:
    """Return *value* as manifests in YAML and JSON write it."""
    return plain_meta(value) if isinstance(value, MetaValue) else to_plain(value)


def keys_saying(id_: str, fields: Fields) -> dict[str, Any]:
    """Return the keys of an entry that declares *fields*, as `Declared` has them; meta fields stand by name."""
    keys = with_fields({"id": id_}, dict(sorted(fields.items())))
    return {**keys, "allow_empty": True} if "" in fields.values() else keys


def with_fields(keys: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Return the *keys* of an entry when it declares *fields*, whatever it declared of them before."""
    changed = dict(keys)
    for field, value in fields.items():
        if isinstance(value, MetaValue):
            changed["meta"] = {**changed.get("meta", {}), field.removeprefix(META_PREFIX): value}
        else:
            changed[field] = to_plain(value)
    return changed


class Admission:
    """Tells what of an entry would be refused, by *rules* of which those in *allow* are lifted."""

    def __init__(self, targets: Mapping[str, Dialect], rules: Mapping[str, Rule], allow: frozenset[str]) -> None:
        self._words = Words(targets)
        self._rules = rules
        self._allow = allow
        self._gates: dict[tuple[str, str, str], _Gate] = {}

    def in_order(self, item: Item, keys: Mapping[str, Any]) -> dict[str, Any]:
        """Return *keys* in the order of the documentation."""
        return {key: keys[key] for key in entry_keys(self._kind(item).model) if key in keys}

    def faults(self, item: Item, keys: Mapping[str, Any], fields: Fields) -> Unsayable:
        """Return why the entry *keys* of *item* would be refused, or not say *fields*; nothing when all is well."""
        place = item[:3]
        gate = self._gates.get(place)
        if gate is None:
            gate = self._gates[place] = _Gate(self._kind(item), place, self._rules, self._allow)
        faults = gate.faults(keys, fields)
        if faults:
            # Whoever reads one file loses patience after so many errors.
            del self._gates[place]
        return {_field_at(path): why for path, why in reversed(faults)}

    def _kind(self, item: Item) -> KindWords:
        return self._words.targets[item.target].by_kind[item.kind]


class _Gate:
    """The reader of the entries of one kind in one container."""

    def __init__(
        self, words: KindWords, place: tuple[str, str, str], rules: Mapping[str, Rule], allow: frozenset[str]
    ) -> None:
        self._found: list[Problem] = []
        self._section = Section(words, place, _no_mark, FileProblems("", self._found, rules, allow))

    def faults(self, keys: Mapping[str, Any], fields: Fields) -> list[tuple[Path, str]]:
        """Return what is wrong with the entry *keys*, which is to say *fields*, and where."""
        written = {
            key: {name: plain_meta(one) for name, one in value.items()} if key == "meta" else value
            for key, value in keys.items()
        }
        trail = _Trail()
        desired = self._section.admit(written, _WHOLE, trail)
        faults = [
            (trail.paths[problem.source.line], f"{problem.message} [{problem.rule}]")
            for problem in self._found
            if problem.severity == "error"
        ]
        self._found.clear()
        if desired is not None:
            faults += [(path_of(name), _OTHER) for name in fields if desired.fields.get(name) != fields[name]]
        return faults + [(path, _LEAK) for path, text in _texts(keys) if leaks_in(text.encode(), 1)]


_WHOLE: Final[Place] = (0, 1)
_OTHER: Final = "a manifest would say another value"
_LEAK: Final = "this looks like a credential [secret-in-manifest]"


class _Trail:
    """Gives each path a line of its own."""

    def __init__(self) -> None:
        self.paths: list[Path] = [()]

    def of(self, path: Path) -> Place:
        if path not in self.paths:
            self.paths.append(path)
        return self.paths.index(path), 1

    of_key = of


def _texts(keys: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield every text in the entry *keys*, with its path, and the names of the user's choice."""
    for key, value in keys.items():
        if isinstance(value, str):
            yield (key,), value
    meta: Mapping[str, MetaValue] = keys.get("meta", {})
    for name, (_, inner) in meta.items():
        yield ("meta", name), name
        for text in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(text, str):
                yield ("meta", name), text


def _field_at(path: Path) -> str:
    """Return the field that holds what is at *path*; nothing when that is the item's own."""
    match path:
        case ("meta", str() as name, *_):
            return META_PREFIX + name
        case ("caption" | "name" | "update_rule" as field, *_):
            return field
        case _:
            return ""


def _no_mark(_item_id: str, _place: Place) -> Source | None:
    return None
