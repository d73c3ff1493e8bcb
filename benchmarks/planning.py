"""`kbsync plan` beside floors: bare parser loops over the same files."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.children import KBSYNC, child
from benchmarks.table import Rounds, Row, table
from benchmarks.world import COLLECTION, DATASET, doc_id, image_id, write_config

__all__ = ("measure_plan",)

_CHANGED_EVERY: Final = 100
_EMPTY: Final = "kbsync plan, one item"


def measure_plan(folder: Path, items: int, rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows. Half of the items are captions, half documents with a name and four meta fields.

    The state knows all of them, and one in a hundred has changed since.
    """
    workspaces = {"YAML": folder / "yaml", "JSON Lines": folder / "jsonl"}
    empty = folder / "empty"
    for workspace in (*workspaces.values(), empty):
        write_config(workspace, "http://127.0.0.1:9", 4)
        (workspace / "manifests").mkdir()
    one = _write_lines(empty / "manifests" / "items.jsonl", _lines(1, edited=False))
    assert one
    for name, write in (("YAML", _write_yaml), ("JSON Lines", _write_jsonl)):
        write(workspaces[name] / "manifests", items, edited=False)
        child(sys.executable, "-m", "benchmarks.floors", "settle", str(workspaces[name]))
        write(workspaces[name] / "manifests", items, edited=True)
    child(sys.executable, "-m", "benchmarks.floors", "settle", str(empty))

    found = Rounds()
    floors = {"YAML": "bare libyaml event loop", "JSON Lines": "bare orjson line loop"}
    for _ in range(rounds):
        spent = child(*KBSYNC, "-q", "plan", cwd=empty)
        found.add(_EMPTY, s=spent.wall_s, cpu_s=spent.cpu_s, mib=spent.peak_mib)
        for name, workspace in workspaces.items():
            spent = child(*KBSYNC, "-q", "plan", "--format", "json", cwd=workspace)
            _check(spent.out, items)
            found.add(name, s=spent.wall_s, cpu_s=spent.cpu_s, mib=spent.peak_mib)
            told = json.loads(child(sys.executable, "-m", "benchmarks.floors", name, str(workspace / "manifests")).out)
            found.add(floors[name], s=told["wall_s"], cpu_s=told["cpu_s"], mib=told["mib"])
        # After the fact, so that each round has its own baseline to take off.
        base = found.numbers[_EMPTY]
        for name in workspaces:
            mine = found.numbers[name]
            found.add(f"{name} net", **{what: mine[what][-1] - base[what][-1] for what in base})

    rows = [Row(_EMPTY, _cells(found, _EMPTY, _EMPTY, net=False))]
    for name, floor in floors.items():
        rows.append(Row(f"kbsync plan, {name}", _cells(found, name, floor, net=True)))
        rows.append(Row(floor, _cells(found, floor, floor, net=False)))
    return table(f"Plan of {items:,} items against a state that knows them, 1 % changed", rows), rows


def _cells(found: Rounds, name: str, floor: str, *, net: bool) -> dict[str, float | str | None]:
    less = f"{name} net" if net else name
    by_clock = found.ratio((less, "s"), (floor, "s")) if net else None
    by_cpu = found.ratio((less, "cpu_s"), (floor, "cpu_s")) if net else None
    return {
        "s": found.median(name, "s"),
        "CPU s": found.median(name, "cpu_s"),
        "peak MiB": found.median(name, "mib"),
        "net s": found.median(less, "s") if net else None,
        "net CPU s": found.median(less, "cpu_s") if net else None,
        "net MiB": found.median(less, "mib") if net else None,
        "of the floor": f"{by_clock:.2f}×" if by_clock is not None else None,
        "by CPU": f"{by_cpu:.2f}×" if by_cpu is not None else None,
    }


def _check(out: str, items: int) -> None:
    summary = json.loads(out)["summary"]
    if (summary["items"], summary["changes"]) != (items, _edits(items)):
        raise RuntimeError(f"the plan is wrong: {summary}")


def _edits(items: int) -> int:
    return sum(1 for number in range(items) if number % _CHANGED_EVERY == 0)


# ------------------------------------------------------------------------------------------------------ manifests
def _caption(number: int, *, edited: bool) -> str:
    told = f"第 {number} 张图：一只小猫坐在窗台上，看着外面的雨，旁边放着一本打开的书和一杯热茶"
    return f"{told}，猫在睡觉" if edited and number % _CHANGED_EVERY == 0 else told


def _meta(number: int, *, edited: bool) -> dict[str, Any]:
    year = 2000 + number % 25
    return {
        "行业": ("企业服务", "制造", "教育", "医疗", "零售")[number % 5],
        "是否公开": number % 3 == 0,
        "year": year + 100 if edited and number % _CHANGED_EVERY == 0 else year,
        "department": f"department {number % 40}",
    }


def _lines(items: int, *, edited: bool) -> Iterator[dict[str, Any]]:
    image = {"target": "coze-cn", "dataset": DATASET, "kind": "image"}
    document = {"target": "volc-bj", "collection": COLLECTION, "kind": "document"}
    for number in range(items):
        if number < items // 2:
            yield {**image, "id": image_id(number), "caption": _caption(number, edited=edited)}
        else:
            name = f"{number} 年度报告和附件.pdf"
            yield {**document, "id": doc_id(number), "name": name, "meta": _meta(number, edited=edited)}


def _write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> int:
    with path.open("w", encoding="utf-8") as file:
        return sum(file.write(json.dumps(line, ensure_ascii=False) + "\n") for line in lines)


def _write_jsonl(folder: Path, items: int, *, edited: bool) -> None:
    _write_lines(folder / "items.jsonl", _lines(items, edited=edited))


def _write_yaml(folder: Path, items: int, *, edited: bool) -> None:
    heads = {
        "image": f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\nimages:\n',
        "document": f"kbsync: 1\ntarget: volc-bj\ncollection: {COLLECTION}\ndocuments:\n",
    }
    files = {kind: (folder / f"{kind}.yaml").open("w", encoding="utf-8") for kind in heads}
    try:
        for kind, file in files.items():
            file.write(heads[kind] if items > 1 else heads[kind].rpartition("\n")[0] + " []\n")
        for line in _lines(items, edited=edited):
            write = files[line["kind"]].write
            write(f'  - id: "{line["id"]}"\n')
            if "caption" in line:
                write(f"    caption: {line['caption']}\n")
                continue
            write(f"    name: {line['name']}\n    meta:\n")
            for name, value in line["meta"].items():
                write(f"      {name}: {json.dumps(value) if isinstance(value, bool | int) else value}\n")
    finally:
        for file in files.values():
            file.close()
