"""`kbsync state rebuild`: whatever happened to the state, what is live is known again, or nothing is touched."""

import signal
import subprocess
import time
from typing import Any

import orjson
import pytest

from kbsync.emulator import Behaviour, Latency
from kbsync.emulator.sample import sample_image_id
from tests.cli.desk import DATASET, MANIFEST, PENDING, Desk, lying

REBUILD = ("state", "rebuild", "--yes")


def known(desk: Desk) -> dict[str, dict[str, Any]]:
    told = desk.run("state", "list", "--format", "json")
    assert told.code == 0, told.err
    return {
        f"{line['item']['kind']}/{line['item']['id']}": line["known"]
        for line in map(orjson.loads, told.out.splitlines())
    }


# ------------------------------------------------------------------------------------------------------------ rebuilt
def test_a_lost_state_is_made_anew_of_what_is_live(desk: Desk) -> None:
    before = known(desk)
    desk.state.unlink()
    assert desk.run("plan").code == 1

    told = desk.run(*REBUILD)

    assert told.code == 0, told.err
    assert "made a new state: 3 of 3 declared items known, 1 live as declared" in told.out
    assert known(desk) == before
    assert desk.run("plan", "--format", "json").json()["summary"]["changes"] == PENDING


def test_a_damaged_state_is_kept_under_another_name(desk: Desk) -> None:
    desk.state.write_bytes(b"no database at all")

    told = desk.run(*REBUILD)

    (old,) = desk.state.parent.glob("state.db.old-*")
    assert told.code == 0, told.err
    assert str(old) in told.out
    assert old.read_bytes() == b"no database at all"
    assert len(known(desk)) == 3


def test_nothing_but_reads_is_sent(desk: Desk) -> None:
    assert desk.run(*REBUILD).code == 0

    operations = {record.operation for record in desk.emulator.ledger.records}
    assert operations == {"coze.images.list", "coze.documents.list", "volcengine.documents.list"}


def test_declared_fields_of_declared_items_are_known_and_no_others(desk: Desk) -> None:
    desk.state.unlink()

    desk.run(*REBUILD, "manifests/records.jsonl")

    assert known(desk) == {"document/doc_0000000": {"meta.行业": {"type": "string", "value": "教育"}}}


def test_items_that_are_live_as_declared_are_not_sent_again(large: Desk) -> None:
    told = large.run(*REBUILD)
    asked = large.requests
    applied = large.run("apply", "--yes", "--format", "json")

    assert told.code == 0, told.err
    assert "1,180 of 1,180 declared items known, 1,180 live as declared" in told.out
    assert asked == 3 + 4 + 3
    assert (applied.code, applied.json()["totals"]["planned"]) == (0, 0)
    assert large.requests == asked


def test_what_was_edited_at_the_provider_differs_from_then_on(large: Desk) -> None:
    image = large.emulator.world.datasets[DATASET].images[sample_image_id(3)]
    declared, image.caption = image.caption, "edited"

    told = large.run(*REBUILD)

    assert "1,180 known" not in told.out
    assert "1,179 live as declared" in told.out
    (change,) = large.run("plan", "--format", "json").json()["changes"]
    assert (change["reason"], change["fields"]) == (
        "changed",
        [{"field": "caption", "known": "edited", "desired": declared}],
    )


@pytest.mark.parametrize("size", ["desk", "large"])
def test_items_that_do_not_exist_are_named_with_their_place(request: pytest.FixtureRequest, size: str) -> None:
    here: Desk = request.getfixturevalue(size)
    here.write(
        "manifests/other.yaml", MANIFEST.format(caption="x").replace("090001", "099999").replace("100001", "199999")
    )

    told = here.run(*REBUILD, "manifests/other.yaml")

    assert told.code == 0, told.err
    assert "manifests/other.yaml:5:5: coze-cn/744632974166804001/image/7446670805219099999: does not exist" in told.err
    assert "0 of 2 declared items known" in told.out


