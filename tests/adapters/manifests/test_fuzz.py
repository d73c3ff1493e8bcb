"""Manifests made by chance. `make campaign-fuzz` is the long form."""

from pathlib import Path

import pytest

from tests.adapters.manifests.fuzz import Figures, judge_all

INPUTS = 300


@pytest.mark.parametrize("ending", ["yaml", "json", "jsonl", "csv"])
def test_whatever_is_in_a_manifest_is_read_or_told(tmp_path: Path, ending: str) -> None:
    figures = Figures()

    judge_all(ending, range(INPUTS), tmp_path, figures)

    assert figures.items
    assert len(figures.rules) > 10
