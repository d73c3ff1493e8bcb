"""`--refresh` of few items: they alone are asked for, and what they show means what a list would."""

import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbsync.cli import refreshing
from kbsync.emulator import Latency
from kbsync.emulator.world import Collection
from tests.cli.desk import COLLECTION, CONFIG, Desk, lying
from tests.cli.test_refresh import APPLY, LISTS, PLAN, writes
from tests.cli.test_refresh_rates import RATE_PER_S, most_in_a_second

HERE = {"target": "volc-bj", "collection": COLLECTION, "kind": "document"}
INFO, LIST = "volcengine.document.info", "volcengine.documents.list"
FEW = "few.jsonl"


def id_of(number: int) -> str:
    return f"doc_{number:07d}"


def collection(desk: Desk) -> Collection:
    return desk.emulator.world.collections["default", COLLECTION]


def rename(desk: Desk, *numbers: int) -> None:
    """Change names behind kbsync's back."""
    for number in numbers:
        collection(desk).docs[id_of(number)].name = "edited"


def declare(desk: Desk, *numbers: int, **names: str) -> None:
    """Write the manifest of few documents, as they are live; *names* says otherwise, by id."""
    docs = collection(desk).docs
    entries = {**{id_of(number): docs[id_of(number)].name for number in numbers}, **names}
    lines = [orjson.dumps({**HERE, "id": id_, "name": name}) + b"\n" for id_, name in entries.items()]
    desk.write(FEW, b"".join(lines))


def asked(desk: Desk) -> list[tuple[str, int]]:
    """Return the reads that arrived, and how many documents each was about; 0 stands for all of them."""
    found: list[tuple[str, int]] = []
    for record in desk.emulator.ledger.records:
        if record.fate == "read":
            body = orjson.loads(record.body) if record.body else {}
            found.append(
                (record.operation, 1 if "doc_id" in body else len(body.get("filter", {}).get("doc_id_list", ())))
            )
    return found


