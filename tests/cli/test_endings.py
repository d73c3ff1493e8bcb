"""However a run ends, what happened is told: every change has an outcome, the report is written, the code is right."""

import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from kbsync.cli.running import Ended, Run, accesses_for
from kbsync.cli.signals import Signals
from kbsync.cli.workspace import open_workspace
from kbsync.core.events import Event, RunStarted, Settled
from kbsync.core.exits import Exit
from kbsync.core.report import Report
from kbsync.engine.target import Policy
from kbsync.errors import StateWriteError
from kbsync.views.progress import SilentProgress
from tests.cli.desk import Desk


def run_with(observe: Callable[[Event], None]) -> tuple[Ended, Report | None]:
    """Apply what is pending on the desk, with *observe* listening."""
    workspace = open_workspace(None)
    with Signals() as signals, workspace.store() as store:
        store.lock("apply")
        plan, _ = workspace.plan(store.known(), ())
        accesses = accesses_for(plan, workspace.config)
        run = Run(plan, workspace.config, store, SilentProgress(), [observe], Policy(), signals)
        ended = run.apply(accesses, [], {}, "")
        return ended, store.load_report(ended.run_id) if workspace.config.state_path.exists() else None


@pytest.mark.fault("F45", seen="in a view: all is done, exit 1")
@pytest.mark.parametrize("kind", [RunStarted, Settled])
def test_a_view_that_breaks_stops_nothing_and_is_told_at_the_end(desk: Desk, kind: type[Event]) -> None:
    def observe(event: Event) -> None:
        if isinstance(event, kind):
            raise ZeroDivisionError  # a defect

    ended, report = run_with(observe)

    assert isinstance(ended.failure, ZeroDivisionError)
    assert Exit.ERROR in ended.exits
    assert report is not None
    assert report.totals["updated"] == report.totals["planned"] == 2
    assert report.exit == Exit.ERROR


@pytest.mark.fault("F10", seen="exit 8, nothing is claimed")
def test_a_state_that_goes_away_ends_with_8_and_claims_nothing(desk: Desk) -> None:
    def observe(event: Event) -> None:
        if isinstance(event, RunStarted):
            desk.state.unlink()

    ended, _ = run_with(observe)

    assert isinstance(ended.failure, StateWriteError)
    assert Exit.STATE in ended.exits


def test_an_interrupt_before_any_handler_stands_is_an_interrupt(desk: Desk) -> None:
    def observe(event: Event) -> None:
        if isinstance(event, RunStarted):
            raise KeyboardInterrupt

    ended, report = run_with(observe)

    assert ended.failure is None
    assert Exit.INTERRUPTED in ended.exits
    assert report is not None
    assert report.exit == Exit.INTERRUPTED
    assert report.totals["not_attempted"] + report.totals["unknown"] == 2


@pytest.mark.fault("F9", seen="exit 1, the result is shown, the other report is written")
def test_a_report_that_cannot_be_written_keeps_no_other_from_being_written(desk: Desk) -> None:
    first, second = desk.folder / "first.json", desk.folder / "second.json"
    first.symlink_to("/dev/full")

    told = desk.run("apply", "--yes", "--report", str(first), "--report", str(second))

    assert told.code == 1
    assert "first.json cannot be written" in told.err
    assert orjson.loads(second.read_bytes())["totals"]["updated"] == 2
    assert "2 of 2 changes applied" in told.out


# ------------------------------------------------------------------------------------------------------- saved plans
def resealed(path: Path, edit: Callable[[dict[str, object]], object]) -> None:
    """Change the plan in *path*, and give it the digest that fits."""
    from kbsync.core.plan_document import plan_to_json, seal
    from kbsync.core.plan_shape import plan_of

    document = orjson.loads(path.read_bytes())
    for change in document["changes"]:
        edit(change)
    path.write_bytes(plan_to_json(seal(plan_of(document))))


def rewrite(field: str, desired: object) -> Callable[[dict[str, object]], object]:
    def edit(change: dict[str, object]) -> object:
        fields = change["fields"]
        assert isinstance(fields, list)
        return [one.update(desired=desired) for one in fields if one["field"] == field]

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda change: change.update(operation="coze.document.update"), id="another request"),
        pytest.param(lambda change: change.update(operation="nothing"), id="no request"),
        pytest.param(lambda change: change["item"].update(id="../../x"), id="an id that leaves its place"),
        pytest.param(lambda change: change["item"].update(container="1/../2"), id="a container that does"),
        pytest.param(rewrite("caption", "\x1b[2J\x00"), id="control characters"),
        pytest.param(rewrite("meta.行业", {"type": "geo_point", "value": "nowhere"}), id="a value not of its type"),
        pytest.param(
            lambda change: [one.update(field="meta.doc_id") for one in change["fields"] if one["field"] != "caption"],
            id="a reserved field",
        ),
    ],
)
def test_a_plan_asks_for_nothing_that_a_manifest_could_not(
    desk: Desk, edit: Callable[[dict[str, object]], object]
) -> None:
    path = desk.folder / "saved.plan"
    assert desk.run("plan", "--out", str(path)).code == 0
    resealed(path, edit)

    told = desk.run("apply", "--plan", str(path), "--yes")

    assert told.code == 65, told
    assert "[bad-plan]" in told.err
    assert "internal error" not in told.err
    assert desk.requests == 0


def test_a_resealed_plan_that_a_manifest_could_ask_for_is_applied(desk: Desk) -> None:
    path = desk.folder / "saved.plan"
    desk.run("plan", "--out", str(path))
    resealed(path, rewrite("caption", "by hand"))

    assert desk.run("apply", "--plan", str(path), "--yes").code == 0
    assert desk.caption() == "by hand"


def test_a_saved_plan_passes_the_guards_of_the_day(desk: Desk) -> None:
    path = desk.folder / "saved.plan"
    desk.run("plan", "--out", str(path))

    told = desk.run("apply", "--plan", str(path), "--yes", "--max-changes", "1")

    assert told.code == 4
    assert desk.requests == 0


def test_a_guard_that_was_lifted_for_a_plan_is_not_lifted_for_its_apply(desk: Desk) -> None:
    path = desk.folder / "saved.plan"
    assert desk.run("plan", "--max-changes", "1", "--allow", "max-changes", "--out", str(path)).code == 0
    limited = ("--yes", "--max-changes", "1")

    assert desk.run("apply", "--plan", str(path), *limited).code == 4
    assert desk.requests == 0
    told = desk.run("apply", "--plan", str(path), *limited, "--allow", "max-changes", "--reason", "the move")
    assert told.code == 0
    assert orjson.loads(desk.run("report", "--format", "json").out)["allow_reason"] == "the move"


# ------------------------------------------------------------------------------------------------------ standard input
def test_without_any_standard_input_there_is_nobody_to_ask(desk: Desk) -> None:
    told = desk.shell("kbsync apply <&-")

    assert told.code == 64
    assert "internal error" not in told.err


def test_time_is_told_in_utc_in_a_log_file(desk: Desk) -> None:
    assert desk.run("--log-file", "log.txt", "apply", "--yes").code == 0

    lines = (desk.folder / "log.txt").read_text(encoding="utf-8").splitlines()

    assert sum(": accepted" in line for line in lines) == 2
    assert all(line[:10] == time.strftime("%Y-%m-%d", time.gmtime()) and line[23] == "Z" for line in lines)
