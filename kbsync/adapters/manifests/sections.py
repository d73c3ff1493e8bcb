"""One list of entries of one kind in one container: where a written entry becomes a desired item."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast

from pydantic import ValidationError

from kbsync.adapters.manifests.problems import Fault, FileProblems, Path, Place, Trail, shown
from kbsync.adapters.manifests.shapes import Shape, as_mapping
from kbsync.adapters.manifests.vocabulary import KindWords, is_secret_name, secret_key
from kbsync.core.entries import findings
from kbsync.core.fields import Fields
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired, Entry
from kbsync.core.rules import Finding

__all__ = ("Defaults", "Mark", "Section", "SectionMaker")


# Remembers the place of an id; returns the earlier one when there is one.
Mark: TypeAlias = Callable[[str, Place], Source | None]


_new: Final = cast("Callable[..., Any]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What stands beneath every entry of a section, and where it was written."""

    values: Mapping[str, Any]
    trail: Trail


class SectionMaker(Protocol):
    """Makes the sections of one file."""

    def __call__(
        self,
        words: KindWords,
        place: tuple[str, str, str],
        scope: tuple[str, ...],
        problems: FileProblems,
        defaults: Defaults | None,
        foreign: frozenset[str],
    ) -> "Section":
        """Return what takes entries at *place* (target, container, kind), whose ids must not repeat in *scope*."""
        ...


