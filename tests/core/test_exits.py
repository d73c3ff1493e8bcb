"""DESIGN's table of exit codes, and which of several stands."""

from itertools import combinations

import pytest

from kbsync.core.exits import Exit, most_telling
from kbsync.core.report import exit_of
from kbsync.core.state import OutcomeName

CODES = {
    "ok": 0,
    "error": 1,
    "changes": 2,
    "partial": 3,
    "guard": 4,
    "conflict": 5,
    "locked": 6,
    "unfinished": 7,
    "state": 8,
    "usage": 64,
    "input": 65,
    "credentials": 77,
    "hangup": 129,
    "interrupted": 130,
    "terminated": 143,
}
WEIGHTIEST_FIRST = (64, 65, 130, 143, 129, 8, 1, 77, 6, 4, 7, 3, 5, 2, 0)


def test_the_codes_are_those_of_the_documentation() -> None:
    assert {code.name.lower(): int(code) for code in Exit} == CODES


def test_of_any_two_codes_the_one_that_stands_first_is_told() -> None:
    assert sorted(WEIGHTIEST_FIRST) == sorted(map(int, Exit))
    for first, second in combinations(map(Exit, WEIGHTIEST_FIRST), 2):
        assert most_telling([second, first]) is first


def test_each_code_stands_before_all_that_follow_together() -> None:
    order = [Exit(code) for code in WEIGHTIEST_FIRST]

    assert [most_telling(order[place:]) for place in range(len(order))] == order


def test_where_nothing_is_to_tell_all_is_well() -> None:
    assert most_telling([]) is Exit.OK


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("updated", Exit.OK),
        ("skipped", Exit.OK),
        ("failed", Exit.PARTIAL),
        ("unknown", Exit.PARTIAL),
        ("not_attempted", Exit.UNFINISHED),
        ("conflict", Exit.CONFLICT),
        ("stale", Exit.CONFLICT),
    ],
)
def test_a_single_outcome_decides_the_exit_of_a_run(outcome: OutcomeName, code: Exit) -> None:
    assert exit_of([outcome], []) is code
    assert exit_of(["updated", outcome], []) is code


def test_outcomes_and_causes_are_weighed_together() -> None:
    assert exit_of(["failed"], [Exit.CREDENTIALS]) is Exit.CREDENTIALS
    assert exit_of(["not_attempted", "failed"], [Exit.CHANGES]) is Exit.UNFINISHED
    assert exit_of([], [Exit.TERMINATED]) is Exit.TERMINATED
