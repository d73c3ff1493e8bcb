"""The totals of a simulation, and the exit that its run would have had."""

from typing import Any

from kbsync.core.exits import Exit
from kbsync.core.report import OUTCOMES
from kbsync.core.simulation import SIMULATION_FORMAT, Assumed, Simulation, TargetSimulation

ASSUMED = Assumed(5.0, 1, 4, None, (50.0, 50.0), "calm", 0.0, ())


def target(planned: int, **outcomes: int) -> TargetSimulation:
    counted: dict[Any, int] = {(outcome, reason): half for outcome, half in outcomes.items() for reason in ("a", "b")}
    return TargetSimulation(planned, 0, 0, 0, 0, 0, 0, None, 0.0, 0.0, "", counted, ASSUMED)


def test_the_format_is_the_first_of_its_name() -> None:
    assert SIMULATION_FORMAT == "kbsync.simulation/1"


def test_totals_are_those_of_all_targets_and_reasons_together() -> None:
    simulation = Simulation(7, 1.0, (), {"one": target(6, updated=2, failed=1), "two": target(4, updated=2)})

    assert list(simulation.totals) == ["planned", *OUTCOMES]
    assert {name: number for name, number in simulation.totals.items() if number} == {
        "planned": 10,
        "updated": 8,
        "failed": 2,
    }


def test_the_exit_is_the_one_that_the_run_would_have_had() -> None:
    assert Simulation(7, 1.0, (), {}).exit is Exit.OK
    assert Simulation(7, 1.0, (), {"one": target(2, updated=1)}).exit is Exit.OK
    assert Simulation(7, 1.0, (), {"one": target(2, updated=1), "two": target(2, unknown=1)}).exit is Exit.PARTIAL
    assert Simulation(7, 1.0, (Exit.CREDENTIALS,), {"one": target(2, not_attempted=1)}).exit is Exit.CREDENTIALS
