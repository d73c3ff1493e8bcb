"""JSON Schemas of manifests, for editors: made from the same models that validate."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from kbsync.adapters.manifests.vocabulary import KindWords, Vocabulary, Words
from kbsync.core.entries import EntryOptions
from kbsync.core.manifest import Dialect

__all__ = ("manifest_schema", "row_schema")

_ALONE: Final = ".alone"
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
# What an entry has that is no field.
_OPTIONS: Final = frozenset({"id", *(option.name for option in dataclasses.fields(EntryOptions))})
# What YAML makes of text without quotation marks, each with a text that it makes it of.
_UNQUOTED: Final = {"number": "1", "boolean": "true"}
# What is said of a model that has no place in the object made of it and others.
_OWN: Final = frozenset({"$defs", "additionalProperties", "description", "properties", "required", "title", "type"})


def manifest_schema(targets: Mapping[str, Dialect], *, any_target: bool = False) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a YAML or JSON manifest for one of *targets*.

    With *any_target* the names of targets are left open, as before there is a configuration.
    """
    shapes = _shapes(targets, any_target=any_target)
    schema = _schema("A kbsync manifest", shapes, [_document(shape) for shape in shapes])
    for shape in shapes:
        for words in shape.words.by_kind.values():
            schema["$defs"][shape.prefix + words.kind] = _written(words, shape.prefix)
            schema["$defs"][shape.prefix + words.kind + _ALONE] = _alone(words)
    return schema


