"""The entries of Volcengine manifests, and the names in them: knowledge bases, documents, meta fields."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Self, TypeAlias, cast

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic.dataclasses import dataclass

from kbsync.core.entries import (
    ENTRY_CONFIG,
    TEXT_SCHEMA,
    EntryOptions,
    Mentioned,
    Text,
    ignoring,
    no_default,
    refuse,
    refuse_all,
)
from kbsync.core.fields import META_PREFIX, META_TYPES, Fields, MetaValue, Value
from kbsync.providers.volcengine.values import DATE_TIME_PATTERN, MAX_NAME_CHARACTERS, read_meta

__all__ = (
    "DOCUMENT_ID",
    "MAX_DOCUMENT_NAME_CHARACTERS",
    "MAX_LIST_MEMBERS",
    "MAX_STRING_BYTES",
    "DocumentEntry",
    "VolcengineHeader",
    "container_keys",
    "is_document_id",
)

MAX_DOCUMENT_NAME_CHARACTERS: Final = 256
MAX_STRING_BYTES: Final = 256
MAX_LIST_MEMBERS: Final = 32

_DEFAULT_PROJECT: Final = "default"
DOCUMENT_ID: Final = "[A-Za-z0-9_-]{1,128}"
_DOCUMENT_ID: Final = re.compile(DOCUMENT_ID)
_COLLECTION_PATTERN: Final = "^[A-Za-z][A-Za-z0-9_]{0,63}$"
_RESOURCE_PATTERN: Final = "^kb-[A-Za-z0-9_-]{1,125}$"
_PROJECT_PATTERN: Final = r"^[^/\s\x00-\x1f\x7f-\x9f]{1,128}$"
_CONTAINER: Final = re.compile(
    r"(?P<resource_id>kb-[A-Za-z0-9_-]{1,125})|"
    r"(?P<project>[^/\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128})/(?P<collection_name>[A-Za-z][A-Za-z0-9_]{0,63})"
)


def is_document_id(text: str) -> bool:
    """Tell whether *text* has the form of a document id."""
    return _DOCUMENT_ID.fullmatch(text) is not None


def container_keys(container: str) -> dict[str, str]:
    """Return the request keys that name *container*, which is `PROJECT/COLLECTION` or a resource id.

    Raises ValueError for anything else.
    """
    match = _CONTAINER.fullmatch(container)
    if match is None:
        raise ValueError("not a container of Volcengine's")
    return {key: value for key, value in match.groupdict().items() if value is not None}


def _document_id(value: object) -> str:
    if isinstance(value, str) and _DOCUMENT_ID.fullmatch(value):
        return value
    if value is None:
        raise refuse("null-value", "an id is missing here")
    if not isinstance(value, str):
        raise refuse("bad-id", "a document id is text; write it in quotation marks")
    raise refuse("bad-id", "a document id is 1 to 128 ASCII letters, digits, _ and -")


DocumentId: TypeAlias = Annotated[
    str,
    PlainValidator(_document_id),
    WithJsonSchema({"type": "string", "pattern": f"^{DOCUMENT_ID}$"}),
]


# ------------------------------------------------------------------------------------------------------------ header
def _matches(pattern: str, form: str) -> AfterValidator:
    compiled = re.compile(pattern.replace("$", r"\Z"))

    def validate(text: str) -> str:
        if not compiled.match(text):
            raise refuse("bad-value", form)
        return text

    return AfterValidator(validate)


_Collection: TypeAlias = Annotated[
    Text,
    _matches(_COLLECTION_PATTERN, "a collection name is 1 to 64 ASCII letters, digits and _, beginning with a letter"),
]
_Project: TypeAlias = Annotated[
    Text, _matches(_PROJECT_PATTERN, "a project name is 1 to 128 characters without / and white space")
]
_ResourceId: TypeAlias = Annotated[Text, _matches(_RESOURCE_PATTERN, "a resource id begins with kb-")]


def _documented(pattern: str, default: str | None = None) -> Callable[[dict[str, Any]], None]:
    def extend(schema: dict[str, Any]) -> None:
        no_default(schema)
        schema["pattern"] = pattern
        schema.pop("patternErrorMessage", None)
        if default is not None:
            schema["default"] = default

    return extend


def _one_of_two_names(schema: dict[str, Any]) -> None:
    by_name, by_id = {"required": ["collection"]}, {"required": ["resource_id"]}
    schema["anyOf"] = [
        {**by_name, "not": by_id},
        {**by_id, "not": {"anyOf": [by_name, {"required": ["project"]}]}},
    ]


@dataclass(frozen=True, slots=True, kw_only=True, config={**ENTRY_CONFIG, "json_schema_extra": _one_of_two_names})
class VolcengineHeader:
    """The keys of a manifest that name a Volcengine knowledge base: its name and project, or its resource id."""

    collection: Annotated[
        _Collection | None,
        Mentioned(),
        Field(description="The knowledge base's name.", json_schema_extra=_documented(_COLLECTION_PATTERN)),
    ] = None
    project: Annotated[
        _Project | None,
        Mentioned(),
        Field(description="Its project.", json_schema_extra=_documented(_PROJECT_PATTERN, _DEFAULT_PROJECT)),
    ] = None
    resource_id: Annotated[
        _ResourceId | None,
        Mentioned(),
        Field(description="Its id, in place of both.", json_schema_extra=_documented(_RESOURCE_PATTERN)),
    ] = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.resource_id is None and self.collection is None:
            raise refuse("missing-key", "name the knowledge base by collection (and project), or by resource_id")
        if self.resource_id is not None and (self.collection, self.project) != (None, None):
            raise refuse("bad-value", "resource_id stands in place of collection and project; give one or the other")
        return self

    def container(self) -> str:
        """Return `PROJECT/COLLECTION`, or the resource id."""
        return self.resource_id or f"{self.project or _DEFAULT_PROJECT}/{self.collection}"

    @classmethod
    def naming(cls, container: str) -> Self:
        """Return the keys that name *container*; the default project is not mentioned."""
        project, slash, collection = container.partition("/")
        if not slash:
            return cls(resource_id=container)
        return (
            cls(collection=collection) if project == _DEFAULT_PROJECT else cls(collection=collection, project=project)
        )


# ------------------------------------------------------------------------------------------------------------- entry
def _meta(written: object) -> dict[str, MetaValue]:
    values, broken = read_meta(written)
    if broken:
        raise refuse_all(broken)
    return values


_TEXT: Final = dict(TEXT_SCHEMA)
_STRING: Final = {**_TEXT, "maxLength": MAX_STRING_BYTES}
_INTEGER: Final = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
# Half a step behind the largest float32, from where on numbers are rounded to infinity.
_TOO_LARGE: Final = 2.0**128 - 2.0**103
_NUMBER: Final = {"type": "number", "exclusiveMinimum": -_TOO_LARGE, "exclusiveMaximum": _TOO_LARGE}
_FRACTION: Final = r"(\.[0-9]{1,18})?"
_GEO_POINT_PATTERN: Final = f"^-?(0?[0-9]{{1,2}}|1[0-7][0-9]){_FRACTION},-?[0-8]?[0-9]{_FRACTION}$"
_VALUE_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "string": _STRING,
    "bool": {"type": "boolean"},
    "int64": _INTEGER,
    "float32": _NUMBER,
    "list<string>": {"type": "array", "items": _TEXT, "maxItems": MAX_LIST_MEMBERS},
    "list<int64>": {"type": "array", "items": _INTEGER, "maxItems": MAX_LIST_MEMBERS},
    "date_time": {"type": "string", "pattern": DATE_TIME_PATTERN, "examples": ["2025-08-12T11:33:56+08:00"]},
    "geo_point": {"type": "string", "pattern": _GEO_POINT_PATTERN, "examples": ["116.39,39.9"]},
}
_PLAIN_SCHEMAS: Final = (
    _STRING,
    {"type": "boolean"},
    _NUMBER,
    {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MAX_LIST_MEMBERS},
    {"type": "array", "items": _INTEGER, "minItems": 1, "maxItems": MAX_LIST_MEMBERS},
)
_META_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "propertyNames": {**_TEXT, "minLength": 1, "maxLength": MAX_NAME_CHARACTERS, "not": {"const": "doc_id"}},
    "additionalProperties": {
        "anyOf": [
            *_PLAIN_SCHEMAS,
            {"type": "null", "description": "The field is to be removed."},
            *(
                {
                    "type": "object",
                    "properties": {"type": {"const": type_}, "value": _VALUE_SCHEMAS[type_]},
                    "required": ["type", "value"],
                    "additionalProperties": False,
                }
                for type_ in META_TYPES
            ),
        ]
    },
}
Meta: TypeAlias = Annotated[dict[str, MetaValue], PlainValidator(_meta), WithJsonSchema(_META_SCHEMA)]


def _name_schema(schema: dict[str, Any]) -> None:
    no_default(schema)
    schema["maxLength"] = MAX_DOCUMENT_NAME_CHARACTERS


_IGNORED: Final = ({"const": "name"}, {"type": "string", "pattern": "^meta\\."})


@dataclass(frozen=True, slots=True, kw_only=True, config={**ENTRY_CONFIG, "json_schema_extra": ignoring(*_IGNORED)})
class DocumentEntry(EntryOptions):
    """One document of a Volcengine knowledge base."""

    id: Annotated[DocumentId, Field(description="The document's doc_id.")]
    name: Annotated[
        Text | None, Mentioned(), Field(description="The document's name.", json_schema_extra=_name_schema)
    ] = None
    meta: Annotated[
        Meta,
        Field(
            description="Meta fields by name. The type follows from a plain value, or is given: {type, value}.",
            json_schema_extra=no_default,
        ),
    ] = cast("dict[str, MetaValue]", None)

    def declared(self) -> dict[str, Value]:
        """Return the declared fields, ignored ones included."""
        fields: dict[str, Value] = {}
        if self.name is not None:
            fields["name"] = self.name
        if self.meta:
            for name, value in self.meta.items():
                fields[META_PREFIX + name] = value
        return fields

    def fields(self) -> Fields:
        """Return the managed fields."""
        fields = self.declared()
        for name in self.ignore:
            fields.pop(name, None)
        return fields
