"""`--changed-since REV`: what was declared otherwise in a commit, whatever else changed around it."""

import os
from pathlib import Path

import pytest

from tests.cli.desk import CONFIG, DATASET, RECORDS, Desk
from tests.cli.refusals import refused
from tests.repository import Repo

IMAGE = "7446670805219090001"
DOCUMENT = "7386942056030100001"
RECORD = "doc_0000000"
HEAD = f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\n'


@pytest.fixture
def repo(desk: Desk) -> Repo:
    """The desk's folder under git, with nothing known, so that a plan lists whatever is chosen."""
    desk.write(".gitignore", ".kbsync/\n")
    desk.run("state", "forget", "--yes", "*")
    repo = Repo.at(desk.folder)
    repo.commit("begin")
    return repo


def touched(desk: Desk, *words: str) -> set[str]:
    told = desk.run("plan", "--format", "json", *(words or ("--changed-since", "HEAD")))
    assert told.code == 0, told.err
    assert told.json()["whole"] is False
    return {change["item"]["id"] for change in told.json()["changes"]}


def edit(desk: Desk, name: str, old: str, new: str) -> None:
    text = (desk.folder / name).read_text()
    assert old in text
    desk.write(name, text.replace(old, new))


def test_nothing_is_chosen_when_nothing_changed(desk: Desk, repo: Repo) -> None:
    told = desk.run("plan", "--changed-since", "HEAD")

    assert told.code == 0
    assert "0 of 0 items" in told.out
    assert told.err == "kbsync: no item is chosen: nothing was compared\n"


def test_only_the_items_that_changed_are_chosen(desk: Desk, repo: Repo) -> None:
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")

    assert touched(desk) == {IMAGE}


def test_what_is_committed_since_counts_as_what_is_not(desk: Desk, repo: Repo) -> None:
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")
    repo.commit()
    desk.write("manifests/records.jsonl", RECORDS.format(trade="农业"))

    assert touched(desk, "--changed-since", "HEAD~1") == {IMAGE, RECORD}
    assert touched(desk, "--changed-since", "HEAD") == {RECORD}


def test_what_changed_and_changed_back_was_not_touched(desk: Desk, repo: Repo) -> None:
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")
    repo.commit()
    edit(desk, "manifests/pets.yaml", "caption: newer", "caption: new")
    repo.commit()

    assert touched(desk, "--changed-since", "HEAD~2") == set()


def test_comments_order_and_quotes_are_no_change(desk: Desk, repo: Repo) -> None:
    documents = f'documents: [{{name: "cozeoverview", id: {DOCUMENT}}}]\n'
    desk.write("manifests/pets.yaml", f"# pets\n{HEAD}{documents}images:\n- {{id: {IMAGE}, caption: new}}\n")

    assert touched(desk) == set()


@pytest.mark.parametrize("option", ["protect: true", "ignore: [caption]"])
def test_an_option_of_an_item_is_a_change(desk: Desk, repo: Repo, option: str) -> None:
    edit(desk, "manifests/pets.yaml", "caption: new", f"caption: new\n    {option}")

    told = desk.run("plan", "--changed-since", "HEAD", "--format", "json")

    assert told.json()["summary"]["items"] == 1


def test_a_default_that_changed_touches_what_it_reaches(desk: Desk, repo: Repo) -> None:
    rule = "update_rule: {update_type: 1, update_interval: 24}"
    edit(desk, "manifests/pets.yaml", "documents:", f"defaults:\n  documents:\n    {rule}\ndocuments:")

    assert touched(desk) == {DOCUMENT}


def test_an_item_in_a_new_file_is_chosen_tracked_or_not(desk: Desk, repo: Repo) -> None:
    desk.write("manifests/more.yaml", f'{HEAD}images: [{{id: "7446670805219090002", caption: x}}]\n')
    assert touched(desk) == {"7446670805219090002"}

    repo.git("add", "--all")
    assert touched(desk) == {"7446670805219090002"}


def test_an_item_that_moved_to_another_file_and_format_was_not_touched(desk: Desk, repo: Repo) -> None:
    (desk.folder / "manifests" / "records.jsonl").unlink()
    desk.write(
        "manifests/deep/records.csv",
        f"target,collection,kind,id,meta.行业\nvolc-bj,test_collection_name,document,{RECORD},医疗\n",
    )
    assert touched(desk) == set()

    edit(desk, "manifests/deep/records.csv", "医疗", "教育")
    assert touched(desk) == {RECORD}


def test_what_left_the_manifest_is_not_released(desk: Desk, repo: Repo) -> None:
    desk.run("apply", "--yes")
    (desk.folder / "manifests" / "records.jsonl").unlink()
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")

    told = desk.run("apply", "--yes", "--changed-since", "HEAD", "--format", "json")

    assert told.code == 0, told.err
    assert told.json()["totals"]["planned"] == 1
    assert desk.caption() == "newer"
    assert RECORD in desk.run("state", "list").out


