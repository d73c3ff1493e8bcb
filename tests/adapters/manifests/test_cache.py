"""What a cache recalls is what reading would give, whatever was done to the files and to the cache."""

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kbsync.adapters.manifests import CacheLostError, PlanCache, Survey, survey_manifests
from kbsync.core.fields import digest
from kbsync.core.items import Item
from kbsync.core.lint import LINT_RULES
from kbsync.core.rules import by_id
from tests.adapters.manifests.words import RULES, TARGETS, told

LINTED = by_id((*RULES.values(), *LINT_RULES))


def later() -> float:
    """An hour from now: all that was written until now is safely in the past."""
    return time.time() + 3600


@dataclass
class Desk:
    """A folder of manifests, a cache beside it, and what is known. *asked* are the ids that were compared last."""

    folder: Path
    known: dict[Item, str] = field(default_factory=dict)
    version: bytes = b"1"
    key: bytes = b"k"
    now_s: Callable[[], float] = later
    asked: list[str] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        return self.folder / ".kbsync" / "cache"

    @property
    def file(self) -> Path:
        return self.cache / "manifests.db"

    def write(self, name: str, *items: tuple[str, str], shelf: str = "1", kind: str = "image") -> Path:
        lines = (
            f'{{"target":"gallery","shelf":"{shelf}","kind":"{kind}","id":"{id_}","caption":"{caption}"}}\n'
            for id_, caption in items
        )
        return self.text(name, "".join(lines))

    def text(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def know(self, *items: tuple[str, str], shelf: str = "1") -> None:
        self.known.update({Item("gallery", shelf, "image", id_): caption for id_, caption in items})

    def look(self) -> Survey:
        """Survey all manifests, and see that it is the same without a cache."""
        cold = self.survey(None)
        self.asked = []
        with PlanCache(self.cache, self.key, lambda: self.version, self.now_s) as cache:
            survey = self.survey(cache)
            assert _facts(survey) == _facts(cold)
        return survey

    def survey(self, cache: PlanCache | None) -> Survey:
        return survey_manifests(
            ["."], targets=TARGETS, rules=LINTED, root=self.folder, settled=self._settled, cache=cache
        )

    def _settled(self, place: tuple[str, str, str], ids: Sequence[str]) -> list[bytes | None]:
        self.asked += ids
        found = [self.known.get(Item(*place, id_)) for id_ in ids]
        return [None if caption is None else digest({"caption": caption}) for caption in found]


def _facts(survey: Survey) -> Sequence[object]:
    counts, in_sync, declared = dict(survey.counts), dict(survey.in_sync), dict(survey.declared)
    facts = survey.files, survey.problems, counts, in_sync, survey.differing, declared
    wrong = any(problem.severity == "error" for problem in survey.problems)
    return facts if not wrong else (survey.files, survey.problems)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with two manifests that are in sync, and have been read."""
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path)
    desk.write("a.jsonl", ("1", "cat"), ("2", "dog"))
    desk.write("b.jsonl", ("3", "cow"), ("4", "hen"))
    desk.know(("1", "cat"), ("2", "dog"), ("3", "cow"), ("4", "hen"))
    desk.look()
    return desk


def changed(survey: Survey) -> Mapping[str, object]:
    return {desired.item.id: desired.fields["caption"] for desired in survey.differing}


def test_what_did_not_change_is_neither_read_nor_compared(desk: Desk) -> None:
    survey = desk.look()

    assert desk.asked == []
    assert (survey.items, dict(survey.in_sync)) == (4, {("gallery", "1", "image"): 4})


def test_of_what_changed_only_that_file_is_read(desk: Desk) -> None:
    desk.write("b.jsonl", ("3", "cow"), ("4", "a hen"))

    survey = desk.look()

    assert changed(survey) == {"4": "a hen"}
    assert set(desk.asked) == {"3", "4"}


def test_what_differs_is_recalled_as_long_as_nothing_else_is_known(desk: Desk) -> None:
    desk.write("b.jsonl", ("3", "cow"), ("4", "a hen"))
    desk.look()

    survey = desk.look()

    assert changed(survey) == {"4": "a hen"}
    assert desk.asked == []


def test_when_something_else_is_known_digests_are_compared_and_only_files_that_differ_are_read(desk: Desk) -> None:
    desk.know(("2", "wolf"))
    desk.version = b"2"

    survey = desk.look()

    assert changed(survey) == {"2": "dog"}
    assert desk.asked.count("3") == 1
    assert desk.asked.count("1") == 2


@pytest.mark.parametrize("version", [b"", b"1"])
def test_without_a_version_everything_is_compared(desk: Desk, version: bytes) -> None:
    desk.version = version
    desk.look()

    assert (desk.asked == []) == bool(version)


def test_an_edit_that_leaves_size_and_times_is_seen(desk: Desk) -> None:
    path = desk.folder / "a.jsonl"
    before = path.stat()
    desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    _set_times(path, before)

    assert changed(desk.look()) == {"2": "pig"}


def test_a_file_in_the_place_of_another_of_its_size_and_times_is_seen(desk: Desk) -> None:
    path = desk.folder / "a.jsonl"
    before = path.stat()
    other = desk.write("c.jsonl", ("1", "cat"), ("2", "pig"))
    _set_times(other, before)
    other.rename(path)

    assert changed(desk.look()) == {"2": "pig"}


def test_files_that_swap_their_names_are_read(desk: Desk) -> None:
    one, other = desk.folder / "a.jsonl", desk.folder / "b.jsonl"
    desk.write("b.jsonl", ("3", "cow"), ("4", "ram"))
    desk.look()
    one.rename(desk.folder / "c.jsonl")
    other.rename(one)
    (desk.folder / "c.jsonl").rename(other)

    survey = desk.look()

    assert [desired.source.file for desired in survey.differing] == ["a.jsonl"]
    assert {"1", "4"} <= set(desk.asked)


def test_a_file_that_was_just_written_is_read_again_until_it_is_surely_old(desk: Desk) -> None:
    path = desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    written_s = path.stat().st_ctime
    seen = []
    for after_s in (0.0, 2.9, 5.0, 6.0):
        desk.now_s = lambda after_s=after_s: written_s + after_s  # type: ignore[misc]
        desk.look()
        seen.append("2" in desk.asked)

    assert seen == [True, True, True, False]


def test_a_file_of_the_future_is_always_read(desk: Desk) -> None:
    path = desk.folder / "a.jsonl"
    ahead_s = time.time() + 7200
    os.utime(path, (ahead_s, ahead_s))
    for _ in range(2):
        desk.look()

        assert set(desk.asked) == {"1", "2"}


def test_a_clock_that_jumps_back_changes_nothing(desk: Desk) -> None:
    desk.now_s = lambda: time.time() - 86400
    desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    for _ in range(2):
        assert changed(desk.look()) == {"2": "pig"}
        assert set(desk.asked) == {"1", "2"}


def test_an_item_that_moves_is_where_it_is(desk: Desk) -> None:
    desk.write("a.jsonl", ("1", "cat"))
    desk.write("b.jsonl", ("2", "puppy"), ("3", "cow"), ("4", "hen"))

    survey = desk.look()

    assert [(desired.source.file, desired.item.id) for desired in survey.differing] == [("b.jsonl", "2")]
    assert survey.items == 4


def test_an_item_that_is_copied_is_declared_twice(desk: Desk) -> None:
    desk.write("b.jsonl", ("2", "dog"), ("3", "cow"), ("4", "hen"))

    assert told(desk.look().problems) == ["1:1 duplicate-item"]


def test_a_deleted_file_declares_nothing(desk: Desk) -> None:
    (desk.folder / "a.jsonl").unlink()

    assert desk.look().items == 2


def test_a_mistake_is_told_as_long_as_it_is_there(desk: Desk) -> None:
    desk.text("a.jsonl", "{")
    for _ in range(2):
        assert told(desk.look().problems) == ["1:2 syntax"]
    desk.write("a.jsonl", ("1", "cat"), ("2", "dog"))

    assert desk.look().problems == []


def test_warnings_are_recalled_with_their_places(desk: Desk) -> None:
    desk.write("b.jsonl", ("3", "cow"), ("4", "hen "))
    desk.look()

    survey = desk.look()

    assert [problem.rule for problem in survey.problems] == ["surrounding-space"]
    assert "1" not in desk.asked


def test_the_tenth_image_with_a_caption_is_found_wherever_it_is_written(desk: Desk) -> None:
    desk.write("c.jsonl", *((str(id_), "cow") for id_ in range(10, 18)))
    assert desk.look().problems == []
    desk.write("a.jsonl", ("1", "cow"), ("2", "dog"))

    problems = desk.look().problems

    assert [(problem.rule, problem.source.file) for problem in problems] == [("duplicate-caption", "b.jsonl")]
    desk.write("b.jsonl", ("3", "bull"), ("4", "hen"))
    assert desk.look().problems == []


def test_a_file_that_gives_many_images_one_caption_is_enough(desk: Desk) -> None:
    desk.write("c.jsonl", *((str(id_), f"{id_}") for id_ in range(10, 22)))
    assert desk.look().problems == []
    desk.write("c.jsonl", *((str(id_), "owl") for id_ in range(10, 22)))

    assert [problem.rule for problem in desk.look().problems] == ["duplicate-caption"]


def test_what_is_found_in_all_files_moves_with_the_lines(desk: Desk) -> None:
    desk.write("c.jsonl", *((str(id_), "owl") for id_ in range(10, 20)))
    desk.look()
    desk.write("c.jsonl", ("9", "elk"), *((str(id_), "owl") for id_ in range(10, 20)))

    assert told(desk.look().problems) == ["3:1 duplicate-caption"]


def test_ids_that_look_alike_are_found_wherever_they_are_written(desk: Desk) -> None:
    book = '{{"target":"library","room":"r","kind":"book","id":"{}","name":"n"}}\n'.format
    desk.text("c.jsonl", book("a0"))
    assert [problem.rule for problem in desk.look().problems] == []
    desk.text("d.jsonl", book("A0"))

    assert [problem.rule for problem in desk.look().problems] == ["look-alike-id"]


def test_what_another_version_or_configuration_read_is_not_recalled(desk: Desk) -> None:
    desk.key = b"other"
    desk.look()
    assert set(desk.asked) == {"1", "2", "3", "4"}

    desk.look()
    assert desk.asked == []


def test_a_file_whose_name_is_shown_like_another_s_is_read(desk: Desk) -> None:
    os.rename(desk.folder / "a.jsonl", os.fsencode(desk.folder) + b"/\xff.jsonl")  # noqa: PTH104 - no text is its name
    (desk.folder / "b.jsonl").rename(desk.folder / "\\udcff.jsonl")
    for _ in range(2):
        assert desk.look().items == 4


def test_nobody_else_can_read_the_cache(desk: Desk) -> None:
    assert stat.S_IMODE(desk.cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    assert [path.name for path in desk.cache.iterdir()] == ["manifests.db"]


def test_a_damaged_cache_is_seen_through_and_made_anew(desk: Desk) -> None:
    whole = desk.file.read_bytes()
    desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    for at in range(0, len(whole), 997):
        damaged = bytearray(whole)
        damaged[at] ^= 0x5A
        desk.file.write_bytes(damaged)
        try:
            survey = desk.look()
        except CacheLostError:
            continue

        assert changed(survey) == {"2": "pig"}


@pytest.mark.parametrize(
    ("table", "written", "instead"),
    [
        ("files", b'"image"', b'"imago"'),
        ("items", b"3", b"5"),
        ("captions", b"\0", b"\1"),
        ("differing", b'"a hen"', b'"a ram"'),
    ],
)
def test_a_piece_that_is_not_as_it_was_written_is_not_used(
    desk: Desk, table: str, written: bytes, instead: bytes
) -> None:
    desk.write("b.jsonl", ("3", "cow"), ("4", "a hen"))
    desk.look()
    _rewrite(desk, table, written, instead)
    desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    for version in (b"1", b"2"):
        desk.version = version
        try:
            survey = desk.look()
        except CacheLostError:
            continue

        assert changed(survey) == {"2": "pig", "4": "a hen"}


def test_findings_that_are_not_as_they_were_written_are_not_used(desk: Desk) -> None:
    _rewrite(desk, "findings", b"1".hex().encode(), b"2".hex().encode())
    desk.know(("2", "wolf"))
    desk.version = b"2"

    assert changed(desk.look()) == {"2": "dog"}


@pytest.mark.parametrize("size", [0, 1, 100, 5_000, 40_000])
def test_a_cut_cache_is_made_anew(desk: Desk, size: int) -> None:
    with desk.file.open("r+b") as file:
        file.truncate(size)
    desk.look()

    desk.look()

    assert desk.asked == []


def test_an_earlier_cache_put_back_is_seen_through(desk: Desk) -> None:
    earlier = desk.file.read_bytes()
    desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    desk.look()
    desk.file.write_bytes(earlier)

    assert changed(desk.look()) == {"2": "pig"}


def test_rows_of_another_save_do_not_pass_for_those_of_this_one(desk: Desk) -> None:
    before = desk.folder / "before.db"
    shutil.copy(desk.file, before)
    desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    desk.look()
    with closing(sqlite3.connect(desk.file, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS before", (str(before),))
        connection.execute("REPLACE INTO findings SELECT * FROM before.findings")

    assert changed(desk.look()) == {"2": "pig"}


def _blocked(desk: Desk) -> Iterator[str]:
    shutil.rmtree(desk.cache)
    desk.cache.write_text("a file")
    yield "a file in the place of the folder"
    desk.cache.unlink()
    desk.cache.symlink_to(desk.folder)
    yield "a link to another folder"
    desk.cache.unlink()
    desk.cache.mkdir(mode=0o700)
    desk.file.mkdir()
    yield "a folder in the place of the file"
    desk.file.rmdir()
    desk.file.symlink_to(desk.folder / "elsewhere")
    yield "a link in the place of the file"
    desk.file.unlink()
    desk.file.write_bytes(b"")
    desk.file.chmod(0o666)
    yield "a file that everybody may write to"


def test_what_is_not_surely_ours_is_left_alone(desk: Desk) -> None:
    for what in _blocked(desk):
        desk.look()
        assert set(desk.asked) == {"1", "2", "3", "4"}, what
        assert not (desk.folder / "manifests.db").exists(), what
        assert not (desk.folder / "elsewhere").exists(), what
    assert desk.file.read_bytes() == b""


def test_a_cache_in_use_is_done_without(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        desk.look()
        assert set(desk.asked) == {"1", "2", "3", "4"}
    desk.look()

    assert desk.asked == []


def test_two_at_once_leave_a_cache_that_is_right(desk: Desk) -> None:
    desk.write("a.jsonl", ("1", "cat"), ("2", "pig"))
    with PlanCache(desk.cache, desk.key, lambda: b"1", desk.now_s) as slow:
        survey = desk.survey(slow)
        desk.write("b.jsonl", ("3", "cow"), ("4", "ram"))
        desk.look()
        assert survey.items == 4

    assert changed(desk.look()) == {"2": "pig", "4": "ram"}


def _set_times(path: Path, like: os.stat_result) -> None:
    """Give *path* the times of another file; its status change must not fall into the same tick as that of this one."""
    while True:
        os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))
        if path.stat().st_ctime_ns != like.st_ctime_ns:
            return


def _rewrite(desk: Desk, table: str, written: bytes, instead: bytes) -> None:
    """Put something *instead* of what was *written* into a table of the cache."""
    with closing(sqlite3.connect(desk.file, isolation_level=None)) as connection:
        for row, data in connection.execute(f"SELECT rowid, data FROM {table}").fetchall():
            altered = data.replace(written, instead)
            connection.execute(f"UPDATE {table} SET data = ? WHERE rowid = ?", (altered, row))
