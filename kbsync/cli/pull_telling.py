"""What a pull says of the files that it changes, and of everything that it cannot."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kbsync.cli.differences import difference
from kbsync.cli.options import Console
from kbsync.core.exits import Exit
from kbsync.core.items import Item
from kbsync.views.problems import problem_lines
from kbsync.views.wording import count

__all__ = ("Findings", "Showing")

_SHOWN: Final = 20


class Findings:
    """What has to be told once all is done, in groups, of which so many lines are shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._groups: dict[str, list[str]] = {}
        self._counts: Counter[str] = Counter()
        self._partial = False

    def add(self, subject: object, what: str, group: str = "", *, partial: bool = True) -> None:
        """Say *what* of *subject*; if *partial*, the manifests are not all of what is live."""
        group = group or what
        lines = self._groups.setdefault(group, [])
        self._counts[group] += 1
        self._partial = self._partial or partial
        if len(lines) < _SHOWN:
            lines.append(f"{subject}: {what}")

    def in_doubt(self, items: Iterable[Item]) -> None:
        """Say that of *items* nothing was made known."""
        for item in items:
            self.add(item, "an update that nobody confirmed may still arrive: the next apply sends its values again")

    def tell(self) -> set[Exit]:
        """Write everything to stderr, and return what the exit depends on."""
        self._console.err.lines(problem_lines(self._lines()))
        return {Exit.PARTIAL} if self._partial else {Exit.OK}

    def _lines(self) -> Iterator[str]:
        for group, lines in self._groups.items():
            yield from lines
            if self._counts[group] > len(lines):
                yield f"kbsync: and {self._counts[group] - len(lines):,} more: {group}"


@dataclass
class Showing:
    """Whether files are written or only shown, and which."""

    console: Console
    check: bool
    diff: bool
    files: int = 0

    @property
    def dry(self) -> bool:
        """Whether nothing is written."""
        return self.check or self.diff

    def show(self, path: Path, name: str, pieces: Iterable[bytes]) -> None:
        """Say that the file at *path* changes to *pieces*."""
        self.files += 1
        if self.diff:
            self.console.out.lines(difference(name, f"{name} (live)", path, pieces))
        else:
            self.console.tell(name)

    def exits(self) -> Sequence[Exit]:
        """Return what the exit depends on."""
        return [Exit.CHANGES] if self.check and self.files else []

    def sum_up(self, values: int, left: int) -> None:
        """Say how much changed, and how many files did not."""
        would = "would be " if self.dry else ""
        changed = f"{count(values, 'value')} {would}changed in {count(self.files, 'file')}"
        self.console.say(f"kbsync: {changed}, {left} left as they are")
