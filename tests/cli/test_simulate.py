import hashlib
from pathlib import Path

import pytest

from tests.cli.desk import ENVIRONMENT, MANIFEST, PENDING, Desk


def state_of(desk: Desk) -> dict[Path, str]:
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(desk.folder.rglob("*")) if path.is_file()
    }


@pytest.fixture
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("_no_credentials")
@pytest.mark.parametrize("form", ["human", "json"])
def test_it_sends_nothing_changes_nothing_and_needs_no_credentials(desk: Desk, form: str) -> None:
    before = state_of(desk)

    told = desk.run("simulate", "--faults", "storm", "--format", form)

    assert told.code == 0, told.err
    assert desk.requests == 0
    assert state_of(desk) == before


def test_it_tells_how_long_how_many_and_what_would_come_of_it(desk: Desk) -> None:
    found = desk.run("simulate", "--format", "json").json()

    assert found["format"] == "kbsync.simulation/1"
    assert found["exit"] == {"code": 0, "name": "ok"}
    assert found["totals"]["updated"] == found["totals"]["planned"] == PENDING
    assert found["seconds"] > 0
    coze, volcengine = found["targets"]["coze-cn"], found["targets"]["volc-bj"]
    assert (coze["requests"]["writes"], coze["requests"]["reads"]) == (1, 0)
    assert (volcengine["requests"]["writes"], volcengine["requests"]["reads"]) == (1, 1)
    assert coze["outcomes"] == {"updated": {"accepted": 1}}
    assert coze["assumed"]["rate_per_second"] == 500


def test_a_saved_plan_is_simulated_as_it_is(desk: Desk) -> None:
    desk.run("plan", "--out", "plan.json")
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="newer") + "  - id: '7386942056030100002'\n    name: x\n")
    saved = desk.run("simulate", "plan.json", "--format", "json").json()
    fresh = desk.run("simulate", "--format", "json").json()

    assert (saved["totals"]["planned"], fresh["totals"]["planned"]) == (PENDING, PENDING + 1)


def test_what_of_a_saved_plan_is_stale_by_now_is_told(desk: Desk) -> None:
    desk.run("plan", "--out", "plan.json")
    desk.run("apply", "--yes", "manifests/pets.yaml")

    found = desk.run("simulate", "plan.json", "--format", "json").json()

    assert (found["totals"]["stale"], found["totals"]["updated"]) == (1, PENDING - 1)
    assert found["exit"]["name"] == "conflict"


def test_a_plan_that_apply_would_refuse_says_so(desk: Desk) -> None:
    desk.configure(replace={"[manifests]": "[guards]\nmax_changes = 1\n\n[manifests]"})

    told = desk.run("simulate")

    assert told.code == 0
    assert "apply would refuse this plan" in told.err
    assert "max-changes" in told.err


def test_what_if_is_asked_for_one_target_or_for_all(desk: Desk) -> None:
    words = ["--rate", "2/s", "--rate", "volc-bj=3/s", "--true-rate", "coze-cn=60/min", "--concurrency", "coze-cn=9"]
    found = desk.run("simulate", *words, "--latency", "20-200", "--outage", "5-6", "--format", "json").json()

    coze, volcengine = (found["targets"][name]["assumed"] for name in ("coze-cn", "volc-bj"))
    assert (coze["rate_per_second"], coze["true_rate_per_second"], coze["concurrency"]) == (2, 1, 9)
    assert (volcengine["rate_per_second"], volcengine["true_rate_per_second"]) == (3, None)
    assert coze["latency_ms"] == [20, 200]
    assert coze["outages_seconds"] == [[5, 6]]


def test_an_outage_is_told_to_people(desk: Desk) -> None:
    told = desk.run("simulate", "--outage", "0-600")

    assert "down from 0.0 s to 10 min" in told.out
    assert "The run would exit 3 (partial)." in told.out


def test_a_share_of_faults_is_told_to_people(desk: Desk) -> None:
    assert "refusals faults hit 100 %" in desk.run("simulate", "--faults", "refusals", "--fault", "1").out
    assert "would exit 3 (partial)" in desk.run("simulate", "--faults", "refusals", "--fault", "1").out


def test_nothing_to_do_takes_no_time(desk: Desk) -> None:
    desk.run("apply", "--yes")

    assert "Simulated 0 changes: nothing to send." in desk.run("simulate").out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--rate", "coze-cn=fast"), "write a rate"),
        (("--rate", "nobody=5/s"), "no such target"),
        (("--true-rate", "0/s"), "write a rate"),
        (("--latency", "soon"), "write milliseconds"),
        (("--latency", "9-3"), "write milliseconds"),
        (("--outage", "5"), "write seconds"),
        (("--concurrency", "0"), "write a number"),
        (("--faults", "rain"), "rain"),
        (("--fault", "2"), "2"),
        (("--seed", "-1"), "-1"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(desk: Desk, words: tuple[str, ...], what: str) -> None:
    told = desk.run("simulate", *words)

    assert told.code == 64
    assert what in told.err


def test_a_plan_that_is_none_is_an_input_error(desk: Desk) -> None:
    desk.write("plan.json", "{}")

    assert desk.run("simulate", "plan.json").code == 65
    assert desk.run("simulate", "missing.json").code == 65
