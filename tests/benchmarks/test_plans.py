"""What the benchmarks of plans compare is comparable, and a wrong plan is no measurement."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.loaders import record
from benchmarks.manifests import changed_ids, lines, yaml_entry
from benchmarks.plans import cold, plan, tree_peak_mb
from benchmarks.workspaces import workspace

ITEMS = 200


def test_a_plan_that_shows_other_changes_than_were_made_is_refused(tmp_path: Path) -> None:
    place = workspace(tmp_path, "JSON Lines", ITEMS, 4)
    changed = changed_ids(ITEMS)
    stranger = {*sorted(changed)[1:], "doc_9999999"}

    plan(place, *cold(), items=ITEMS, changed=changed)

    for items, expected in ((ITEMS + 1, changed), (ITEMS, set[str]()), (ITEMS, stranger)):
        with pytest.raises(RuntimeError, match="is wrong"):
            plan(place, *cold(), items=items, changed=expected)


@pytest.mark.skipif(sys.platform != "linux", reason="nothing else tells what processes hold together")
def test_the_memory_of_a_plan_is_that_of_a_python_at_least(tmp_path: Path) -> None:
    held_mb = tree_peak_mb(workspace(tmp_path, "YAML", ITEMS, 2))

    assert held_mb is not None
    assert 5 < held_mb < 500


@pytest.mark.parametrize("form", ["JSON Lines", "YAML"])
def test_a_workspace_is_made_once_and_in_sync_when_asked_for(form: str, tmp_path: Path) -> None:
    place = workspace(tmp_path, form, ITEMS, 2, in_sync=True)
    made = (place / "kbsync.toml").stat().st_ino

    plan(place, items=ITEMS, changed=())

    assert workspace(tmp_path, form, ITEMS, 2, in_sync=True) == place
    assert (place / "kbsync.toml").stat().st_ino == made


def test_a_record_of_octodns_has_as_many_characters_as_the_item_in_yaml() -> None:
    for number, line in enumerate(lines(range(90, 110), ITEMS, changed=True)):
        entry = yaml_entry(line)
        texts = 1 if "caption" in line else 1 + len(line["meta"])

        made = record(number, texts, len(entry))

        assert made.isascii()
        assert len(made) == len(entry), json.dumps(line, ensure_ascii=False)
        assert made.count("    - ") == texts
