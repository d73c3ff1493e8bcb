"""`kbsync why`: one item's story, found by whatever people call it."""

import shutil
from typing import Any

import pytest

from tests.cli.desk import DATASET, MANIFEST, Desk
from tests.cli.refusals import refused, well_formed
from tests.repository import Repo

IMAGE = "7446670805219090001"
ITEM = f"coze-cn/{DATASET}/image/{IMAGE}"
RECORD = "doc_0000000"


def explained(desk: Desk, item: str = IMAGE) -> Any:
    told = desk.run("why", item, "--format", "json")
    assert told.code == 0, told.err
    well_formed(told)
    return told.json()


@pytest.fixture
def repo(desk: Desk) -> Repo:
    desk.write(".gitignore", ".kbsync/\n")
    repo = Repo.at(desk.folder)
    repo.commit("Describe the pets", day=2, author="Grace")
    return repo


# ----------------------------------------------------------------------------------------------------------- the story
def test_what_is_declared_known_and_different_is_told(desk: Desk) -> None:
    told = desk.run("why", ITEM)

    lines = told.out.splitlines()
    assert lines[:2] == [ITEM, "  The next apply sends 1 change of it."]
    assert "Declared  manifests/pets.yaml:5" in lines
    assert any(line.startswith('  caption  "old"  confirmed 20') for line in lines)
    assert '      caption  "old" → "new"' in lines
    assert "coze.image.caption: updated" in told.out
    assert "accepted, HTTP 200, code 0, log id" in told.out
    assert (told.code, told.err, desk.requests) == (0, "", 0)


def test_both_formats_tell_the_same_item(desk: Desk) -> None:
    told = explained(desk)

    assert told["item"]["id"] == IMAGE
    assert told["declared"]["source"] == {"file": "manifests/pets.yaml", "line": 5, "column": 5}
    assert told["known"]["caption"]["value"] == "old"
    assert told["known"]["caption"]["confirmed"]["run_id"] == told["history"][0]["run_id"]
    assert [change["fields"] for change in told["changes"]] == [
        [{"field": "caption", "known": "old", "desired": "new"}]
    ]
    assert [attempt["verdict"] for attempt in told["attempts"]] == ["accepted"]


def test_an_item_that_is_in_sync_is_said_to_be(desk: Desk) -> None:
    desk.run("apply", "--yes")

    assert "In sync" in desk.run("why", IMAGE).out
    assert explained(desk)["changes"] == []


def test_what_the_manifest_says_of_an_item_is_told(desk: Desk) -> None:
    text = MANIFEST.format(caption="new").replace("name: cozeoverview", "name: x\n    ignore: [name]")
    desk.write("manifests/pets.yaml", text.replace("caption: new", "caption: new\n    protect: true"))

    protected, ignored = desk.run("why", IMAGE).out, desk.run("why", "7386942056030100001").out

    assert "It differs and is protected: nothing is sent." in protected
    assert "  protected: it is compared and never sent" in protected
    assert "ignored: name" in ignored
    assert explained(desk)["skipped"][0]["why"] == "protected"


def test_an_item_that_left_the_manifest_is_told_from_the_state(desk: Desk) -> None:
    (desk.folder / "manifests" / "pets.yaml").unlink()

    told = desk.run("why", IMAGE)

    assert "No manifest declares it: the next apply of the whole manifest releases it." in told.out
    assert explained(desk)["declared"] is explained(desk)["git"] is None

    desk.run("state", "forget", "--yes", ITEM)
    assert "nothing is known of it any more" in desk.run("why", IMAGE).out
    assert "coze.image.caption: updated" in desk.run("why", ITEM).out


def test_an_item_that_no_run_has_seen_is_told_from_the_manifest(desk: Desk) -> None:
    desk.write(
        "manifests/more.yaml", f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\nimages: [{{id: "5", caption: x}}]'
    )

    told = explained(desk, "5")

    assert (told["known"], told["history"], told["changes"][0]["reason"]) == ({}, [], "new")


def test_without_a_state_it_tells_what_there_is(desk: Desk) -> None:
    shutil.rmtree(desk.state.parent)

    assert "Known\n  nothing\n" in desk.run("why", IMAGE).out


