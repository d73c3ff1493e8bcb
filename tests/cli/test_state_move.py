"""`kbsync state mv`."""

import pytest

from tests.adapters.state.holders import holding
from tests.cli.desk import CONFIG, DATASET, MANIFEST, PENDING, RECORDS, Desk


def settled(desk: Desk) -> None:
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="old"))
    desk.write("manifests/records.jsonl", RECORDS.format(trade="教育"))
    assert desk.run("plan", "--detailed-exitcode").code == 0


def test_after_a_target_was_renamed_everywhere_the_plan_is_empty(desk: Desk) -> None:
    settled(desk)
    desk.configure(replace={"[targets.coze-cn]": "[targets.coze-main]"})
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="old").replace("coze-cn", "coze-main"))
    assert desk.run("plan", "--detailed-exitcode").code == 2

    told = desk.run("state", "mv", "coze-cn", "coze-main", "--yes")

    assert (told.code, told.err) == (0, "")
    assert told.out == "moved 2 items in 1 container: coze-cn is coze-main now\n"
    assert desk.run("plan", "--detailed-exitcode").code == 0
    assert desk.requests == 0
    assert all(row["item"]["target"] != "coze-cn" for row in desk.run("report", "--format", "json").json()["items"])


def test_after_a_container_was_renamed_everywhere_the_plan_is_empty(desk: Desk) -> None:
    settled(desk)
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="old").replace(DATASET, "744632974166804777"))

    told = desk.run("state", "mv", f"coze-cn/{DATASET}", "coze-cn/744632974166804777", "-y")

    assert told.out == f"moved 2 items: coze-cn/{DATASET} is coze-cn/744632974166804777 now\n"
    assert desk.run("plan", "--detailed-exitcode").code == 0


def test_a_collection_is_named_with_its_project_or_by_its_resource_id(desk: Desk) -> None:
    settled(desk)
    desk.write(
        "manifests/records.jsonl",
        RECORDS.format(trade="教育").replace('"collection":"test_collection_name"', '"resource_id":"kb-1"'),
    )

    assert desk.run("state", "mv", "volc-bj/default/test_collection_name", "volc-bj/kb-1", "-y").code == 0
    assert desk.run("plan", "--detailed-exitcode").code == 0
    told = desk.run("state", "mv", "volc-bj/kb-1", "volc-bj/other_collection", "-y")
    assert told.code == 64
    assert "'other_collection' is no container that a manifest of volc-bj could name" in told.err


def test_it_asks(desk: Desk) -> None:
    words = ("state", "mv", f"coze-cn/{DATASET}", "coze-cn/7")

    asked = desk.run(*words, stdin="n\n")
    assert asked.code == 0
    assert f"Call what the state holds of coze-cn/{DATASET}, 2 items, coze-cn/7 from now on?" in asked.err
    assert "nothing was changed" in asked.err
    assert len(desk.run("plan", "--format", "json").json()["changes"]) == PENDING

    assert desk.run(*words, stdin="y\n").out.startswith("moved 2 items")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["coze-cn", "coze-cn"], "FROM and TO are the same"),
        (["coze-cn", f"coze-cn/{DATASET}"], "both TARGET, or both TARGET/CONTAINER"),
        (["coze-cn", "coze-main"], "kbsync.toml has no target coze-main; did you mean coze-cn?"),
        (["coze-cn", "volc-bj"], "coze-cn and volc-bj are targets of different providers"),
        (["coze-com", "coze-cn"], "The state knows nothing of coze-com"),
        (["coze-cn/1", "coze-cn/2"], "The state knows nothing of coze-cn/1"),
        ([f"coze-cn/{DATASET}", "coze-cn/x1"], "'x1' is no container that a manifest of coze-cn could name"),
        (["coze-cn/", "coze-cn/2"], "FROM 'coze-cn/': write TARGET or TARGET/CONTAINER"),
        ([f"coze-cn/{DATASET}", ""], "TO '': write TARGET or TARGET/CONTAINER"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, words: list[str], said: str) -> None:
    before = desk.state.read_bytes()

    told = desk.run("state", "mv", *words, "--yes")

    assert told.code == 64
    assert said in told.err
    assert desk.state.read_bytes() == before


def test_what_came_from_a_target_of_another_provider_is_refused(desk: Desk) -> None:
    desk.configure(CONFIG.split("[targets.volc-bj]")[0])

    told = desk.run("state", "mv", "volc-bj", "coze-cn", "--yes")

    assert told.code == 64
    desk.configure(replace={"[targets.coze-cn]": "[targets.coze-main]", "[targets.volc-bj]": "[targets.volc-sh]"})
    told = desk.run("state", "mv", "volc-bj", "coze-main", "--yes")
    assert told.code == 64
    assert "'default/test_collection_name' is no container that a manifest of coze-main could name" in told.err


def test_a_destination_with_items_is_refused(desk: Desk) -> None:
    desk.write(
        "manifests/more.yaml",
        MANIFEST.format(caption="x")
        .replace(DATASET, "744632974166804002")
        .replace("90001", "90003")
        .replace('00001"\n    name', '00003"\n    name'),
    )
    desk.run("apply", "--yes")

    told = desk.run("state", "mv", f"coze-cn/{DATASET}", "coze-cn/744632974166804002", "--yes")

    assert told.code == 64
    assert "already: nothing was moved" in told.err
    assert "`kbsync state forget 'coze-cn/744632974166804002/*'` makes room" in told.err


def test_a_state_that_another_run_holds_is_left_alone(desk: Desk) -> None:
    with holding(desk.state):
        assert desk.run("state", "mv", f"coze-cn/{DATASET}", "coze-cn/7", "--yes").code == 6
