"""`kbsync apply --verify`: what the provider has is read back, told with a manifest that would be right, and known."""

import signal
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from kbsync.emulator import Behaviour, sample_world, served_in_thread
from kbsync.emulator.rules import read_rules
from kbsync.emulator.sample import sample_doc_id, sample_document_id, sample_image_id
from kbsync.emulator.world import Dataset
from tests.cli.desk import COLLECTION, DATASET, CountingEmulator, Desk

COZE = {"target": "coze-cn", "dataset": DATASET}
VOLC = {"target": "volc-bj", "collection": COLLECTION, "kind": "document"}
APPLY = ("apply", "--yes", "--format", "json")


def image(number: int, caption: str) -> dict[str, object]:
    return {**COZE, "kind": "image", "id": sample_image_id(number), "caption": caption}


def document(number: int, name: str) -> dict[str, object]:
    return {**COZE, "kind": "document", "id": sample_document_id(number), "name": name}


def doc(number: int, **fields: object) -> dict[str, object]:
    return {**VOLC, "id": sample_doc_id(number), **fields}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Desk]:
    """A desk without a state, and a few containers of several pages."""
    with served_in_thread(CountingEmulator(sample_world(700, 250, 230))) as running:
        monkeypatch.chdir(tmp_path)
        desk = Desk(tmp_path, running)
        desk.configure()
        yield desk


def declare(desk: Desk, *lines: dict[str, object]) -> None:
    desk.write("manifests/all.jsonl", b"".join(orjson.dumps(line) + b"\n" for line in lines))


@contextmanager
def lying(desk: Desk, *rules: dict[str, object]) -> Iterator[None]:
    desk.emulator.set_rules(read_rules(list(rules)))
    try:
        yield
    finally:
        desk.emulator.set_rules(())


def findings(report: dict[str, Any]) -> dict[str, str]:
    return {
        f"{row['item']['id']} {row['operation']}": row["verification"]["finding"]
        for row in report["items"]
        if "verification" in row
    }


def differences(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (one["field"], one["sent"], one.get("live"), one["how"])
        for row in report["items"]
        for one in row["verification"]["differences"]
    ]


SEVERAL = [
    *(image(number, f"小猫 {number}") for number in range(3)),
    *(document(number, f"report {number}") for number in range(3)),
    *(doc(number, name=f"年报 {number}", meta={"行业": "教育", "year": 2000 + number}) for number in range(3)),
]


# ------------------------------------------------------------------------------------------------------------ as sent
def test_everything_that_was_updated_is_read_back_from_both_providers(desk: Desk) -> None:
    declare(desk, *SEVERAL)

    told = desk.run(*APPLY, "--verify", "all")

    report = told.json()
    assert told.code == 0, told.err
    assert set(findings(report).values()) == {"verified"}
    assert len(findings(report)) == report["totals"]["updated"] == 12
    assert report["verification"]["totals"] == {"verified": 12, "differs": 0, "absent": 0, "pending": 0, "unread": 0}
    assert report["verification"]["complete"]
    assert report["reads"] >= 5


def test_nothing_is_read_back_unless_it_is_asked_for(desk: Desk) -> None:
    declare(desk, image(0, "小猫"))

    report = desk.run(*APPLY).json()

    assert "verification" not in report
    assert (report["reads"], desk.requests) == (0, 1)


def test_the_configuration_may_ask_for_it(desk: Desk) -> None:
    desk.configure(replace={"[targets.coze-cn]": '[apply]\nverify = "all"\nverify_wait = "0s"\n\n[targets.coze-cn]'})
    declare(desk, image(0, "小猫"))

    assert desk.run(*APPLY).json()["verification"]["totals"]["verified"] == 1


def test_of_a_large_collection_only_what_was_updated_is_read(desk: Desk) -> None:
    declare(desk, *(doc(number, name=f"年报 {number}") for number in range(5)))

    assert desk.run(*APPLY, "--verify", "all").code == 0
    assert [one.operation for one in desk.emulator.ledger.records][5:] == ["volcengine.documents.list"]


def test_a_value_that_shows_late_and_is_processed_for_a_while_is_waited_for(desk: Desk) -> None:
    desk.emulator.site.behaviour = Behaviour(processing_s=1.0)
    declare(desk, image(0, "小猫"), doc(0, name="年报"))
    with lying(desk, {"kind": "ignored_write", "with": {"effect": "late", "late_s": 1.5}, "writes_only": True}):
        told = desk.run(*APPLY, "--verify", "all", "--verify-wait", "20s")

    assert told.code == 0, told.err
    assert set(findings(told.json()).values()) == {"verified"}
    assert "2 updated changes not shown as sent: read again in 1.0 s" in told.err


