from collections import Counter
from dataclasses import replace

import pytest

from kbsync.core.events import Event, Settled
from kbsync.core.exits import Exit
from kbsync.core.holds import Hold
from kbsync.core.plan import Change, Skipped
from kbsync.core.settings import RetrySettings
from kbsync.core.simulation import Assumed, Simulation, TargetSimulation
from kbsync.engine.target import Policy
from kbsync.simulator import MIXES, OUTAGE, Beginning, Model, ModelTarget, limit, simulate, spell
from kbsync.simulator.clock import EPOCH_S
from tests.fakes import LittleCodec, change, plan_of

OPERATIONS = tuple(LittleCodec.operations.values())
ASSUMED = Assumed(10.0, 1, 4, None, (50, 50), "calm", 0.0, ())


def target(
    model: Model | None = None, name: str = "t", rate_per_s: float = 10.0, concurrency: int = 4, credential: str = ""
) -> ModelTarget:
    assumed = replace(ASSUMED, rate_per_s=rate_per_s, concurrency=concurrency)
    return ModelTarget(name, OPERATIONS, 30.0, model or Model(), assumed, credential=credential)


def captions(number: int, name: str = "t") -> list[Change]:
    return [change(index, name) for index in range(number)]


def simulated(
    changes: list[Change],
    *targets: ModelTarget,
    policy: Policy | None = None,
    seed: int = 0,
    beginning: Beginning | None = None,
) -> Simulation:
    return simulate(
        plan_of(changes), targets or [target()], RetrySettings(), policy or Policy(), seed, beginning=beginning
    )


def only(simulation: Simulation) -> TargetSimulation:
    (found,) = simulation.targets.values()
    return found


def test_a_calm_run_takes_what_its_rate_says() -> None:
    found = simulated(captions(500))

    assert found.seconds == pytest.approx(500 / 10, rel=0.02)
    assert found.totals == {**dict.fromkeys(found.totals, 0), "planned": 500, "updated": 500}
    assert (only(found).writes, only(found).reads, only(found).retries) == (500, 0, 0)
    assert only(found).peak == 10
    assert only(found).waited_s == 0
    assert only(found).slowest_per_s is None
    assert found.exit is Exit.OK


def test_latency_and_concurrency_count_where_they_are_the_limit() -> None:
    slow = target(Model(latency_s=(2, 2)))
    one, two = (simulated(captions(50), replace(slow, assumed=replace(slow.assumed, concurrency=n))) for n in (1, 2))

    assert one.seconds == pytest.approx(50 * 2, rel=0.05)
    assert two.seconds == pytest.approx(25 * 2, rel=0.05)


def test_reads_count_as_requests() -> None:
    found = simulated([change(number, operation="little.meta") for number in range(100)])

    assert (only(found).writes, only(found).reads) == (100, 10)
    assert found.seconds == pytest.approx(110 / 10, rel=0.05)


def test_the_same_seed_gives_the_same_and_another_one_other_luck() -> None:
    storm = target(Model(spells=MIXES["storm"]))
    first, again, other = (simulated(captions(200), storm, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first.seconds != other.seconds


def test_a_provider_that_allows_less_is_seen_to_throttle() -> None:
    found = simulated(captions(300), target(Model(limits=(limit(5.0),))))

    assert only(found).throttled > 0
    assert only(found).retries == only(found).throttled
    assert only(found).waited_s > 0
    assert (only(found).slowest_per_s or 10) < 10
    assert found.seconds > 300 / 5
    assert found.totals["updated"] == 300


def test_an_outage_that_ends_is_waited_for() -> None:
    calm, down = simulated(captions(100)), simulated(captions(100), target(Model(spells=(spell(1.0, OUTAGE, 2, 100),))))

    assert down.seconds > calm.seconds + 90
    assert only(down).waited_s == pytest.approx(100, abs=25)
    assert down.totals["updated"] > 90


def test_an_outage_that_does_not_end_leaves_the_rest_for_the_next_run() -> None:
    found = simulated(captions(500), target(Model(spells=(spell(1.0, OUTAGE),))), policy=Policy(max_outage_s=120))

    assert found.exit is Exit.UNFINISHED
    assert only(found).stopped == "outage"
    assert only(found).outcomes["not_attempted", "outage"] > 400
    assert only(found).waited_s == pytest.approx(120, abs=20)
    assert sum(only(found).outcomes.values()) == only(found).planned == 500


def test_refused_items_fail_and_the_exit_says_so() -> None:
    found = simulated(captions(1_000), target(Model(spells=MIXES["refusals"]), rate_per_s=1_000))

    assert 0 < found.totals["failed"] < 40
    assert found.exit is Exit.PARTIAL


def test_what_the_policy_says_ends_the_run() -> None:
    found = simulated(captions(50), policy=Policy(limit=20))

    assert Counter({outcome: number for (outcome, _), number in only(found).outcomes.items()}) == {
        "updated": 20,
        "not_attempted": 30,
    }
    assert found.exit is Exit.UNFINISHED


def test_targets_of_one_credential_share_what_it_is_allowed() -> None:
    changes = [*captions(100, "a"), *captions(100, "b")]
    apart = simulated(changes, target(name="a"), target(name="b"))
    together = simulated(changes, target(name="a", credential="k"), target(name="b", credential="k"))

    assert apart.seconds == pytest.approx(10, rel=0.1)
    assert together.seconds == pytest.approx(20, rel=0.1)


def test_what_is_stale_or_protected_is_counted_and_not_sent() -> None:
    plan = replace(plan_of(captions(10)), skipped=(Skipped(change(99), "protected"),))
    found = simulate(plan, [target()], RetrySettings(), Policy(), 0, beginning=Beginning(stale={2, 3}))

    assert only(found).outcomes == {
        ("updated", "accepted"): 8,
        ("stale", "known_value_moved"): 2,
        ("skipped", "protected"): 1,
    }
    assert (found.totals["planned"], only(found).writes) == (11, 8)
    assert found.exit is Exit.CONFLICT


def test_what_is_held_is_waited_for() -> None:
    held = Beginning(EPOCH_S, holds={0: Hold(EPOCH_S + 40, None)})

    assert simulated(captions(5), beginning=held).seconds == pytest.approx(40, abs=1)


def test_observers_are_told_each_outcome() -> None:
    told: list[Event] = []
    simulate(plan_of(captions(7)), [target()], RetrySettings(), Policy(), 0, observe=told.append)

    assert [event.settlement.outcome for event in told if isinstance(event, Settled)] == ["updated"] * 7


def test_nothing_to_send_takes_no_time() -> None:
    found = simulate(plan_of([]), [], RetrySettings(), Policy(), 0)

    assert found.seconds < 0.1
    assert (found.totals["planned"], found.exit) == (0, Exit.OK)


@pytest.mark.parametrize("mix", MIXES)
def test_in_every_mix_each_change_comes_to_an_end(mix: str) -> None:
    changes = [*captions(200), *(change(number, operation="little.meta") for number in range(200))]
    found = simulated(changes, target(Model(spells=MIXES[mix]), rate_per_s=50))

    assert sum(only(found).outcomes.values()) == 400
    assert found.totals["updated"] > 300
