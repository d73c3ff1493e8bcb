"""What has to hold in any world of three ways. Each function brings one about, and fails when it does not."""

from typing import Any

from tests.cli.three_way.stage import Stage, rows_of, staged
from tests.cli.three_way.table import Expected, expected
from tests.cli.three_way.worlds import ByItem, Value, World

__all__ = ("check_again", "check_apply", "check_plan", "check_undo")


def check_plan(world: World) -> None:
    """See that a plan says of every request what the table says, and changes nothing."""
    with staged(world) as stage:
        known, wanted = stage.known(), stage.expected()

        told = stage.plan()

        assert told.code == (5 if wanted.conflicts else 0), told.err
        _compare(told.json(), wanted)
        assert (stage.known(), stage.live(), stage.writes()) == (known, world.live, [])


def check_apply(world: World) -> None:
    """See that an apply sends each change once, and what is known, live and told afterwards."""
    with staged(world) as stage:
        others, wanted = stage.others(), stage.expected()

        told = stage.apply("--refresh")

        assert told.code == wanted.exit, told.err
        assert stage.writes() == sorted(wanted.sent)
        assert stage.live() == wanted.live
        assert stage.others() == others
        assert stage.known() == wanted.known
        report = told.json()
        assert report["totals"] == {
            "planned": len(wanted.rows),
            "updated": len(wanted.sent),
            "conflict": wanted.conflicts,
            "skipped": len(wanted.rows) - len(wanted.sent) - wanted.conflicts,
            "in_sync": wanted.in_sync,
            **dict.fromkeys(("failed", "unknown", "stale", "not_attempted"), 0),
        }
        wrong = [
            (row["item"]["id"], row["operation"])
            for row in report["items"]
            if row.get("verification", {}).get("finding") == "differs"
        ]
        assert sorted(wrong) == sorted(wanted.not_removed)


def check_again(world: World) -> None:
    """See that a second apply sends nothing but removals that the provider does not do, which are planned again."""
    with staged(world) as stage:
        first = stage.expected()
        assert stage.apply("--refresh").code == first.exit
        stage.writes()
        again = expected(world, first.known, first.live, world.desired)

        plan, told = stage.plan().json(), stage.apply("--refresh")

        assert sorted(again.sent) == sorted(first.not_removed)
        assert not again.sent or world.mode == "merge"
        assert stage.writes() == sorted(again.sent)
        _compare(plan, again)
        assert (told.code, stage.live()) == (first.exit, first.live), told.err


def check_undo(world: World) -> None:
    """See that an undo restores what the run changed, and leaves alone what somebody has changed since.

    The table says so of its manifest as of any. Where the policy is that manifests win, this one does too, and where
    an update takes no meta field away, none that the run has added goes.
    """
    with staged(world) as stage:
        first = stage.expected()
        told = stage.apply("--refresh")
        assert told.code == first.exit, told.err
        undone = _undo_of(first)
        stage.edit({entry.id: entry.later for entry in world.entries})
        edited = stage.live()
        stage.writes()

        written = stage.desk.run("report", told.json()["run_id"], "--undo")

        assert written.code == (0 if undone else 1), written.err
        assert "never known" not in written.err
        if undone:
            stage.desk.write("undo.yaml", written.out)
            _check_undone(stage, expected(world, first.known, edited, undone, whole=False))
        for entry in world.entries:
            live, restored = stage.live()[entry.id], undone.get(entry.id, {})
            for name, value in restored.items():
                if not entry.later and (value is not None or world.mode == "replace"):
                    assert live.get(name) == entry.live.get(name)
            for name, value in entry.later.items():
                if value != first.live[entry.id].get(name) and world.policies[entry.target].conflict != "ours":
                    assert live.get(name) == value
            assert {name: live.get(name) for name in edited[entry.id].keys() - restored.keys()} == {
                name: value for name, value in edited[entry.id].items() if name not in restored
            }


def _check_undone(stage: Stage, wanted: Expected) -> None:
    plan = stage.plan("undo.yaml").json()

    told = stage.apply("--refresh", "undo.yaml")

    _compare(plan, wanted)
    assert told.code == wanted.exit, told.err
    assert stage.writes() == sorted(wanted.sent)
    assert (stage.live(), stage.known()) == (wanted.live, wanted.known)


def _undo_of(first: Expected) -> ByItem:
    """Return what was live of each field that the run changed."""
    undone: dict[str, dict[str, Value]] = {}
    for row in first.rows:
        for name, (_, live, desired) in row.fields.items():
            # What the run could not remove is as it was.
            if not row.why and live != desired and first.known[row.id][name] != live:
                undone.setdefault(row.id, {})[name] = live
    return undone


def _compare(plan: Any, wanted: Expected) -> None:
    assert rows_of(plan) == wanted.rows
    assert plan["summary"]["in_sync"] == wanted.in_sync
    assert sorted(item["id"] for item in plan["released"]) == wanted.released
    assert {left["item"]["id"]: left["fields"] for left in plan["unmanaged"]} == wanted.unmanaged
