"""Lints in the stream: where they are told, what their severity does, and what is found in all items together."""

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.lint import LINT_RULES, switched
from kbsync.core.manifest import Desired
from kbsync.core.rules import Level, Problem, Rule, by_id
from tests.adapters.manifests import words
from tests.adapters.manifests.words import RULES, head, told

LINTED: Mapping[str, Rule] = {**RULES, **by_id(LINT_RULES)}


def read(folder: Path, text: str, ending: str = "yaml", **levels: Level) -> tuple[list[Desired], list[Problem]]:
    rules = switched(LINTED, {name.replace("_", "-"): level for name, level in levels.items()})
    return words.read(folder, {f"m.{ending}": text}, rules=rules)


def image(number: int, **keys: Any) -> str:
    return json.dumps({"target": "gallery", "shelf": "1", "kind": "image", "id": str(number), **keys}) + "\n"


def book(name: str, room: str = "a") -> str:
    return json.dumps({"target": "library", "room": room, "kind": "book", "id": name, "name": "n"}) + "\n"


def test_a_lint_is_told_at_the_value_that_it_is_about(tmp_path: Path) -> None:
    _, in_yaml = read(tmp_path / "a", head() + "images:\n- id: 1\n  caption: TODO\n")
    _, in_lines = read(tmp_path / "b", image(1, caption="a") + image(2, caption="TODO"), "jsonl")
    _, in_csv = read(tmp_path / "c", "target,shelf,kind,id,caption\ngallery,1,image,1,TODO\n", "csv")

    assert told(in_yaml) == ["7:12 placeholder-caption"]
    assert told(in_lines) == ["2:76 placeholder-caption"]
    assert told(in_csv) == ["2:19 placeholder-caption"]


@pytest.mark.parametrize(("level", "items"), [("off", 1), ("warning", 1), ("error", 0)])
def test_the_severity_says_whether_the_item_can_be_used(tmp_path: Path, level: Level, items: int) -> None:
    found, problems = read(tmp_path, image(1, caption="TODO"), "jsonl", placeholder_caption=level)

    assert len(found) == items
    assert [problem.severity for problem in problems] == [level] * (level != "off")


def test_a_warning_of_a_provider_is_switched_by_its_id_too(tmp_path: Path) -> None:
    rules = {**LINTED, "shouting": Rule("shouting", "A caption in capitals.", "off", lint=True)}

    _, problems = words.read(tmp_path, {"m.jsonl": image(1, caption="LOUD")}, rules=rules)

    assert problems == []


def test_an_ignored_field_is_not_linted(tmp_path: Path) -> None:
    _, problems = read(tmp_path, image(1, caption="TODO", ignore=["caption"]), "jsonl")

    assert problems == []


def test_a_lint_of_the_defaults_is_told_once(tmp_path: Path) -> None:
    text = head() + "defaults: {images: {caption: TODO}}\nimages: [{id: 1}, {id: 2}, {id: 3}]\n"

    items, problems = read(tmp_path, text)

    assert len(items) == 3
    assert told(problems) == ["5:30 placeholder-caption"]


def test_without_lints_among_the_rules_nothing_is_linted(tmp_path: Path) -> None:
    _, problems = words.read(tmp_path, {"m.jsonl": image(1, caption="TODO")})

    assert problems == []


# ----------------------------------------------------------------------------------------------------------- together
def test_one_caption_on_ten_images_is_told_at_the_second(tmp_path: Path) -> None:
    items, problems = read(tmp_path, "".join(image(number, caption="a cat") for number in range(1, 11)), "jsonl")

    assert len(items) == 10
    assert told(problems) == ["2:1 duplicate-caption"]
    assert problems[0].message.startswith('10 images of the container have the caption "a cat"')


def test_one_caption_on_nine_images_is_not(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "".join(image(number, caption="a cat") for number in range(1, 10)), "jsonl")

    assert problems == []


def test_captions_are_compared_within_a_container_and_over_files(tmp_path: Path) -> None:
    def rows(first: int, shelf: str) -> str:
        return "".join(image(number, caption="a", shelf=shelf) for number in range(first, first + 6))

    _, apart = words.read(tmp_path / "a", {"a.jsonl": rows(1, "1"), "b.jsonl": rows(11, "2")}, rules=LINTED)
    _, together = words.read(tmp_path / "b", {"a.jsonl": rows(1, "1"), "b.jsonl": rows(11, "1")}, rules=LINTED)

    assert apart == []
    assert [problem.message.split()[0] for problem in together] == ["12"]


def test_ids_that_look_alike_are_told_with_both_places(tmp_path: Path) -> None:
    _, problems = read(tmp_path, book("doc_01") + book("doc_2") + book("doc_O1"), "jsonl")

    assert told(problems) == ["3:1 look-alike-id"]
    assert problems[0].message == f"the id doc_O1 looks like doc_01 at {problems[0].source.file}:1:1"


def test_ids_of_two_containers_may_look_alike(tmp_path: Path) -> None:
    _, problems = read(tmp_path, book("doc_01") + book("doc_O1", "b"), "jsonl")

    assert problems == []


@pytest.mark.parametrize("level", ["off", "error"])
def test_what_is_found_in_all_items_has_the_severity_of_its_lint(tmp_path: Path, level: Level) -> None:
    text = book("A1") + book("a1") + "".join(image(number, caption="a") for number in range(1, 11))

    _, problems = read(tmp_path, text, "jsonl", duplicate_caption=level, look_alike_id=level)

    assert [problem.severity for problem in problems] == [level, level] * (level != "off")


@given(order=st.permutations([*range(1, 12)]), cuts=st.lists(st.integers(0, 11), max_size=3).map(sorted))
def test_what_is_found_does_not_depend_on_order_and_files(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: list[int]
) -> None:
    rows = [image(number, caption="a") + book("lI1i"[number % 4] + str(number // 4)) for number in order]
    files: dict[str, str | bytes] = {
        f"{part}.jsonl": "".join(rows[begin:end]) for part, (begin, end) in enumerate(pairwise([0, *cuts, len(rows)]))
    }

    _, problems = words.read(tmp_path_factory.mktemp("m"), files, rules=LINTED)

    assert Counter(problem.rule for problem in problems) == {"duplicate-caption": 1, "look-alike-id": 8}
    assert problems[0].message.startswith("11 images")
