"""What stops a run, and how little it stops."""

from pathlib import Path

import pytest

from tests.stories.job import Target
from tests.stories.stage import staged, until
from tests.stories.whole_job import totals
from tests.stories.world import World, items_of, made_world, place_of

TARGETS = (Target("coze-cn", "50/s", 4), Target("volc-bj", "50/s", 4))


@pytest.mark.fault("F11", seen="exit 6 and the other's process; it sent nothing")
def test_of_two_applies_at_once_the_loser_names_the_holder(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(150), targets=TARGETS) as stage:
        stage.control("PUT", "latency", {"least_s": 2.0, "most_s": 2.0})
        with stage.job.start("apply", "--yes", "--report", "first.json") as winner:
            until(lambda: stage.seen() > 5)
            loser = stage.job.run("apply", "--yes", "--report", "second.json")
            assert winner.process.poll() is None
            stage.calm()
            first = winner.done()

        assert loser.code == 6
        assert f"process {winner.process.pid} " in loser.err
        assert "kbsync apply" in loser.err
        assert not (stage.job.folder / "second.json").exists()
        assert first.code == 0
        assert max(stage.seen_by_item().values()) == 1
        assert stage.content() == stage.world.after


def test_of_many_applies_at_once_one_wins(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(60), targets=TARGETS) as stage:
        runs = [stage.job.start("apply", "--yes") for _ in range(5)]
        codes = sorted(run.done().code for run in runs)

        assert codes[0] == 0
        assert set(codes) <= {0, 6}
        assert max(stage.seen_by_item().values()) == 1
        assert stage.content() == stage.world.after


def test_too_many_changes_are_shown_and_not_sent_until_they_are_allowed(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(100)) as stage:
        stage.job.apply()
        stage.declare(stage.world.edited(40, "neu"))
        stage.forget()

        shown = stage.job.run("plan", "--format", "json")
        assert shown.code == 4
        assert len(shown.json["changes"]) == 40
        guards = {guard["guard"] for guard in shown.json["guards"]}
        assert guards == {"change-percent"}

        refused = stage.job.run("apply", "--yes")
        assert refused.code == 4
        assert "40 changes" in refused.out
        assert "change-percent" in refused.out
        assert stage.job.run("apply", "--yes", "--allow", "change-percent").code == 64
        assert stage.seen() == 0

        code, report = stage.job.apply("--allow", "change-percent", "--reason", "Umbenennung, #42")
        assert code == 0
        assert report["totals"] == totals(planned=40, updated=40, in_sync=60)
        assert report["allow_reason"] == "Umbenennung, #42"
        assert all(guard["lifted"] for guard in report["guards"])
        assert stage.content() == stage.world.after

        # It was lifted once.
        stage.declare(stage.world.edited(40, "noch einmal"))
        assert stage.job.run("apply", "--yes").code == 4


def test_a_guard_that_refused_a_saved_plan_refuses_it_when_it_is_applied(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(60)) as stage:
        stage.job.apply()
        stage.declare(stage.world.edited(30, "neu"))
        stage.forget()
        assert stage.job.run("plan", "--out", "saved.plan").code == 4
        assert stage.job.run("apply", "--yes", "--plan", "saved.plan").code == 4
        assert stage.seen() == 0
        code, _ = stage.job.apply("--plan", "saved.plan", "--allow", "change-percent", "--reason", "ja")
        assert code == 0


def test_a_manifest_that_lost_most_of_its_items_is_refused(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(60)) as stage:
        stage.job.apply()
        stage.forget()
        for left in (stage.world.lines[:20], []):
            stage.declare(World(stage.world.before, left))
            assert stage.job.run("apply", "--yes").code == 4
        assert stage.seen() == 0


@pytest.mark.fault("F31", seen="from the start: exit 77, at most a request for each worker, the other target done")
@pytest.mark.parametrize(
    ("target", "secret", "wrong"),
    [("coze-cn", "TOKEN_0", "pat_wrong"), ("volc-bj", "SECRET", "not-this-one=="), ("volc-bj", "KEY_0", "AKLTWRONG")],
)
def test_a_wrong_credential_stops_its_target_only(tmp_path: Path, target: str, secret: str, wrong: str) -> None:
    with staged(tmp_path, made_world(100), targets=TARGETS) as stage:
        right = stage.job.environment[secret]
        stage.job.environment[secret] = wrong
        code, report = stage.job.apply()

        assert code == 77
        assert report["stopped"] == {target: "unauthorised"}
        mine = [row for row in report["items"] if row["item"]["target"] == target]
        others = [row for row in report["items"] if row["item"]["target"] != target]
        assert {row["outcome"] for row in others} == {"updated"}
        assert {row["outcome"] for row in mine} <= {"failed", "not_attempted"}
        assert {row["reason"] for row in mine} == {"unauthorised"}
        assert all((row["outcome"] == "failed") == (row["attempts"] > 0) for row in mine)
        assert sum(row["attempts"] for row in mine) <= 4
        assert any(row["message"] for row in mine), "nobody learns what the server said"
        assert wrong not in stage.job.run("report", "last", "--format", "json").out

        stage.job.environment[secret] = right
        code, rest = stage.job.apply()
        assert code == 0
        assert rest["totals"]["updated"] == len(mine)
        assert stage.content() == stage.world.after


