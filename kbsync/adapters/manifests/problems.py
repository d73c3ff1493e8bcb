"""What is wrong with manifests: collected, bounded and fit for a terminal; never raised to the user."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol, TypeAlias

from kbsync.adapters.manifests.linting import Lints
from kbsync.core.items import Source
from kbsync.core.redaction import without_credentials
from kbsync.core.rules import Problem, Rule, Severity

__all__ = (
    "MAX_ERRORS_PER_FILE",
    "Fault",
    "FileProblems",
    "Path",
    "Place",
    "TooManyErrors",
    "Trail",
    "Under",
    "joined",
    "shown",
)

MAX_ERRORS_PER_FILE: Final = 1_000
_TOO_MANY: Final = "too-many-problems"
MAX_MESSAGE_CHARACTERS: Final = 400
MAX_SHOWN_CHARACTERS: Final = 60

Place: TypeAlias = tuple[int, int]
"""Line and column of a place in a file, both 1-based; columns count characters."""


Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions inside a value, outermost first."""


class Trail(Protocol):
    """Where the parts of one written value stand. Asked only about problems, so it may take its time."""

    def of(self, path: Path) -> Place:
        """Return the place of the value at *path*; of the innermost there is when there is none."""
        ...

    def of_key(self, path: Path) -> Place:
        """Return the place of the key that *path* ends with; as `of` when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Under:
    """The places beneath one key of a value."""

    trail: Trail
    key: str

    def of(self, path: Path) -> Place:
        """Return the place of the value at *path* beneath the key."""
        return self.trail.of((self.key, *path))

    def of_key(self, path: Path) -> Place:
        """Return the place of the key that *path* ends with."""
        return self.trail.of_key((self.key, *path))


class Fault(NamedTuple):
    """A rule broken at a place of the file that is being read."""

    place: Place
    rule: str
    message: str


class TooManyErrors(Exception):  # noqa: N818 - it ends the reading of one file and is no error of the program
    """Raised inside the readers when a file has so many errors that the rest of it is not worth reading."""


class FileProblems:
    """The problems of one file, added to the list of all.

    *rules* knows severities; a rule in *allow* that can be lifted finds nothing, and neither does a lint that is off.
    `lints` look at its items.
    """

    def __init__(self, file: str, problems: list[Problem], rules: Mapping[str, Rule], allow: frozenset[str]) -> None:
        self.file = file
        self.lints = Lints(rules)
        self._problems = problems
        self._begin = len(problems)
        self._rules = rules
        self._lifted = frozenset(
            rule.id for rule in rules.values() if rule.severity == "off" or (rule.liftable and rule.id in allow)
        )
        self._of_keys = frozenset(rule.id for rule in rules.values() if rule.of_key)
        self._counts: dict[Severity, int] = {"error": 0, "warning": 0}
        self._blamed: frozenset[Place] = frozenset()

    def add(self, place: Place, rule: str, message: str) -> bool:
        """Record a problem; return whether it refuses what it was found in.

        Raises TooManyErrors when it is one error too many.
        """
        if rule in self._lifted:
            return False
        if place in self._blamed:
            return True
        severity = self._severity(rule)
        self._counts[severity] += 1
        if self._counts[severity] <= MAX_ERRORS_PER_FILE:
            self._put(place, rule, message, severity)
        elif severity == "error":
            raise TooManyErrors
        return severity == "error"

    def place(self, trail: Trail, path: Path, rule: str) -> Place:
        """Return where *rule* is broken at *path*: at the key or at the value."""
        return trail.of_key(path) if rule in self._of_keys else trail.of(path)

    def passes(self, rule: str) -> bool:
        """Tell whether nothing would come of a problem of *rule*; one that is only counted is counted here."""
        if rule in self._lifted:
            return True
        if self._counts["warning"] < MAX_ERRORS_PER_FILE or self._severity(rule) == "error":
            return False
        self._counts["warning"] += 1
        return True

    @contextmanager
    def blaming(self, faults: Sequence[Fault]) -> Generator[None, None, None]:
        """Record *faults*, and nothing more about their places until the end of the block.

        What was read in their place is made up, and whatever is found wrong with it says nothing.
        """
        for fault in faults:
            self.add(*fault)
        self._blamed = frozenset(fault.place for fault in faults)
        try:
            yield
        finally:
            self._blamed = frozenset()

    def confine(self, end: Callable[[], Place]) -> None:
        """Move what stands behind the *end* of the file to it."""
        last = end() if len(self._problems) > self._begin else None
        for number in range(self._begin, len(self._problems)):
            problem = self._problems[number]
            if last is not None and problem.source[1:] > last:
                self._problems[number] = replace(problem, source=Source(self.file, *last))

    def close(self) -> None:
        """Put the file's problems in the order of the text, and say how much was left out when something was."""
        mine = self._problems[self._begin :]
        self._problems[self._begin :] = sorted(mine, key=lambda problem: problem.source[1:])
        for severity, count in self._counts.items():
            if count > MAX_ERRORS_PER_FILE:
                self._put((1, 1), _TOO_MANY, _too_many(severity), severity)

    def _severity(self, rule: str) -> Severity:
        severity = self._rules[rule].severity if rule in self._rules else "error"
        assert severity != "off", "such a rule finds nothing"
        return severity

    def _put(self, place: Place, rule: str, message: str, severity: Severity) -> None:
        text = _printable(without_credentials(message))
        if len(text) > MAX_MESSAGE_CHARACTERS:
            text = text[: MAX_MESSAGE_CHARACTERS - 1] + "…"
        self._problems.append(Problem(Source(self.file, *place), rule, text, severity))


def joined(parts: Sequence[Sequence[Problem]]) -> Sequence[Problem]:
    """Return the problems of a file that was read in *parts*, as if it had been read whole."""
    if len(parts) == 1:
        return parts[0]
    listed = [problem for part in parts for problem in part if problem.rule != _TOO_MANY]
    notes = [problem for part in parts for problem in part if problem.rule == _TOO_MANY]
    warnings = [problem for problem in listed if problem.severity == "warning"]
    if len(warnings) < len(listed) or (len(warnings) <= MAX_ERRORS_PER_FILE and not notes):
        return listed
    note = Problem(Source(warnings[0].source.file, 1, 1), _TOO_MANY, _too_many("warning"), "warning")
    return [*warnings[:MAX_ERRORS_PER_FILE], note]


def _too_many(severity: Severity) -> str:
    what = "the rest of the file was not read" if severity == "error" else "more are not listed"
    return f"over {MAX_ERRORS_PER_FILE:,} {severity}s in this file; {what}"


def shown(value: str) -> str:
    """Return *value* in back quotes for a message: cut, with everything unprintable escaped, and no credential."""
    value = without_credentials(value)
    cut = value if len(value) <= MAX_SHOWN_CHARACTERS else value[: MAX_SHOWN_CHARACTERS - 1] + "…"
    return f"`{_printable(cut)}`"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
