"""Items written as a manifest, in each of the four formats."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias, cast

from kbsync.adapters.manifests.csv_layout import Table
from kbsync.adapters.manifests.declared import Fingerprint
from kbsync.adapters.manifests.files import ManifestFile, open_regular
from kbsync.adapters.manifests.heads import FORMAT
from kbsync.adapters.manifests.json_layout import json_document, json_line
from kbsync.adapters.manifests.order import document_shape
from kbsync.adapters.manifests.spool import Spool, Spooled, SpooledContainer
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.adapters.manifests.yaml_layout import entry_lines, yaml_lines
from kbsync.adapters.manifests.yaml_text import number_of
from kbsync.adapters.manifests.yaml_tree import Collection, Member, Node, Scalar, comments_in, yaml_trees
from kbsync.core.manifest import Dialect, Header
from kbsync.core.rules import Problem

__all__ = ("Writer", "left_behind")

Containers: TypeAlias = Sequence[SpooledContainer]


class Writer:
    """Writes what is in *spool*, for *targets*. A file that can hold comments begins with the lines of *comment*."""

    def __init__(self, targets: Mapping[str, Dialect], spool: Spool, comment: Sequence[bytes] = ()) -> None:
        self._words = Words(targets)
        self._spool = spool
        self._comment = comment
        self._names: dict[tuple[str, str], Mapping[str, str]] = {}

    def pieces(self, form: str, containers: Containers) -> Iterator[bytes]:
        """Yield the text of one file with the items of *containers* in *form*: `yaml`, `json`, `jsonl` or `csv`.

        JSON takes one container. What `problems` finds must be nothing.
        """
        match form:
            case "yaml":
                yield from self._comment
                for number, container in enumerate(containers):
                    yield b"---\n" if number else b""
                    yield from self._yaml(container)
            case "json":
                (container,) = containers
                yield from json_document(self._head(container), self._lists(container))
            case "jsonl":
                yield from map(json_line, self._rows(containers))
            case _:
                table = Table(self._words)
                for found in self._spooled(containers):
                    for _ in table.look(self._row(found), found.source):
                        raise AssertionError(found)
                yield from table.lines(self._rows(containers))

    def problems(self, form: str, containers: Containers) -> Iterator[Problem]:
        """Yield what keeps *containers* from being written to one file in *form*, with the places of the items."""
        if form != "csv":
            return
        table = Table(self._words)
        for look in (table.look, table.look_again):
            for found in self._spooled(containers):
                yield from look(self._row(found), found.source)

    def fingerprint(self, containers: Containers) -> Fingerprint:
        """Return the fingerprint of a file with the items of *containers*."""
        total = Fingerprint()
        for container in containers:
            total.add_all(container.fingerprint)
        return total

    def _yaml(self, container: SpooledContainer) -> Iterator[bytes]:
        shape = document_shape(self._words.targets[container.target])
        head = _tree(self._head(container))
        assert isinstance(head, Collection)
        yield "\n".join((*yaml_lines(head, shape), "")).encode()
        for section, entries in self._lists(container):
            yield f"{section}:\n".encode()
            inner = shape.under(section)
            for entry in entries:
                yield "\n".join((*entry_lines(_tree(entry), inner), "")).encode()

    def _head(self, container: SpooledContainer) -> dict[str, Any]:
        return {"kbsync": FORMAT, "target": container.target, **self._naming(container.target, container.name)}

    def _naming(self, target: str, container: str) -> Mapping[str, str]:
        """Return the keys that name *container*."""
        known = self._names.get((target, container))
        if known is None:
            header_type = cast("type[Header]", self._words.targets[target].header)
            header: Any = header_type.naming(container)
            values = ((key.name, getattr(header, key.name)) for key in fields(header))
            known = self._names[target, container] = {name: value for name, value in values if value is not None}
        return known

    def _lists(self, container: SpooledContainer) -> Iterator[tuple[str, Iterator[Mapping[str, Any]]]]:
        for section, words in self._words.targets[container.target].by_section.items():
            if words.kind in container.offsets:
                yield section, (found.keys for found in self._spool.of_kind(container, words.kind))

    def _rows(self, containers: Containers) -> Iterator[dict[str, Any]]:
        return map(self._row, self._spooled(containers))

    def _row(self, found: Spooled) -> dict[str, Any]:
        item = found.item
        head = self._naming(item.target, item.container)
        return {"target": item.target, **head, "kind": item.kind, **found.keys}

    def _spooled(self, containers: Containers) -> Iterator[Spooled]:
        """Yield the items of *containers*; those of all in the order in which they were read."""
        if len(containers) == len(self._spool.containers):
            return self._spool.all()
        return (found for container in containers for found in self._spool.of(container))


def left_behind(file: ManifestFile) -> tuple[int, bool]:
    """Return how many comments *file*, which has no mistake, has, and whether it has defaults."""
    if file.format not in {"yaml", "json"}:
        return 0, False
    with open_regular(file.path) as opened:
        text = opened.read().decode("utf-8-sig")
    if file.format == "json":
        return 0, "defaults" in json.loads(text)
    trees = yaml_trees(text)
    keys = {member.key.value for tree in trees for member in tree.members if member.key is not None}
    return sum(1 for tree in trees for _ in comments_in(tree)), "defaults" in keys


def _tree(value: Any) -> Node:
    """Return *value* as YAML that has never been written."""
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return Collection(keyed=True, members=[Member(Scalar(key), _tree(inner)) for key, inner in pairs])
    if isinstance(value, list):
        elements: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return Collection(keyed=False, members=[Member(None, _tree(inner)) for inner in elements])
    if isinstance(value, str):
        return Scalar(value)
    if value is None:
        return Scalar("null", plain=True)
    return Scalar(number_of(value), plain=True)
