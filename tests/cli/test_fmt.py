"""`kbsync fmt`: which files it rewrites, what it says, and what it leaves alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kbsync.adapters.manifests import Formatter, ManifestFile, find_files
from kbsync.cli.fmt import FormFile
from kbsync.cli.workspace import open_workspace
from kbsync.errors import KbsyncError
from kbsync.providers import PROVIDERS
from tests.cli.desk import DATASET, Desk

HEAD = f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\n'
UNTIDY = f"target: coze-cn\nkbsync: 1 # one\ndataset: {DATASET}\nimages: [{{caption: a, id: 5}}]\n"
TIDY = f'kbsync: 1  # one\ntarget: coze-cn\ndataset: "{DATASET}"\nimages:\n  - id: "5"\n    caption: a\n'


def test_it_rewrites_what_is_not_in_form_and_lists_it(desk: Desk) -> None:
    path = desk.write("manifests/untidy.yaml", UNTIDY)
    desk.write("manifests/pets.yaml", TIDY.replace('"5"', '"6"'))

    told = desk.run("fmt")

    assert (told.code, told.out) == (0, "manifests/untidy.yaml\n")
    assert told.err == "kbsync: 1 file reformatted, 2 left as they are\n"
    assert path.read_text() == TIDY
    assert desk.run("fmt").out == ""


def test_check_writes_nothing_and_exits_2(desk: Desk) -> None:
    path = desk.write("manifests/untidy.yaml", UNTIDY)

    told = desk.run("fmt", "--check", "manifests/untidy.yaml")

    assert (told.code, told.out) == (2, "manifests/untidy.yaml\n")
    assert path.read_text() == UNTIDY
    path.write_text(TIDY)
    assert desk.run("fmt", "--check", "manifests/untidy.yaml").code == 0


def test_diff_shows_the_lines_and_writes_nothing(desk: Desk) -> None:
    path = desk.write("manifests/untidy.yaml", UNTIDY)

    told = desk.run("fmt", "--diff", "manifests/untidy.yaml")

    assert told.code == 0
    assert {"-kbsync: 1 # one", "+kbsync: 1  # one", '+  - id: "5"'} <= set(told.out.splitlines())
    assert path.read_text() == UNTIDY
    assert desk.run("fmt", "--diff", "--check", "manifests/untidy.yaml").code == 2


def test_a_file_with_a_mistake_is_told_and_stays_and_the_others_are_rewritten(desk: Desk) -> None:
    wrong = desk.write("manifests/a.yaml", UNTIDY.replace("caption", "captoin"))
    other = desk.write("manifests/b.yaml", UNTIDY)

    told = desk.run("fmt", "manifests")

    assert told.code == 65
    assert told.err.startswith("manifests/a.yaml:4:")
    assert "[unknown-key]" in told.err
    assert wrong.read_text() == UNTIDY.replace("caption", "captoin")
    assert other.read_text() == TIDY


def test_what_can_be_allowed_is_no_mistake_here(desk: Desk) -> None:
    rule = "update_rule: {update_interval: 1, update_type: 1}"
    path = desk.write("manifests/hourly.yaml", f"{HEAD}documents: [{{id: 7, {rule}}}]\n")

    assert desk.run("fmt", "manifests/hourly.yaml").code == 0
    assert "update_rule: {update_type: 1, update_interval: 1}" in path.read_text()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_permissions_of_a_file_stay(desk: Desk, mode: int) -> None:
    path = desk.write("manifests/untidy.yaml", UNTIDY)
    path.chmod(mode)

    assert desk.run("fmt", "manifests/untidy.yaml").code == 0
    assert path.stat().st_mode & 0o777 == mode
    assert [beside.name for beside in path.parent.iterdir() if beside.name.startswith(".")] == []


def test_a_link_stays_one_and_the_file_behind_it_is_rewritten(desk: Desk) -> None:
    real = desk.write("manifests/untidy.yaml", UNTIDY)
    link = desk.folder / "link.yaml"
    link.symlink_to(real)

    assert desk.run("fmt", "link.yaml").code == 0
    assert link.is_symlink()
    assert real.read_text() == TIDY


def test_a_link_that_leads_out_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(UNTIDY)
    (desk.folder / "link.yaml").symlink_to(outside)

    told = desk.run("fmt", "link.yaml")

    assert (told.code, told.out) == (65, "")
    assert "[unreadable-file]" in told.err
    assert outside.read_text() == UNTIDY


def test_gb18030_is_guessed_only_where_that_is_allowed(desk: Desk) -> None:
    rows = f"target,dataset,kind,id,caption\ncoze-cn,{DATASET},image,5,一只小猫\n"
    path = desk.write("m.csv", rows.encode("gb18030"))

    told = desk.run("fmt", "m.csv")
    assert told.code == 65
    assert "[gb18030]" in told.err
    assert path.read_bytes() == rows.encode("gb18030")

    assert desk.run("fmt", "--allow", "gb18030", "m.csv").code == 0
    assert path.read_text(encoding="utf-8-sig") == rows


def test_sort_puts_entries_in_the_order_of_their_ids(desk: Desk) -> None:
    path = desk.write("m.yaml", f'{HEAD}images: [{{id: "10", caption: a}}, {{id: "9", caption: b}}]\n')

    assert desk.run("fmt", "--sort", "m.yaml").code == 0
    assert path.read_text() == (f'{HEAD}images:\n  - id: "9"\n    caption: b\n  - id: "10"\n    caption: a\n')


def test_neither_the_state_nor_a_provider_is_asked(desk: Desk) -> None:
    before = desk.state.read_bytes()
    desk.write("manifests/untidy.yaml", UNTIDY)

    assert desk.run("fmt").code == 0
    assert desk.state.read_bytes() == before
    assert desk.requests == 0


class Careless(Formatter):
    """A formatter that makes a mistake."""

    def __init__(self, wrong: bytes, right: bytes) -> None:
        super().__init__({"coze-cn": PROVIDERS["coze"].dialect(PROVIDERS["coze"].settings.model_construct())})
        self.mistake = (right, wrong)

    def formatted(self, file: ManifestFile) -> Iterator[bytes]:
        yield b"".join(super().formatted(file)).replace(*self.mistake)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(b"caption: a", b"caption: b"), (b"  # one", b""), (b"kbsync: 1", b"kbsync: 2"), (b'"5"', b'"6"')],
)
def test_a_file_that_would_not_say_the_same_stays_as_it_is(desk: Desk, right: bytes, wrong: bytes) -> None:
    path = desk.write("manifests/untidy.yaml", UNTIDY)
    (file,), _ = find_files([path], desk.folder)

    with pytest.raises(KbsyncError, match="would not say the same"):
        FormFile(file, open_workspace(None), Careless(wrong, right)).rewrite()

    assert path.read_text() == UNTIDY
    assert len(list(path.parent.iterdir())) == 3


def test_a_file_that_somebody_writes_to_meanwhile_stays_as_they_leave_it(desk: Desk) -> None:
    path = desk.write("manifests/untidy.yaml", UNTIDY)
    (file,), _ = find_files([path], desk.folder)

    class Slow(Careless):
        def formatted(self, file: ManifestFile) -> Iterator[bytes]:
            yield from super().formatted(file)
            path.write_text(f"{UNTIDY}# theirs\n")

    with pytest.raises(KbsyncError, match="changed while it was read"):
        FormFile(file, open_workspace(None), Slow(b"", b"none")).rewrite()

    assert path.read_text() == f"{UNTIDY}# theirs\n"
