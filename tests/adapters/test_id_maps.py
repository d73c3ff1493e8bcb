from pathlib import Path

import pytest

from kbsync.adapters.id_maps import read_id_map
from kbsync.providers import ALL_RULES


def read(folder: Path, content: str | bytes, *allow: str) -> tuple[dict[tuple[str, str], str], list[str]]:
    path = folder / "map.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    told, problems = read_id_map(path, ALL_RULES, frozenset(allow))
    return told, [str(problem).replace(f"{folder}/", "") for problem in problems]


def test_a_map_tells_the_id_there_by_kind_and_id_here(tmp_path: Path) -> None:
    content = "kind,from_id,to_id,by,name,candidates\nimage,1,7,name,a.jpg,\ndocument,1,8,name,b,\n"

    assert read(tmp_path, content) == ({("image", "1"): "7", ("document", "1"): "8"}, [])


def test_two_columns_are_enough_in_any_order(tmp_path: Path) -> None:
    assert read(tmp_path, "to_id,remark,from_id\n7,x,1\n") == ({("", "1"): "7"}, [])


def test_a_row_without_a_counterpart_tells_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "from_id,to_id\n1,\n,7\n2\n,\n\n3, 9 \n") == ({("", "3"): "9"}, [])


@pytest.mark.parametrize(
    "content",
    [
        "from_id;to_id\r\n1;7\r\n",
        "sep=;\nfrom_id;to_id\n1;7\n",
        "from_id\tto_id\n1\t7\n",
        b"\xef\xbb\xbffrom_id,to_id\n1,7\n",
        '"from_id","to_id"\n"1","7"\n',
        "from_id,to_id\n1,7",
    ],
)
def test_a_map_is_read_as_spreadsheets_write_it(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content) == ({("", "1"): "7"}, [])


def test_a_map_in_gb18030_is_read_where_that_is_allowed(tmp_path: Path) -> None:
    content = "from_id,to_id,name\n1,7,我家的小猫\n".encode("gb18030")

    assert read(tmp_path, content, "gb18030") == ({("", "1"): "7"}, [])
    assert read(tmp_path, content)[1][0].endswith("[gb18030]")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "map.csv:1:1: an id map has the columns from_id and to_id; missing: from_id, to_id [missing-key]"),
        ("from_id,to\n1,7\n", "map.csv:1:1: an id map has the columns from_id and to_id; missing: to_id [missing-key]"),
        ("from_id,to_id\n1,7\n1,8\n", "map.csv:3:1: `1` is paired twice: first in line 2 [duplicate-item]"),
        ("from_id,to_id\n1,7\n2,7\n", "map.csv:3:1: `7` is paired twice: first in line 2 [duplicate-item]"),
        ("from_id,to_id\n1,7.4E+17\n", "map.csv:2:3: a spreadsheet made a rounded number of this id"),
        ("from_id,to_id\n7.4E+17,1\n", "map.csv:2:1: a spreadsheet made a rounded number of this id"),
        ('from_id,to_id\n"1,7\n', "map.csv:2:1: "),
        ("sep=x\nfrom_idxto_id\n", "map.csv:1:1: columns are parted by"),
        (b"from_id,to_id,name\n1,7,\xff\n", "map.csv:2:1: the file is not UTF-8 text"),
        (b"\xff\xfef\0", "map.csv:1:1: the file is UTF-16"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, content: str | bytes, problem: str) -> None:
    _, problems = read(tmp_path, content)

    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_the_same_id_of_two_kinds_is_two_items(tmp_path: Path) -> None:
    told, problems = read(tmp_path, "kind,from_id,to_id\nimage,1,7\ndocument,1,7\n")

    assert problems == []
    assert told == {("image", "1"): "7", ("document", "1"): "7"}


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    told, problems = read_id_map(tmp_path / "none.csv", ALL_RULES, frozenset())

    assert told == {}
    assert [problem.rule for problem in problems] == ["unreadable-file"]
    assert read_id_map(tmp_path, ALL_RULES, frozenset())[1][0].rule == "unreadable-file"
