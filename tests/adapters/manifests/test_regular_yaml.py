"""YAML read by its lines says what libyaml says of the same file, or leaves the file to libyaml."""

from pathlib import Path
from random import Random
from typing import Final

import pytest

from kbsync.adapters.manifests import yaml_regular
from kbsync.adapters.manifests.extracts import Extract, Extractor
from kbsync.adapters.manifests.files import WHOLE, ManifestFile
from kbsync.adapters.manifests.parts import Part
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.adapters.manifests.yaml_forms import IrregularError
from kbsync.providers import ALL_RULES
from tests.adapters.manifests.desks import TARGETS
from tests.adapters.manifests.fuzz.damage import damaged

_WORDS: Final = Words(TARGETS)
_EXTRACTOR: Final = Extractor(_WORDS, ALL_RULES, frozenset(), lambda _place, ids: [None] * len(ids), None)
_HEADS: Final = {
    "images": 'kbsync: 1\ntarget: coze-cn\ndataset: "7446671"\n',
    "documents": "kbsync: 1\ntarget: volc-bj\ncollection: records\n",
}
_USUAL: Final = (
    *('"a cat"', "'a cat'", "a cat", '"a \\"cat\\"\\nasleep"', "12", "true", "[a, 1, 'b']", '["a"]', "[]"),
    *("{type: string, value: a}", '{"type": int64, value: 1}', "|-\n        two\n        lines"),
    "|-\n         a\n\n           b",
    *("a\u3000b", '"👨\u200d👩\u200d👧"', "a\u00a0", "a\u200b", "'\ue000'"),
)
_VALUES: Final = (
    *("[a,b]", "[a, ]", "[a, [b]]", "[a: b]", "{a: b, a: c}", "{null: a}", "{a: {b: c}}", "{a}", "[-1, - 1]", "[a?b]"),
    *("|\n        a", "|+\n        a\n\n", "|2-\n        a", "|-\n        a\n       b", "|-\n\n        a", "[a b ]"),
    *("|- # b\n        a", "|-\n        # a\n        b", "|-\n        a\n          \n        b", "|-", "[", "{", "?"),
    *("|-\n        - id: a", "? a", "a\\nb"),
    *(
        '"a cat"',
        "'a cat'",
        "a cat",
        "小猫，在睡觉。",
        '"a \\"cat\\"\\nasleep"',
        '"it\'s"',
        "'it''s'",
        "it's",
        '""',
        "''",
    ),
    *("true", "12", "-1", "0.5", "007", "1e3", "null", "~", "y", "No", "2024-01-01", "1:30", "http://a.b/c#d", "a: b"),
    *("a #b", "a ", " a", "- a", "-a", ".5", "...", "[a, b]", "{type: string, value: x}", "|\n        a\n        b"),
    *(">-\n        a", '"a\n        b"', "a\n        b", "!str a", "&a b", "*a", "", "x # not yet", '"x" # not yet'),
    *(
        '"\\u00e9"',
        '"\\/"',
        '"\u200b"',
        "a\u00a0b",
        "a\tb",
        '"\u2028"',
        "a\u0085b",
        "\ufeffa",
        '"',
        "'",
        "%a",
        "@a",
        "`a`",
    ),
    *(
        "[a,b]",
        "[a, ]",
        "[a, [b]]",
        "[a: b]",
        "{a: b, a: c}",
        "{null: a}",
        "{a: {b: c}}",
        "{a}",
        "[-1, - 1]",
        "[a?b]",
        "[a b ]",
    ),
    *(
        "|\n        a",
        "|+\n        a\n\n",
        "|2-\n        a",
        "|-\n        a\n       b",
        "|-\n\n        a",
        "|- # b\n        a",
    ),
    *(
        "|-\n        # a\n        b",
        "|-\n        a\n          \n        b",
        "|-\n        - id: a",
        "|-",
        "[",
        "{",
        "?",
        "? a",
    ),
    *("a\\nb", "a, b", "a]", "{a", "y: ", "=", "<<", "a'b", 'a"b', "/a/b", "—", "（一）", "🐱"),
)
_NAMES: Final = (
    *("author", "'year'", '"行业"', "is_public", "a-b", "_x"),
    *("null", "y", "'quoted'", "1st", "a b", "<<"),
)


# As kbsync writes them.
DOCUMENTS: Final = """documents:
  - id: "doc_1"
    name: "a: b"
    meta:
      x: "y"
      "n": 1
      l: [a, b]
      t: {type: date_time, value: "2025-08-12T11:33:56+08:00"}
      long: it's "so"
    ignore: [name]
"""


def _entries(kind: str, chance: Random) -> str:
    """Return the lines of a list: mostly alike."""
    indent, step = chance.choice(("  ", "  ", "", "    ")), chance.choice(("  ", "  ", " ", "   "))
    tame = chance.choice((0.0, 0.9, 0.99, 1.0, 1.0, 1.0))
    lines: list[str] = []

    def value(usual: str) -> str:
        return usual if chance.random() < tame else chance.choice(chance.choice((_USUAL, _VALUES)))

    for number in range(chance.choice((0, 1, 2, 5, 12))):
        begin = f"{indent}- id: "
        lines.append(begin + value(f'"{number}"' if kind == "images" else f"doc_{number}"))
        inner = f"{indent}  "
        if kind == "images":
            lines.append(f"{inner}caption: {value(f'a caption of {number}')}")
        else:
            if chance.random() < 0.8:
                lines.append(f"{inner}name: {value(f'{number}.pdf')}")
            lines.append(f"{inner}meta:")
            names = _NAMES if chance.random() > tame else _NAMES[:4]
            lines += [f"{inner}{step}{name}: {value('x')}" for name in chance.sample(names, chance.choice((1, 2, 2)))]
        if chance.random() > tame:
            lines.append(chance.choice((f"{inner}protect: true", f"{inner}# a remark", "", "# at the margin", "   ")))
    return "\n".join(lines)


