"""`--refresh`: plans and applies that know what is live, or that are not made at all."""

import signal
import subprocess
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from kbsync.adapters.state import StateLock
from kbsync.cli import refreshing
from kbsync.core.plan_document import plan_from_json, plan_to_json, seal
from kbsync.emulator import Behaviour, Latency, sample_world, served_in_thread
from kbsync.emulator.connection import Reply
from kbsync.emulator.messages import Request
from kbsync.emulator.sample import sample_image_id
from kbsync.emulator.world import Image
from tests.cli.desk import COLLECTION, DATASET, MANIFEST, RECORDS, CountingEmulator, Desk, lying

APPLY = ("apply", "--yes", "--format", "json")
PLAN = ("plan", "--format", "json")
LISTS = {"coze.images.list", "coze.documents.list", "volcengine.documents.list"}


def images(desk: Desk) -> dict[str, Image]:
    return desk.emulator.world.datasets[DATASET].images


def edit(desk: Desk, numbers: Iterable[int], caption: str = "edited") -> None:
    """Change captions behind kbsync's back."""
    for number in numbers:
        images(desk)[sample_image_id(number)].caption = caption


def writes(desk: Desk) -> list[str]:
    """Return the ids of the items that were written to, in order."""
    return [record.item for record in desk.emulator.ledger.records if record.fate != "read"]


def declare(desk: Desk, number: int, caption: str) -> None:
    """Have the manifest of a large desk say another caption of one image."""
    file = desk.folder / "manifests" / "all.jsonl"
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    for line in lines:
        if line["id"] == sample_image_id(number):
            line["caption"] = caption
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))


