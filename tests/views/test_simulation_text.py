from dataclasses import replace

import orjson

from kbsync.core.exits import Exit
from kbsync.core.simulation import Assumed, Simulation, TargetSimulation
from kbsync.views.simulation_text import simulation_json, simulation_text

ASSUMED = Assumed(5.0, 1, 4, None, (50.0, 50.0), "calm", 0.0, ())
CALM = TargetSimulation(
    planned=1_200,
    writes=1_200,
    reads=0,
    retries=0,
    throttled=0,
    lost=0,
    peak=5,
    slowest_per_s=None,
    seconds=241.3,
    waited_s=0.0,
    stopped="",
    outcomes={("updated", "accepted"): 1_200},
    assumed=ASSUMED,
)
STORMY = replace(
    CALM,
    writes=1_301,
    reads=12,
    retries=1,
    throttled=30,
    lost=40,
    slowest_per_s=2.5,
    waited_s=75.0,
    stopped="outage",
    outcomes={
        ("not_attempted", "outage"): 900,
        ("updated", "accepted"): 297,
        ("unknown", "timeout"): 1,
        ("failed", "http_503"): 2,
    },
    assumed=replace(
        ASSUMED,
        burst=3,
        true_rate_per_s=2.5,
        latency_ms=(20.0, 200.0),
        faults="storm",
        fault_share=0.3,
        outages=((60.0, 180.0),),
    ),
)


def told(target: TargetSimulation, *causes: Exit) -> list[str]:
    return list(simulation_text(Simulation(7, target.seconds, causes, {"coze-cn": target})))


def test_a_calm_run_is_told_in_few_lines() -> None:
    assert told(CALM) == [
        "Simulated 1,200 changes: 4 min, 1,200 requests. The run would exit 0 (ok).",
        "Nothing was sent, and nothing is changed. --seed 7 gives the same again.",
        "",
        "coze-cn  1,200 changes in 4 min",
        "  requests  1,200 writes; 5 in a second at most",
        "  outcomes  1,200 updated",
        "  assumed   5/s, 4 at once; the provider allows that; 50 ms a request",
    ]


def test_what_went_wrong_and_why_is_told() -> None:
    assert told(STORMY, Exit.UNFINISHED) == [
        "Simulated 1,200 changes: 4 min, 1,313 requests. The run would exit 7 (unfinished).",
        "Nothing was sent, and nothing is changed. --seed 7 gives the same again.",
        "",
        "coze-cn  1,200 changes in 4 min",
        "  requests  1,301 writes (1 retry), 12 reads, 30 throttled, 40 lost; 5 in a second at most",
        "  outcomes  297 updated, 2 failed (2 http_503), 1 unknown (1 timeout), 900 not attempted (900 outage)",
        "  slowed    to 2.5/s at the least, because the provider turned requests away",
        "  waited    75 s, because the provider asked for it or was down",
        "  stopped   outage",
        (
            "  assumed   5/s in bursts of 3, 4 at once; the provider allows 2.5/s; 20 to 200 ms a request; "
            "storm faults hit 30 %; down from 60 s to 3 min"
        ),
    ]


def test_the_document_says_the_same() -> None:
    (text,) = simulation_json(Simulation(7, 241.3, (Exit.UNFINISHED,), {"coze-cn": STORMY}))
    document = orjson.loads(text)

    assert document["exit"] == {"code": 7, "name": "unfinished"}
    assert (document["seed"], document["seconds"], document["totals"]["planned"]) == (7, 241.3, 1_200)
    target = document["targets"]["coze-cn"]
    assert target["requests"] == {
        "writes": 1_301,
        "retries": 1,
        "reads": 12,
        "throttled": 30,
        "lost": 40,
        "most_in_a_second": 5,
    }
    assert target["outcomes"]["not_attempted"] == {"outage": 900}
    assert target["stopped"] == "outage"
    assert target["assumed"]["outages_seconds"] == [[60, 180]]
