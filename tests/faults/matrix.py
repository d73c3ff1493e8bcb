"""The fault matrix: a plugin of pytest that writes what the marked tests saw into a table.

    python -m pytest -p tests.faults.matrix --faults docs/faults.md -m fault

A test says `@pytest.mark.fault("F16", "F30", seen="…")`: which faults it shows, and what happened if it passes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.faults.catalogue import CATALOGUE, LATER

__all__ = ("Shown", "table")

_HEAD: Final = """\
# What kbsync does when things go wrong

Made by the tests: `make faults` runs those that are marked with a fault, and writes here what they saw. Each shows real
behaviour, against real servers on loopback, real files, real processes and real signals, or on virtual time where hours
pass.

| | fault | what is promised | what was seen | | shown by |
| --- | --- | --- | --- | --- | --- |
"""


class Shown(NamedTuple):
    """What one test function said of one fault, and whether all its cases passed."""

    test: str
    seen: str
    passed: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take `--faults FILE`."""
    parser.addoption("--faults", type=Path, metavar="FILE", help="Write the table of faults to FILE.")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Have the reports of marked tests say which faults they are about, to other processes too."""
    for item in items:
        for mark in item.iter_markers("fault"):
            item.user_properties += [("fault", (number, mark.kwargs["seen"])) for number in mark.args]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the table."""
    path: Path | None = config.getoption("--faults")
    if path is None:
        return
    cases: dict[str, dict[tuple[str, str], bool]] = defaultdict(dict)
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            for name, value in getattr(report, "user_properties", ()):  # a file that cannot be collected has none
                if name == "fault" and (report.when == "call" or outcome != "passed"):
                    number, seen = value
                    key = (report.nodeid.partition("[")[0], seen)
                    cases[number][key] = cases[number].get(key, True) and outcome == "passed"
    shown = {
        number: [Shown(test, seen, passed) for (test, seen), passed in sorted(found.items())]
        for number, found in cases.items()
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(table(shown), encoding="utf-8")
    passed = sum(all(one.passed for one in shown[number]) for number in CATALOGUE if number in shown)
    terminalreporter.write_line(f"{path}: {passed} of {len(CATALOGUE)} faults as promised, {len(LATER)} later")


def table(shown: Mapping[str, Sequence[Shown]]) -> str:
    """Return the table as Markdown: a row for each fault, whatever was shown of it."""
    rows = [_row(number, shown.get(number, ())) for number in CATALOGUE]
    return _HEAD + "\n".join(rows) + "\n"


def _row(number: str, shown: Sequence[Shown]) -> str:
    fault, expected = CATALOGUE[number]
    if shown:
        seen, tests = _distinct(one.seen for one in shown), _distinct(f"`{one.test}`" for one in shown)
        passed = "pass" if all(one.passed for one in shown) else "**fail**"
    else:
        seen, tests, passed = f"*{LATER.get(number, 'nothing')}*", "", "later" if number in LATER else "**missing**"
    return f"| {number} | {fault} | {expected} | {seen} | {passed} | {tests} |"


def _distinct(texts: Iterable[str]) -> str:
    return "<br>".join(dict.fromkeys(texts))
