"""Manifests in the form in which kbsync lays them out, for each of the four formats.

Only for files that were read without a mistake. YAML and JSON are held in memory, JSON Lines and CSV row by row, unless
the rows are to be sorted.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, Final

from kbsync.adapters.manifests.csv_lines import MAX_CELL_CHARACTERS
from kbsync.adapters.manifests.files import ManifestFile, open_regular
from kbsync.adapters.manifests.order import document_shape, id_order, ordered, row_keys, row_shape
from kbsync.adapters.manifests.vocabulary import Vocabulary, Words
from kbsync.adapters.manifests.yaml_layout import arrange, yaml_lines
from kbsync.adapters.manifests.yaml_tree import Collection, Scalar, comments_in, yaml_trees
from kbsync.core.manifest import Dialect

__all__ = ("Formatter", "comments_of", "csv_line", "json_document", "json_line")

_BOM: Final = b"\xef\xbb\xbf"


class Formatter:
    """Lays out manifests for *targets*; with *sort*, entries and rows stand in the order of their ids."""

    def __init__(self, targets: Mapping[str, Dialect], *, sort: bool = False) -> None:
        self._words = Words(targets)
        self._sort = sort

    def formatted(self, file: ManifestFile) -> Iterator[bytes]:
        """Yield the text of *file* as it should be. Raises UnreadableError or OSError."""
        with open_regular(file.path) as opened:
            match file.format:
                case "yaml":
                    yield self._yaml(opened.read().decode("utf-8-sig"))
                case "json":
                    yield self._json(opened.read().decode("utf-8-sig"))
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

    def _json(self, text: str) -> bytes:
        document = json.loads(text)
        vocabulary = self._words.targets[document["target"]]
        document = ordered(document, document_shape(vocabulary))
        if self._sort:
            for section in vocabulary.by_section.keys() & document.keys():
                document[section].sort(key=_id_order)
        return json_document(document, vocabulary)

    def _json_lines(self, file: BinaryIO) -> Iterator[bytes]:
        rows = (json.loads(line) for line in _without_mark(file) if line.strip())
        shapes = {
            (name, kind): row_shape(vocabulary, words)
            for name, vocabulary in self._words.targets.items()
            for kind, words in vocabulary.by_kind.items()
        }
        in_order = (ordered(row, shapes[row["target"], row["kind"]]) for row in rows)
        yield from map(json_line, sorted(in_order, key=self._row_order) if self._sort else in_order)

    def _csv(self, file: BinaryIO) -> Iterator[bytes]:
        begin = file.read(len(_BOM))
        file.seek(0)
        # Spreadsheets know by the mark that the text is UTF-8.
        if begin == _BOM:
            yield _BOM
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        records = csv.reader((line.decode() for line in _without_mark(file)), strict=True)
        names = next(records)
        order = self._column_order(names)
        yield csv_line([names[number] for number in order])
        rows: Iterable[list[str]] = (cells for cells in records if cells)
        if self._sort:
            rows = sorted(rows, key=lambda cells: self._row_order(dict(zip(names, cells, strict=True))))
        for cells in rows:
            yield csv_line([cells[number] for number in order])

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


def json_document(document: Mapping[str, Any], vocabulary: Vocabulary) -> bytes:
    """Return *document*, whose keys are in order, with one entry a line."""
    parts = [f'  "{key}": {_json_value(key, value, vocabulary)}' for key, value in document.items()]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return *row* as a line of JSON Lines."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def csv_line(cells: Sequence[str]) -> bytes:
    """Return *cells* as a record of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def _json_value(key: str, value: Any, vocabulary: Vocabulary) -> str:
    if key in vocabulary.by_section and value:
        return "[\n" + ",\n".join(f"    {_json(entry)}" for entry in value) + "\n  ]"
    if key == "defaults" and value:
        return "{\n" + ",\n".join(f'    "{section}": {_json(inner)}' for section, inner in value.items()) + "\n  }"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _id_order(entry: Mapping[str, Any]) -> tuple[bool, int, str]:
    return id_order(entry["id"])


def _without_mark(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of *file*, the first one without a byte order mark."""
    for line in islice(file, 1):
        yield line.removeprefix(_BOM)
    yield from file


def _target_of(tree: Collection) -> str:
    values = {member.key.value: member.value for member in tree.members if member.key is not None}
    target = values["target"]
    assert isinstance(target, Scalar)
    return target.value
