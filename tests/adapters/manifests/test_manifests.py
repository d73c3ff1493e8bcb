"""Heads, defaults, duplicates and files: what all formats have in common."""

import json
import os
from pathlib import Path

import pytest

from kbsync.adapters.manifests import read_manifests
from kbsync.adapters.manifests.problems import MAX_ERRORS_PER_FILE
from kbsync.core.fields import MetaValue, UpdateRule
from kbsync.core.rules import Problem
from tests.adapters.manifests.words import RULES, TARGETS, head, one, read, told

ONE_IMAGE = head() + "images:\n- id: 1\n  caption: a\n"


def found(root: Path, *paths: str) -> tuple[list[str], list[Problem]]:
    stream = read_manifests(paths, targets=TARGETS, rules=RULES, root=root)
    list(stream)
    return [Path(name).name for name in stream.files], stream.problems


# ------------------------------------------------------------------------------------------------------------- heads
@pytest.mark.parametrize(
    "text",
    [
        "images:\n- id: 1\n  caption: a\nshelf: 7\ntarget: gallery\nkbsync: 1\n",
        "{images: [{id: 1, caption: a}], shelf: 7, target: gallery, kbsync: 1}\n",
        "  images:\n  - id: 1\n    caption: a\n  shelf: 7\n  target: gallery\n  kbsync: 1\n",
        '"images":\n- id: 1\n  caption: a\n"shelf": 7\ntarget: gallery\nkbsync: 1\n',
        "\ufeffimages:\n- id: 1\n  caption: a\nshelf: 7\ntarget: gallery\nkbsync: 1\n",
        head() + "---\nimages:\n- id: 1\n  caption: a\nshelf: 7\ntarget: gallery\nkbsync: 1\n",
    ],
)
def test_a_yaml_head_may_stand_beneath_its_lists(tmp_path: Path, text: str) -> None:
    items, problems = one(tmp_path, text)

    assert problems == []
    assert [str(item.item) for item in items] == ["gallery/7/image/1"]


def test_an_optional_key_beneath_the_list_counts(tmp_path: Path) -> None:
    items, problems = one(tmp_path, head("library", "room: r") + "books:\n- id: a\n  name: b\nfloor: attic\n")

    assert problems == []
    assert items[0].item.container == "attic/r"


def test_a_json_head_may_stand_beneath_its_lists(tmp_path: Path) -> None:
    text = '{"books":[{"id":"a","name":"b"}],"room":"r","\\u0066loor":"attic","target":"library","kbsync":1}'

    items, problems = one(tmp_path, text, "json")

    assert problems == []
    assert items[0].item.container == "attic/r"


def test_documents_of_one_file_have_heads_of_their_own(tmp_path: Path) -> None:
    second = head("library", "room: r") + "books:\n- id: a\n  name: b\n"

    items, problems = one(tmp_path, f"{ONE_IMAGE}---\n{second}")

    assert problems == []
    assert [str(item.item) for item in items] == ["gallery/1/image/1", "library/ground/r/book/a"]


def test_the_source_is_where_the_entry_begins(tmp_path: Path) -> None:
    items, _ = one(tmp_path, head() + "images:\n  - id: 1\n    caption: a\n")

    assert items[0].source[1:] == (6, 5)


# ---------------------------------------------------------------------------------------------------------- defaults
def test_an_entry_wins_over_its_defaults_key_by_key(tmp_path: Path) -> None:
    text = head(container="shelf: 1\ndefaults: {pages: {name: x, rule: {type: 1, hours: 48}}}") + (
        "pages:\n- id: 1\n- {id: 2, name: y}\n- {id: 3, rule: {type: 0}}\n"
    )

    items, problems = one(tmp_path, text)

    assert problems == []
    assert [item.fields for item in items] == [
        {"name": "x", "update_rule": UpdateRule(1, 48)},
        {"name": "y", "update_rule": UpdateRule(1, 48)},
        {"name": "x", "update_rule": UpdateRule(0)},
    ]


def test_names_of_the_users_choice_merge_one_by_one(tmp_path: Path) -> None:
    text = head("library", "room: r\ndefaults: {books: {meta: {a: 1, b: 2}}}") + "books:\n- {id: x, meta: {b: 3}}\n"

    items, problems = one(tmp_path, text)

    assert problems == []
    assert items[0].fields == {"meta.a": MetaValue("int", 1), "meta.b": MetaValue("int", 3)}


