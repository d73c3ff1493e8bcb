"""A report's totals, and the exit code that follows from them."""

import pytest

from kbsync.core.exits import Exit
from kbsync.core.report import OUTCOMES, Report, ReportRow, RunFacts, is_balanced
from kbsync.core.state import OutcomeName, Settlement
from kbsync.core.wire import Answer
from tests.fakes import change


def report(
    *outcomes: OutcomeName, planned: int | None = None, exits: tuple[Exit, ...] = (), in_sync: int = 0
) -> Report:
    facts = RunFacts("r", "p", "0", 0.0, 1.0, in_sync, 0, (), {}, (), "", exits, planned)
    return Report(
        facts,
        [
            ReportRow(change(number), Settlement(number, outcome, "", 1, Answer(), 0.0))
            for number, outcome in enumerate(outcomes)
        ],
    )


def test_every_outcome_is_counted_and_planned_stands_first() -> None:
    totals = report("updated", "failed", "updated", in_sync=7).totals

    assert list(totals) == ["planned", *OUTCOMES, "in_sync"]
    assert {name: number for name, number in totals.items() if number} == {
        "planned": 3,
        "updated": 2,
        "failed": 1,
        "in_sync": 7,
    }


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_one_of_those_that_add_up_to_planned(outcome: OutcomeName) -> None:
    assert report(outcome, "updated", planned=2).balanced
    assert not report(outcome, planned=2).balanced
    assert not report(outcome, "updated", planned=1).balanced
    assert is_balanced(report(outcome).totals)


def test_a_report_that_does_not_add_up_ends_in_an_error_whatever_its_outcomes_are() -> None:
    assert report("updated", "failed", planned=2).exit is Exit.PARTIAL
    assert report("updated", "failed", planned=3).exit is Exit.ERROR
    assert report(planned=1).exit is Exit.ERROR


def test_the_causes_of_a_run_are_weighed_with_its_outcomes() -> None:
    assert report("updated").exit is Exit.OK
    assert report("failed", exits=(Exit.INTERRUPTED,)).exit is Exit.INTERRUPTED
    assert report("failed", exits=(Exit.INTERRUPTED,), planned=2).exit is Exit.INTERRUPTED


def test_a_report_yields_its_rows_in_their_order() -> None:
    one = report("failed", "updated")

    assert list(one) == list(one.rows)
