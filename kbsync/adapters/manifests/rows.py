"""Manifests with one item a row: each row names its own target, container and kind."""

from typing import Any, Final

from kbsync.adapters.manifests.heads import Container, Head, HeadKey, Value
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.problems import Place, Trail, Under, shown
from kbsync.adapters.manifests.sections import Section
from kbsync.adapters.manifests.shapes import Shape
from kbsync.adapters.manifests.vocabulary import Vocabulary
from kbsync.core.manifest import Desired

__all__ = ("Rows",)

_ABSENT: Final = object()


class Rows:
    """Takes rows in. What a target, container and kind stand for is found out once for all rows that name them."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._targets = {name: _TargetRows(words) for name, words in intake.words.targets.items()}

    def admit(self, row: dict[str, Any], place: Place, trail: Trail) -> Desired | None:
        """Return the item that *row* declares, or None with the problems recorded. Takes the head out of *row*."""
        target = row.get("target")
        known = self._targets.get(target) if type(target) is str else None
        if known is None:
            self._open(row, place, trail)
            return None
        parts = [row.pop(name, _ABSENT) for name in known.names]
        try:
            section = known.sections.get(tuple(parts))
        except TypeError:  # a list or mapping where a name should be
            section = None
        if section is None:
            section = self._open(_with_head(row, known.names, parts), place, trail)
            if section is None:
                return None
            if all(type(part) is str or part is _ABSENT for part in parts):
                # True and 1.0 equal 1; text equals nothing but text, so only text is remembered.
                known.sections[tuple(parts)] = section
        return section.admit(row, place, trail)

    def _open(self, row: dict[str, Any], place: Place, trail: Trail) -> Section | None:
        """Return what takes rows like *row*, having examined its head."""
        intake = self._intake
        head = Head(place)
        for name, value in row.items():
            if name == "target" or name in intake.words.header_keys:
                head.add(_key(name, value, trail))
        container = head.open_row(intake.words, intake.places, intake.number, intake.problems)
        section = self._of_kind(row, place, trail, container)
        vocabulary = container.vocabulary
        # A key of another provider has been pointed out, and the entry would complain of it again.
        is_mixed = vocabulary is not None and any(
            name not in vocabulary.header_keys for name in head.keys.keys() - {"target"}
        )
        return None if is_mixed else section

    def _of_kind(self, row: dict[str, Any], place: Place, trail: Trail, container: Container) -> Section | None:
        problems = self._intake.problems
        kind = row.get("kind", _ABSENT)
        at = trail.of(("kind",))
        if kind is _ABSENT:
            problems.add(place, "missing-key", "`kind` is missing: what the row speaks of, such as `document`")
        elif not isinstance(kind, str):
            problems.add(at, "wrong-type", "`kind` is text, such as `document`")
        elif container.vocabulary is not None:
            found = container.vocabulary.by_kind.get(kind)
            if found is not None:
                foreign = self._intake.words.header_keys
                return None if container.name is None else container.of_kind(found, foreign=foreign)
            rule = "wrong-provider" if kind in self._intake.words.kinds else "bad-value"
            known = ", ".join(sorted(container.vocabulary.by_kind))
            target = shown(container.vocabulary.target)
            problems.add(at, rule, f"target {target} has no kind {shown(kind)}; it has: {known}")
        return None


class _TargetRows:
    """What is known of the rows of one target."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.names = ("target", "kind", *vocabulary.header_keys)
        self.sections: dict[tuple[Any, ...], Section] = {}


def _with_head(row: dict[str, Any], names: tuple[str, ...], parts: list[Any]) -> dict[str, Any]:
    head = {name: part for name, part in zip(names, parts, strict=True) if part is not _ABSENT}
    return {**head, **row}


def _key(name: str, value: Any, trail: Trail) -> HeadKey:
    def read(_shape: Shape) -> Value:
        return Value(value, [], Under(trail, name))

    return HeadKey(name, trail.of_key((name,)), read)
