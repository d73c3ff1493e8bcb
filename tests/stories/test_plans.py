from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.stories.job import Job, Target
from tests.stories.stage import Stage, staged, until
from tests.stories.whole_job import totals
from tests.stories.world import World, made_world, place_of


def test_a_saved_plan_runs_exactly_itself(tmp_path: Path) -> None:
    world = made_world(100)
    with staged(tmp_path, world) as stage:
        stage.job.apply()
        stage.declare(world.edited(10, "neu"))
        planned = stage.world
        assert stage.job.run("plan", "--out", "saved.plan").code == 0
        stage.declare(world.edited(20, "später"))
        stage.forget()
        code, report = stage.job.apply("--plan", "saved.plan")

        assert code == 0
        assert report["totals"] == totals(planned=10, updated=10, in_sync=90)
        assert len(stage.writes()) == 10
        assert report["plan_id"] == orjson.loads((stage.job.folder / "saved.plan").read_bytes())["plan_id"]
        assert stage.content() == planned.after


@pytest.mark.fault("F48", seen="applied twice: exit 5, nothing sent")
def test_a_saved_plan_applied_twice_is_stale_the_second_time(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(50)) as stage:
        stage.job.apply()
        stage.declare(stage.world.edited(5, "neu"))
        stage.job.run("plan", "--out", "saved.plan")
        stage.job.apply("--plan", "saved.plan")
        stage.forget()
        code, report = stage.job.apply("--plan", "saved.plan")

        assert code == 5
        assert report["totals"] == totals(planned=5, stale=5, in_sync=45)
        assert stage.seen() == 0


def test_a_plan_saved_before_the_first_run_can_be_applied(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(30)) as stage:
        stage.job.run("plan", "--out", "saved.plan")
        code, report = stage.job.apply("--plan", "saved.plan")

        assert code == 0
        assert report["totals"]["updated"] == report["totals"]["planned"] > 30
        assert stage.content() == stage.world.after


@pytest.mark.fault("F48", seen="what moved since is stale, the others are applied")
def test_an_item_that_moved_since_is_stale_and_the_others_are_applied(tmp_path: Path) -> None:
    world = made_world(100)
    with staged(tmp_path, world) as stage:
        stage.job.apply()
        stage.declare(world.edited(10, "neu"))
        stage.job.run("plan", "--out", "saved.plan")
        planned = stage.world
        # Two of the ten go another way in between.
        other = world.edited(10, "anders")
        moved = [line for line, before in zip(other.lines, world.lines, strict=True) if line is not before][:2]
        lines = {place_of(line): line for line in moved}
        stage.declare(World(world.before, [lines.get(place_of(line), line) for line in world.lines]))
        stage.job.apply()
        stage.forget()
        code, report = stage.job.apply("--plan", "saved.plan")

        assert code == 5
        assert report["totals"] == totals(planned=10, updated=8, stale=2, in_sync=90)
        assert {row["item"]["id"] for row in report["items"] if row["outcome"] == "stale"} == {
            place.id for place in lines
        }
        assert len(stage.writes()) == 8
        assert stage.content() == {
            **planned.after,
            **{place: World(world.before, moved).after[place] for place in lines},
        }


def test_an_item_that_came_into_doubt_since_is_stale(tmp_path: Path) -> None:
    world = made_world(40)
    with staged(tmp_path, world, targets=[Target("coze-cn", concurrency=1), Target("volc-bj", concurrency=1)]) as stage:
        stage.job.apply()
        stage.declare(world.edited(4, "neu"))
        stage.job.run("plan", "--out", "saved.plan")
        stage.rules({"kind": "hang_after", "writes_only": True})
        stage.forget()
        with stage.job.start("apply", "--yes") as running:
            until(lambda: bool(stage.writes()))
            running.process.kill()
            running.process.wait()
        stage.calm()
        doubts = stage.job.report()["totals"]["unknown"]
        code, report = stage.job.apply("--plan", "saved.plan")

        assert code == 5
        assert report["totals"] == totals(planned=4, updated=4 - doubts, stale=doubts, in_sync=36)


