"""Manifests in form say what they said, and are in form."""

import csv
import json
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.adapters.manifests.yaml_tree import comments_in, yaml_trees
from tests.adapters.manifests.desks import coze_documents, declared, formatted, says, volcengine_documents, write
from tests.adapters.manifests.scribe import Scribe

DOCUMENTS = st.one_of(coze_documents(), volcengine_documents())


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@settings(max_examples=200, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=2), st.integers(0, 2**32).map(Random), st.booleans())
def test_yaml_in_form_says_the_same_is_in_form_and_has_every_comment(
    documents: list[dict[str, Any]], luck: Random, sort: bool
) -> None:
    scribe = Scribe(luck)
    text = "\n---\n".join(map(scribe.write, documents))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), "m.yaml", text)
        _, problems = declared([path], path.parent)
        if problems:
            assert {problem.rule for problem in problems} == {"duplicate-item"}, (problems, text)
            return
        once = write(Path(folder), "once.yaml", formatted(path, sort=sort))
        twice = formatted(once, sort=sort)

        assert twice.decode() == text_of(once)
        assert says(once) == says(path)
    kept = [comment for tree in yaml_trees(text_of_bytes(twice)) for comment in comments_in(tree)]
    assert sorted(kept) == sorted(scribe.comments)


def text_of_bytes(text: bytes) -> str:
    return text.decode()
