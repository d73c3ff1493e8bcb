"""Lists that are kept: found as they were, or not at all."""

from pathlib import Path

import pytest

from kbsync.adapters.lists import ListCache
from kbsync.core.fields import MetaValue, UpdateRule
from kbsync.core.live import ReadList
from kbsync.core.wire import Live

ORIGIN = "https://api.coze.cn"
PLACE = ("coze-cn", "1", "document")
READ = ReadList(
    {
        "1": Live({"name": "小猫\n", "update_rule": UpdateRule(1, 24)}),
        "2": Live({"meta.a": MetaValue("list<string>", ("x", "y"))}, frozenset({"name", "meta"}), pending=True),
        "3": Live({}),
    },
    1_700_000_000.5,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ListCache(tmp_path / "cache").keep(ORIGIN, PLACE, READ)
    return tmp_path / "cache"


def test_a_list_is_found_as_it_was_read(folder: Path) -> None:
    assert ListCache(folder).find(ORIGIN, PLACE) == READ


def test_a_newer_list_takes_the_place_of_an_older_one(folder: Path) -> None:
    newer = ReadList({}, READ.read_at_s + 1)
    ListCache(folder).keep(ORIGIN, PLACE, newer)

    assert ListCache(folder).find(ORIGIN, PLACE) == newer
    assert len(list(folder.iterdir())) == 1


def test_lists_are_for_their_owner_alone(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]


@pytest.mark.parametrize(
    ("origin", "place"),
    [("https://api.coze.com", PLACE), (ORIGIN, ("coze-cn", "1", "image")), (ORIGIN, ("x", "1", "document"))],
)
def test_another_address_or_place_has_another_list(folder: Path, origin: str, place: tuple[str, str, str]) -> None:
    assert ListCache(folder).find(origin, place) is None


def test_there_need_not_be_a_folder(tmp_path: Path) -> None:
    assert ListCache(tmp_path / "none").find(ORIGIN, PLACE) is None


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_list_that_was_cut_is_none(folder: Path, cut: int) -> None:
    (file,) = folder.iterdir()
    data = file.read_bytes()
    file.write_bytes(data[: max(0, len(data) - 1 - cut)])

    # The last line end alone says nothing.
    assert ListCache(folder).find(ORIGIN, PLACE) in ((READ,) if cut == 0 else (None,))


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}\n", b"[]\n", b"\x00\xff", b'{"read_at_s":"x"}\n', b'["1",{"caption":1},[],false]\n', b"[" * 9999],
)
def test_what_is_no_list_is_none(folder: Path, content: bytes) -> None:
    (file,) = folder.iterdir()
    head = file.read_bytes().split(b"\n")[0] + b"\n"
    for whole in (content, head + content):
        file.write_bytes(whole)

        assert ListCache(folder).find(ORIGIN, PLACE) is None
