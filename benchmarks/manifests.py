"""Manifests to plan, and what is known of them: half of the items are captions, half documents with meta fields."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.world import COLLECTION, DATASET, doc_id, image_id
from kbsync.core.fields import Fields, MetaValue
from kbsync.core.items import Item

__all__ = ("FORMATS", "changed_ids", "known", "lines", "write_files", "yaml_entry")

_CHANGED_EVERY: Final = 100
_HEADS: Final = {
    "image": f'kbsync: 1\ntarget: coze-cn\ndataset: "{DATASET}"\nimages:\n',
    "document": f"kbsync: 1\ntarget: volc-bj\ncollection: {COLLECTION}\ndocuments:\n",
}
_TYPES: Final = {str: "string", bool: "bool", int: "int64"}


def lines(numbers: Iterable[int], items: int, *, changed: bool) -> Iterator[dict[str, Any]]:
    """Yield the entries of these *numbers* of so many *items*, as JSON Lines has them.

    With *changed*, one in a hundred is another than what is `known`.
    """
    image = {"target": "coze-cn", "dataset": DATASET, "kind": "image"}
    document = {"target": "volc-bj", "collection": COLLECTION, "kind": "document"}
    for number in numbers:
        other = changed and number % _CHANGED_EVERY == 0
        if number < items // 2:
            yield {**image, "id": image_id(number), "caption": _caption(number, other=other)}
        else:
            name = f"{number} 年度报告和附件.pdf"
            yield {**document, "id": doc_id(number), "name": name, "meta": _meta(number, other=other)}


def changed_ids(items: int) -> set[str]:
    """Return the ids of those that are another than what is known."""
    return {line["id"] for line in lines(range(0, items, _CHANGED_EVERY), items, changed=True)}


def known(items: int) -> Iterator[tuple[Item, Fields]]:
    """Yield what is known of each item: what the manifests say when nothing in them is changed."""
    for line in lines(range(items), items, changed=False):
        if line["kind"] == "image":
            yield Item("coze-cn", DATASET, "image", line["id"]), {"caption": line["caption"]}
        else:
            meta = {f"meta.{name}": MetaValue(_TYPES[type(value)], value) for name, value in line["meta"].items()}
            yield Item("volc-bj", f"default/{COLLECTION}", "document", line["id"]), {"name": line["name"], **meta}


def write_files(folder: Path, form: str, items: int, files: int, *, changed: bool) -> None:
    """Write the manifests of so many *items* in so many *files*, as equal as can be.

    A file of YAML speaks of one container, so that these have to be an even number of items in an even number of files.
    """
    ending, pieces = FORMATS[form]
    for file in range(files):
        numbers = range(file * items // files, (file + 1) * items // files)
        with (folder / f"part-{file:04}{ending}").open("wb") as out:
            out.writelines(pieces(lines(numbers, items, changed=changed)))


def yaml_entry(line: Mapping[str, Any]) -> str:
    """Return the entry of *line* in a YAML manifest."""
    told = f'  - id: "{line["id"]}"\n'
    if "caption" in line:
        return f"{told}    caption: {line['caption']}\n"
    fields = "".join(f"      {name}: {_scalar(value)}\n" for name, value in line["meta"].items())
    return f"{told}    name: {line['name']}\n    meta:\n{fields}"


def _json_lines(entries: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for entry in entries:
        yield orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)


def _yaml(entries: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for number, entry in enumerate(entries):
        yield ((_HEADS[entry["kind"]] if number == 0 else "") + yaml_entry(entry)).encode()


FORMATS: Final[dict[str, tuple[str, Callable[[Iterable[dict[str, Any]]], Iterator[bytes]]]]] = {
    "JSON Lines": (".jsonl", _json_lines),
    "YAML": (".yaml", _yaml),
}


def _scalar(value: str | bool | int) -> str:  # noqa: FBT001 - a value, not a switch
    return str(value).lower() if isinstance(value, bool) else str(value)


def _caption(number: int, *, other: bool) -> str:
    told = f"第 {number} 张图：一只小猫坐在窗台上，看着外面的雨，旁边放着一本打开的书和一杯热茶"
    return f"{told}，猫在睡觉" if other else told


def _meta(number: int, *, other: bool) -> dict[str, Any]:
    year = 2000 + number % 25
    return {
        "行业": ("企业服务", "制造", "教育", "医疗", "零售")[number % 5],
        "是否公开": number % 3 == 0,
        "year": year + 100 if other else year,
        "department": f"department {number % 40}",
    }
