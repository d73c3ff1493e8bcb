"""Manifests made by a grammar: mostly of the words that manifests have, in nearly the places where they belong."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

import yaml

__all__ = ("whole",)

_KEYS: Final = (
    *("kbsync", "target", "dataset", "collection", "project", "resource_id", "defaults", "images", "documents"),
    *("kind", "id", "caption", "name", "update_rule", "update_type", "update_interval", "meta", "type", "value"),
    *("protect", "ignore", "allow_empty", "captoin", "token", "", "<<", "行业", "doc_id", "a.b", "n" * 129),
)
_TEXTS: Final = (
    *("", "x", "小猫", "no", "0123", "1:30", "TODO", " x ", "=1+1", "#NAME?", "a\nb", "a: b # c", "- x", "{[", "@x"),
    *("744667080521909001", "7.44667E+17", "doc_1", "kb-1", "image", "document", "coze-cn", "volc-bj", "default"),
    *("\x07", "\u2028", "\ufeff", "\x85", "\U0001f600", "x" * 300, "2024-01-01T00:00:00Z", "1,2", "caption", "int64"),
)
_NUMBERS: Final = (0, 1, -1, 24, 23, 744667080521909001, 2**63, 10**40, 0.5, 1.0, 7.4e17, 1e300, float("nan"), True)
_COLUMNS: Final = (
    *("target", "dataset", "collection", "kind", "id", "caption", "name", "protect", "allow_empty", "meta.行业"),
    *("update_rule.update_type", "update_rule.update_interval", "meta.n:int64", "meta.l:list<string>", "meta.b:bool"),
    *("meta.s:float32", "meta.d:date_time", "meta.:int64", "ignore", "", "captoin", "a;b", "a,b", 'a"b', "a\nb"),
)


def whole(ending: str, chance: Random) -> bytes:
    """Return a manifest of the format of *ending*, right or nearly so."""
    return _WRITERS[ending](chance).encode("utf-8", "surrogatepass")


def _value(chance: Random, depth: int) -> Any:
    match chance.randrange(10 if depth else 7):
        case 0 | 1 | 2 | 3:
            return chance.choice(_TEXTS)
        case 4 | 5:
            return chance.choice(_NUMBERS)
        case 6:
            return None
        case 7 | 8:
            return {chance.choice(_KEYS): _value(chance, depth - 1) for _ in range(chance.randrange(4))}
        case _:
            return [_value(chance, depth - 1) for _ in range(chance.randrange(4))]


def _perhaps(chance: Random, right: Any) -> Any:
    """Return what is *right*, nearly always."""
    return right if chance.random() < 0.94 else _value(chance, 3)


def _shuffled(chance: Random, entry: Mapping[str, Any]) -> dict[str, Any]:
    pairs = list(entry.items())
    if chance.random() < 0.2:
        chance.shuffle(pairs)
    if chance.random() < 0.1:
        pairs = pairs[chance.randrange(len(pairs)) :]
    return {(key if chance.random() < 0.98 else chance.choice(_KEYS)): _perhaps(chance, value) for key, value in pairs}


def _meta(chance: Random) -> dict[str, Any]:
    values: tuple[Any, ...] = (
        *("x", "企业", True, 5, 0.5, ["a", "b"], [1, 2]),
        *({"type": "float32", "value": 1}, {"type": "date_time", "value": "2024-01-01T00:00:00Z"}),
    )
    return {chance.choice(("行业", "public", "n", "a.b")): chance.choice(values) for _ in range(chance.randrange(1, 4))}


def _entry(chance: Random, kind: str, number: int) -> dict[str, Any]:
    if kind == "record":
        return {"id": f"doc_{number}", "name": chance.choice(("a.pdf", "首页", "x" * 260)), "meta": _meta(chance)}
    digits = str(744667080521909001 + number)
    if kind == "image":
        return {"id": digits, "caption": chance.choice(("小猫", "A dog", "TODO", "a\nb", " x"))}
    rule = {"update_type": chance.randrange(2), "update_interval": chance.choice((24, 168, 12))}
    return {"id": digits, "name": "cozeoverview", "update_rule": rule}


def _head(chance: Random, kind: str) -> dict[str, Any]:
    if kind == "record":
        return {"target": "volc-bj", **chance.choice(({"collection": "c"}, {"resource_id": "kb-1"}))}
    return {"target": "coze-cn", "dataset": "744632974166804001"}


def _kind(chance: Random) -> str:
    return chance.choice(("image", "page", "record"))


def _document(chance: Random) -> Any:
    kind = _kind(chance)
    section = "images" if kind == "image" else "documents"
    document: dict[str, Any] = {"kbsync": 1, **_head(chance, kind)}
    if chance.random() < 0.3:
        document["defaults"] = {section: _shuffled(chance, {"protect": True, "allow_empty": True})}
    document[section] = [_shuffled(chance, _entry(chance, kind, number)) for number in range(chance.randrange(5))]
    return _shuffled(chance, document) if chance.random() < 0.3 else document


def _yaml(chance: Random) -> str:
    documents = [_document(chance) for _ in range(chance.choice((1, 1, 1, 2)))]
    flow: bool | None = chance.choice((False, False, None, True))
    text: str = yaml.safe_dump_all(
        documents, allow_unicode=chance.random() < 0.8, default_flow_style=flow, sort_keys=False
    )
    return text


def _json(chance: Random) -> str:
    return json.dumps(_document(chance), ensure_ascii=chance.random() < 0.3, indent=chance.choice((None, None, 1)))


def _rows(chance: Random) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number in range(chance.randrange(6)):
        kind = _kind(chance)
        named = {"kind": "image" if kind == "image" else "document"}
        rows.append(_shuffled(chance, {**_head(chance, kind), **named, **_entry(chance, kind, number)}))
    return rows


def _json_lines(chance: Random) -> str:
    end = chance.choice(("\n", "\n", "\r\n", "\n\n"))
    return "".join(json.dumps(row, ensure_ascii=chance.random() < 0.3) + end for row in _rows(chance))


def _csv(chance: Random) -> str:
    rows = [_flat(row) for row in _rows(chance)]
    columns = list(dict.fromkeys(("target", "kind", "id", *(column for row in rows for column in row))))
    if chance.random() < 0.3:
        columns.insert(chance.randrange(len(columns)), chance.choice(_COLUMNS))
    text = io.StringIO()
    delimiter = chance.choice(",,,;\t|")
    quoting: Any = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    end = chance.choice(("\n", "\r\n"))
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return chance.choice(("", "", "\ufeff", f"sep={delimiter}{end}")) + text.getvalue()


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": below for inner, below in value.items()}
        else:
            flat[key] = value
    return flat


_WRITERS: Final[Mapping[str, Callable[[Random], str]]] = {
    "yaml": _yaml,
    "json": _json,
    "jsonl": _json_lines,
    "csv": _csv,
}
