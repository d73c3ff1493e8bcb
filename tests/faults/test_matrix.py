"""The table of faults is whole, and what it points to is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.faults.catalogue import CATALOGUE, LATER
from tests.faults.matrix import Shown, table

ROOT: Final = Path(__file__).parents[2]
TABLE: Final = ROOT / "docs" / "faults.md"


def test_every_fault_stands_in_the_table_once_and_none_is_missing_or_failed() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| F\d", line)
    ]

    assert list(CATALOGUE) == [f"F{number}" for number in range(1, 51)]
    assert [row[0] for row in rows] == list(CATALOGUE)
    assert [(row[1], row[2]) for row in rows] == [tuple(row) for row in CATALOGUE.values()]
    assert {row[0] for row in rows if row[4] == "later"} == LATER.keys()
    assert {row[4] for row in rows} == {"pass", "later"}


def test_the_table_is_what_the_marked_tests_say() -> None:
    said: dict[str, list[Shown]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for test, number, seen in marks(path):
            said.setdefault(number, []).append(Shown(test, seen, passed=True))

    made = table({number: sorted(shown) for number, shown in said.items()})
    assert made == TABLE.read_text(encoding="utf-8")


def test_a_fault_that_a_test_did_not_see_as_promised_is_told() -> None:
    rows = table({"F1": [Shown("a", "well", passed=True), Shown("b", "badly", passed=False)]}).splitlines()

    assert [row.split(" | ")[3:] for row in rows if row.startswith("| F1 ")] == [
        ["well<br>badly", "**fail**", "`a`<br>`b` |"]
    ]
    assert len([row for row in rows if "**missing**" in row]) == len(CATALOGUE) - 1 - len(LATER)


def marks(path: Path) -> Iterator[tuple[str, str, str]]:
    """Give each fault that the tests of a module are marked with: the test, the fault, and what is seen."""
    for function in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in function.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                    seen = ast.literal_eval(mark.keywords[0].value)
                    for number in mark.args:
                        yield f"{path.relative_to(ROOT)}::{function.name}", ast.literal_eval(number), seen