def read_places(told: Any) -> list[tuple[int, int | None]]:
    """Return how many items were there at each place that a plan was made of, and how many were asked for."""
    return [(read["items"], read.get("asked")) for read in told.json()["base"]["read"]]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reads not keep the distance of a second from what other processes send: here that is nothing but waiting."""
    monkeypatch.setattr(refreshing, "WINDOW_S", 0.0)


# -------------------------------------------------------------------------------------------------------- what is read
@pytest.mark.parametrize(
    ("items", "reads"),
    [
        (1, [(INFO, 1)]),
        (2, [(LIST, 2)]),
        (100, [(LIST, 100)]),
        (101, [(LIST, 100), (INFO, 1)]),
        (200, [(LIST, 100), (LIST, 100)]),
        (201, [(LIST, 0)] * 3),
    ],
)
def test_items_are_asked_for_alone_as_long_as_that_takes_two_requests_at_most(
    adopted: Desk, items: int, reads: Sequence[tuple[str, int]]
) -> None:
    declare(adopted, *range(items))

    told = adopted.run(*PLAN, "--refresh", FEW)

    assert told.code == 0, told.err
    assert sorted(asked(adopted)) == sorted(reads)
    assert read_places(told) == [(items, items) if items <= 200 else (230, None)]
    assert told.json()["summary"]["in_sync"] == items


def test_only_items_that_are_chosen_are_asked_for(adopted: Desk) -> None:
    rename(adopted, 3, 4)

    told = adopted.run(*PLAN, "--refresh", "--only", f"id={id_of(3)}")

    assert asked(adopted) == [(INFO, 1)]
    assert [change["item"]["id"] for change in told.json()["changes"]] == [id_of(3)]


def test_only_what_failed_is_asked_for(adopted: Desk) -> None:
    declare(adopted, 3, 4, **{id_of(3): "other", id_of(4): "another"})
    with lying(adopted, {"kind": "refused_content", "writes_only": True, "item": id_of(4)}):
        assert adopted.run(*APPLY, FEW).json()["totals"]["failed"] == 1
    before = len(asked(adopted))

    told = adopted.run(*APPLY, "--refresh", "--failed", FEW)

    assert asked(adopted)[before:] == [(INFO, 1)]
    assert told.json()["totals"]["updated"] == 1


def test_a_provider_without_such_a_read_is_asked_for_its_lists(adopted: Desk) -> None:
    told = adopted.run(*PLAN, "--refresh", "--only", "kind=image")

    assert {record.operation for record in adopted.emulator.ledger.records} == {"coze.images.list"}
    assert read_places(told) == [(700, None)]


def test_a_list_that_is_kept_and_young_is_used_and_nothing_is_asked(adopted: Desk) -> None:
    declare(adopted, 3)

    told = adopted.run(*PLAN, "--refresh=1h", FEW)

    assert (adopted.requests, read_places(told)) == (0, [(230, None)])


def test_what_was_asked_for_alone_is_never_kept_as_the_list(large: Desk) -> None:
    declare(large, 3)
    assert large.run(*PLAN, "--refresh=1h", FEW).code == 0
    assert large.run(*PLAN, "--refresh=1h", FEW).code == 0
    assert asked(large) == [(INFO, 1)] * 2

    told = large.run(*PLAN, "--refresh=1h")

    assert told.json()["skipped"] == []
    assert {record.operation for record in large.emulator.ledger.records} == {INFO, *LISTS}


def test_drift_reads_lists_however_little_is_known(large: Desk) -> None:
    declare(large, 3)
    assert large.run(*APPLY, "--refresh", FEW).code == 0
    before = len(asked(large))

    told = large.run("drift", "--format", "json")

    assert asked(large)[before:] == [(LIST, 0)] * 3
    assert told.json()["summary"]["appeared"] == 229


# ------------------------------------------------------------------------------------------------------ what it means
def test_each_item_ends_as_with_a_list(adopted: Desk) -> None:
    declare(adopted, 0, 1, 2, 3, 4, **{id_of(2): "mine"})
    docs = collection(adopted).docs
    rename(adopted, 1, 2, 4)
    docs[id_of(4)].busy_until_s = time.monotonic() + 3600
    collection(adopted).remove(id_of(3))

    told = adopted.run(*APPLY, "--refresh", FEW)

    rows = {row["item"]["id"]: (row["outcome"], row["reason"]) for row in told.json()["items"]}
    assert rows == {
        id_of(1): ("updated", "accepted"),
        id_of(2): ("conflict", "conflict"),
        id_of(3): ("failed", "absent"),
        id_of(4): ("not_attempted", "pending"),
    }
    assert writes(adopted) == [id_of(1)]
    # What the answer for all of them does not hold is asked for alone, for only that answer can say that it is gone.
    assert asked(adopted) == [(LIST, 5), (INFO, 1)]
    assert told.json()["reads"] == 2


@pytest.mark.parametrize(
    "spoiled", ["page_empty", "page_short", "page_doubled_item", "page_nameless_item", "refused_403"]
)
def test_what_an_answer_for_several_does_not_prove_is_asked_for_alone(adopted: Desk, spoiled: str) -> None:
    declare(adopted, 0, 1, 2)

    with lying(adopted, {"kind": spoiled, "operation": LIST}):
        told = adopted.run(*PLAN, "--refresh", FEW)

    assert told.code == 0, told.err
    assert told.json()["summary"]["in_sync"] == 3
    assert 2 <= adopted.requests <= 4


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"kind": "refused_403"}, "forbidden"),
        ({"kind": "http_500", "with": {"status": 404}}, "not_found"),
        ({"kind": "http_500", "with": {"status": 409}}, "conflict"),
        ({"kind": "http_500"}, "server_error"),
        ({"kind": "empty_body"}, "unclear"),
        ({"kind": "disconnect_after"}, "disconnected"),
    ],
)
@pytest.mark.parametrize("command", [PLAN, APPLY])
def test_nothing_is_planned_unless_every_item_is_proved(
    adopted: Desk, command: tuple[str, ...], rule: dict[str, object], why: str
) -> None:
    adopted.configure(replace={"concurrency = 4": "concurrency = 4\n[retry]\nattempts = 1"})
    declare(adopted, 3)
    rename(adopted, 3)

    with lying(adopted, {**rule, "operation": INFO}):
        told = adopted.run(*command, "--refresh", FEW)

    assert (told.code, told.out) == (1, "")
    assert f"volc-bj/default/{COLLECTION}/document/{id_of(3)} cannot be read: {why}" in told.err
    assert "kbsync: nothing was " in told.err
    assert writes(adopted) == []


def test_one_item_of_many_that_is_not_proved_refuses_all(adopted: Desk) -> None:
    declare(adopted, *range(10))

    with lying(adopted, {"kind": "page_empty", "operation": LIST}, {"kind": "refused_403", "item": id_of(7)}):
        told = adopted.run(*PLAN, "--refresh", FEW)

    assert (told.code, told.out) == (1, "")
    assert f"/{id_of(7)} cannot be read: forbidden" in told.err


def test_a_collection_that_does_not_exist_is_no_absence_of_its_documents(adopted: Desk) -> None:
    adopted.write(FEW, orjson.dumps({**HERE, "collection": "nowhere", "id": "a", "name": "x"}) + b"\n")

    told = adopted.run(*PLAN, "--refresh", FEW)

    assert (told.code, told.out) == (1, "")
    assert "volc-bj/default/nowhere/document/a cannot be read: not_found" in told.err


def test_a_refused_credential_is_77(adopted: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLC_SECRETKEY", "wrong")
    declare(adopted, 3)

    assert adopted.run(*APPLY, "--refresh", FEW).code == 77


def test_the_time_of_a_run_is_that_of_such_reads_too(adopted: Desk) -> None:
    declare(adopted, 3, 4)

    with lying(adopted, {"kind": "hang_before", "operation": LIST}):
        told = adopted.run(*APPLY, "--refresh", "--max-duration", "0.2s", FEW)

    assert told.code == 7
    assert f"/{id_of(3)} and 1 more cannot be read: deadline" in told.err


def test_a_signal_leaves_everything_as_it_was(large: Desk) -> None:
    declare(large, 3)
    large.emulator.latency = Latency(0.5, 0.5)
    command = large.command(*APPLY, "--refresh", FEW)
    process = subprocess.Popen(command, cwd=large.folder, stderr=subprocess.PIPE, text=True)
    while not large.requests and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 143
    assert err.endswith("kbsync: reading was stopped\nkbsync: nothing was sent\n")
    assert not large.state.exists()


def test_what_fails_for_a_while_is_asked_for_again_and_counted(adopted: Desk) -> None:
    declare(adopted, 3)

    with lying(adopted, {"kind": "http_500", "operation": INFO, "max_hits": 2}):
        told = adopted.run(*APPLY, "--refresh", FEW)

    assert (told.code, told.json()["reads"], adopted.requests) == (0, 3, 3)


def test_a_saved_plan_of_few_items_applies(adopted: Desk) -> None:
    declare(adopted, 3)
    rename(adopted, 3)
    name = orjson.loads((adopted.folder / FEW).read_bytes())["name"]
    assert adopted.run(*PLAN, "--refresh", "--out", "p.json", FEW).code == 0

    told = adopted.run("apply", "--yes", "--plan", "p.json")

    assert told.code == 0, told.err
    assert collection(adopted).docs[id_of(3)].name == name


def test_such_reads_and_writes_together_never_pass_the_rate(adopted: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(adopted.folder)
    adopted.configure(CONFIG.replace('"500/s"', f'"{RATE_PER_S}/s"'))
    declare(adopted, *range(30))
    rename(adopted, *range(10, 30))

    with lying(adopted, {"kind": "page_empty", "operation": LIST}):
        told = adopted.run(*APPLY, "--refresh", FEW)
        adopted.run(*PLAN, "--refresh", FEW)

    assert told.json()["totals"]["updated"] == 20
    assert told.json()["reads"] == 31
    # The server's own window may see one more: jitter.
    assert most_in_a_second(adopted) <= RATE_PER_S + 1


# ------------------------------------------------------------------------------------------------------------- property
_FATES = st.fixed_dictionaries(
    {
        "live": st.sampled_from(["as known", "renamed", "as declared", "removed"]),
        "declared": st.sampled_from(["as known", "otherwise"]),
        "busy": st.booleans(),
        "meta": st.booleans(),
    }
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_FATES, min_size=1, max_size=6))
def test_a_plan_of_chosen_reads_is_the_plan_of_lists(adopted: Desk, fates: list[dict[str, Any]]) -> None:
    docs, lines = collection(adopted).docs, list[dict[str, object]]()
    kept = {id_of(number): docs[id_of(number)] for number in range(len(fates))}
    before = {id_: (doc.name, doc.meta) for id_, doc in kept.items()}
    for (id_, doc), fate in zip(kept.items(), fates, strict=True):
        declared = doc.name if fate["declared"] == "as known" else "mine"
        doc.name = {"renamed": "theirs", "as declared": declared}.get(fate["live"], doc.name)
        doc.busy_until_s = time.monotonic() + 3600 if fate["busy"] else 0.0
        lines.append({**HERE, "id": id_, "name": declared, **({"meta": {"行业": "教育"}} if fate["meta"] else {})})
        if fate["live"] == "removed":
            collection(adopted).remove(id_)
    adopted.write(FEW, b"".join(orjson.dumps(line) + b"\n" for line in lines))

    plans = []
    for most_requests in (refreshing.MOST_REQUESTS, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(refreshing, "MOST_REQUESTS", most_requests)
            plan = adopted.run(*PLAN, "--refresh", FEW).json()
        assert [("asked" in read) for read in plan["base"].pop("read")] == [most_requests > 0]
        plans.append({key: value for key, value in plan.items() if key != "plan_id"})

    for id_, doc in kept.items():
        (doc.name, doc.meta), doc.busy_until_s = before[id_], 0.0
        collection(adopted).add(doc)
    assert plans[0] == plans[1]


# ------------------------------------------------------------------------------------------------------ what it is for
def declare_meta(desk: Desk, items: int) -> None:
    """Write a manifest of so many documents: names as they are live, and of the first three a field that is new."""
    declare(desk, *range(items))
    lines = [orjson.loads(line) for line in (desk.folder / FEW).read_bytes().splitlines()]
    desk.write(FEW, b"".join(orjson.dumps(line | {"meta": {"new": "x"}}) + b"\n" for line in lines[:3]))
    with (desk.folder / FEW).open("ab") as file:
        file.writelines(orjson.dumps(line) + b"\n" for line in lines[3:])


def meta_of(desk: Desk, number: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = orjson.loads(collection(desk).docs[id_of(number)].meta)
    return entries


@pytest.mark.parametrize(("items", "reads"), [(3, [(LIST, 3)]), (201, [(LIST, 0)] * 3)])
def test_what_was_read_for_the_plan_is_what_an_update_is_laid_over(
    adopted: Desk, items: int, reads: Sequence[tuple[str, int]]
) -> None:
    before = [meta_of(adopted, number) for number in range(3)]
    declare_meta(adopted, items)

    told = adopted.run(*APPLY, "--refresh", FEW)

    assert (told.code, told.json()["totals"]["updated"]) == (0, 3), told.err
    assert asked(adopted) == reads
    for number in range(3):
        *others, mine = meta_of(adopted, number)
        assert (others, mine["field_name"]) == (before[number], "new")


def test_a_list_that_was_kept_is_not_what_an_update_is_laid_over(adopted: Desk) -> None:
    declare_meta(adopted, 201)
    assert adopted.run(*PLAN, "--refresh", FEW).code == 0
    collection(adopted).docs[id_of(1)].meta = "[]"
    kept = len(asked(adopted))

    told = adopted.run(*APPLY, "--refresh=1h", FEW)

    assert (told.code, told.json()["totals"]["updated"]) == (0, 3), told.err
    assert asked(adopted)[kept:] == [(LIST, 3)]
    assert [entry["field_name"] for entry in meta_of(adopted, 1)] == ["new"]


def test_meta_that_cannot_be_read_fails_its_document_alone(adopted: Desk) -> None:
    declare_meta(adopted, 3)
    collection(adopted).docs[id_of(1)].meta = "no list"

    told = adopted.run(*APPLY, "--refresh", FEW)

    assert told.code == 3, told.err
    found = {row["item"]["id"]: (row["outcome"], row["reason"]) for row in told.json()["items"]}
    assert found == {
        id_of(0): ("updated", "accepted"),
        id_of(1): ("failed", "unreadable"),
        id_of(2): ("updated", "accepted"),
    }