# -------------------------------------------------------------------------------------------------------- not as sent
@pytest.mark.fault("F25", seen="a trimmed value: exit 3, with the manifest that leaves nothing to send")
def test_a_trimmed_value_is_found_and_the_proposed_manifest_leaves_nothing_to_send(desk: Desk) -> None:
    desk.emulator.site.behaviour = Behaviour(normalise="trim")
    declare(desk, image(0, " 小猫 "), image(1, "小狗"), doc(0, meta={"行业": "教育 ", "year": 2001}))

    told = desk.run(*APPLY, "--verify", "all", "--verify-wait", "0s")

    report = told.json()
    assert told.code == 3
    assert report["totals"]["updated"] == 3
    assert sorted(findings(report).values()) == ["differs", "differs", "verified"]
    assert differences(report) == [
        ("caption", " 小猫 ", "小猫", "trimmed"),
        (
            "meta.行业",
            {"type": "string", "value": "教育 "},
            {"type": "string", "value": "教育"},
            "trimmed",
        ),
    ]
    (caption, trade) = desk.run("plan", "--format", "json").json()["changes"]
    assert (caption["reason"], caption["fields"][0]["known"], trade["reason"]) == ("changed", "小猫", "changed")

    live = {one["field"]: one["live"] for row in report["items"] for one in row["verification"]["differences"]}
    declare(desk, image(0, live["caption"]), image(1, "小狗"), doc(0, meta={"行业": live["meta.行业"], "year": 2001}))
    assert desk.run("plan", "--format", "json").json()["summary"]["changes"] == 0


def test_people_are_told_what_was_sent_what_is_live_and_what_to_write(desk: Desk) -> None:
    desk.emulator.site.behaviour = Behaviour(normalise="trim")
    declare(desk, image(0, " 小猫 "))

    told = desk.run("apply", "--yes", "--verify", "all", "--verify-wait", "0s")

    assert "Verification: 1 of 1 updated change: 1 differs." in told.out
    assert "differs  coze-cn/744632974166804001/image/7446670805219090001  manifests/all.jsonl:1" in told.out
    assert 'caption  sent " 小猫 ", live "小猫": white space at its ends is gone' in told.out
    assert 'let the manifest say caption: "小猫"' in told.out
    assert "until the manifest says what is live" in told.out


@pytest.mark.fault("F25", seen="an ignored field: exit 3, and what is live is known")
def test_an_ignored_field_is_found_whether_it_had_a_value_before_or_none(desk: Desk) -> None:
    before = desk.caption()
    declare(desk, image(0, before), doc(0, name="年报"))
    desk.run(*APPLY)
    desk.emulator.site.behaviour = Behaviour(ignored_fields=frozenset({"caption", "meta"}))
    declare(desk, image(0, "小猫"), doc(0, name="年报", meta={"neu": "x"}))

    told = desk.run(*APPLY, "--verify", "all", "--verify-wait", "0s")

    assert told.code == 3
    assert differences(told.json()) == [
        ("caption", "小猫", before, "ignored"),
        ("meta.neu", {"type": "string", "value": "x"}, None, "ignored"),
    ]
    known = desk.run("state", "show", f"volc-bj/default/{COLLECTION}/document/{sample_doc_id(0)}", "--format", "json")
    assert known.json()["known"] == {"name": "年报"}
    declare(desk, image(0, before), doc(0, name="年报"))
    assert desk.run("plan", "--format", "json").json()["summary"]["changes"] == 0


def test_a_type_that_the_provider_rules_over_is_told(desk: Desk) -> None:
    declare(desk, doc(0, meta={"score": 3}))

    (difference,) = differences(desk.run(*APPLY, "--verify", "all", "--verify-wait", "0s").json())

    assert difference[2:] == ({"type": "float32", "value": 3.0}, "retyped")


def test_an_item_that_the_list_does_not_hold_is_absent_and_no_longer_known(desk: Desk) -> None:
    desk.emulator.site.behaviour = Behaviour(ignore_path_dataset=True)
    world = desk.emulator.world
    world.add_dataset(Dataset("744632974166804999"))
    declare(desk, {**image(0, "小猫"), "dataset": "744632974166804999"})

    told = desk.run(*APPLY, "--verify", "all", "--verify-wait", "0s")

    assert (told.code, list(findings(told.json()).values())) == (3, ["absent"])
    assert desk.run("state", "list").out == ""


