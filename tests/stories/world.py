"""Made-up knowledge bases of any size on both providers: what the servers hold before, and what a manifest declares."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import orjson

__all__ = (
    "COLLECTIONS",
    "DATASETS",
    "TOKEN",
    "Content",
    "Line",
    "Place",
    "World",
    "changes_of",
    "declared",
    "items_of",
    "made_world",
    "place_of",
)

DATASETS = ("744632974166804001", "744632974166804002")
COLLECTIONS = ("reports", "faq")
# The first one is everybody's; the others belong to targets of their own, so that the emulator tells them apart.
TOKEN = "pat_story_0"
TOKENS = 200
ACCESS_KEY_ID = "AKLTSTORY"
SECRET_ACCESS_KEY = "story-secret-key=="
API_KEY = "story-api-key"

_FIRST_IMAGE = 7446670805219090001
_FIRST_DOCUMENT = 7386942056030100001
_TRADES = ("企业服务", "制造", '教育 "K12"', "médical", "零售\t批发")
_ANIMALS = ("小猫 🐈", 'dog, "big"', "白鹭\u3000在河边", "=SUM(A1)", "a\u0301ne", "骆驼\n第二行")

Line: TypeAlias = dict[str, Any]
Content: TypeAlias = dict["Place", Any]


class Place(NamedTuple):
    """Where an item is: its kind (`image`, `document`, `doc`), its container, its id."""

    kind: str
    container: str
    id: str


@dataclass(frozen=True)
class World:
    """*before* is what the servers hold at first, *lines* are the manifest: one item each, as JSON Lines say it."""

    before: Content
    lines: Sequence[Line]

    @property
    def after(self) -> Content:
        """What the servers hold once the manifest is applied: everything undeclared is as it was."""
        return declared(self.before, self.lines)

    def edited(self, count: int, word: str) -> "World":
        """Declare another text for *count* items, spread over all of them; each costs exactly one write."""
        step = len(self.lines) // count
        lines = list(self.lines)
        for number in range(0, count * step, step):
            lines[number] = _edited(lines[number], word)
        return replace(self, lines=lines)

    def archive(self) -> bytes:
        """Write *before* as the emulator reads it."""
        images: dict[str, list[Line]] = {}
        documents: dict[str, list[Line]] = {}
        docs: dict[str, list[Line]] = {}
        for place, value in self.before.items():
            match place.kind:
                case "image":
                    images.setdefault(place.container, []).append({"id": place.id, "caption": value})
                case "document":
                    name, update_type, interval = value
                    documents.setdefault(place.container, []).append(
                        {"id": place.id, "name": name, "update_type": update_type, "update_interval_h": interval}
                    )
                case _:
                    name, meta = value
                    entries = [
                        {"field_name": field, "field_type": kind, "field_value": one}
                        for field, (kind, one) in meta.items()
                    ]
                    docs.setdefault(place.container, []).append(
                        {"id": place.id, "name": name, "meta": orjson.dumps(entries).decode()}
                    )
        everyone = dict.fromkeys((*images, *documents))
        return orjson.dumps(
            {
                "format": "kbsync.emulator/1",
                "credentials": {
                    "tokens": [{"name": f"token-{n}", "token": token_of(n)} for n in range(TOKENS)],
                    "access_keys": [
                        {
                            "name": f"key-{n}",
                            "access_key_id": f"{ACCESS_KEY_ID}{n}",
                            "secret_access_key": SECRET_ACCESS_KEY,
                        }
                        for n in range(TOKENS)
                    ],
                    "api_keys": [{"name": "reader", "api_key": API_KEY}],
                },
                "datasets": [
                    {"id": id_, "images": images.get(id_, []), "documents": documents.get(id_, [])} for id_ in everyone
                ],
                "collections": [
                    {
                        "name": name,
                        "fields": [
                            {"name": "行业", "type": "string"},
                            {"name": "是否公开", "type": "bool"},
                            {"name": "score", "type": "float32"},
                        ],
                        "docs": entries,
                    }
                    for name, entries in docs.items()
                ],
            }
        )

    def write(self, folder: Path) -> None:
        """Write the manifest into *folder*, instead of what is there."""
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        (folder / "all.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in self.lines))


def token_of(number: int) -> str:
    """Give the secret of the token `token-NUMBER`."""
    return f"pat_story_{number}"


def made_world(size: int) -> World:
    """Make up *size* items: two fifths images, one fifth Coze documents, two fifths Volcengine documents."""
    before: Content = {}
    lines: list[Line] = []
    for number in range(size):
        half = number % 20 >= 10
        match number % 5:
            case 0 | 1:
                place = Place("image", DATASETS[half], str(_FIRST_IMAGE + number))
                before[place] = "" if number % 3 else f"alt {number}"
                lines.append(
                    {
                        **_coze(place, "image"),
                        "caption": f"{_ANIMALS[number % len(_ANIMALS)]} {number}",
                    }
                )
            case 2:
                place = Place("document", DATASETS[half], str(_FIRST_DOCUMENT + number))
                before[place] = (f"vorher {number}.pdf", 1, 72)
                line = {**_coze(place, "document"), "name": f"年报 {number} é.pdf"}
                if number % 4:
                    line["update_rule"] = {"update_type": 1, "update_interval": 24 + number % 7}
                lines.append(line)
            case _:
                place = Place("doc", COLLECTIONS[half], f"doc_{number:07d}")
                before[place] = (f"alt {number}.pdf", _meta_before(number))
                line = {
                    "target": "volc-bj",
                    "collection": place.container,
                    "kind": "document",
                    "id": place.id,
                    "meta": {"行业": _TRADES[number % len(_TRADES)] + f" {number}", "score": _score(number)},
                }
                if number % 4 == 0:
                    line["name"] = f"neu {number}.pdf"
                lines.append(line)
    return World(before, lines)


def place_of(line: Line) -> Place:
    """Say which item a line of the manifest is about."""
    if "collection" in line:
        return Place("doc", line["collection"], line["id"])
    return Place(line["kind"], line["dataset"], line["id"])


def changes_of(line: Line) -> int:
    """Count the writes that a new item costs."""
    return ("meta" in line and "name" in line) + 1


def items_of(world: World, target: str) -> list[Line]:
    """Give the lines of one target."""
    return [line for line in world.lines if line["target"] == target]


def declared(before: Mapping[Place, Any], lines: Iterable[Line]) -> Content:
    """Lay what *lines* declare over *before*."""
    after = dict(before)
    for line in lines:
        place = place_of(line)
        match place.kind:
            case "image":
                after[place] = line["caption"]
            case "document":
                name, update_type, interval = after[place]
                rule = line.get("update_rule", {"update_type": update_type, "update_interval": interval})
                after[place] = (line.get("name", name), rule["update_type"], rule["update_interval"])
            case _:
                name, meta = after[place]
                overlay = {field: _typed(value) for field, value in line.get("meta", {}).items()}
                after[place] = (line.get("name", name), {**meta, **overlay})
    return after


def _edited(line: Line, word: str) -> Line:
    if "caption" in line:
        return {**line, "caption": f"{line['caption']} {word}"}
    if "meta" in line:
        return {**line, "meta": {**line["meta"], "行业": f"{line['meta']['行业']} {word}"}}
    return {**line, "name": f"{word} {line['name']}"}


def _coze(place: Place, kind: str) -> Line:
    return {"target": "coze-cn", "dataset": place.container, "kind": kind, "id": place.id}


def _score(number: int) -> Line:
    return {"type": "float32", "value": number % 8 / 4}


def _meta_before(number: int) -> dict[str, tuple[str, Any]]:
    """Give fields that the manifest never names, of every type, beside one that it does."""
    return {
        "行业": ("string", "alt"),
        "是否公开": ("bool", number % 2 == 0),
        "year": ("int64", 9_007_199_254_740_993 + number),
        "Überrest €": ("string", 'bleibt\n"so" 🐾'),
        "tags": ("list<string>", ["a", "", "ü"]),
    }


def _typed(value: Any) -> tuple[str, Any]:
    if isinstance(value, dict):
        return value["type"], value["value"]
    return {bool: "bool", str: "string", int: "int64"}[type(value)], value
