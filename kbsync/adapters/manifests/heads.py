"""The head of a container-shaped manifest: everything in it that is no list of items."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from kbsync.adapters.manifests.problems import Fault, FileProblems, Place, Trail, Under, shown
from kbsync.adapters.manifests.sections import Defaults, Section, SectionMaker
from kbsync.adapters.manifests.shapes import FREE, TEXT, Shape, as_mapping
from kbsync.adapters.manifests.vocabulary import COMMON_KEYS, KindWords, Vocabulary, Words, unknown
from kbsync.core.entries import findings

__all__ = ("Container", "Head", "HeadKey", "Value")

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Value:
    """A value that was written, what was wrong with its text, and where its parts stand."""

    value: Any
    faults: list[Fault]
    trail: Trail


@dataclass(frozen=True, slots=True)
class HeadKey:
    """One key of a head. *read* reads the value once it is known what may stand there."""

    name: str
    place: Place
    read: Callable[[Shape], Value]


class Head:
    """The keys of one document outside its lists, as they were written."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.keys: dict[str, HeadKey] = {}

    def add(self, key: HeadKey) -> None:
        """Take *key* in; the first of two with one name counts."""
        self.keys.setdefault(key.name, key)

    def open(self, words: Words, make: SectionMaker, problems: FileProblems) -> "Container":
        """Return the container that this head names; what is wrong with the head is recorded.

        A container that a head fails to name has no sections: its items cannot be checked.
        """
        opening = _Opening(self, words, problems)
        opening.version()
        return opening.container(make)

    def open_row(self, words: Words, make: SectionMaker, problems: FileProblems) -> "Container":
        """Return the container that this head of a single row names, as `open` does."""
        return _Opening(self, words, problems).container(make)


@dataclass(frozen=True, slots=True)
class Container:
    """What a head names. *vocabulary* is None when the target is not known, *name* when the container is not."""

    words: Words
    vocabulary: Vocabulary | None
    name: str | None
    defaults: Mapping[str, Defaults]
    make: SectionMaker
    problems: FileProblems

    def section(self, key: str, place: Place) -> Section | None:
        """Return what takes the entries beneath the section *key*; None when they cannot be taken."""
        if self.vocabulary is None:
            return None
        kind = self.vocabulary.by_section.get(key)
        if kind is None:
            known = ", ".join(sorted(self.vocabulary.by_section))
            message = f"target {shown(self.vocabulary.target)} has no {shown(key)}; it has: {known}"
            self.problems.add(place, "wrong-provider", message)
            return None
        if self.name is None:
            return None
        return self.of_kind(kind, self.defaults.get(key))

    def close(self, seen: Collection[str]) -> None:
        """Record the mistakes in the defaults of lists that are not among the keys *seen*."""
        for section in self.defaults.keys() - set(seen):
            self.section(section, (1, 1))

    def of_kind(
        self, kind: KindWords, defaults: Defaults | None = None, foreign: frozenset[str] = frozenset()
    ) -> Section:
        """Return what takes entries of *kind*, of which none has the *foreign* keys; the container is known."""
        assert self.vocabulary is not None
        assert self.name is not None
        target = self.vocabulary.target
        scope = (target, kind.kind) if self.vocabulary.unique_in_target else (target, kind.kind, self.name)
        identity = (target, self.name, kind.kind)
        return self.make(kind, identity, scope, self.problems, defaults, foreign)


