"""Every way to fail, aimed at single items among good ones: none is ever counted as a success."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from kbsync.emulator.faults import FAULTS
from tests.stories.job import Target
from tests.stories.stage import Stage, staged
from tests.stories.world import Line, World, made_world, place_of

# These answers to a write are good: late, under a wrong name, the last ones of their connections; some kinds are about
# lists alone, and that a write was ignored can only be seen in a read-back.
GOOD_SHAPES: Final = {"answer", "parting", "parting_reset", "listing", "stuck"}
GOOD: Final = {"wrong_content_type", "no_content_type"}
FAILING: Final = sorted(kind for kind, fault in FAULTS.items() if fault.shape not in GOOD_SHAPES and kind not in GOOD)
FAILING_LISTS: Final = sorted(
    {*FAILING, *(kind for kind, fault in FAULTS.items() if fault.shape in {"listing", "stuck"})}
)
ATTEMPTS: Final = 3
THROTTLED_ATTEMPTS: Final = 4
RETRY: Final = {
    "attempts": ATTEMPTS,
    "throttled_attempts": THROTTLED_ATTEMPTS,
    "base_delay_s": 0.01,
    "throttle_delay_s": 0.01,
    "max_delay_s": 0.05,
}
IMPATIENT: Final = {"read_timeout_s": 1.5, "total_timeout_s": 2.0}


def test_there_are_more_than_forty_kinds_of_failing_answers() -> None:
    assert len(FAILING) > 40


@pytest.mark.fault(
    "F21", "F22", "F23", "F24", seen="over 40 ways to fail, aimed at single items: none is counted as a success"
)
@pytest.mark.parametrize("target", ["coze", "volc"])
def test_no_failing_answer_to_a_write_is_counted_as_a_success(tmp_path: Path, target: str) -> None:
    with hit_by_everything(tmp_path, target) as stage:
        stage.rules(*(aimed(kind, number, "*", writes_only=True) for number, kind in enumerate(FAILING)))
        _, report = stage.job.apply()

        rows: dict[str, list[dict[str, Any]]] = {row["item"]["target"]: [] for row in report["items"]}
        for row in report["items"]:
            rows[row["item"]["target"]].append(row)
        assert len(rows) == len(FAILING)
        for number, kind in enumerate(FAILING):
            check_victims(kind, rows[f"{target}-{number}"], report["stopped"].get(f"{target}-{number}"))
        assert stage.seen_by_item() == stage.job.journal.writes()
        check_neighbours(stage, report)


def test_a_failing_bulk_read_loses_no_undeclared_field(tmp_path: Path) -> None:
    with hit_by_everything(tmp_path, "volc", len(FAILING_LISTS)) as stage:
        stage.rules(*(aimed(kind, number, "volcengine.documents.list") for number, kind in enumerate(FAILING_LISTS)))
        _, report = stage.job.apply()

        check_neighbours(stage, report)
        undeclared = {"是否公开", "year", "Überrest €", "tags"}
        content = stage.content()
        for place, (_, meta) in stage.world.before.items():
            assert {name: content[place][1][name] for name in undeclared} == {name: meta[name] for name in undeclared}


def test_without_a_good_read_nothing_is_overwritten(tmp_path: Path) -> None:
    with hit_by_everything(tmp_path, "volc") as stage:
        numbered = list(enumerate(FAILING))
        stage.rules(
            *(aimed(kind, number, "volcengine.documents.list") for number, kind in numbered),
            *(aimed(kind, number, "volcengine.document.info") for number, kind in numbered),
        )
        _, report = stage.job.apply()

        assert {row["outcome"] for row in report["items"]} <= {"failed", "not_attempted"}
        assert not stage.writes()
        assert stage.job.journal.reads() == len(stage.requests())
        assert stage.content() == stage.world.before


def check_victims(kind: str, rows: list[dict[str, Any]], stopped: str | None) -> None:
    """The item that was hit did not succeed, did not fail for certain when it was applied, and cost a bounded lot."""
    victim = next(row for row in rows if row["item"]["id"].endswith("1"))
    assert victim["outcome"] in {"failed", "unknown"}, (kind, victim)
    if FAULTS[kind].effect != "skip":
        assert victim["outcome"] == "unknown", (kind, victim)
    assert 1 <= victim["attempts"] <= THROTTLED_ATTEMPTS + ATTEMPTS, (kind, victim)
    for row in rows:
        if row is not victim:
            assert row["outcome"] == "updated" or (stopped and row["outcome"] == "not_attempted"), (kind, row)


def check_neighbours(stage: Stage, report: dict[str, Any]) -> None:
    """What is said to be updated was applied with a good answer, and is there."""
    updated = {row["item"]["id"] for row in report["items"] if row["outcome"] == "updated"}
    well = {
        write["item"].rpartition("/")[2]
        for write in stage.writes()
        if write["fate"] == "applied" and not write["fault"] and (write["status"], write["code"]) == (200, 0)
    }
    assert updated == well
    content, after = stage.content(), stage.world.after
    assert all(content[place] == after[place] for place in after if place.id in updated)


def aimed(kind: str, number: int, operation: str, *, writes_only: bool = False) -> dict[str, object]:
    """Make the rule that hits the victim of one target with one kind, whenever it comes."""
    return {
        "kind": kind,
        "operation": operation,
        "item": "*1" if writes_only else "*",
        "credential": f"*-{number}",
        "writes_only": writes_only,
    }


@contextmanager
def hit_by_everything(folder: Path, name: str, count: int = len(FAILING)) -> Iterator[Stage]:
    """Stage one target for each kind of failure, with three items each; the one whose id ends in 1 is the victim."""
    targets = [
        Target(f"{name}-{number}", "1000/s", 2, credential=number, settings=IMPATIENT) for number in range(count)
    ]
    with staged(folder, spread(name, len(targets)), targets=targets, retry=RETRY) as stage:
        yield stage


def spread(name: str, targets: int) -> World:
    """Make up three items for each target: for Coze two images and a document, for Volcengine three documents."""
    wanted = "coze-cn" if name == "coze" else "volc-bj"
    made = made_world(targets * 30)
    pool = [line for line in made.lines if line["target"] == wanted]
    lines: list[Line] = []
    before = {}
    for number in range(targets):
        for place_number in range(3):
            line = dict(pool[number * 3 + place_number])
            content = made.before[place_of(line)]
            # One write each, and an id that says which of the three it is.
            if "meta" in line:
                line.pop("name", None)
            line |= {"target": f"{name}-{number}", "id": renamed(line["id"], number * 3 + place_number, place_number)}
            before[place_of(line)] = content
            lines.append(line)
    return World(before, lines)


def renamed(id_: str, number: int, last: int) -> str:
    """Give an id like *id_* of which there is one for each *number*, and that ends in *last*."""
    return f"{id_[:8]}{number:08d}{last}"
