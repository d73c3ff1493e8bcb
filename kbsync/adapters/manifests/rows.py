"""Manifests with one item a row: each row names its own target, container and kind."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kbsync.adapters.manifests.alike import Numbers, alike, grouped, picked, some
from kbsync.adapters.manifests.heads import Container, Head, HeadKey, Value
from kbsync.adapters.manifests.intake import Intake
from kbsync.adapters.manifests.problems import Place, Trail, Under, shown
from kbsync.adapters.manifests.quick import Batch, QuickSection
from kbsync.adapters.manifests.sections import Section
from kbsync.adapters.manifests.shapes import Shape
from kbsync.adapters.manifests.vocabulary import Vocabulary
from kbsync.core.columns import Columns
from kbsync.core.manifest import Desired

__all__ = ("Rows",)

_ABSENT: Final = object()
_TEXT: Final = {str}


class Rows:
    """Takes rows in. What a target, container and kind stand for is found out once for all rows that name them."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._head_names = intake.words.header_keys | {"target", "kind"}
        self._targets: dict[object, _TargetRows] = {
            name: _TargetRows(words) for name, words in intake.words.targets.items()
        }

    def sift(self, batch: Batch, rows: Sequence[dict[str, Any]]) -> None:
        """Have the *rows* of *batch* admitted: at once those that quick sections take, the others one by one."""
        for numbers, columns in alike(rows):
            names = [path for path in columns if path[0] in self._head_names]
            if any(len(path) > 1 or {*map(type, columns[path])} != _TEXT for path in names):
                _look_closely(batch, numbers)
                continue
            inner = {path: column for path, column in columns.items() if path not in names}
            heads = [*zip(*(columns[path] for path in names), strict=True)] or [()] * len(numbers)
            for head, places in grouped(heads):
                named = {path[0]: text for path, text in zip(names, head, strict=True)}
                self._sift(batch, named, picked(numbers, places), some(inner, places))

    def _sift(self, batch: Batch, head: Mapping[str, str], numbers: Numbers, columns: Columns) -> None:
        """Have the rows admitted that *columns* shows without their *head*."""
        section = self._quick_section(head)
        if section is None:
            # The first row opens the section.
            batch.look_closely(numbers[0])
            columns, numbers = some(columns, range(1, len(numbers))), numbers[1:]
            section = self._quick_section(head)
        if section is None:
            _look_closely(batch, numbers)
        elif numbers:
            section.sift(batch, numbers, columns, 2 * len(head))

    def _quick_section(self, head: Mapping[str, str]) -> QuickSection | None:
        known = self._targets.get(head.get("target"))
        if known is None or not head.keys() <= {"target", *known.names}:
            return None
        section = known.sections.get(tuple([head.get(name, _ABSENT) for name in known.names]))
        return section if isinstance(section, QuickSection) else None

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
            problems.add(at, "null-value" if kind is None else "wrong-type", "`kind` is text, such as `document`")
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


def _look_closely(batch: Batch, numbers: Numbers) -> None:
    for number in numbers:
        batch.look_closely(number)


class _TargetRows:
    """What is known of the rows of one target, by what stands under *names*."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.names = ("kind", *vocabulary.header_keys)
        self.sections: dict[tuple[Any, ...], Section] = {}


def _key(name: str, value: Any, trail: Trail) -> HeadKey:
    def read(_shape: Shape) -> Value:
        return Value(value, [], Under(trail, name))

    return HeadKey(name, trail.of_key((name,)), read)
