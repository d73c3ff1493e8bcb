"""Manifests in the form in which kbsync lays them out, for each of the four formats.

Only for files that were read without a mistake. YAML and JSON are held in memory, JSON Lines and CSV row by row, unless
the rows are to be sorted.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from kbsync.adapters.manifests.csv_encodings import BOM
from kbsync.adapters.manifests.csv_form import CsvForm
from kbsync.adapters.manifests.files import ManifestFile, open_regular
from kbsync.adapters.manifests.json_layout import json_document, json_line
from kbsync.adapters.manifests.order import document_shape, id_order, ordered, row_keys, row_shape
from kbsync.adapters.manifests.vocabulary import Words
from kbsync.adapters.manifests.yaml_layout import arrange, yaml_lines
from kbsync.adapters.manifests.yaml_tree import Collection, Scalar, comments_in, yaml_trees
from kbsync.core.manifest import Dialect

__all__ = ("Formatter", "comments_of")


class Formatter:
    """Lays out manifests for *targets*; with *sort*, entries and rows stand in the order of their ids.

    *allow* are the rules that are lifted for what is read.
    """

    def __init__(
        self, targets: Mapping[str, Dialect], *, sort: bool = False, allow: frozenset[str] = frozenset()
    ) -> None:
        self._words = Words(targets)
        self._sort = sort
        self._allow = allow

    def formatted(self, file: ManifestFile) -> Iterator[bytes]:
        """Yield the text of *file* as it should be. Raises UnreadableError or OSError."""
        with open_regular(file.path) as opened:
            match file.format:
                case "yaml":
                    yield self._yaml(opened.read().decode("utf-8-sig"))
                case "json":
                    yield from self._json(opened.read().decode("utf-8-sig"))
                case "jsonl":
                    yield from self._json_lines(opened)
                case _:
                    yield from self._csv(opened)

    def _yaml(self, text: str) -> bytes:
        documents: list[str] = []
        for tree in yaml_trees(text):
            shape = document_shape(self._words.targets[_target_of(tree)])
            arrange(tree, shape, sort=self._sort)
            documents.append("\n".join((*yaml_lines(tree, shape), "")))
        return "---\n".join(documents).encode()

    def _json(self, text: str) -> Iterator[bytes]:
        document = json.loads(text)
        vocabulary = self._words.targets[document["target"]]
        document = ordered(document, document_shape(vocabulary))
        head = {key: value for key, value in document.items() if key not in vocabulary.by_section}
        lists = ((key, value) for key, value in document.items() if key in vocabulary.by_section)
        if self._sort:
            lists = ((section, sorted(entries, key=_id_order)) for section, entries in lists)
        return json_document(head, lists)

    def _json_lines(self, file: BinaryIO) -> Iterator[bytes]:
        rows = (json.loads(line.removeprefix(BOM)) for line in file if line.removeprefix(BOM).strip())
        shapes = {
            (name, kind): row_shape(vocabulary, words)
            for name, vocabulary in self._words.targets.items()
            for kind, words in vocabulary.by_kind.items()
        }
        in_order = (ordered(row, shapes[row["target"], row["kind"]]) for row in rows)
        yield from map(json_line, sorted(in_order, key=self._row_order) if self._sort else in_order)

    def _csv(self, file: BinaryIO) -> Iterator[bytes]:
        form = CsvForm(file, self._allow)
        names = form.names
        order = self._column_order(names)
        yield form.begin()
        yield form.line([names[number] for number in order])
        rows: Iterable[list[str]] = form.rows()
        if self._sort:
            rows = sorted(rows, key=lambda cells: self._row_order(dict(zip(names, cells, strict=True))))
        for cells in rows:
            yield form.line([cells[number] for number in order])

    def _row_order(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        vocabulary = self._words.targets[row["target"]]
        container = [row.get(key, "") for key in vocabulary.header_keys]
        return row["target"], container, list(vocabulary.by_kind).index(row["kind"]), id_order(row["id"])

    def _column_order(self, names: Sequence[str]) -> list[int]:
        keys = row_keys(self._words.targets.values())
        ranks = {key: rank for rank, key in enumerate(keys)}

        def rank(number: int) -> tuple[int, int]:
            key, _, inner = names[number].partition(".")
            within = list(keys[key].keys)
            return ranks[key], within.index(inner) if inner in within else number

        return sorted(range(len(names)), key=rank)


def comments_of(file: ManifestFile) -> Counter[str]:
    """Return the comments of *file*, and how often each is there."""
    if file.format != "yaml":
        return Counter()
    with open_regular(file.path) as opened:
        text = opened.read().decode("utf-8-sig")
    return Counter(comment for tree in yaml_trees(text) for comment in comments_in(tree))


def _id_order(entry: Mapping[str, Any]) -> tuple[bool, int, str]:
    return id_order(entry["id"])


def _target_of(tree: Collection) -> str:
    values = {member.key.value: member.value for member in tree.members if member.key is not None}
    target = values["target"]
    assert isinstance(target, Scalar)
    return target.value