def _damaged(text: str, chance: Random) -> bytes:
    lines = text.split("\n")
    for _ in range(chance.choice((0, 0, 0, 0, 1, 2))):
        at = chance.randrange(len(lines))
        match chance.randrange(6):
            case 0:
                lines[at] = " " + lines[at]
            case 1:
                lines[at] = lines[at].removeprefix(" ")
            case 2:
                lines.insert(at, lines[chance.randrange(len(lines))])
            case 3:
                del lines[at]
                lines = lines or [""]
            case 4:
                column = chance.randint(0, len(lines[at]))
                lines[at] = lines[at][:column] + chance.choice("\"':#-?,[]{}&*!|>%@`~ \t\\\r") + lines[at][column:]
            case _:
                lines.insert(at, chance.choice(("---", "...", "images:", "documents: []", "defaults:", "- a", "x: y")))
    data = chance.choice(("\n", "\n", "\n", "\r\n")).join(lines).encode()
    return damaged(data, data, chance) if chance.random() < 0.1 else data


def _manifest(chance: Random) -> bytes:
    text = "---\n".join(_document(chance) for _ in range(chance.choice((1, 1, 1, 1, 1, 2, 3))))
    return _damaged(text, chance)


def _document(chance: Random) -> str:
    kind = chance.choice(("images", "documents"))
    head = _HEADS[kind]
    if chance.random() < 0.2:
        head += f"defaults:\n  {kind}:\n    protect: true\n"
    if kind == "documents" and chance.random() < 0.2:
        head += "defaults:\n  documents:\n    meta:\n      year: 2000\n"
    beside = chance.choice((*[""] * 16, " ", " # all", "#", " []", " |"))
    return f"{head}{kind}:{beside}\n{_entries(kind, chance)}\n"


def _read(path: Path) -> tuple[Extract | None, Extract]:
    """Return what is read by lines, if it is regular, and what libyaml reads."""
    part = Part(ManifestFile(path, path.name, "yaml"), WHOLE, 0)
    try:
        quick = _EXTRACTOR.read_quickly(part)
    except IrregularError:
        quick = None
    return quick, _EXTRACTOR.read_exactly(part)


def _both_say_the_same(path: Path, seed: str) -> bool:
    """Tell whether the manifest of *seed* is regular; assert that it makes no difference."""
    data = _manifest(Random(seed))
    path.write_bytes(data)
    quick, exact = _read(path)
    assert quick is None or quick == exact, data
    return quick is not None


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_regular_says_what_libyaml_reads(seed: int, tmp_path: Path) -> None:
    regular = sum(_both_say_the_same(tmp_path / "m.yaml", f"{seed} {number}") for number in range(100))

    assert regular >= 10


@pytest.mark.parametrize("block_bytes", [1, 7, 40, 200])
def test_it_does_not_matter_where_a_block_ends(
    block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_regular, "_BLOCK_BYTES", block_bytes)

    regular = sum(_both_say_the_same(tmp_path / "m.yaml", f"{block_bytes} {number}") for number in range(50))

    assert regular >= 5


def _images(*values: str, tail: str = "\n") -> str:
    return (
        f"{_HEADS['images']}images:"
        + "".join(f'\n  - id: "{number}"\n    caption: {value}' for number, value in enumerate(values, 1))
        + tail
    )


@pytest.mark.parametrize(
    "text",
    [
        _images('"a cat"', "'a dog'", "a bird", '"a \\"fish\\"\\nand more"'),
        _images("a cat", "a dog", "a bird", "a bee", "|-\n      two\n      lines"),
        _images("a cat", "a dog", "a bird", "a bee", "|\n      two\n      lines", tail=""),
        _images("|-\n      two\n      lines", "|-\n      more\n      lines"),
        _images("a cat\n\n    # a remark", "a dog\n# at the margin"),
        _images("a\u3000cat", "'👨\u200d👩\u200d👧'", '"a\u00a0bird"'),
        _images("a cat").replace("\n", "\r\n"),
        _images("a cat", "a dog").replace("\n  ", "\n"),
        _images("a cat") + "---\n" + _images("a dog").replace('"1"', '"2"'),
        _images("a cat", "|-\n      two\n\n        lines # and no remark", "a bird"),
        _HEADS["documents"] + DOCUMENTS,
        "# a remark\n---\n" + _images("a cat").replace("images:", "images:  # all of them\n\n"),
        _images("a cat").replace("images:", "defaults:\n  images:\n    protect: true\nimages:"),
    ],
)
def test_what_people_and_programs_write_is_regular(text: str, tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(text.encode())

    quick, exact = _read(path)

    assert quick == exact
    assert quick is not None
    assert [problem for problem in quick.problems if problem.severity == "error"] == []


@pytest.mark.parametrize(
    "text",
    [
        _images('"a cat', "a dog"),
        _images("a cat\n    caption: a dog"),
        _images("a cat").replace("images:", "images:#"),
        _images("a cat") + "target: coze-cn\n",
        _images("a cat") + _images("a dog")[len(_HEADS["images"]) :],
        _images('"a\u2028cat"'),
        "\ufeff" + _images("a cat"),
        _images("a cat\n# \x00"),
        _images("a cat").replace("images:", "images: # \x1b"),
        _HEADS["images"] + "images: []\n",
        "",
    ],
)
def test_what_may_mean_something_else_is_left_to_libyaml(text: str, tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(text.encode())

    assert _read(path)[0] is None
