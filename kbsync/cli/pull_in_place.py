"""Pulling into the manifests that are there: values that differ change in their place, and nothing else does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from kbsync.adapters.files import mode_of, write_whole
from kbsync.adapters.manifests import (
    Admission,
    Amender,
    Amendment,
    Declared,
    DeclaredReader,
    Fingerprint,
    ManifestFile,
    UnreadableError,
    amended,
    comments_of,
    path_of,
    plain_of,
    with_fields,
)
from kbsync.cli.pull_places import Places, without_lints
from kbsync.cli.pull_telling import Findings, Showing
from kbsync.cli.reading import Place
from kbsync.cli.sources import find_sources, leads_out
from kbsync.cli.workspace import Workspace
from kbsync.core.fields import Fields, fields_to_plain
from kbsync.core.items import Item
from kbsync.core.live import ReadList
from kbsync.core.manifest import Desired
from kbsync.core.pulling import pull
from kbsync.errors import KbsyncError, UsageError

__all__ = ("InPlace",)

_ALLOW_EMPTY: Final = ("allow_empty",)
_CANNOT: Final = "what is live cannot be written there, and the manifest stays as it is"


@dataclass(slots=True)
class _Change:
    """An entry that changes: to *fields*, and to `allow_empty` if that is *emptied*."""

    desired: Desired
    keys: Mapping[str, Any]
    fields: dict[str, Any]
    emptied: bool

    def wishes(self) -> dict[tuple[str | int, ...], Any]:
        """Return what is to stand in the entry, by path."""
        wishes: dict[tuple[str | int, ...], Any] = {
            path_of(name): plain_of(value) for name, value in self.fields.items()
        }
        return {**wishes, _ALLOW_EMPTY: True} if self.emptied else wishes

    def drop(self, path: Sequence[object]) -> bool:
        """Leave what stands at *path* as it is; tell whether it is a field."""
        if path == _ALLOW_EMPTY:
            self.emptied = False
            return False
        for name in [name for name in self.fields if path_of(name) == path]:
            del self.fields[name]
        return True

    def entry(self) -> dict[str, Any]:
        """Return the keys of the entry once it is changed."""
        keys = with_fields(self.keys, self.fields)
        return {**keys, "allow_empty": True} if self.emptied else keys

    def told(self) -> Declared:
        """Return what the entry says once it is changed."""
        return _told(self.desired._replace(fields={**self.desired.fields, **self.fields}), self.entry())


@dataclass(slots=True)
class _Reading:
    """What reading one file came to: what it says once it is changed, but for the *changes*, by line and column."""

    stamp: tuple[int, int, int]
    same: Fingerprint = field(default_factory=Fingerprint)
    changes: dict[tuple[int, int], _Change] = field(default_factory=dict[tuple[int, int], _Change])

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the file as it should be."""
        whole = replace(self.same)
        for change in self.changes.values():
            whole.add(change.told())
        return whole