def test_a_failure_is_told_with_the_answer(desk: Desk) -> None:
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="new").replace("219090001", "219099999"))
    desk.run("apply", "--yes")

    (fate,) = explained(desk, "7446670805219099999")["history"]

    assert fate["outcome"] == "failed"
    assert fate["code"]
    assert fate["log_id"]


# ----------------------------------------------------------------------------------------------------------------- git
def test_the_commit_of_the_lines_is_told(desk: Desk, repo: Repo) -> None:
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="newer"))
    second = repo.commit("Name them anew", day=3)

    told = desk.run("why", IMAGE)

    newer, older = explained(desk)["git"]["commits"]
    assert (newer["id"], newer["author"], newer["subject"]) == (second, "Ada", "Name them anew")
    assert (older["author"], older["at"]) == ("Grace", "2026-01-02T12:00:00.000Z")
    assert f"commit {second[:10]}  2026-01-03 12:00:00 UTC  Ada: Name them anew" in told.out
    assert [commit["author"] for commit in explained(desk, "cozeoverview")["git"]["commits"]] == ["Grace"]


def test_lines_that_only_moved_keep_their_commit(desk: Desk, repo: Repo) -> None:
    text = (desk.folder / "manifests" / "pets.yaml").read_text()
    desk.write("manifests/pets.yaml", f"# first\n# second\n{text}".replace("\n", "\r\n"))

    assert [commit["author"] for commit in explained(desk)["git"]["commits"]] == ["Grace"]


def test_lines_that_are_not_committed_are_told_to_be_so(desk: Desk, repo: Repo) -> None:
    desk.write("manifests/pets.yaml", MANIFEST.format(caption="newest"))
    desk.write(
        "manifests/more.yaml", f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\nimages: [{{id: "5", caption: x}}]'
    )

    assert "  git: not committed as it stands\n" in desk.run("why", IMAGE).out
    assert explained(desk, "5")["git"] == {"commits": [], "remark": "the file is not committed"}


def test_without_git_the_rest_is_told(desk: Desk) -> None:
    told = explained(desk)

    assert told["git"]["commits"] == []
    assert told["git"]["remark"].startswith("git says: not a git repository")


# ------------------------------------------------------------------------------------------------------- which item
@pytest.mark.parametrize("word", [RECORD, f"volc-bj/default/test_collection_name/document/{RECORD}", "a/b/c/年报.pdf"])
def test_an_item_is_found_by_what_people_call_it(desk: Desk, word: str) -> None:
    text = (desk.folder / "manifests" / "records.jsonl").read_text()
    desk.write("manifests/records.jsonl", text.replace('"meta"', '"name":"a/b/c/年报.pdf","meta"'))

    assert explained(desk, word)["item"]["id"] == RECORD


def test_an_item_is_found_by_the_name_that_is_known_of_it(desk: Desk) -> None:
    (desk.folder / "manifests" / "pets.yaml").unlink()

    assert explained(desk, "cozeoverview")["item"]["id"] == "7386942056030100001"


def test_a_word_that_may_be_several_items_is_refused_with_all_of_them(desk: Desk) -> None:
    desk.write(
        "manifests/more.yaml",
        f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\ndocuments: [{{id: "5", name: {RECORD}}}]',
    )

    told = refused(desk, 64, "why", RECORD)

    assert told.err.splitlines() == [
        f"kbsync: '{RECORD}' may be 2 items; say which:",
        f"kbsync: coze-cn/{DATASET}/document/5",
        f"kbsync: volc-bj/default/test_collection_name/document/{RECORD}",
    ]


@pytest.mark.parametrize("word", ["nobody", "a/b/c/d", "", "\x1b[2J", "\udcff", f"coze-cn/9/image/{IMAGE}", "*"])
def test_what_is_nowhere_is_told_with_exit_1(desk: Desk, word: str) -> None:
    told = refused(desk, 1, "why", word)

    assert "neither in the manifests nor in the state" in told.err


def test_what_is_nowhere_but_near_is_suggested(desk: Desk) -> None:
    assert f"did you mean {RECORD}?" in refused(desk, 1, "why", "doc_000000").err
    assert "did you mean cozeoverview?" in refused(desk, 1, "why", "cozoverview").err


def test_mistakes_elsewhere_are_told_and_hinder_nothing(desk: Desk) -> None:
    desk.write("manifests/bad.yaml", "x")

    told = desk.run("why", IMAGE)

    assert told.code == 0
    assert "the manifests have 1 mistake" in told.err