def test_line_ends_that_git_converts_are_no_change(desk: Desk, repo: Repo) -> None:
    desk.write("manifests/records.jsonl", RECORDS.format(trade="医疗").replace("\n", "\r\n"))

    assert touched(desk) == set()


def test_a_branch_is_compared_with_where_it_left_the_other(desk: Desk, repo: Repo) -> None:
    repo.git("switch", "--quiet", "--create", "topic")
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")
    repo.commit("ours")
    repo.git("switch", "--quiet", "main")
    desk.write("manifests/records.jsonl", RECORDS.format(trade="农业"))
    repo.commit("theirs")
    repo.git("switch", "--quiet", "topic")

    assert touched(desk, "--changed-since", "main...") == {IMAGE}
    assert touched(desk, "--changed-since", "main") == {IMAGE, RECORD}


def test_selectors_and_paths_narrow_what_changed(desk: Desk, repo: Repo) -> None:
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")
    desk.write("manifests/records.jsonl", RECORDS.format(trade="农业"))

    assert touched(desk, "--changed-since", "HEAD", "--exclude", "kind=image") == {RECORD}
    assert touched(desk, "--changed-since", "HEAD", "manifests/p*.yaml") == {IMAGE}
    assert touched(desk, "--changed-since", "HEAD", str(desk.folder / "manifests" / "records.jsonl")) == {RECORD}
    refused(desk, 64, "plan", "--changed-since", "HEAD", "--only", "kind=imgae")


def test_the_workspace_may_be_a_folder_of_the_repository(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = Repo.at(tmp_path)
    repo.commit()
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")
    desk.write("elsewhere/x", "")
    monkeypatch.chdir(desk.folder / "elsewhere")

    assert touched(desk) == {IMAGE}


def test_a_configured_glob_and_a_link_lead_to_the_same_items(desk: Desk, repo: Repo) -> None:
    (desk.folder / "linked").symlink_to("manifests")
    desk.configure(CONFIG, replace={'["manifests"]': '["linked/*.yaml", "manifests/rec*"]'})
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: newer")

    assert touched(desk) == {IMAGE}


def test_what_the_commit_has_wrong_counts_as_changed(desk: Desk, repo: Repo) -> None:
    edit(desk, "manifests/pets.yaml", "caption: new", "captoin: new")
    repo.commit()
    edit(desk, "manifests/pets.yaml", "captoin: new", "caption: new")

    told = desk.run("plan", "--changed-since", "HEAD", "--format", "json")

    assert [change["item"]["id"] for change in told.json()["changes"]] == [IMAGE]
    assert "--changed-since: 1 mistake in the manifests of HEAD" in told.err


def test_a_commit_without_any_manifest_touches_everything(desk: Desk) -> None:
    repo = Repo.at(desk.folder)
    repo.git("commit", "--quiet", "--allow-empty", "-m", "empty")

    told = desk.run("plan", "--changed-since", "HEAD", "--format", "json")

    assert told.json()["summary"]["items"] == 3
    assert told.err == ""


def test_lints_of_the_past_are_not_told(desk: Desk, repo: Repo) -> None:
    edit(desk, "manifests/pets.yaml", "caption: new", "caption: TODO")
    repo.commit()
    edit(desk, "manifests/pets.yaml", "caption: TODO", "caption: newer")

    told = desk.run("plan", "--changed-since", "HEAD", "--error", "placeholder-caption")

    assert (told.code, told.err) == (0, "")


# ----------------------------------------------------------------------------------------------------------- refused
def test_without_a_repository_it_is_refused(desk: Desk) -> None:
    told = refused(desk, 64, "plan", "--changed-since", "HEAD")

    assert told.err.startswith("kbsync: --changed-since: git says: not a git repository")


@pytest.mark.parametrize("revision", ["nowhere", "", "--help", "HEAD..", "\x1b[2J", "\udcff"])
def test_a_revision_that_is_none_is_refused(desk: Desk, repo: Repo, revision: str) -> None:
    told = refused(desk, 64, "apply", "--yes", f"--changed-since={revision}")

    assert "names no commit here" in told.err


def test_a_path_outside_the_repository_is_refused(desk: Desk, repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.yaml").write_text(HEAD)

    told = refused(desk, 64, "plan", "--changed-since", "HEAD", str(tmp_path / "outside"))

    assert "is not in the repository" in told.err


def test_a_saved_plan_does_not_go_with_it(desk: Desk) -> None:
    refused(desk, 64, "apply", "--yes", "--plan", "p.json", "--changed-since", "HEAD")


def test_a_manifest_that_cannot_be_read_is_told_as_ever(desk: Desk, repo: Repo) -> None:
    os.mkfifo(desk.folder / "manifests" / "pipe.yaml")

    assert refused(desk, 65, "plan", "--changed-since", "HEAD").err.endswith("[unreadable-file]\n")