class Section:
    """Entries of one kind in one container of one file, in the order of the file.

    *foreign* are keys that only targets of another provider have.
    """

    def __init__(
        self,
        words: KindWords,
        place: tuple[str, str, str],
        mark: Mark,
        problems: FileProblems,
        defaults: Defaults | None = None,
        foreign: frozenset[str] = frozenset(),
    ) -> None:
        self.target, self.container, self.kind = place
        self.shape = words.shape
        self._validate = words.validate
        self._check = words.check
        self._model = words.model
        self._mark = mark
        lint = problems.lints.of(self.target, self.container)
        self._lint = None if lint is None else lint.look
        self._name = problems.file
        self._problems = problems
        self._defaults = defaults
        self._foreign = foreign
        self._blamed: set[Fault] = set()
        if defaults is not None:
            self._examine(defaults)

    def admit(self, written: dict[str, Any], place: Place, trail: Trail) -> Desired | None:
        """Return the item that *written* declares, or None with the problems recorded."""
        if self._defaults is not None:
            own, written = written, self._merged(written)
            trail = _Layered(own, trail, self._defaults)
        try:
            entry: Entry = self._validate(written)
        except ValidationError as error:
            self._explain(error, trail)
            self._remember(written, place)
            return None
        found = self._check(entry)
        # Of nearly all entries a check returns the empty tuple, and a call costs as much as a lint.
        fine = found == () or self._record(found, trail)
        fields = entry.fields()
        if self._lint is not None and (found := self._lint(fields)):
            fine = self._record(found, trail) and fine
        item_id = entry.id
        if (earlier := self._mark(item_id, place)) is not None:
            self._again(item_id, earlier, place)
            return None
        if not fine:
            return None
        ignored = frozenset(entry.ignore) if entry.ignore else _NOTHING
        return self._desired(item_id, fields, place, protect=entry.protect, ignored=ignored)

    def take(self, written: dict[str, Any], place: Place, trail: Trail) -> Desired | None:
        """Do what `admit` does, now or before `finish` returns: nothing of what is given may change until then."""
        return self.admit(written, place, trail)

    def finish(self) -> None:
        """Come to the end of the entries, of which more may follow."""

    def _desired(
        self, item_id: str, fields: Fields, place: Place, *, protect: bool = False, ignored: frozenset[str] = _NOTHING
    ) -> Desired:
        # The constructors of named tuples cost as much as the validation.
        item = _new(Item, (self.target, self.container, self.kind, item_id))
        source = _new(Source, (self._name, *place))
        desired: Desired = _new(Desired, (item, fields, source, protect, ignored))
        return desired

    def _merged(self, written: dict[str, Any]) -> dict[str, Any]:
        """Return *written* over the defaults."""
        return written if self._defaults is None else _merged(self._defaults.values, written, self.shape)

    def _record(self, found: Iterable[Finding], trail: Trail) -> bool:
        """Record what is *found* in an entry; return whether the entry can still be used."""
        fine = True
        for path, rule, message in found:
            if not self._problems.passes(rule):
                fault = Fault(self._problems.place(trail, path, rule), rule, message)
                fine = not (self._is_news(fault) and self._problems.add(*fault)) and fine
        return fine

    def _explain(self, error: ValidationError, trail: Trail) -> None:
        told: set[object] = set()
        for finding in findings(error, self._model):
            at = self._problems.place(trail, finding.path, finding.rule)
            # The alternatives of a union complain one by one of the same value; missing keys are each their own.
            subject = finding.path if finding.rule == "missing-key" else at
            if subject not in told:
                told.add(subject)
                self._tell(finding, at)

    def _tell(self, finding: Finding, place: Place) -> None:
        fault = Fault(place, finding.rule, finding.message)
        if finding.rule == "unknown-key" and len(finding.path) == 1 and finding.path[0] in self._foreign:
            message = f"{shown(str(finding.path[0]))} is no key for target {shown(self.target)}"
            fault = Fault(place, "wrong-provider", message)
        if finding.rule == "unknown-key" and is_secret_name(key := str(finding.path[-1])):
            fault = Fault(place, *secret_key(key))
        if self._is_news(fault):
            self._problems.add(*fault)

    def _is_news(self, fault: Fault) -> bool:
        """Tell whether *fault* comes for the first time: one in the defaults shows in every entry, and is told once."""
        if self._defaults is None:
            return True
        if fault in self._blamed:
            return False
        self._blamed.add(fault)
        return True

    def _again(self, item_id: str, earlier: Source, place: Place) -> None:
        item = Item(self.target, self.container, self.kind, item_id)
        self._problems.add(place, "duplicate-item", f"{item} is declared twice: first at {earlier}")

    def _remember(self, written: Mapping[str, Any], place: Place) -> None:
        item_id = written.get("id")
        if isinstance(item_id, str) and (earlier := self._mark(item_id, place)) is not None:
            self._again(item_id, earlier, place)

    def _examine(self, defaults: Defaults) -> None:
        """Record the findings that *defaults* have by themselves, also when no entry follows."""
        if "id" in defaults.values:
            self._problems.add(defaults.trail.of_key(("id",)), "unknown-key", "an id cannot be a default")
        try:
            self._validate(dict(defaults.values))
        except ValidationError as error:
            for finding in findings(error, self._model):
                if finding.path and finding.path[0] in defaults.values and finding.path != ("id",):
                    self._tell(finding, self._problems.place(defaults.trail, finding.path, finding.rule))


def _merged(defaults: Mapping[str, Any], own: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return *own* over *defaults*, key by key. Mappings with names of the user's choice merge name by name."""
    merged = {**defaults, **own}
    for key, beneath in defaults.items():
        over = own.get(key)
        if isinstance(over, dict) and isinstance(beneath, dict) and shape.under(key).open:
            merged[key] = {**beneath, **over}
    return merged


@dataclass(frozen=True, slots=True)
class _Layered:
    """The places of an entry over its section's defaults: what the entry does not say itself stands there."""

    own: Mapping[str, Any]
    trail: Trail
    defaults: Defaults

    def of(self, path: Path) -> Place:
        return self._trail(path).of(path)

    def of_key(self, path: Path) -> Place:
        return self._trail(path).of_key(path)

    def _trail(self, path: Path) -> Trail:
        ours: Any = self.own
        theirs: Any = self.defaults.values
        for step in path:
            theirs = (as_mapping(theirs) or {}).get(str(step))
            inner = as_mapping(ours) or {}
            if step not in inner:
                return self.trail if theirs is None else self.defaults.trail
            ours = inner[str(step)]
        return self.trail
