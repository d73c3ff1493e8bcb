"""What others do to the live items of a desk, and what a plan makes of it."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from kbsync.emulator import Behaviour
from kbsync.emulator.editing import edit_items
from kbsync.emulator.rules import read_rules
from tests.cli.desk import COLLECTION, Desk

__all__ = ("DOCUMENT", "IMAGE", "behaving", "changes", "edit", "live", "lying")

IMAGE = "7446670805219090001"
DOCUMENT = "7386942056030100001"


@contextmanager
def behaving(desk: Desk, behaviour: Behaviour) -> Generator[None]:
    desk.emulator.site.behaviour = behaviour
    try:
        yield
    finally:
        desk.emulator.site.behaviour = Behaviour()


@contextmanager
def lying(desk: Desk, *rules: dict[str, object]) -> Generator[None]:
    desk.emulator.set_rules(read_rules(list(rules)))
    try:
        yield
    finally:
        desk.emulator.set_rules(())


def edit(desk: Desk, kind: str, id_: str, **values: object) -> None:
    """Change an item behind kbsync's back."""
    if kind == "doc":
        edit_items(desk.emulator.site, {"provider": "volcengine", "collection": COLLECTION, "id": id_, "set": values})
    else:
        edit_items(desk.emulator.site, {"provider": "coze", "kind": kind, "id": id_, "set": values})


def live(desk: Desk, kind: str, id_: str, **values: object) -> None:
    """Make an item what no edit would, as another vendor's page or an older server has made it."""
    meta = values.get("meta")
    if not isinstance(meta, dict):
        edit(desk, kind, id_, **values)
        return
    members = [{"field_name": name, "field_type": _type_of(one), "field_value": one} for name, one in meta.items()]
    desk.emulator.world.collections["default", COLLECTION].docs[id_].meta = json.dumps(members)


def changes(desk: Desk, *paths: str) -> list[dict[str, Any]]:
    told = desk.run("plan", "--format", "json", *paths)
    assert told.code == 0, told.err
    plan = told.json()
    found: list[dict[str, Any]] = plan["changes"]
    return found


def _type_of(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int64"
        case float():
            return "float32"
        case [int(), *_]:
            return "list<int64>"
        case list():
            return "list<string>"
        case _:
            return "string"
