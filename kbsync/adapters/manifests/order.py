"""The order in which the keys of manifests are written: that of the documentation."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kbsync.adapters.manifests.shapes import FREE, TEXT, Shape, as_mapping
from kbsync.adapters.manifests.vocabulary import KindWords, Vocabulary
from kbsync.core.entries import EntryOptions

__all__ = ("document_shape", "entry_keys", "entry_shape", "id_order", "ordered", "row_keys", "row_shape")

_OPTIONS: Final = tuple(field.name for field in dataclasses.fields(EntryOptions))


def entry_keys(model: type[Any]) -> tuple[str, ...]:
    """Return the keys of entries of *model*: the id, what it declares, the options."""
    own = [field.name for field in dataclasses.fields(model) if field.name not in _OPTIONS and field.name != "id"]
    return ("id", *own, *_OPTIONS)


def entry_shape(words: KindWords) -> Shape:
    """Return the shape of entries, its keys in order."""
    keys = words.shape.keys
    return dataclasses.replace(words.shape, keys={key: keys[key] for key in entry_keys(words.model)})


def document_shape(vocabulary: Vocabulary) -> Shape:
    """Return the shape of a manifest by container, its keys in order."""
    entries = {section: entry_shape(words) for section, words in vocabulary.by_section.items()}
    return Shape(
        keys={
            "kbsync": FREE,
            "target": TEXT,
            **dict.fromkeys(vocabulary.header_keys, TEXT),
            "defaults": Shape(keys=entries),
            **{section: Shape(items=shape) for section, shape in entries.items()},
        }
    )


def row_shape(vocabulary: Vocabulary, words: KindWords) -> Shape:
    """Return the shape of one item a row, its keys in order."""
    head = dict.fromkeys(("target", *vocabulary.header_keys, "kind"), TEXT)
    return Shape(keys={**head, **entry_shape(words).keys})


def row_keys(vocabularies: Iterable[Vocabulary]) -> Mapping[str, Shape]:
    """Return the shapes of the keys of rows of all kinds, in the order of columns."""
    heads: dict[str, Shape] = {"target": TEXT}
    own: dict[str, Shape] = {"kind": TEXT, "id": TEXT}
    options: dict[str, Shape] = {}
    for vocabulary in vocabularies:
        heads |= dict.fromkeys(vocabulary.header_keys, TEXT)
        for words in vocabulary.by_kind.values():
            for key, shape in entry_shape(words).keys.items():
                (options if key in _OPTIONS else own).setdefault(key, shape)
    return {**heads, **own, **options}


def ordered(value: Any, shape: Shape) -> Any:
    """Return *value* with its keys in the order of *shape*, and with text where an id was written as a number."""
    mapping = as_mapping(value)
    if mapping is not None:
        ranks = {key: rank for rank, key in enumerate(shape.keys)}
        keys = sorted(mapping, key=lambda key: ranks.get(key, len(ranks)))
        return {key: ordered(mapping[key], shape.under(key)) for key in keys}
    if isinstance(value, list):
        return [ordered(element, shape.element) for element in value]  # pyright: ignore[reportUnknownVariableType]
    return str(value) if shape.text and type(value) is int else value


def id_order(id_: str) -> tuple[bool, int, str]:
    """Return what ids are sorted by: numbers by their size, and before other texts."""
    is_number = id_.isascii() and id_.isdigit()
    return not is_number, len(id_) if is_number else 0, id_