@pytest.mark.fault("F48", seen="one changed byte: exit 65, nothing sent")
@pytest.mark.parametrize("position", [0, 0.1, 0.35, 0.5, 0.65, 0.8, 0.9, 1])
def test_one_changed_byte_in_a_saved_plan_is_refused(prepared: Stage, position: float) -> None:
    saved = prepared.job.folder / "saved.plan"
    data = bytearray(saved.read_bytes())
    place = min(int(position * len(data)), len(data) - 2)
    while data[place] in b" \n":
        place -= 1
    data[place] ^= 1
    changed = prepared.job.folder / "changed.plan"
    changed.write_bytes(data)

    done = prepared.job.run("apply", "--yes", "--plan", "changed.plan")

    assert done.code == 65, done
    assert "changed.plan:" in done.err
    assert prepared.seen() == 0


@pytest.mark.fault("F48", seen="of another state: exit 65, nothing sent")
def test_a_plan_for_another_state_is_refused(prepared: Stage, tmp_path: Path) -> None:
    job = Job(tmp_path / "other", prepared.emulator.base_url)
    job.declare(prepared.world)
    job.apply()
    prepared.forget()
    before = job.fingerprint()

    done = job.run("apply", "--yes", "--plan", str(prepared.job.folder / "saved.plan"))

    assert done.code == 65
    assert "another state" in done.err
    assert prepared.seen() == 0
    assert job.fingerprint().keys() == before.keys()


@pytest.mark.fault("F48", seen="for another address: exit 65, nothing sent")
def test_a_plan_for_another_address_is_refused(prepared: Stage) -> None:
    config = prepared.job.folder / "kbsync.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("127.0.0.1", "localhost"), encoding="utf-8")

    done = prepared.job.run("apply", "--yes", "--plan", "saved.plan")

    config.write_text(text, encoding="utf-8")
    assert done.code == 65
    assert "another address" in done.err
    assert prepared.seen() == 0


def test_plan_changes_nothing(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(60)) as stage:
        untouched = stage.job.fingerprint()
        for arguments in ([], ["--format", "json"], ["--format", "markdown"], ["--detailed-exitcode"]):
            assert stage.job.run("plan", *arguments).code in {0, 2}
        assert stage.job.fingerprint() == untouched
        assert stage.seen() == 0

        stage.job.apply()
        stage.declare(stage.world.edited(10, "neu"))
        content = stage.content()
        stage.forget()
        applied = stage.job.fingerprint()
        assert stage.job.run("plan", "--detailed-exitcode").code == 2
        assert stage.job.fingerprint() == applied
        assert stage.seen() == 0
        assert stage.content() == content


def test_plan_changes_nothing_after_a_kill(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(200), targets=[Target("coze-cn", "50/s"), Target("volc-bj", "50/s")]) as stage:
        with stage.job.start("apply", "--yes") as running:
            until(lambda: stage.seen() > 20)
            running.process.kill()
            running.process.wait()
        seen, killed = stage.seen(), stage.job.fingerprint()
        assert stage.job.run("plan", "--detailed-exitcode").code == 2
        assert stage.job.report()["totals"]["not_attempted"] > 100
        # The index of the WAL is shared memory: whoever reads writes there, and nothing hangs on it.
        left = {name: value for name, value in stage.job.fingerprint().items() if not name.endswith("-shm")}
        assert left == {name: value for name, value in killed.items() if not name.endswith("-shm")}
        assert stage.seen() == seen


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Stage a saved plan of ten changes on an applied state, and no request seen since."""
    with staged(tmp_path_factory.mktemp("prepared"), made_world(60)) as stage:
        stage.job.apply()
        stage.declare(stage.world.edited(10, "neu"))
        assert stage.job.run("plan", "--out", "saved.plan").code == 0
        stage.forget()
        yield stage