# ------------------------------------------------------------------------------------------------------- not complete
def test_what_the_provider_still_processes_is_named_and_left_for_the_next_run(desk: Desk) -> None:
    desk.emulator.site.behaviour = Behaviour(processing_s=3600)
    declare(desk, image(0, "小猫"), doc(0, name="年报"))

    told = desk.run("apply", "--yes", "--verify", "all", "--verify-wait", "0s")

    assert told.code == 7
    assert "2 of 2 updated changes: 2 pending." in told.out
    assert f"pending  coze-cn/{DATASET}/image/{sample_image_id(0)}" in told.out

    world = desk.emulator.world
    world.datasets[DATASET].images[sample_image_id(0)].busy_until_s = 0.0
    world.collections["default", COLLECTION].docs[sample_doc_id(0)].busy_until_s = 0.0
    again = desk.run(*APPLY, "--verify", "all", "--verify-wait", "0s")

    assert again.code == 0, again.out
    assert again.json()["totals"]["planned"] == 0
    assert [one["finding"] for one in again.json()["verification"]["earlier"]] == ["verified", "verified"]
    requests = desk.requests
    assert desk.run(*APPLY, "--verify", "all").json()["verification"]["earlier"] == []
    assert desk.requests == requests


@pytest.mark.fault("F41", seen="nothing is verified with such a list, exit 7")
@pytest.mark.parametrize("kind", ["total_more", "page_nameless_item", "refused_403"])
def test_a_list_that_is_not_whole_proves_nothing(desk: Desk, kind: str) -> None:
    declare(desk, *(image(number, f"小猫 {number}") for number in range(3)))
    with lying(desk, {"kind": kind, "operation": "coze.images.list", "first_count": 2}):
        told = desk.run("apply", "--yes", "--verify", "all", "--verify-wait", "0s")

    assert told.code == 7
    assert "3 of 3 updated changes: 3 unread." in told.out
    assert "The verification is not complete" in told.out
    assert "verified" not in told.out
    assert desk.run("report", "--format", "json").json()["verification"]["complete"] is False


def test_a_signal_while_it_is_read_back_leaves_what_was_written_as_it_is(desk: Desk) -> None:
    declare(desk, *SEVERAL)
    with lying(desk, {"kind": "latency", "operation": "*.list", "with": {"delay_s": 0.7}}):
        process = subprocess.Popen(
            desk.command(*APPLY, "--verify", "all"), cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        while desk.requests < 14 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)

    report = orjson.loads(out)
    assert process.returncode == report["exit"]["code"] == 130
    assert report["totals"]["updated"] == 12
    assert "unread" in findings(report).values()
    assert "differs" not in findings(report).values()
    assert not report["verification"]["complete"]


# ------------------------------------------------------------------------------------------------------------- sample
def test_a_sample_says_what_it_proves(desk: Desk) -> None:
    declare(desk, *(image(number, f"小猫 {number}") for number in range(700)))

    told = desk.run("apply", "--yes", "--verify", "sample")

    report = desk.run("report", "--format", "json").json()
    assert told.code == 0, told.err
    assert f"500 of 700 updated changes at random (seed {report['run_id']}): 500 verified." in told.out
    assert "0 of 500 wrong: under 0.3 % wrong at 95 %." in told.out
    assert len(findings(report)) == report["verification"]["read_back"] == 500
    assert (report["verification"]["most_wrong"], report["verification"]["under_percent"]) == (2, 0.3)


# --------------------------------------------------------------------------------------------------------------- rate
def test_writes_and_the_reads_that_follow_never_pass_the_rate_together(desk: Desk) -> None:
    desk.configure(replace={"500/s": "15/s"})
    declare(desk, *(image(number, f"小猫 {number}") for number in range(25)))

    report = desk.run(*APPLY, "--verify", "all").json()

    assert report["verification"]["totals"]["verified"] == 25
    # The server's own seconds begin elsewhere: jitter may let it see one more.
    assert max(desk.emulator.peaks.most.values()) <= 16


# ------------------------------------------------------------------------------------------------------------- report
def test_the_report_of_an_earlier_run_tells_its_verification_in_every_form(desk: Desk) -> None:
    desk.emulator.site.behaviour = Behaviour(normalise="trim")
    declare(desk, image(0, " 小猫 "))
    first = desk.run(*APPLY, "--verify", "all", "--verify-wait", "0s").json()
    desk.run(*APPLY)

    forms = {form: desk.run("report", first["run_id"], "--format", form).out for form in ("json", "jsonl", "md", "csv")}

    assert orjson.loads(forms["json"]) == first
    assert orjson.loads(forms["jsonl"].splitlines()[1])["verification"]["finding"] == "differs"
    assert "#### 1 differs" in forms["md"]
    assert forms["csv"].splitlines()[1].endswith(',"differs"')
    assert "Verification: 1 of 1 updated change: 1 differs." in desk.run("report", first["run_id"]).out
