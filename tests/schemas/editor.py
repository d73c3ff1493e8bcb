"""A manifest as an editor sees it: values without the text that they come from, and a schema that judges them.

Editors read YAML 1.2, and patterns are those of ECMAScript.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema
import yaml

from kbsync.adapters.manifests import manifest_schema, row_schema
from kbsync.core.manifest import Dialect
from kbsync.providers import PROVIDERS

__all__ = ("TARGETS", "UnreadableError", "accepts", "seen")

TARGETS: Final[Mapping[str, Dialect]] = {
    target: PROVIDERS[provider].dialect(PROVIDERS[provider].settings.model_construct())
    for target, provider in (("coze-cn", "coze"), ("volc-bj", "volcengine"))
}


class UnreadableError(Exception):
    """Raised for a text that no editor makes values of: it says so itself, without a schema."""


def seen(text: bytes, ending: str) -> list[Any]:
    """Return the values in *text*: documents of YAML, or lines of JSON Lines."""
    try:
        if ending == "yaml":
            return list(yaml.load_all(text.decode("utf-8-sig"), _Core))
        pieces = text.decode("utf-8-sig").split("\n") if ending == "jsonl" else [text.decode("utf-8-sig")]
        return [json.loads(piece, parse_constant=_no_constant) for piece in pieces if piece.strip()]
    except (ValueError, yaml.YAMLError, RecursionError, TypeError) as error:
        raise UnreadableError from error


def accepts(value: Any, *, row: bool = False) -> bool:
    """Tell whether the schema has nothing to say against *value*, a document or a *row*."""
    return bool((_ROW if row else _MANIFEST).is_valid(value))


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator: Final = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})
_MANIFEST: Final = _Validator(manifest_schema(TARGETS))
_ROW: Final = _Validator(row_schema(TARGETS))


def _no_constant(name: str) -> Any:
    raise ValueError(name)


class _Core(yaml.SafeLoader):
    """YAML by the core schema of its version 1.2."""


_Core.yaml_implicit_resolvers = {}

_SCALARS: Final = {
    "null": ("~nN", r"~|null|Null|NULL|"),
    "bool": ("tTfF", r"true|True|TRUE|false|False|FALSE"),
    "int": ("-+0123456789", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    "float": (
        "-+.0123456789",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
}
for _name, (_first, _form) in _SCALARS.items():
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_form})$"), ["", *_first])


def _integer(_loader: Any, node: Any) -> int:
    return int(node.value, 0 if node.value[:2] in {"0x", "0o"} else 10)


def _float(_loader: Any, node: Any) -> float:
    return float(node.value.replace(".", "", 1) if node.value.lstrip("+-")[1:].isalpha() else node.value)


_Core.add_constructor("tag:yaml.org,2002:int", _integer)
_Core.add_constructor("tag:yaml.org,2002:float", _float)