def test_a_mistake_in_defaults_is_told_once_at_its_own_place(tmp_path: Path) -> None:
    text = (
        head(container="shelf: 1\ndefaults:\n  pages: {rule: {type: 7}}")
        + "pages:\n- id: 1\n- id: 2\n- {id: 3, nam: x}\n"
    )

    _, problems = one(tmp_path, text)

    assert problems == ["5:24 bad-value", "10:11 unknown-key"]


def test_defaults_of_a_list_that_is_not_there_are_checked(tmp_path: Path) -> None:
    _, problems = one(tmp_path, head(container="shelf: 1\ndefaults: {pages: {id: 1, nam: x}}"))

    assert problems == ["4:20 unknown-key", "4:27 unknown-key"]


# -------------------------------------------------------------------------------------------------------- duplicates
def test_an_item_declared_in_two_files_is_told_with_both_places(tmp_path: Path) -> None:
    row = '{"target":"gallery","shelf":"2","kind":"image","id":1,"caption":"b"}\n'

    items, problems = read(tmp_path, {"a.yaml": ONE_IMAGE, "b.jsonl": row})

    assert len(items) == 1
    assert told(problems) == ["1:1 duplicate-item"]
    assert "a.yaml:6:3" in problems[0].message
    assert problems[0].source.file.endswith("b.jsonl")


def test_the_same_id_in_another_container_is_another_item_where_the_provider_says_so(tmp_path: Path) -> None:
    books = "books:\n- {id: a, name: b}\n"

    items, problems = read(
        tmp_path, {"a.yaml": head("library", "room: r") + books, "b.yaml": head("library", "room: s") + books}
    )

    assert problems == []
    assert len(items) == 2


def test_the_same_id_of_another_kind_is_another_item(tmp_path: Path) -> None:
    items, problems = one(tmp_path, ONE_IMAGE + "pages:\n- {id: 1, name: b}\n")

    assert problems == []
    assert len(items) == 2


# ------------------------------------------------------------------------------------------------- rules and messages
def test_a_liftable_rule_can_be_allowed(tmp_path: Path) -> None:
    text = head() + "pages:\n- {id: 1, rule: {type: 1, hours: 2}}\n"

    items, problems = read(tmp_path, {"m.yaml": text}, allow=frozenset({"short-hours"}))

    assert problems == []
    assert len(items) == 1


def test_a_rule_that_cannot_be_lifted_stays(tmp_path: Path) -> None:
    _, problems = read(tmp_path, {"m.yaml": head() + "images:\n- {id: x, caption: a}\n"}, allow=frozenset({"bad-id"}))

    assert told(problems) == ["6:8 bad-id"]


def test_a_warning_refuses_nothing(tmp_path: Path) -> None:
    items, problems = read(tmp_path, {"m.yaml": head() + "images:\n- {id: 1, caption: LOUD}\n"})

    assert [problem.severity for problem in problems] == ["warning"]
    assert len(items) == 1


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    secret = "pat_" + "x1" * 20
    text = head() + f"token: {secret}\nimages:\n- id: {secret}\n  caption: {secret}\n  ak: {secret}\n"

    _, problems = read(tmp_path, {"m.yaml": text})

    assert {problem.rule for problem in problems} >= {"secret-in-manifest"}
    assert not any(secret in str(problem) for problem in problems)


@pytest.mark.parametrize("before", ["", "x" * 55])
def test_a_secret_is_never_repeated_as_a_key_or_a_name(tmp_path: Path, before: str) -> None:
    secret = before + "pat_" + "x1" * 20
    texts: dict[str, str | bytes] = {
        "a.yaml": head() + f"{secret}: x\nimages:\n- {{id: 1, caption: a, {secret}: b}}\n",
        "b.yaml": head(secret) + f"images:\n- {{id: 1, caption: a, ignore: [{secret}]}}\n",
        "c.jsonl": json.dumps({"target": secret, secret: 1, "kind": secret}),
        "d.csv": f"target,shelf,kind,id,{secret},meta.{secret}:{secret}\n",
    }

    _, problems = read(tmp_path, texts)

    assert len(problems) > len(texts)
    assert not any("x1x1" in str(problem) for problem in problems)