def test_fields_that_the_list_leaves_out_are_told(desk: Desk) -> None:
    desk.emulator.site.behaviour = Behaviour(list_meta=False)
    try:
        told = desk.run(*REBUILD, "manifests/records.jsonl")
    finally:
        desk.emulator.site.behaviour = Behaviour()

    assert told.code == 0
    assert (
        "manifests/records.jsonl:1:1: volc-bj/default/test_collection_name/document/doc_0000000: the list leaves"
        in told.err
    )
    assert known(desk) == {}


def test_a_list_that_others_disturb_is_read_again(large: Desk) -> None:
    with lying(large, {"kind": "total_more", "page": 2, "max_hits": 1}):
        told = large.run(*REBUILD)

    assert told.code == 0, told.err
    assert "1,180 of 1,180" in told.out


# ------------------------------------------------------------------------------------------------------------ refused
@pytest.mark.fault("F41", seen="no state is made of such a list")
@pytest.mark.parametrize("operation", ["coze.images.list", "coze.documents.list", "volcengine.documents.list"])
@pytest.mark.parametrize("kind", ["total_more", "page_nameless_item", "refused_403"])
def test_nothing_is_replaced_unless_every_list_is_whole(large: Desk, operation: str, kind: str) -> None:
    with lying(large, {"kind": kind, "operation": operation, "first_count": 2}):
        large.configure(replace={"concurrency = 4": "concurrency = 4\n[retry]\nattempts = 2\nbase_delay_s = 0.01"})
        told = large.run(*REBUILD)

    assert told.code == 1
    assert told.out == ""
    assert "cannot be read whole" in told.err
    assert "kbsync: nothing was replaced" in told.err
    assert not large.state.exists()


def test_a_state_that_is_there_stays_as_it_is_when_a_list_is_not_whole(desk: Desk) -> None:
    before = known(desk)
    with lying(desk, {"kind": "total_more"}):
        told = desk.run(*REBUILD)

    assert told.code == 1
    assert "coze-cn/744632974166804001/image cannot be read whole: missing, the list says that it holds 41" in told.err
    assert known(desk) == before
    assert not list(desk.state.parent.glob("state.db.old-*"))


def test_a_container_that_does_not_exist_is_no_empty_one(desk: Desk) -> None:
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="x").replace(DATASET, "744632974166809999"))

    told = desk.run(*REBUILD)

    assert told.code == 1
    assert "coze-cn/744632974166809999/image cannot be read whole: not_found" in told.err


def test_a_refused_credential_is_77(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", "pat_unknown")

    told = desk.run(*REBUILD)

    assert told.code == 77
    assert "nothing was replaced" in told.err
    assert "pat_unknown" not in told.err


def test_a_signal_leaves_everything_as_it_was(large: Desk) -> None:
    large.emulator.latency = Latency(0.5, 0.5)
    process = subprocess.Popen(large.command(*REBUILD), cwd=large.folder, stderr=subprocess.PIPE, text=True)
    while not large.requests and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "nothing was replaced" in err
    assert not large.state.exists()


def test_a_signal_during_the_last_answers_leaves_everything_as_it_was_too(desk: Desk) -> None:
    before = known(desk)
    desk.emulator.latency = Latency(1.0, 1.0)
    process = subprocess.Popen(desk.command(*REBUILD), cwd=desk.folder, stderr=subprocess.PIPE, text=True)
    while desk.requests < 3 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 143
    assert "nothing was replaced" in err
    assert known(desk) == before
    assert not list(desk.state.parent.glob("state.db.old-*"))


def test_manifests_that_declare_nothing_are_a_wrong_use(desk: Desk) -> None:
    desk.write("empty.yaml", 'kbsync: 1\ntarget: coze-cn\ndataset: "744632974166804001"\n')

    told = desk.run(*REBUILD, "empty.yaml")

    assert told.code == 64
    assert "state init" in told.err
    assert desk.requests == 0


def test_without_a_yes_nobody_reads_anything(desk: Desk) -> None:
    told = desk.run("state", "rebuild", stdin="n\n")

    assert told.code == 0
    assert "nothing was changed" in told.err
    assert desk.requests == 0
