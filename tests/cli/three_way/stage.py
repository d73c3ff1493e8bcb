"""A desk at which a world of three ways is brought about for real, and what plans and applies then say and do."""

import contextlib
import tempfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import orjson
import pytest

from kbsync.adapters.state import StateStore
from kbsync.cli import reading, refreshing, running
from kbsync.core.fields import fields_to_plain
from kbsync.emulator import Behaviour, World, served_in_thread
from kbsync.emulator.sample import sample_credentials
from kbsync.emulator.world import Collection, Dataset, Doc, Document, Image, SchemaField
from kbsync.engine import readback
from tests.cli.desk import COLLECTION, CONFIG, DATASET, ENVIRONMENT, CountingEmulator, Desk, Told
from tests.cli.live import edit
from tests.cli.three_way import worlds
from tests.cli.three_way.table import UNKNOWN, Expected, Row, expected
from tests.cli.three_way.worlds import ByItem, Entry, Fields, Value

__all__ = ("Stage", "rows_of", "staged")

_MANIFEST: Final = "manifests/all.jsonl"
# A person would have to agree to what is drawn here: hardly anything may be left of a manifest.
_LIFTED: Final = ("--allow", "shrink")
_KINDS: Final = {"image": "image", "page": "document", "record": "doc"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A *world* that was brought about, with an emulator, a state and a manifest."""

    world: worlds.World
    desk: Desk

    def bring_about(self) -> None:
        """Have known what is known, by an apply, and then live what is live, by somebody's edits."""
        for entry in self.world.entries:
            self._put(entry, entry.before)
        if self.world.known:
            self.declare(self.world.known)
            told = self.apply()
            assert told.code == 0, told.err
        for entry in self.world.entries:
            self._put(entry, entry.live)
        assert (self.known() if self.world.known else {}, self.live()) == (self.world.known, self.world.live)
        self.declare(self.world.desired)
        self.writes()

    def expected(self) -> Expected:
        """Return what a plan and an apply are to make of the world as it is."""
        return expected(self.world, self.world.known, self.world.live, self.world.desired)

    def plan(self, *arguments: str) -> Told:
        return self.desk.run("plan", "--refresh", "--format", "json", *_LIFTED, *arguments)

    def apply(self, *arguments: str) -> Told:
        wait = ("--verify-wait", "0s")
        return self.desk.run("apply", "--yes", "--format", "json", *wait, *_LIFTED, "--reason", "drawn", *arguments)

    def declare(self, desired: ByItem) -> None:
        lines = (self._line(entry, desired[entry.id]) for entry in self.world.entries if entry.id in desired)
        self.desk.write(_MANIFEST, b"".join(orjson.dumps(line) + b"\n" for line in lines))

    def edit(self, changes: ByItem) -> None:
        """Have somebody change fields of items."""
        live = self.live()
        for entry in self.world.entries:
            if entry.id in changes:
                self._put(entry, {**live[entry.id], **changes[entry.id]})

    def live(self) -> ByItem:
        """Return what the emulator has."""
        return {entry.id: self._live(entry) for entry in self.world.entries}

    def others(self) -> Mapping[str, list[Any]]:
        """Return the meta of each record that no manifest ever mentions, as it is on the wire."""
        return {
            entry.id: [one for one in self._members(entry.id) if f"meta.{one['field_name']}" in entry.others]
            for entry in self.world.entries
            if entry.kind == "record"
        }

    def known(self) -> ByItem:
        """Return what the state knows."""
        with StateStore(self.desk.state).known() as known:
            found = {item.id: fields_to_plain(known.fields(item)) for item in known.items()}
        return {id_: {name: _said(value) for name, value in fields.items()} for id_, fields in found.items()}

    def writes(self) -> list[tuple[str, str]]:
        """Return the items and operations that were written to since this was last asked, sorted."""
        records = self.desk.emulator.ledger.records
        found = sorted((record.item, record.operation) for record in records if record.fate != "read")
        self.desk.emulator.clear_records()
        return found

    def _line(self, entry: Entry, fields: Fields) -> dict[str, Any]:
        if entry.kind == "record":
            head = {"target": "volc-bj", "collection": COLLECTION, "kind": "document", "id": entry.id}
            meta = {name.removeprefix("meta."): value for name, value in fields.items() if name.startswith("meta.")}
            plain = {name: value for name, value in fields.items() if not name.startswith("meta.")}
            return {**head, **plain, **({"meta": meta} if meta else {})}
        head = {"target": "coze-cn", "dataset": DATASET, "kind": _KINDS[entry.kind], "id": entry.id}
        return {**head, **fields, **({"allow_empty": True} if "" in fields.values() else {})}

    def _put(self, entry: Entry, fields: Fields) -> None:
        values: dict[str, Any] = {name: value for name, value in fields.items() if not name.startswith("meta.")}
        rule = values.pop("update_rule", None)
        if rule is not None:
            values |= {"update_type": rule["update_type"], "update_interval_h": rule.get("update_interval", 0)}
        if entry.kind == "record":
            meta = {name: value for name, value in fields.items() if name.startswith("meta.") and value is not None}
            values["meta"] = {name.removeprefix("meta."): value for name, value in meta.items()}
        edit(self.desk, _KINDS[entry.kind], entry.id, **values)

    def _live(self, entry: Entry) -> Fields:
        dataset = self.desk.emulator.world.datasets[DATASET]
        match entry.kind:
            case "image":
                return {"caption": dataset.images[entry.id].caption}
            case "page":
                page = dataset.documents[entry.id]
                rule = {"update_type": page.update_type, "update_interval": page.update_interval_h}
                return {"name": page.name, "update_rule": rule if page.update_type else {"update_type": 0}}
            case "record":
                members = self._members(entry.id)
                meta = {f"meta.{one['field_name']}": one["field_value"] for one in members}
                assert len(meta) == len(members)
                return {"name": self._doc(entry.id).name, **meta}

    def _members(self, id_: str) -> list[Any]:
        members: list[Any] = orjson.loads(self._doc(id_).meta)
        return members

    def _doc(self, id_: str) -> Doc:
        return self.desk.emulator.world.collections["default", COLLECTION].docs[id_]


def rows_of(plan: Any) -> list[Row]:
    """Return what a *plan*, read from JSON, says of each request."""
    return sorted(_rows(plan), key=lambda row: row[:4])


def _rows(plan: Any) -> Iterator[Row]:
    for one in (*plan["changes"], *plan["conflicts"], *plan["skipped"]):
        fields = {
            field["field"]: (
                _said(field["known"]) if "known" in field else UNKNOWN,
                _said(field["live"]),
                _said(field["desired"]),
            )
            for field in one["fields"]
        }
        yield Row(one["item"]["id"], one["operation"], one.get("why", ""), one["reason"], fields)


def _said(plain: Any) -> Value:
    """Return a value of a plan or of a state as a manifest says it."""
    match plain:
        case {"type": str(), "value": value}:
            return _said(value)
        case tuple():
            return list(cast("tuple[object, ...]", plain))
        case _:
            return plain


@contextlib.contextmanager
def staged(world: worlds.World) -> Generator[Stage]:
    """Bring *world* about, in a folder and at an emulator of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="kbsync-") as folder,
        contextlib.chdir(folder),
        _hasty(),
        served_in_thread(CountingEmulator(_site(world), Behaviour(meta_mode=world.mode))) as emulating,
    ):
        desk = Desk(Path(folder), emulating)
        desk.configure(_config(world))
        stage = Stage(world, desk)
        stage.bring_about()
        yield stage


def _config(world: worlds.World) -> str:
    text = CONFIG.replace('"500/s"', '"10000/s"')
    for target, policies in world.policies.items():
        lines = [f"[targets.{target}]", f'drift = "{policies.drift}"', f'conflict = "{policies.conflict}"']
        if policies.field:
            lines.append(f'policies."{policies.field}".drift = "{policies.field_drift}"')
        text = text.replace(lines[0], "\n".join(lines))
    return text


def _site(world: worlds.World) -> World:
    dataset, collection = Dataset(DATASET), Collection(COLLECTION, fields=(SchemaField("行业", "string"),))
    for entry in world.entries:
        match entry.kind:
            case "image":
                dataset.images[entry.id] = Image(entry.id)
            case "page":
                dataset.documents[entry.id] = Document(entry.id)
            case "record":
                collection.add(Doc(entry.id))
    return World(sample_credentials(), [dataset], [collection])


@contextlib.contextmanager
def _hasty() -> Generator[None]:
    """Let no request keep a second's distance from those of another process: here that is nothing but waiting."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for module in (reading, refreshing, running):
            patch.setattr(module, "WINDOW_S", 0.0)
        patch.setattr(readback, "_WINDOW_S", 0.0)
        yield
