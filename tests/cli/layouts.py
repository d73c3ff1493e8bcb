"""The same items in files of any format: each is a line of JSON Lines, and is written as such or as something else."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import yaml

__all__ = ("ENDINGS", "Line", "image", "page", "record", "text_of")

Line: TypeAlias = Mapping[str, Any]

ENDINGS: Final = ("yaml", "json", "jsonl", "csv")
_OWN: Final = ("target", "dataset", "collection", "kind")
_SECTIONS: Final = {"image": "images", "document": "documents"}


def image(id_: str, caption: str, dataset: str = "1") -> Line:
    return {"target": "coze-cn", "dataset": dataset, "kind": "image", "id": id_, "caption": caption}


def page(id_: str, name: str, hours: int) -> Line:
    rule = {"update_type": 1, "update_interval": hours}
    return {
        "target": "coze-cn",
        "dataset": "1",
        "kind": "document",
        "id": id_,
        "name": name,
        "update_rule": rule,
    }


def record(id_: str, meta: Mapping[str, Any], collection: str = "faq") -> Line:
    return {"target": "volc-bj", "collection": collection, "kind": "document", "id": id_, "meta": dict(meta)}


def text_of(lines: Sequence[Line], ending: str) -> str:
    """Return a manifest of *lines* in the format of *ending*. JSON takes one container."""
    match ending:
        case "yaml":
            documents = [*_documents(lines)]
            return yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False) if documents else ""
        case "json":
            (document,) = _documents(lines)
            return json.dumps(document, ensure_ascii=False)
        case "csv":
            return _table(lines)
        case _:
            return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _documents(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    """Yield a document for each container, in the order in which they come first."""
    documents: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        head = {key: line[key] for key in ("target", "dataset", "collection") if key in line}
        target, container = head.values()
        document = documents.setdefault((target, container), {"kbsync": 1, **head})
        entry = {key: value for key, value in line.items() if key not in _OWN}
        document.setdefault(_SECTIONS[line["kind"]], []).append(entry)
    yield from documents.values()


def _table(lines: Sequence[Line]) -> str:
    rows = [dict(_cells(line)) for line in lines]
    out = io.StringIO()
    writer = csv.DictWriter(out, [*dict.fromkeys(key for row in rows for key in row)] or [*_OWN, "id"])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _cells(line: Line) -> Iterator[tuple[str, Any]]:
    for key, value in line.items():
        if not isinstance(value, dict):
            yield key, value
            continue
        for name, inner in value.items():
            if key == "meta":
                type_ = {str: "string", bool: "bool", int: "int64"}[type(inner)]
                yield f"meta.{name}:{type_}", json.dumps(inner) if type(inner) is not str else inner
            else:
                yield f"{key}.{name}", inner
