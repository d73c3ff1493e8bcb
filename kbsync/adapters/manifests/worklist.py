"""A manifest to be filled in: items in CSV, with a column for what they lack."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from kbsync.adapters.manifests.csv_form import csv_line
from kbsync.core.items import Item
from kbsync.core.manifest import Dialect

__all__ = ("worklist",)


def worklist(items: Sequence[Item], targets: Mapping[str, Dialect], field: str) -> Iterator[bytes]:
    """Yield the text of a CSV manifest of *items* of *targets*, without a value of *field*."""
    heads = {place: _naming(targets[place[0]], place[1]) for place in {item[:2] for item in items}}
    names = list(dict.fromkeys(name for head in heads.values() for name in head))
    yield csv_line(["target", *names, "kind", "id", field])
    for item in items:
        head = heads[item[:2]]
        yield csv_line([item.target, *(head.get(name, "") for name in names), item.kind, item.id, ""])


def _naming(dialect: Dialect, container: str) -> dict[str, str]:
    """Return the keys that name *container*."""
    header: Any = dialect.header.naming(container)
    values = ((key.name, getattr(header, key.name)) for key in fields(header))
    return {name: value for name, value in values if value is not None}