@pytest.mark.fault("F31", seen="in the middle: exit 77, what was applied is recorded, the other target done")
def test_a_credential_that_expires_in_the_middle_stops_its_target_only(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(100), targets=TARGETS) as stage:
        stage.rules({"kind": "refused_401", "operation": "coze.*", "count": [21, 10_000]})
        code, report = stage.job.apply()

        assert code == 77
        assert report["stopped"] == {"coze-cn": "unauthorised"}
        by_target = {
            name: [row["outcome"] for row in report["items"] if row["item"]["target"] == name]
            for name in ("coze-cn", "volc-bj")
        }
        assert set(by_target["volc-bj"]) == {"updated"}
        applied = [write for write in stage.writes() if write["provider"] == "coze" and write["fate"] == "applied"]
        assert by_target["coze-cn"].count("updated") == len(applied) >= 20
        assert 1 <= by_target["coze-cn"].count("failed") <= 4


def test_a_missing_dataset_or_collection_fails_its_own_items_only(tmp_path: Path) -> None:
    world = made_world(100)
    lines = [
        {**line, "dataset": "744632974166809999"}
        if line.get("dataset", "").endswith("2")
        else {**line, "collection": "gone"}
        if line.get("collection") == "faq"
        else line
        for line in world.lines
    ]
    with staged(tmp_path, world, targets=TARGETS) as stage:
        # A Coze document is updated without its dataset, which need not even exist.
        stage.declare(World(world.before, [line for line in lines if line["kind"] == "image" or "collection" in line]))
        code, report = stage.job.apply()

        assert code == 3
        assert report["stopped"] == {}
        for row in report["items"]:
            gone = row["item"]["container"] in {"744632974166809999", "default/gone"}
            assert (row["outcome"], row["reason"]) == (("failed", "not_found") if gone else ("updated", "accepted")), (
                row
            )
        asked = [r for r in stage.requests() if r["container"].endswith("gone")]
        assert len(asked) <= 4, "a container that does not exist is asked for by those under way, and never again"


@pytest.mark.fault("F33", seen="exit 3, `not_found` for the deleted ones, the others done")
def test_a_missing_item_fails_alone(tmp_path: Path) -> None:
    world = made_world(60)
    gone = [items_of(world, "coze-cn")[3], items_of(world, "coze-cn")[5], items_of(world, "volc-bj")[4]]
    left = {place: value for place, value in world.before.items() if place not in set(map(place_of, gone))}
    with staged(tmp_path, World(left, world.lines), targets=TARGETS) as stage:
        code, report = stage.job.apply()

        assert code == 3
        failed = {row["item"]["id"] for row in report["items"] if row["outcome"] == "failed"}
        assert failed == {line["id"] for line in gone}
        assert {row["reason"] for row in report["items"] if row["outcome"] == "failed"} == {"not_found"}
        after = {place: value for place, value in world.after.items() if place in left}
        assert stage.content() == after

        stage.forget()
        code, again = stage.job.apply("--failed")
        assert code == 3
        assert again["totals"]["planned"] == report["totals"]["failed"]


@pytest.mark.fault("F16", seen="refused: exit 7, nothing in doubt, the other provider done, the next run does the rest")
def test_an_unreachable_server_fails_nothing_for_certain_and_stops_nobody_else(tmp_path: Path) -> None:
    with staged(tmp_path, made_world(40), targets=TARGETS, retry={"base_delay_s": 0.01}) as stage:
        config = stage.job.folder / "kbsync.toml"
        text = config.read_text(encoding="utf-8")
        coze, volc = text.split("[targets.volc-bj]")
        address = stage.emulator.base_url
        config.write_text(f"{coze.replace(address, 'http://127.0.0.1:1')}[targets.volc-bj]{volc}", encoding="utf-8")
        code, report = stage.job.apply("--max-outage", "1s")

        outcomes = {
            name: {row["outcome"] for row in report["items"] if row["item"]["target"] == name}
            for name in ("coze-cn", "volc-bj")
        }
        assert code == 7
        assert report["stopped"] == {"coze-cn": "outage"}
        assert outcomes == {"coze-cn": {"failed", "not_attempted"}, "volc-bj": {"updated"}}
        assert not [write for write in stage.writes() if write["provider"] == "coze"]
        config.write_text(text, encoding="utf-8")
        code, _ = stage.job.apply()
        assert code == 0
        assert stage.content() == stage.world.after
