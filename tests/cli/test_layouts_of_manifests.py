"""A plan says what the manifests say, however they are laid out."""

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.cli.workspace import open_workspace
from kbsync.core.fields import MetaValue, UpdateRule, Value
from kbsync.core.items import Item
from kbsync.core.plan_document import plan_lines
from tests.cli.desk import CONFIG
from tests.cli.layouts import ENDINGS, Line, image, page, record, text_of

TEXTS = st.sampled_from(["cat", "小猫", "a: b", "no", "1:30", '"quoted"', "two\nlines", "0123", "-", "=1+1", "#x", "é"])
COZE_IDS = st.integers(1, 30).map(str)
VOLC_IDS = st.sampled_from(["a", "a-1", "007", "1e3", "null", "true", "B_2", "9" * 25])
# A column of CSV has one type.
META = st.fixed_dictionaries(
    {"x": TEXTS}, optional={"行业": TEXTS, "no": st.booleans(), "y z": st.integers(-(2**63), 2**63 - 1)}
)
LINES = st.lists(
    st.builds(image, COZE_IDS, TEXTS, st.sampled_from(["1", "2"]))
    | st.builds(page, COZE_IDS, TEXTS, st.integers(24, 26))
    | st.builds(record, VOLC_IDS, META, st.sampled_from(["faq", "rules"])),
    max_size=12,
    unique_by=lambda line: (line["kind"], line.get("collection"), line["id"]),
)


@settings(max_examples=60)
@given(LINES.filter(bool), LINES, st.lists(st.randoms(use_true_random=False), min_size=2, max_size=3))
def test_a_plan_is_the_same_in_any_order_in_any_files_and_in_any_format(
    declared: list[Line], known: list[Line], lucks: list[Random]
) -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name)
        (folder / "kbsync.toml").write_text(CONFIG.replace("{url}", "http://127.0.0.1:9"), encoding="utf-8")
        with open_workspace(None).store() as store:
            store.lock("a test")
            store.rebuild(map(_known, known))
        plans = [_plan(folder, declared, luck) for luck in lucks]

    assert plans[0]["summary"]["items"] == len(declared)
    assert plans == plans[:1] * len(plans)


def _plan(folder: Path, lines: Sequence[Line], luck: Random) -> Any:
    """Return the plan of *lines* in files as *luck* has it, without the places in them."""
    manifests = folder / "manifests"
    manifests.mkdir()
    for number, part in enumerate(_parts(lines, luck)):
        containers = {(line["target"], line.get("dataset"), line.get("collection")) for line in part}
        ending = luck.choice([one for one in ENDINGS if one != "json" or len(containers) == 1])
        text = text_of(part, ending)
        (manifests / f"{luck.randrange(100)}-{number}.{ending}").write_text(text, encoding="utf-8", newline="")
    workspace = open_workspace(None)
    with workspace.store() as store:
        plan, _ = workspace.plan(store.known(), (), cached=luck.random() < 0.5)
    told = orjson.loads(b"".join(plan_lines(plan)))
    del told["plan_id"]
    for change in told["changes"]:
        del change["source"]
    for path in manifests.iterdir():
        path.unlink()
    manifests.rmdir()
    return told


def _parts(lines: Sequence[Line], luck: Random) -> list[list[Line]]:
    """Return *lines* in any order, in some parts, and the keys of each in any order too."""
    shuffled = luck.sample(lines, len(lines))
    parts: dict[int, list[Line]] = {}
    for line in shuffled:
        parts.setdefault(luck.randrange(4), []).append({key: line[key] for key in luck.sample([*line], len(line))})
    return [*parts.values()]


def _known(line: Line) -> tuple[Item, dict[str, Value]]:
    fields: dict[str, Value] = {key: line[key] for key in ("caption", "name") if key in line}
    if "update_rule" in line:
        fields["update_rule"] = UpdateRule(**line["update_rule"])
    types = {str: "string", bool: "bool", int: "int64"}
    fields |= {f"meta.{name}": MetaValue(types[type(value)], value) for name, value in line.get("meta", {}).items()}
    container = line["dataset"] if "dataset" in line else f"default/{line['collection']}"
    return Item(line["target"], container, line["kind"], line["id"]), fields