def test_a_long_or_hostile_key_is_cut_and_escaped(tmp_path: Path) -> None:
    row = {"target": "gallery", "shelf": "1", "kind": "image", "id": "1", "caption": "a", "\x1b[2J" + "k" * 10_000: 1}

    _, problems = read(tmp_path, {"m.jsonl": json.dumps(row)})

    assert all(str(problem).isprintable() and len(problem.message) < 500 for problem in problems)
    assert problems


def test_a_file_of_nothing_but_mistakes_is_given_up(tmp_path: Path) -> None:
    _, problems = one(tmp_path, head() + "images:\n" + "- {id: x, caption: a}\n" * 5_000)

    assert len(problems) == MAX_ERRORS_PER_FILE + 1
    assert problems[-1] == "1:1 too-many-problems"


def test_many_warnings_do_not_end_the_reading(tmp_path: Path) -> None:
    rows = "".join(f"- {{id: {n}, caption: LOUD}}\n" for n in range(1, 3_001))

    items, problems = one(tmp_path, head() + "images:\n" + rows)

    assert len(items) == 3_000
    assert len(problems) == MAX_ERRORS_PER_FILE + 1


# -------------------------------------------------------------------------------------------------------------- files
def test_a_folder_is_searched_for_manifests_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.yml", "sub/a.yaml", "c.jsonl", ".hidden.yaml", ".git/x.yaml", "kbsync.schema.json", "notes.txt"):
        path = tmp_path / "m" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "c.jsonl" else head())

    files, problems = found(tmp_path, "m")

    assert files == ["b.yml", "c.jsonl", "a.yaml"]
    assert problems == []


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ONE_IMAGE)

    files, problems = found(tmp_path, "a.yaml", "*.yaml", ".", "**/*.yaml")

    assert files == ["a.yaml"]
    assert problems == []


@pytest.mark.parametrize("path", ["nothing.yaml", "no*.yaml", "empty", "notes.txt", "\0"])
def test_a_path_that_names_nothing_is_told(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")

    _, problems = found(tmp_path, path)

    assert [problem.rule for problem in problems] in (["no-manifest"], ["unreadable-file"])


def test_what_is_no_regular_file_is_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "null.json").symlink_to("/dev/null")
    (tmp_path / "folder.csv").mkdir()

    _, problems = found(tmp_path, ".")

    assert sorted((Path(p.source.file).name, p.rule) for p in problems) == [
        (name, "unreadable-file") for name in ("folder.csv", "loop.yaml", "null.json", "pipe.yaml")
    ]


def test_a_link_leads_nowhere_outside_the_root(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(ONE_IMAGE)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.yaml").symlink_to("../secret.yaml")

    files, problems = found(tmp_path / "root", ".")

    assert files == []
    assert [problem.rule for problem in problems] == ["unreadable-file"]


def test_a_document_over_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.yaml").open("wb") as file:
        file.truncate((64 << 20) + 1)

    _, problems = found(tmp_path, "a.yaml")

    assert [problem.rule for problem in problems] == ["too-large"]


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(ONE_IMAGE)
    stream = read_manifests(["a.yaml"], targets=TARGETS, rules=RULES, root=tmp_path)

    for _ in stream:
        path.write_text(ONE_IMAGE + "- {id: 2, caption: b}\n")

    assert "unreadable-file" in [problem.rule for problem in stream.problems]


def test_a_mistake_in_one_file_hides_none_in_another(tmp_path: Path) -> None:
    _, problems = read(
        tmp_path, {"a.yaml": "a: [", "b.json": "{", "c.jsonl": "{", "d.csv": "x", "e.yaml": head() + "x: 1\n"}
    )

    assert {Path(problem.source.file).name for problem in problems} == {
        "a.yaml",
        "b.json",
        "c.jsonl",
        "d.csv",
        "e.yaml",
    }


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("- id: 1\n  caption: @x", "put it in quotation marks"),
        ("- id: 1\n  caption: `x`", "put it in quotation marks"),
        ("\t- id: 1", "a tab does not indent"),
    ],
)
def test_what_nothing_begins_with_in_yaml_is_told_with_what_to_do(tmp_path: Path, entry: str, hint: str) -> None:
    _, (problem,) = read(tmp_path, {"m.yaml": head() + f"images:\n{entry}\n"})

    assert problem.rule == "syntax"
    assert hint in problem.message
