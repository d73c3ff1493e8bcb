"""git, asked about real repositories; also about those of a stranger."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from kbsync.adapters.git import NoHistoryError, Repository, find_repository
from tests.repository import Repo

TOP = PurePosixPath()


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.at(tmp_path / "repo")


def opened(repo: Repo) -> Repository:
    return find_repository(repo.folder)


# ------------------------------------------------------------------------------------------------------- repositories
def test_the_repository_is_found_from_a_folder_in_it(repo: Repo) -> None:
    repo.write("deep/er/a.yaml", "a")

    assert find_repository(repo.folder / "deep" / "er").top == repo.folder.resolve()


def test_a_folder_in_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoHistoryError, match="git says: not a git repository"):
        find_repository(tmp_path)


def test_a_bare_repository_has_no_files_to_compare(tmp_path: Path) -> None:
    Repo.at(tmp_path / "repo").git("init", "--quiet", "--bare", str(tmp_path / "bare"))

    with pytest.raises(NoHistoryError, match="git says"):
        find_repository(tmp_path / "bare")


def test_that_there_is_no_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoHistoryError, match="no git on the PATH"):
        find_repository(tmp_path)


@pytest.mark.parametrize("place", ["", ".", "bin"])
def test_a_git_of_the_folder_is_not_run(repo: Repo, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    for name in ("git", "bin/git"):
        repo.write(name, "#!/bin/sh\ntouch ran\n").chmod(0o755)
    monkeypatch.chdir(repo.folder)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")

    assert opened(repo).top == repo.folder.resolve()
    assert not (repo.folder / "ran").exists()


def test_what_a_hook_has_set_leads_nowhere_else(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Repo.at(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")

    assert opened(repo).top == repo.folder.resolve()


# -------------------------------------------------------------------------------------------------------- revisions
def test_a_revision_may_be_whatever_git_takes_for_one(repo: Repo) -> None:
    first = repo.commit("one")
    repo.git("tag", "-a", "-m", "x", "v1")
    second = repo.commit("two")

    assert [opened(repo).commit(name) for name in ("HEAD~1", "v1", first[:10], "main", "@")] == [first] * 3 + [
        second
    ] * 2


def test_a_revision_with_dots_is_where_the_branches_parted(repo: Repo) -> None:
    fork = repo.commit("one")
    repo.git("switch", "--quiet", "--create", "topic")
    repo.commit("ours")
    repo.git("switch", "--quiet", "main")
    repo.commit("theirs")
    repo.git("switch", "--quiet", "topic")

    assert opened(repo).commit("main...") == fork


@pytest.mark.parametrize(
    "revision", ["nowhere", "", "...", "HEAD..main", "--all", "-x", "HEAD:a.yaml", "nowhere...", "\x1b["]
)
def test_what_names_no_commit_is_told(repo: Repo, revision: str) -> None:
    repo.write("a.yaml", "a")
    repo.commit()

    with pytest.raises(NoHistoryError, match=r"names no commit here$"):
        opened(repo).commit(revision)


def test_a_repository_without_a_commit_has_none(repo: Repo) -> None:
    with pytest.raises(NoHistoryError, match="'HEAD' names no commit here"):
        opened(repo).commit("HEAD")


def test_branches_that_never_met_have_no_fork(repo: Repo) -> None:
    repo.commit("one")
    repo.git("switch", "--quiet", "--orphan", "island")
    repo.commit("two")

    with pytest.raises(NoHistoryError, match="no commit in common"):
        opened(repo).commit("main...")


def test_a_shallow_clone_without_the_commit_is_told_how_to_get_it(repo: Repo, tmp_path: Path) -> None:
    first = repo.commit("one")
    repo.commit("two")
    clone = Repo(tmp_path / "clone")
    repo.git("clone", "--quiet", "--depth", "1", f"file://{repo.folder}", str(clone.folder))

    with pytest.raises(NoHistoryError, match=r"shallow.*--unshallow.*fetch-depth: 0"):
        opened(clone).commit(first)


# ------------------------------------------------------------------------------------------------------------ files
def test_files_are_those_of_the_commit_with_their_contents(repo: Repo, tmp_path: Path) -> None:
    names = ("m/a.yaml", "m/b c.yaml", "m/年报.jsonl", "other.yaml")
    for name in names:
        repo.write(name, f"this is {name}\n" * 1000)
    commit = repo.commit()
    for name in names:
        repo.write(name, "edited")
    repository = opened(repo)

    found = repository.files(commit, [TOP])
    repository.unpack({tmp_path / "out" / path: id_ for path, id_ in found.items()})

    assert sorted(map(str, found)) == sorted(names)
    assert {name: (tmp_path / "out" / name).read_text() for name in names} == {
        name: f"this is {name}\n" * 1000 for name in names
    }
    assert all(repository.content(id_) == (tmp_path / "out" / path).read_bytes() for path, id_ in found.items())


def test_files_can_be_those_beneath_some_paths(repo: Repo) -> None:
    for name in ("m/a.yaml", "m/deep/b.yaml", "mm/c.yaml", "d.yaml", "m*/e.yaml"):
        repo.write(name, name)
    commit = repo.commit()

    def beneath(*paths: str) -> set[str]:
        return set(map(str, opened(repo).files(commit, list(map(PurePosixPath, paths)))))

    assert beneath("m") == {"m/a.yaml", "m/deep/b.yaml"}
    assert beneath("d.yaml", "nowhere") == {"d.yaml"}
    assert beneath("m*") == {"m*/e.yaml"}
    assert len(beneath("m", ".")) == 5


def test_links_are_no_files(repo: Repo) -> None:
    repo.write("a.yaml", "a")
    (repo.folder / "link.yaml").symlink_to("a.yaml")

    assert list(map(str, opened(repo).files(repo.commit(), [TOP]))) == ["a.yaml"]


@pytest.mark.parametrize("content", [b"", b"a\n", b"a\r\n\x00\xff", b"x" * 3_000_000])
def test_a_file_has_the_id_of_its_content(repo: Repo, content: bytes) -> None:
    repo.write(".gitattributes", "*.yaml -text\n")
    file = repo.write("a.yaml", content)
    repository = opened(repo)

    assert repository.ids([file])[file] == repository.files(repo.commit(), [TOP])[PurePosixPath("a.yaml")]


def test_what_cannot_be_read_has_no_id(repo: Repo) -> None:
    os.mkfifo(repo.folder / "pipe.yaml")
    broken = repo.write("two\nlines.yaml", "a")
    fine = repo.write('"quoted".yaml', "a")

    assert set(opened(repo).ids([repo.folder / "pipe.yaml", repo.folder / "gone.yaml", broken, fine])) == {fine}


def test_a_part_that_a_filtered_clone_left_out_is_told_and_not_fetched(repo: Repo, tmp_path: Path) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.write("a.yaml", "a")
    commit = repo.commit()
    repo.write("a.yaml", "b")
    repo.commit()
    clone = Repo(tmp_path / "clone")
    repo.git("clone", "--quiet", "--filter=blob:none", f"file://{repo.folder}", str(clone.folder))
    repository = opened(clone)
    found = repository.files(commit, [TOP])

    with pytest.raises(NoHistoryError):
        repository.unpack({tmp_path / path: id_ for path, id_ in found.items()})


@pytest.mark.parametrize("name", ["..", "../outside.yaml", "/outside.yaml"])
def test_a_tree_that_somebody_made_leads_nowhere_outside(repo: Repo, name: str) -> None:
    repo.write("a.yaml", "a")
    repo.commit()
    blob = repo.git("rev-parse", "HEAD:a.yaml")
    forged = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    (repo.folder / "forged").write_bytes(forged)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--literally", "forged")
    commit = repo.git("commit-tree", "-m", "x", tree)

    assert opened(repo).files(commit, [TOP]) == {}


# ------------------------------------------------------------------------------------------------------------ lines
def test_lines_come_from_the_commits_that_wrote_them_newest_first(repo: Repo) -> None:
    repo.write("a.yaml", "one\ntwo\nthree\n")
    first = repo.commit("Begin", day=1, author="Grace")
    repo.write("a.yaml", "zero\none\n2\nthree\n")
    second = repo.commit("Count on\n\nat length", day=3)
    repository, path = opened(repo), PurePosixPath("a.yaml")

    newer, older = repository.blame(second, path, 2, 4)

    assert (newer.id, newer.author, newer.subject, newer.is_oldest) == (second, "Ada", "Count on", False)
    assert (older.id, older.author, older.subject, older.is_oldest) == (first, "Grace", "Begin", False)
    assert newer.at_s - older.at_s == 2 * 86400
    assert [commit.id for commit in repository.blame(second, path, 4, 4)] == [first]
    assert [commit.id for commit in repository.blame(first, path, 2, 2)] == [first]


def test_what_a_shallow_clone_knows_of_a_line_may_be_older(repo: Repo, tmp_path: Path) -> None:
    repo.write("a.yaml", "one\n")
    repo.commit("one")
    repo.write("b.yaml", "two\n")
    last = repo.commit("two")
    clone = Repo(tmp_path / "clone")
    repo.git("clone", "--quiet", "--depth", "1", f"file://{repo.folder}", str(clone.folder))

    (commit,) = opened(clone).blame(last, PurePosixPath("a.yaml"), 1, 1)

    assert (commit.id, commit.is_oldest) == (last, True)


def test_names_and_subjects_are_text_whatever_they_hold(repo: Repo) -> None:
    repo.write("a.yaml", "author Mallory\n\tx\n")
    last = repo.commit("修正 \x1b[2J author-time 0", author="王 芳")

    (commit,) = opened(repo).blame(last, PurePosixPath("a.yaml"), 1, 2)

    assert (commit.author, commit.subject) == ("王 芳", "修正 \x1b[2J author-time 0")


def test_lines_that_a_file_does_not_have_are_told(repo: Repo) -> None:
    repo.write("a.yaml", "one\n")

    with pytest.raises(NoHistoryError, match=r"git says: file a\.yaml has only 1 line"):
        opened(repo).blame(repo.commit(), PurePosixPath("a.yaml"), 7, 8)


# -------------------------------------------------------------------------------------------------------- strangers
def all_of_it(repository: Repository, folder: Path) -> None:
    commit = repository.commit("HEAD")
    found = repository.files(commit, [TOP])
    repository.commit("HEAD...")
    repository.unpack({folder / path: id_ for path, id_ in found.items()})
    repository.ids([repository.top / path for path in found])
    repository.content(found[PurePosixPath("a.yaml")])
    repository.blame(commit, PurePosixPath("a.yaml"), 1, 1)


HOSTILE: dict[str, Callable[[str], str]] = {
    "core.fsmonitor": str,
    "core.pager": str,
    "pager.blame": str,
    "core.sshCommand": str,
    "core.gitProxy": str,
    "core.editor": str,
    "core.askPass": str,
    "core.alternateRefsCommand": str,
    "diff.external": str,
    "diff.evil.command": str,
    "diff.evil.textconv": str,
    "filter.evil.clean": str,
    "filter.evil.smudge": str,
    "filter.evil.process": str,
    "credential.helper": lambda program: f"!{program}",
    "alias.blame": lambda program: f"!{program}",
    "alias.ls-tree": lambda program: f"!{program}",
    "gpg.program": str,
    "log.showSignature": lambda _: "true",
}


def test_nothing_that_a_repository_configures_is_run(repo: Repo, tmp_path: Path) -> None:
    repo.write("a.yaml", "a\n")
    repo.write(".gitattributes", "*.yaml diff=evil filter=evil\n")
    repo.commit()
    program = repo.write("evil.sh", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    for hook in ("post-index-change", "reference-transaction", "pre-auto-gc"):
        repo.write(f".git/hooks/{hook}", program.read_text()).chmod(0o755)
    for key, value in HOSTILE.items():
        repo.git("config", key, value(str(program)))
    repo.write("a.yaml", "edited\n")
    index = (repo.folder / ".git" / "index").read_bytes()
    with suppress(AssertionError):
        repo.git("blame", "a.yaml")
    assert (tmp_path / "ran").exists(), "git as it comes would run it"
    (tmp_path / "ran").unlink()

    all_of_it(opened(repo), tmp_path / "out")

    assert not (tmp_path / "ran").exists()
    assert (tmp_path / "out" / "a.yaml").read_text() == "a\n"
    assert (repo.folder / ".git" / "index").read_bytes() == index
