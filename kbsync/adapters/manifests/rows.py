"""Manifests with one item a row: each row names its own target, container and kind."""

from typing import Any, Final

from kbsync.adapters.manifests.heads import Container, Head, HeadKey, Value
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.problems import Place, Trail, Under, shown
from kbsync.adapters.manifests.quick import Glance, Odd, QuickSection
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
        self._targets: dict[object, _TargetRows] = {
            name: _TargetRows(words) for name, words in intake.words.targets.items()
        }

    def glance(self, row: Any, place: Place, marks: int) -> Desired | Odd | None:
        """Return what `QuickSection.glance` does for *row*, whose JSON has so many quotation *marks*.

        Takes the head out of *row*, also when that was in vain.
        """
        try:
            known = self._targets[row.pop("target", _ABSENT)]
            section, head_marks = known.quick[tuple([row.pop(name, _ABSENT) for name in known.names])]
        except (AttributeError, KeyError, TypeError):  # no object, or a list or mapping where a name should be
            return Glance.ODD
        return section.glance(row, place, marks - head_marks)

    def admit(self, row: dict[str, Any], place: Place, trail: Trail) -> Desired | None:
        """Return the item that *row* declares, or None with the problems recorded. Takes the head out of *row*."""
        target = row.get("target")
        known = self._targets.get(target) if type(target) is str else None
        if known is None:
            self._open(row, place, trail)
            return None
        del row["target"]
        parts = tuple([row.pop(name, _ABSENT) for name in known.names])
        try:
            section = known.sections.get(parts)
        except TypeError:
            section = None
        if section is None:
            head = {name: part for name, part in zip(known.names, parts, strict=True) if part is not _ABSENT}
            section = self._open({"target": target, **head, **row}, place, trail)
            if section is None:
                return None
            if all(type(part) is str for part in head.values()):
                # True and 1.0 equal 1; text equals nothing but text, so only text is remembered.
                known.sections[parts] = section
                if isinstance(section, QuickSection):
                    known.quick[parts] = (section, 4 * (1 + len(head)))
        return section.admit(row, place, trail)

    def _open(self, row: dict[str, Any], place: Place, trail: Trail) -> Section | None:
        """Return what takes rows like *row*, having examined its head."""
        intake = self._intake
        head = Head(place)
        for name, value in row.items():
            if name == "target" or name in intake.words.header_keys:
                head.add(_key(name, value, trail))
        container = head.open_row(intake.words, intake.make, intake.problems)
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
    """What is known of the rows of one target, by what stands under *names*; *quick* has the quotation marks too."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.names = ("kind", *vocabulary.header_keys)
        self.sections: dict[tuple[Any, ...], Section] = {}
        self.quick: dict[tuple[Any, ...], tuple[QuickSection, int]] = {}


def _key(name: str, value: Any, trail: Trail) -> HeadKey:
    def read(_shape: Shape) -> Value:
        return Value(value, [], Under(trail, name))

    return HeadKey(name, trail.of_key((name,)), read)
