"""Where text stands in an entry, and where typed values do: read off the JSON Schema of its model.

YAML and CSV do not say what type an unquoted value has. The position says it, and the model knows the position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

__all__ = ("FREE", "TEXT", "Shape", "as_mapping", "shape_of")

MAX_DEPTH: Final = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand at one position.

    With *text* a scalar here is text, exactly as written. *keys* are the shapes under the keys of a mapping, *rest*
    the one under any other key, *items* that of list elements. An *open* mapping takes names of the user's choice. Null
    is a value where *null* says so.
    """

    text: bool = False
    keys: Mapping[str, "Shape"] = field(default_factory=dict[str, "Shape"])
    rest: "Shape | None" = None
    items: "Shape | None" = None
    open: bool = False
    null: bool = False

    def under(self, key: str) -> "Shape":
        """Return the shape of the value of *key*."""
        return self.keys.get(key) or self.rest or FREE

    @property
    def element(self) -> "Shape":
        """The shape of list elements."""
        return self.items or FREE


FREE: Final = Shape()
TEXT: Final = Shape(text=True)


def shape_of(schema: Mapping[str, Any]) -> Shape:
    """Return the shape that a JSON Schema describes; what it leaves open is free."""
    return _shape(schema, cast("Mapping[str, Any]", schema.get("$defs", {})), 0)


def as_mapping(value: Any) -> dict[str, Any] | None:
    """Return *value* if it is a mapping; the readers make none with other keys than text."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _shape(schema: Any, definitions: Mapping[str, Any], depth: int) -> Shape:
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return FREE
    variants = list(_variants(cast("dict[str, Any]", schema), definitions, depth))
    scalars = {kind for variant in variants for kind in _scalar_types(variant)}
    inner: dict[str, list[Any]] = {}
    rests: list[Any] = []
    elements: list[Any] = []
    for variant in variants:
        for name, schema_of_key in cast("dict[str, Any]", variant.get("properties", {})).items():
            inner.setdefault(name, []).append(schema_of_key)
        if isinstance(variant.get("additionalProperties"), dict):
            rests.append(variant["additionalProperties"])
        elif isinstance(variant.get("patternProperties"), dict):
            rests.extend(cast("dict[str, Any]", variant["patternProperties"]).values())
        if "items" in variant:
            elements.append(variant["items"])
    # What a key or an element takes may depend on its neighbours, so it takes what any variant says.
    keys = {name: _any_of(schemas, definitions, depth) for name, schemas in inner.items()}
    rest = _any_of(rests, definitions, depth) if rests else None
    items = _any_of(elements, definitions, depth) if elements else None
    is_open = not keys and any(_is_open(variant) for variant in variants)
    null = any(variant.get("type") == "null" for variant in variants)
    return Shape(scalars == {"string"}, keys, rest, items, is_open, null)


def _any_of(schemas: Sequence[Any], definitions: Mapping[str, Any], depth: int) -> Shape:
    return _shape({"anyOf": schemas}, definitions, depth + 1)


def _variants(schema: dict[str, Any], definitions: Mapping[str, Any], depth: int) -> Sequence[dict[str, Any]]:
    if depth > MAX_DEPTH:
        return ()
    if "$ref" in schema:
        target = definitions.get(str(schema["$ref"]).rsplit("/", 1)[-1])
        return _variants(cast("dict[str, Any]", target), definitions, depth + 1) if isinstance(target, dict) else ({},)
    found = [inner for word in ("anyOf", "oneOf", "allOf") for inner in schema.get(word, ())]
    if not found:
        return (schema,)
    return [
        variant
        for inner in found
        if isinstance(inner, dict)
        for variant in _variants(cast("dict[str, Any]", inner), definitions, depth + 1)
    ]


def _scalar_types(schema: Mapping[str, Any]) -> set[str]:
    """Return the JSON types of the scalars that *schema* accepts; `any` when it does not say."""
    declared = schema.get("type")
    if declared is None:
        values = [schema["const"]] if "const" in schema else list(schema.get("enum", ()))
        return {"string" if isinstance(value, str) else "any" for value in values} or {"any"}
    types = {declared} if isinstance(declared, str) else set(cast("list[str]", declared))
    return types - {"object", "array", "null"}


def _is_open(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" and schema.get("additionalProperties", True) is not False
