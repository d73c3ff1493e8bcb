"""Pulling into new manifests: all that is live, as far as a manifest can say it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from kbsync.adapters.files import mode_of, write_whole
from kbsync.adapters.manifests import (
    Admission,
    Declared,
    DeclaredReader,
    Spool,
    SpooledContainer,
    Writer,
    find_files,
    id_order,
    keys_saying,
    worklist,
)
from kbsync.cli.options import check_writable
from kbsync.cli.outputs import Output, make_room, outputs_for, write_output
from kbsync.cli.pull_places import Places, without_lints
from kbsync.cli.pull_telling import Findings, Showing
from kbsync.cli.reading import Place
from kbsync.cli.workspace import Workspace
from kbsync.core.fields import Fields, Value
from kbsync.core.items import Item, Source
from kbsync.core.live import ReadList
from kbsync.core.wire import Live
from kbsync.errors import UsageError
from kbsync.views.wording import count

__all__ = ("New", "NewFiles")

# No item has this id. A list that lacks a wanted one is read twice, and nobody knows which ids to want here.
_NOBODY: Final = ""
_CANNOT: Final = "no manifest can say what is live"


class New(NamedTuple):
    """What is wanted: a file or folder in a format, and a list of the images to write captions for."""

    out: str
    form: str
    force: bool
    todo: Path | None


class _Entry(NamedTuple):
    item: Item
    keys: Mapping[str, Any]
    fields: Fields


class NewFiles:
    """Writes *new* manifests of what is live in *places*. Raises UsageError when they have no place to be."""

    def __init__(self, workspace: Workspace, places: Places, new: New, found: Findings, showing: Showing) -> None:
        self.places = dict.fromkeys(places, (_NOBODY,))
        self.written: list[str] = []
        self._workspace = workspace
        self._new = new
        self._found = found
        self._showing = showing
        self._dialects = workspace.dialects()
        self._admission = Admission(self._dialects, workspace.rules, workspace.allowed)
        self._uncaptioned: list[Item] = []
        self._outputs = [output.path for output in outputs_for(new.out, new.form, _empty(places))]
        for option, path in [("--out", path) for path in self._outputs] + [("--without-caption", new.todo)]:
            if path is not None and path.exists() and not new.force:
                raise UsageError(f"{option} {path}: it is there already; --force replaces it")
            if path is new.todo and path is not None and self._is_planned(path):
                raise UsageError(f"{option} {path}: a plan would refuse a list that is not filled in: put it elsewhere")
            if path is not None and path.parent != Path(new.out):  # the folder --out is made
                check_writable(option, path)

    def take(self, lists: Mapping[Place, ReadList]) -> Sequence[tuple[Item, Fields]]:
        """Write what *lists* hold, or show it; return what was written."""
        entries = [entry for place, listed in lists.items() for entry in self._entries(place, listed)]
        entries = self._sayable(entries)
        self._check_alone(entries)
        with Spool() as spool:
            _fill(spool, entries)
            writer = Writer(self._dialects, spool)
            outputs = self._outputs_of(spool)
            for output in outputs:
                self._put(output, writer, outputs)
        if not entries:
            self._showing.console.say("kbsync: there is nothing to write")
        self._put_todo()
        return [(entry.item, entry.fields) for entry in entries]

    def _entries(self, place: Place, listed: ReadList) -> Iterator[_Entry]:
        for id_ in sorted(listed.items, key=id_order):
            item = Item(*place, id_)
            fields = self._fields(item, listed.items[id_])
            if fields:
                yield _Entry(item, self._admission.in_order(item, keys_saying(id_, fields)), fields)

    def _fields(self, item: Item, live: Live) -> dict[str, Value]:
        """Return what a manifest can say of *item*, and tell the rest."""
        fields = dict(live.fields)
        for name in sorted(live.untold):
            self._found.add(item, f"the list does not tell {name}")
        if fields.get("caption") == "":
            del fields["caption"]
            self._uncaptioned.append(item)
            self._found.add(item, "has no caption", partial=False)
        while fields:
            faults = self._admission.faults(item, keys_saying(item.id, fields), fields)
            if not faults:
                break
            if "" in faults:
                self._found.add(item, f"is left out: {faults['']}", _CANNOT)
                return {}
            for name in [name for name in fields if name in faults]:
                self._found.add(item, f"{name} is left out: {faults[name]}", _CANNOT)
                del fields[name]
        if live.pending and fields:
            self._found.add(item, "the provider still works on it, and may change its values", partial=False)
        return fields

    def _sayable(self, entries: list[_Entry]) -> list[_Entry]:
        """Return those of *entries* that the format can say, and tell the others."""
        if self._new.form != "csv":
            return entries
        while True:
            with Spool() as spool:
                _fill(spool, entries)
                writer = Writer(self._dialects, spool)
                unsayable = {
                    problem.source.file: problem.message
                    for output in self._outputs_of(spool)
                    for problem in writer.problems(self._new.form, output.containers)
                }
            if not unsayable:
                return entries
            for name, why in unsayable.items():
                self._found.add(name, f"is left out: {why}", _CANNOT)
            entries = [entry for entry in entries if str(entry.item) not in unsayable]

    def _outputs_of(self, spool: Spool) -> list[Output]:
        containers = list(spool.containers.values())
        return list(outputs_for(self._new.out, self._new.form, containers)) if containers else []

    def _check_alone(self, entries: Sequence[_Entry]) -> None:
        """Raise UsageError when other manifests that a plan would read as well declare one of *entries*."""
        config = self._workspace.config
        if not any(self._is_planned(path) for path in self._outputs):
            return
        mine = {path.resolve() for path in self._outputs}
        files, _ = find_files(config.manifests.paths, config.folder)
        others = [str(file.path) for file in files if file.path.resolve() not in mine]
        if not others:
            return
        survey = without_lints(self._workspace).survey(others)
        declared: dict[tuple[str, ...], set[str]] = {}
        for place, ids in survey.declared.items():
            declared.setdefault(self._scope(place), set()).update(ids)
        twice = [entry.item for entry in entries if entry.item.id in declared.get(self._scope(entry.item[:3]), ())]
        if twice:
            message = f"{count(len(twice), 'item')}, {twice[0]} among them, would be declared twice"
            raise UsageError(f"--out {self._new.out}: {message}; --in-place changes the manifests that are there")

    def _scope(self, place: Place) -> tuple[str, ...]:
        return (place[0], place[2]) if self._dialects[place[0]].unique_in_target else place

    def _is_planned(self, path: Path) -> bool:
        """Tell whether a plan without a PATH would read *path*."""
        config = self._workspace.config
        for named in config.manifests.paths:
            place = config.folder / named
            if path.absolute().match(str(place)) or path.resolve().is_relative_to(place.resolve()):
                return True
        return False

    def _put(self, output: Output, writer: Writer, outputs: Sequence[Output]) -> None:
        new = self._new
        if self._showing.dry:
            whole = b"".join(writer.pieces(new.form, output.containers))
            if not output.path.exists() or output.path.read_bytes() != whole:
                self._showing.show(output.path, str(output.path), [whole])
            return
        make_room(new.out, outputs)
        # As readable as what was there, or else as the configuration.
        mode = mode_of(output.path if output.path.exists() else self._workspace.config.file)
        reader = DeclaredReader(self._dialects, self._workspace.rules, self._workspace.allowed)
        write_output(output, new.form, writer, reader, mode)
        self.written.append(str(output.path))
        self._showing.console.say(f"kbsync: {count(output.items, 'item')} written to {output.path}")

    def _put_todo(self) -> None:
        todo = self._new.todo
        if todo is None or self._showing.dry:
            return
        pieces = worklist(self._uncaptioned, self._dialects, "caption") if self._uncaptioned else ()
        write_whole(todo, pieces, mode=mode_of(self._workspace.config.file))
        images = count(len(self._uncaptioned), "image")
        self._showing.console.say(f"kbsync: {images} without a caption listed in {todo}")


def _empty(places: Places) -> list[SpooledContainer]:
    """Return the containers of *places*, with nothing in them."""
    return [SpooledContainer(*place) for place in dict.fromkeys(place[:2] for place in places)]


def _fill(spool: Spool, entries: Sequence[_Entry]) -> None:
    for item, keys, _ in entries:
        spool.add(Declared(item, keys, Source(str(item), 1, 1)))