class _Opening:
    """The examination of one head."""

    def __init__(self, head: Head, words: Words, problems: FileProblems) -> None:
        self.head = head
        self.words = words
        self.problems = problems

    def container(self, make: SectionMaker) -> Container:
        vocabulary = self._vocabulary()
        self._unknown_keys(vocabulary)
        name = None if vocabulary is None else self._name(vocabulary)
        defaults: Mapping[str, Defaults] = {} if vocabulary is None else self._defaults(vocabulary)
        return Container(self.words, vocabulary, name, defaults, make, self.problems)

    def _read(self, key: HeadKey, shape: Shape) -> Value | None:
        """Return the value of *key* when its text is faultless."""
        value = key.read(shape)
        for fault in value.faults:
            self.problems.add(*fault)
        if value.value is None and not value.faults:
            self.problems.add(value.trail.of(()), "null-value", f"{shown(key.name)} has no value")
            return None
        return None if value.faults else value

    def version(self) -> None:
        key = self.head.keys.get("kbsync")
        if key is None:
            message = f"the key `kbsync: {FORMAT}` is missing: it says which format this file has"
            self.problems.add(self.head.place, "format-version", message)
            return
        value = self._read(key, FREE)
        if value is not None and (type(value.value) is not int or value.value != FORMAT):
            at = value.trail.of(())
            self.problems.add(at, "format-version", f"this kbsync reads manifests of format `kbsync: {FORMAT}`")

    def _vocabulary(self) -> Vocabulary | None:
        key = self.head.keys.get("target")
        if key is None:
            self.problems.add(self.head.place, "missing-key", "`target` is missing: a target of kbsync.toml")
            return None
        value = self._read(key, TEXT)
        if value is None:
            return None
        at = value.trail.of(())
        if not isinstance(value.value, str):
            self.problems.add(at, "wrong-type", "`target` is the name of a target: text is expected here")
            return None
        found = self.words.targets.get(value.value)
        if found is None:
            self.problems.add(at, *unknown(value.value, self.words.targets.keys(), "target"))
        return found

    def _unknown_keys(self, vocabulary: Vocabulary | None) -> None:
        """Record the keys that heads for this target do not have."""
        foreign = self.words.header_keys
        own = foreign if vocabulary is None else frozenset(vocabulary.header_keys)
        sections = self.words.sections if vocabulary is None else frozenset(vocabulary.by_section)
        for key in self.head.keys.values():
            if key.name in COMMON_KEYS or key.name in own:
                continue
            if key.name in foreign and vocabulary is not None:
                message = f"{shown(key.name)} is no key for target {shown(vocabulary.target)}: write "
                message += " or ".join(f"`{name}`" for name in vocabulary.header_keys)
                self.problems.add(key.place, "wrong-provider", message)
            else:
                self.problems.add(key.place, *unknown(key.name, [*COMMON_KEYS, *own, *sections]))

    def _name(self, vocabulary: Vocabulary) -> str | None:
        written = [key for name, key in self.head.keys.items() if name in vocabulary.header_keys]
        values = {key.name: self._read(key, TEXT) for key in written}
        given = {name: value for name, value in values.items() if value is not None}
        if len(given) < len(written):
            return None
        try:
            header = vocabulary.validate_header({name: value.value for name, value in given.items()})
        except ValidationError as error:
            told: set[object] = set()
            for path, rule, message in findings(error, vocabulary.header):
                value = given.get(str(path[0])) if path else None
                at = self.head.place if value is None else value.trail.of(path[1:])
                subject = path if rule == "missing-key" else at
                if subject not in told:
                    told.add(subject)
                    self.problems.add(at, rule, message)
            return None
        container: str = header.container()
        return container

    def _defaults(self, vocabulary: Vocabulary) -> Mapping[str, Defaults]:
        key = self.head.keys.get("defaults")
        if key is None:
            return {}
        sections = {section: kind.shape for section, kind in vocabulary.by_section.items()}
        value = self._read(key, Shape(keys=sections))
        if value is None:
            return {}
        written = as_mapping(value.value)
        if written is None:
            self.problems.add(value.trail.of(()), "wrong-type", "`defaults` is a mapping of sections")
            return {}
        found: dict[str, Defaults] = {}
        for section, inner in written.items():
            if section not in sections:
                self.problems.add(value.trail.of_key((section,)), *unknown(section, sections.keys()))
            elif (beneath := as_mapping(inner)) is None:
                message = f"the defaults of {shown(section)} are a mapping"
                self.problems.add(value.trail.of((section,)), "wrong-type", message)
            else:
                found[section] = Defaults(beneath, Under(value.trail, section))
        return found