class InPlace:
    """Changes the manifests at *paths* to what is live in *places*."""

    def __init__(
        self, workspace: Workspace, paths: Sequence[str], places: Places, found: Findings, showing: Showing
    ) -> None:
        self.places = places
        self._workspace = workspace
        self._found = found
        self._showing = showing
        self._amender = Amender(workspace.dialects(), workspace.allowed)
        self._admission = Admission(workspace.dialects(), workspace.rules, workspace.allowed)
        self._reader = self._new_reader()
        self._files, _ = find_sources(workspace, paths)
        for file in self._files:
            if leads_out(file):
                raise UsageError(f"{file.name} is a link that leads out of its folder, and is not written to")
        self.written = [str(file.path) for file in self._files]
        # What is listed is what these files declared when they were looked at.
        self._stamps = {file: _stamp(file.path) for file in self._files}
        self._read: list[tuple[Item, Fields]] = []
        self._values = 0

    def take(self, lists: Mapping[Place, ReadList]) -> Sequence[tuple[Item, Fields]]:
        """Write what *lists* hold, or show it; return what was read of declared fields."""
        try:
            for file in self._files:
                self._take(file, lists)
        except (OSError, UnreadableError) as error:
            raise KbsyncError(f"a manifest cannot be read any more: {error}") from None
        self._tell_others(lists)
        self._showing.sum_up(self._values, len(self._files) - self._showing.files)
        return self._read

    def _take(self, file: ManifestFile, lists: Mapping[Place, ReadList]) -> None:
        reading = self._look(file, lists)
        if not reading.changes:
            return
        amendment = self._amender.amend(file, {place: one.wishes() for place, one in reading.changes.items()})
        for place, path, why in amendment.refused:
            change = reading.changes[place]
            if change.drop(path):
                self._say(change.desired, f"{'.'.join(map(str, path))} stays: {why}", _CANNOT)
        values = sum(len(change.fields) for change in reading.changes.values())
        if not values:
            return
        self._values += values
        self._showing.show(file.path, file.name, amended(file, amendment))
        if not self._showing.dry:
            self._write(file, amendment, reading)

    def _look(self, file: ManifestFile, lists: Mapping[Place, ReadList]) -> _Reading:
        """Return what differs in *file* from what is live."""
        reading = _Reading(self._stamps[file])
        for desired, keys in self._reader.read_with_keys(file):
            change = self._compared(desired, keys, lists.get(desired.item[:3]))
            if change is None:
                reading.same.add(_told(desired, keys))
            else:
                reading.changes[desired.source[1:]] = change
        return reading

    def _compared(self, desired: Desired, keys: Mapping[str, Any], listed: ReadList | None) -> _Change | None:
        """Return what changes in the entry of *desired*; None when nothing does."""
        if listed is None:  # not asked about
            return None
        live = listed.items.get(desired.item.id)
        if live is None:
            self._found.add(desired.source, f"{desired.item}: does not exist there", "does not exist there")
            return None
        pulled = pull(desired, live)
        self._read.append((desired.item, pulled.seen))
        if pulled.seen.get("caption") == "":
            self._found.add(desired.item, "has no caption", partial=False)
        for name in pulled.unset:
            self._say(desired, f"{name} is not set there", "declared fields that are not set there")
        for name in pulled.untold:
            self._say(desired, f"the list does not tell {name}", "the list does not tell declared fields")
        if live.pending and pulled.seen:
            what = "the provider still works on it, and may change its values"
            self._found.add(desired.item, what, partial=False)
        return self._admitted(_Change(desired, keys, dict(pulled.changes), emptied=False)) if pulled.changes else None

    def _admitted(self, change: _Change) -> _Change | None:
        """Return what of *change* a manifest can hold."""
        while change.fields:
            change.emptied = "" in change.fields.values() and not change.keys.get("allow_empty")
            faults = self._admission.faults(change.desired.item, change.entry(), change.fields)
            # What is wrong with the rest of the entry was so before.
            wrong = [*change.fields] if "" in faults else [name for name in change.fields if name in faults]
            if not wrong:
                return change
            for name in wrong:
                self._say(change.desired, f"{name} stays: {faults.get(name) or faults['']}", _CANNOT)
                del change.fields[name]
        return None

    def _say(self, desired: Desired, what: str, group: str) -> None:
        self._found.add(desired.source, f"{desired.item}: {what}", group)

    def _write(self, file: ManifestFile, amendment: Amendment, reading: _Reading) -> None:
        """Write *file* with *amendment*. Raises KbsyncError, and leaves it, unless it says then what it should."""
        path, expected = file.path.resolve(), reading.fingerprint()

        def check(written: Path) -> None:
            copy, reader = replace(file, path=written), self._new_reader()
            told = Fingerprint()
            for desired, keys in reader.read_with_keys(copy):
                told.add(_told(desired, keys))
            same = told == expected and comments_of(copy) == comments_of(file)
            if _stamp(path) != reading.stamp:
                raise KbsyncError(f"{file.name} changed while it was read, and stays as it is: try again")
            if not same or any(problem.severity == "error" for problem in reader.problems):
                raise KbsyncError(f"{file.name} would not say what is live; it stays as it is: please report this")

        write_whole(path, amended(file, amendment), mode=mode_of(path), check=check)

    def _tell_others(self, lists: Mapping[Place, ReadList]) -> None:
        for place, listed in lists.items():
            others = len(listed.items.keys() - set(self.places[place]))
            if others:
                what = f"{others:,} live items are not in these manifests: --out writes new ones of all"
                self._found.add("/".join(place), what, partial=False)

    def _new_reader(self) -> DeclaredReader:
        workspace = without_lints(self._workspace)
        return DeclaredReader(workspace.dialects(), workspace.rules, workspace.allowed)


def _told(desired: Desired, keys: Mapping[str, Any]) -> Declared:
    """Return all that an entry says, in a form that does not depend on how it says it."""
    options = {key: keys[key] for key in ("protect", "ignore", "allow_empty") if key in keys}
    ignored = {name: _at(keys, path_of(name)) for name in desired.ignored}
    return Declared(
        desired.item, {**options, "fields": fields_to_plain(desired.fields), "ignored": ignored}, desired.source
    )


def _at(keys: Mapping[str, Any], path: Iterable[str]) -> Any:
    value: Any = keys
    for key in path:
        value = value[key]
    return value


def _stamp(path: Path) -> tuple[int, int, int]:
    now = path.resolve().stat()
    return now.st_ino, now.st_size, now.st_mtime_ns