def row_schema(targets: Mapping[str, Dialect], *, any_target: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of one line of a JSON Lines manifest for one of *targets*."""
    shapes = _shapes(targets, any_target=any_target)
    rows = [_row(shape, words) for shape in shapes for words in shape.words.by_kind.values()]
    return _schema("A line of a kbsync manifest", shapes, rows)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How manifests for all *targets* that share the same words look. *prefix* keeps its definitions apart."""

    words: Vocabulary
    prefix: str
    target: Mapping[str, Any]


def _shapes(targets: Mapping[str, Dialect], *, any_target: bool) -> list[_Shape]:
    names: dict[tuple[object, ...], list[str]] = {}
    for name, dialect in targets.items():
        key = (dialect.header, *((kind.section, kind.model) for kind in dialect.kinds.values()))
        names.setdefault(key, []).append(name)
    vocabularies = Words(targets).targets
    shapes: list[_Shape] = []
    for number, same in enumerate(names.values(), start=1):
        target: dict[str, Any] = {"description": "The target of kbsync.toml that has the items."}
        target |= {"type": "string"} if any_target else {"enum": sorted(same)}
        shapes.append(_Shape(vocabularies[same[0]], f"p{number}.", target))
    return shapes


def _schema(title: str, shapes: Sequence[_Shape], alternatives: Sequence[dict[str, Any]]) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    for shape in shapes:
        for schema in (shape.words.header_schema, *(words.schema for words in shape.words.by_kind.values())):
            for name, inner in cast("dict[str, Any]", schema.get("$defs", {})).items():
                definitions[shape.prefix + name] = _referring(inner, shape.prefix)
    return {"$schema": DRAFT, "title": title, "type": "object", "oneOf": list(alternatives), "$defs": definitions}


def _document(shape: _Shape) -> dict[str, Any]:
    header = _header(shape)
    keys = {name: _unquoted(inner) for name, inner in header["properties"].items()}
    sections = shape.words.by_section
    defaults = {name: _optional(words, shape.prefix) for name, words in sections.items()}
    lists = {
        name: {"type": "array", "items": {"$ref": f"#/$defs/{shape.prefix}{words.kind}"}}
        for name, words in sections.items()
    }
    return {
        **_rest(header),
        "type": "object",
        "properties": {
            "kbsync": {"const": 1, "description": "The version of this format."},
            "target": shape.target,
            **keys,
            "defaults": {
                "description": "What every entry of a list has unless it says otherwise.",
                "type": "object",
                "properties": defaults,
                "additionalProperties": False,
            },
            **lists,
        },
        "required": ["kbsync", "target", *header.get("required", ())],
        "additionalProperties": False,
        "allOf": [*header.get("allOf", ()), *(_without_defaults(shape, name) for name in sections)],
    }


def _without_defaults(shape: _Shape, section: str) -> dict[str, Any]:
    """Return what else holds for a document that has no defaults for the entries of *section*."""
    alone = f"#/$defs/{shape.prefix}{shape.words.by_section[section].kind}{_ALONE}"
    return {
        "if": {"not": {"required": ["defaults"], "properties": {"defaults": {"required": [section]}}}},
        "then": {"properties": {section: {"items": {"$ref": alone}}}},
    }


def _row(shape: _Shape, words: KindWords) -> dict[str, Any]:
    header = _header(shape)
    entry = _entry(words, shape.prefix)
    return {
        **_rest(header),
        "allOf": [*header.get("allOf", ()), _rest(entry), _alone(words)],
        "type": "object",
        "properties": {
            "target": shape.target,
            **header["properties"],
            "kind": {"const": words.kind, "description": "What the line speaks of."},
            **entry["properties"],
        },
        "required": ["target", "kind", *header.get("required", ()), *entry.get("required", ())],
        "additionalProperties": False,
    }


def _header(shape: _Shape) -> dict[str, Any]:
    header: dict[str, Any] = _referring(shape.words.header_schema, shape.prefix)
    if "required" in header or "anyOf" in header or "oneOf" in header:
        return header
    # Some key has to name the container, if none has to by itself.
    return {**header, "anyOf": [{"required": [name]} for name in shape.words.header_keys]}


def _entry(words: KindWords, prefix: str) -> dict[str, Any]:
    entry: dict[str, Any] = _referring({key: value for key, value in words.schema.items() if key != "$defs"}, prefix)
    return entry


def _written(words: KindWords, prefix: str) -> dict[str, Any]:
    """Return the schema of an entry of which YAML has perhaps read a text as something else."""
    entry = _entry(words, prefix)
    texts = {name: _unquoted(inner) for name, inner in entry["properties"].items() if words.shape.under(name).text}
    body = {name: f"${number}" for number, name in enumerate(texts, start=1)}
    snippet = {"label": f"new {words.kind}", "description": entry.get("description", ""), "body": body}
    properties = {**entry["properties"], **texts}
    return {**entry, "title": words.kind, "properties": properties, "defaultSnippets": [snippet]}


def _unquoted(text: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of what may stand without quotation marks where a *text* is wanted."""
    if text.get("type") != "string":
        return dict(text)
    others = [name for name, example in _UNQUOTED.items() if re.search(text.get("pattern", ""), example)]
    return {**text, "type": ["string", *others]}


def _alone(words: KindWords) -> dict[str, Any]:
    """Return what else holds for an entry beneath which no defaults stand.

    It declares something, nothing that is empty unless that is allowed, and whatever it ignores.
    """
    fields = {name: shape for name, shape in words.shape.keys.items() if name not in _OPTIONS}
    emptiable = {"required": ["allow_empty"], "properties": {"allow_empty": {"const": True}}}
    return {
        "anyOf": [
            {"required": [name], **({"properties": {name: {"minProperties": 1}}} if shape.open else {})}
            for name, shape in fields.items()
        ],
        "if": {"not": emptiable},
        "then": {"properties": {name: {"minLength": 1} for name, shape in fields.items() if shape.text}},
        "allOf": [
            {
                "if": {"required": ["ignore"], "properties": {"ignore": {"contains": {"const": name}}}},
                "then": {"required": [name]},
            }
            for name, shape in fields.items()
            if not shape.open
        ],
    }


def _optional(words: KindWords, prefix: str) -> dict[str, Any]:
    """Return the schema of an entry of which anything may be missing, and the id must be."""
    entry = _written(words, prefix)
    properties = {name: inner for name, inner in entry["properties"].items() if name != "id"}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _rest(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in _OWN}


def _referring(schema: Any, prefix: str) -> Any:
    """Return *schema* with references to the definitions that have *prefix*."""
    if isinstance(schema, dict):
        pairs = cast("dict[str, Any]", schema).items()
        return {key: _reference(key, value, prefix) for key, value in pairs}
    if isinstance(schema, (list, tuple)):
        return [_referring(inner, prefix) for inner in cast("Iterable[Any]", schema)]
    return schema


def _reference(key: str, value: Any, prefix: str) -> Any:
    if key == "$ref" and isinstance(value, str):
        return value.replace("#/$defs/", f"#/$defs/{prefix}", 1)
    return _referring(value, prefix)