@contextmanager
def behaving(desk: Desk, behaviour: Behaviour) -> Generator[None]:
    before, desk.emulator.site.behaviour = desk.emulator.site.behaviour, behaviour
    try:
        yield
    finally:
        desk.emulator.site.behaviour = before


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reads not keep the distance of a second from what other processes send: here that is nothing but waiting."""
    monkeypatch.setattr(refreshing, "WINDOW_S", 0.0)


# ------------------------------------------------------------------------------------------------------------ adoption
def test_what_is_live_as_declared_is_adopted_without_an_update(large: Desk) -> None:
    told = large.run(*APPLY, "--refresh")
    asked = large.requests
    again = large.run("plan", "--detailed-exitcode")

    assert told.code == 0, told.err
    assert told.json()["totals"]["planned"] == 0
    assert (told.json()["totals"]["in_sync"], told.json()["reads"]) == (1_180, asked)
    assert {record.operation for record in large.emulator.ledger.records} == LISTS
    assert (again.code, large.requests) == (0, asked)
    assert "1,180 of 1,180 items in sync" in again.out


def test_an_apply_after_an_apply_sends_nothing_and_recognises_nothing(adopted: Desk) -> None:
    edit(adopted, range(20))
    assert adopted.run(*APPLY, "--refresh").code == 0
    sent = writes(adopted)

    plan = adopted.run(*PLAN, "--refresh").json()
    told = adopted.run(*APPLY, "--refresh")

    assert len(sent) == len(writes(adopted)) == 20
    assert (plan["changes"], "recognised" in plan) == ([], False)
    assert (told.code, told.json()["totals"]["planned"]) == (0, 0)


def test_a_plan_writes_nothing_to_the_state(large: Desk) -> None:
    told = large.run(*PLAN, "--refresh")

    assert told.code == 0
    assert len(told.json()["recognised"]) == 1_180
    assert not large.state.exists()
    assert writes(large) == []


def test_what_differs_live_is_new_and_shown_with_what_it_replaces(large: Desk) -> None:
    declared = images(large)[sample_image_id(3)].caption
    edit(large, [3])

    (change,) = large.run(*PLAN, "--refresh").json()["changes"]

    assert (change["reason"], change["fields"]) == (
        "new",
        [{"field": "caption", "live": "edited", "desired": declared}],
    )


# --------------------------------------------------------------------------------------------------------------- drift
def test_conflicts_are_left_and_the_others_go_on(adopted: Desk) -> None:
    edit(adopted, range(10))
    declare(adopted, 3, "declared anew")

    planned = adopted.run(*PLAN, "--refresh")
    told = adopted.run(*APPLY, "--refresh")

    assert planned.code == told.code == 5
    (conflict,) = planned.json()["conflicts"]
    assert conflict["item"]["id"] == sample_image_id(3)
    assert (conflict["why"], conflict["fields"][0]["live"]) == ("conflict", "edited")
    assert told.json()["totals"] | {"in_sync": 0} == {
        "planned": 10,
        "updated": 9,
        "failed": 0,
        "unknown": 0,
        "conflict": 1,
        "stale": 0,
        "skipped": 0,
        "not_attempted": 0,
        "in_sync": 0,
    }
    assert images(adopted)[sample_image_id(3)].caption == "edited"
    assert adopted.run(*APPLY, "--refresh").code == 5


@pytest.mark.parametrize(
    ("policy", "caption", "code"), [("ours", "mine", 0), ("theirs", "edited", 0), ("fail", "edited", 5)]
)
def test_a_conflict_ends_as_the_command_line_says(adopted: Desk, policy: str, caption: str, code: int) -> None:
    edit(adopted, [3])
    declare(adopted, 3, "mine")

    assert adopted.run(*APPLY, "--refresh", "--on-conflict", policy).code == code
    assert images(adopted)[sample_image_id(3)].caption == caption
    # What is theirs stays theirs however often it is looked at.
    assert adopted.run(*APPLY, "--refresh", "--on-conflict", policy).code == code
    assert images(adopted)[sample_image_id(3)].caption == caption


@pytest.mark.parametrize(("drift", "code", "updated"), [("revert", 0, 1), ("keep", 0, 0), ("report", 5, 0)])
def test_drift_ends_as_the_configuration_says(adopted: Desk, drift: str, code: int, updated: int) -> None:
    adopted.configure(replace={"concurrency = 4": f'concurrency = 4\npolicies.caption.drift = "{drift}"'})
    edit(adopted, [3])

    told = adopted.run(*APPLY, "--refresh")

    assert (told.code, told.json()["totals"]["updated"]) == (code, updated)
    assert len(writes(adopted)) == updated


def test_a_manifest_that_follows_what_is_live_ends_the_conflict(adopted: Desk) -> None:
    edit(adopted, [3])
    declare(adopted, 3, "edited")

    told = adopted.run(*APPLY, "--refresh")

    assert (told.code, told.json()["totals"]["planned"], writes(adopted)) == (0, 0, [])
    assert adopted.run("plan", "--detailed-exitcode").code == 0


def test_too_much_drift_trips_the_guard(adopted: Desk) -> None:
    edit(adopted, range(500))

    assert adopted.run(*APPLY, "--refresh").code == 4
    assert writes(adopted) == []


# --------------------------------------------------------------------------------------------------- absent, pending, …
def test_an_item_that_does_not_exist_is_told_and_never_sent_to(adopted: Desk) -> None:
    del images(adopted)[sample_image_id(3)]

    told = adopted.run(*APPLY, "--refresh")

    assert told.code == 3
    (row,) = told.json()["items"]
    assert (row["item"]["id"], row["outcome"], row["reason"]) == (sample_image_id(3), "failed", "absent")
    assert told.json()["totals"]["in_sync"] == 1_179
    assert writes(adopted) == []


def test_items_that_are_being_processed_are_named_and_left_for_the_next_run(adopted: Desk) -> None:
    image = images(adopted)[sample_image_id(3)]
    image.caption, image.busy_until_s = "edited", time.monotonic() + 3600
    told = adopted.run(*APPLY, "--refresh")
    image.busy_until_s = 0.0

    assert told.code == 7
    (row,) = told.json()["items"]
    assert (row["item"]["id"], row["outcome"], row["reason"]) == (sample_image_id(3), "not_attempted", "pending")
    assert adopted.run(*APPLY, "--refresh").json()["totals"]["updated"] == 1


def test_meta_that_the_list_leaves_out_is_compared_as_without_a_refresh(desk: Desk) -> None:
    desk.write(
        "manifests/records.jsonl",
        RECORDS.format(trade="医疗") + RECORDS.format(trade="x").replace("0000000", "0000001"),
    )
    with behaving(desk, Behaviour(list_meta=False)):
        change, new = desk.run(*PLAN, "--refresh", "manifests/records.jsonl").json()["changes"]

    assert (change["reason"], new["reason"]) == ("changed", "new")
    assert "live" not in change["fields"][0]


@pytest.mark.parametrize("mode", ["replace", "merge"])
def test_undeclared_meta_survives_whatever_an_update_means(desk: Desk, mode: Any) -> None:
    doc = desk.emulator.world.collections["default", COLLECTION].docs["doc_0000000"]
    before = {entry["field_name"]: entry["field_value"] for entry in orjson.loads(doc.meta)}
    doc.meta = doc.meta.replace(orjson.dumps(before["行业"]).decode(), '"edited"')
    with behaving(desk, Behaviour(meta_mode=mode)):
        told = desk.run(*APPLY, "--refresh", "--on-conflict", "ours", "manifests/records.jsonl")

    assert told.code == 0, told.err
    after = {entry["field_name"]: entry["field_value"] for entry in orjson.loads(doc.meta)}
    assert after == {**before, "行业": "医疗"}


def test_a_doubt_ends_without_an_update_when_what_was_sent_is_live(desk: Desk) -> None:
    desk.configure(replace={"concurrency = 4": "concurrency = 4\n[retry]\nattempts = 1\nquarantine_s = 3600"})
    with lying(desk, {"kind": "disconnect_after", "writes_only": True}):
        assert desk.run(*APPLY, "manifests/pets.yaml").json()["totals"]["unknown"] == 1
    sent = len(writes(desk))

    told = desk.run(*APPLY, "--refresh", "manifests/pets.yaml")

    assert (told.code, told.json()["totals"]["planned"], len(writes(desk))) == (0, 0, sent)
    assert desk.run(*PLAN, "manifests/pets.yaml").json()["changes"] == []


@pytest.mark.parametrize(("quarantine_s", "reasons"), [(3600, ["in_doubt"]), (0, [])])
def test_a_doubt_about_another_value_ends_after_the_quarantine_though_the_declared_one_is_live(
    desk: Desk, quarantine_s: int, reasons: list[str]
) -> None:
    retry = f"[retry]\nattempts = 1\nquarantine_s = {quarantine_s}"
    desk.configure(replace={"concurrency = 4": f"concurrency = 4\n{retry}"})
    with lying(desk, {"kind": "disconnect_before", "writes_only": True}):
        assert desk.run(*APPLY, "manifests/pets.yaml").json()["totals"]["unknown"] == 1
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="old"))

    plan = desk.run(*PLAN, "--refresh", "manifests/pets.yaml").json()

    assert [change["reason"] for change in plan["changes"]] == reasons


# ------------------------------------------------------------------------------------------------------------- refused
@pytest.mark.fault("F41", seen="no plan is made of such a list")
@pytest.mark.parametrize(
    ("command", "rule"),
    [
        (APPLY, {"kind": "refused_403", "operation": "coze.images.list", "first_count": 3}),
        (PLAN, {"kind": "total_more", "operation": "coze.documents.list"}),
        (PLAN, {"kind": "page_nameless_item", "operation": "volcengine.documents.list", "first_count": 2}),
    ],
)
def test_nothing_is_planned_unless_every_list_is_whole(
    large: Desk, command: tuple[str, ...], rule: dict[str, object]
) -> None:
    with lying(large, rule):
        told = large.run(*command, "--refresh")

    assert (told.code, told.out) == (1, "")
    assert "cannot be read whole: " in told.err
    assert "kbsync: nothing was " in told.err
    assert not large.state.exists()
    assert writes(large) == []


class Meddling(CountingEmulator):
    """An emulator in which somebody renames, adds and deletes images between the pages of their list."""

    meddles = 0

    def receive(self, request: Request) -> Reply:
        reply = super().receive(request)
        if self.meddles and "/images?page_num=" in request.path:
            self.meddles -= 1
            dataset = self.world.datasets[DATASET]
            number = 9_000 + self.meddles
            self.world.drop_image(sample_image_id(self.meddles))
            self.world.put_image(dataset, Image(sample_image_id(number), caption="new", update_time_s=int(time.time())))
            renamed = dataset.images[sample_image_id(300 + self.meddles)]
            renamed.name, renamed.update_time_s = "renamed", int(time.time()) + self.meddles
        return reply


@pytest.mark.parametrize("meddles", [1, 2, 4, 9])
def test_of_a_list_that_changes_while_it_is_read_no_item_is_lost_or_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meddles: int
) -> None:
    with served_in_thread(Meddling(sample_world(700, 0, 0))) as running:
        desk = Desk(tmp_path, running)
        monkeypatch.chdir(tmp_path)
        desk.configure()
        here = {"target": "coze-cn", "dataset": DATASET, "kind": "image"}
        lines = [{**here, "id": one.id, "caption": one.caption} for one in images(desk).values()]
        desk.write("manifests/all.jsonl", b"".join(orjson.dumps(line) + b"\n" for line in lines))
        assert isinstance(desk.emulator, Meddling)
        desk.emulator.meddles = meddles

        told = desk.run(*PLAN, "--refresh")

        if told.code == 1:
            assert "cannot be read whole" in told.err
            return
        gone = {line["id"] for line in lines} - images(desk).keys()
        plan = told.json()
        assert {skip["item"]["id"] for skip in plan["skipped"]} <= gone
        assert len(plan["recognised"]) + len(plan["skipped"]) == 700


def test_a_refused_credential_is_77(large: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", "pat_unknown")

    told = large.run(*APPLY, "--refresh")

    assert told.code == 77
    assert "kbsync: nothing was sent" in told.err


def test_a_signal_while_reading_leaves_everything_as_it_was(large: Desk) -> None:
    large.emulator.latency = Latency(0.5, 0.5)
    process = subprocess.Popen(large.command(*APPLY, "--refresh"), cwd=large.folder, stderr=subprocess.PIPE, text=True)
    while not large.requests and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 143
    assert "nothing was sent" in err
    assert not large.state.exists()


def test_the_time_of_a_run_is_that_of_its_reads_too(large: Desk) -> None:
    large.emulator.latency = Latency(0.6, 0.6)

    told = large.run(*APPLY, "--refresh", "--max-duration", "0.2s")

    assert told.code == 7
    assert "deadline" in told.err
    assert not large.state.exists()


@pytest.mark.parametrize("command", [(*PLAN, "--refresh"), ("drift",)])
def test_nothing_is_read_beside_another_run_for_the_rate_is_that_of_both(
    adopted: Desk, command: tuple[str, ...]
) -> None:
    with StateLock(adopted.state, "apply"):
        told = adopted.run(*command)
        unread = adopted.run(*PLAN)

    assert (told.code, unread.code, adopted.requests) == (6, 0, 0)
    assert "Another run holds the state" in told.err


def test_mistakes_in_manifests_are_told_before_anything_is_read(large: Desk) -> None:
    large.write("manifests/wrong.yaml", "kbsync: 2\n")

    assert large.run(*PLAN, "--refresh").code == 65
    assert large.requests == 0


# ----------------------------------------------------------------------------------------------------- what is read
@pytest.mark.parametrize(
    ("arguments", "operations"),
    [
        (("manifests/pets.yaml",), {"coze.images.list", "coze.documents.list"}),
        (("--only", "kind=image"), {"coze.images.list"}),
        (("--exclude", "target=coze-cn"), {"volcengine.document.info"}),
    ],
)
def test_only_places_of_items_that_are_asked_about_are_read(
    desk: Desk, arguments: tuple[str, ...], operations: set[str]
) -> None:
    assert desk.run(*PLAN, "--refresh", *arguments).code in (0, 5)
    assert {record.operation for record in desk.emulator.ledger.records} == operations


def test_a_list_that_was_read_is_used_as_long_as_it_may_be_so_old(adopted: Desk) -> None:
    told = adopted.run("plan", "--refresh=1h")

    assert adopted.requests == 0
    assert "kbsync: coze-cn/744632974166804001/image as it was read" in told.err
    adopted.run("plan", "--refresh=0.001s")
    assert adopted.requests == 10
    adopted.run("plan", "--refresh")
    assert adopted.requests == 20


def test_a_list_is_read_again_once_something_was_sent_to_its_place(adopted: Desk) -> None:
    declare(adopted, 3, "declared anew")
    assert adopted.run(*APPLY, "--refresh=1h").code == 0
    sent = adopted.requests

    plan = adopted.run(*PLAN, "--refresh=1h").json()

    assert sent == 1
    assert {record.operation for record in adopted.emulator.ledger.records if record.fate == "read"} == {
        "coze.images.list"
    }
    assert (plan["changes"], plan["conflicts"]) == ([], [])


def test_a_list_that_lacks_a_declared_item_is_read_again(adopted: Desk) -> None:
    with (adopted.folder / "manifests" / "all.jsonl").open("ab") as file:
        here = {"target": "coze-cn", "dataset": DATASET, "kind": "image"}
        file.write(orjson.dumps({**here, "id": sample_image_id(900), "caption": "x"}) + b"\n")

    told = adopted.run(*PLAN, "--refresh=1h")

    assert told.code == 0
    assert adopted.requests == 6  # three pages, twice, because of what is not there
    assert [skip["why"] for skip in told.json()["skipped"]] == ["absent"]


def test_what_is_kept_can_be_deleted_or_damaged_at_any_time(adopted: Desk) -> None:
    for file in (adopted.folder / ".kbsync" / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:-200])

    assert adopted.run("plan", "--refresh=1h").code == 0
    assert adopted.requests == 10


def test_a_path_after_refresh_is_no_age(desk: Desk) -> None:
    told = desk.run(*PLAN, "--refresh", "manifests/records.jsonl")

    assert told.json()["summary"]["items"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "--on-drift", "keep"), "--on-drift and --on-conflict are about what --refresh finds"),
        (("plan", "--refresh=soon"), "'soon' is no duration"),
        (("apply", "--yes", "--refresh", "--plan", "p.json"), "--changed-since and --refresh"),
    ],
)
def test_what_makes_no_sense_is_a_wrong_use(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    told = desk.run(*arguments)

    assert told.code == 64
    assert said in told.err
    assert desk.requests == 0


# -------------------------------------------------------------------------------------------------------- saved plans
def test_a_saved_plan_applies_what_it_recognised(large: Desk) -> None:
    edit(large, [3])
    large.run(*PLAN, "--refresh", "--out", "p.json")
    asked = large.requests

    told = large.run("apply", "--yes", "--plan", "p.json")

    assert told.code == 0, told.err
    assert (large.requests - asked, writes(large)) == (1, [sample_image_id(3)])
    assert large.run("plan", "--detailed-exitcode").code == 0


def test_what_is_known_better_by_then_is_not_overwritten_by_a_saved_plan(desk: Desk) -> None:
    def declare_second(caption: str) -> None:
        text = MANIFEST.format(caption=caption).replace("090001", "090002").split("documents:")[0]
        desk.write("manifests/second.yaml", text)

    declare_second(desk.caption("7446670805219090002"))
    desk.run("plan", "--refresh", "--out", "p.json", "manifests/second.yaml")
    declare_second("newer")
    assert desk.run(*APPLY, "manifests/second.yaml").json()["totals"]["updated"] == 1

    assert desk.run("apply", "--yes", "--plan", "p.json").code == 0

    assert desk.run("plan", "--detailed-exitcode", "manifests/second.yaml").code == 0


def test_a_plan_that_recognises_what_no_manifest_can_say_is_refused(large: Desk) -> None:
    large.run(*PLAN, "--refresh", "--out", "p.json")
    plan = plan_from_json((large.folder / "p.json").read_bytes())
    forged = replace(plan.recognised[0], item=plan.recognised[0].item._replace(kind="image"))
    large.write("p.json", plan_to_json(seal(replace(plan, recognised=(forged,)))))

    told = large.run("apply", "--yes", "--plan", "p.json")

    assert told.code == 65
    assert "it has no name [bad-plan]" in told.err
    assert not large.state.exists()
