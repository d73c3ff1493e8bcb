"""The words of Volcengine manifests: collections, documents, meta fields."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Final, Self, TypeAlias, cast

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic.dataclasses import dataclass

from kbsync.core.entries import (
    ENTRY_CONFIG,
    EntryOptions,
    Mentioned,
    Text,
    check_entry,
    no_default,
    refuse,
    refuse_all,
)
from kbsync.core.fields import META_PREFIX, META_TYPES, Fields, MetaValue, Value
from kbsync.core.manifest import Dialect, KindDialect
from kbsync.core.rules import Finding, Rule
from kbsync.providers.volcengine.values import MAX_NAME_CHARACTERS, read_meta

__all__ = ("RULES", "DocumentEntry", "VolcengineHeader", "container_keys", "dialect", "is_document_id")

MAX_DOCUMENT_NAME_CHARACTERS: Final = 256
MAX_STRING_BYTES: Final = 256
MAX_LIST_MEMBERS: Final = 32
# Where older or other pages of the vendor draw the line.
USUAL_DOCUMENT_NAME_CHARACTERS: Final = 255
USUAL_FIELD_NAME_BYTES: Final = 128
USUAL_STRING_BYTES: Final = 128
UNUSUAL_TYPES: Final = frozenset({"list<int64>", "date_time", "geo_point"})

RULES: Final = (
    Rule("meta-field-name", "A meta field name is empty, doc_id, or over 128 characters."),
    Rule("strict-field-name", "A meta field name is no ASCII identifier, and the target has strict_field_names."),
    Rule("meta-type", "A list has no type of its own: it is empty or mixed; write {type, value}."),
    Rule("meta-value-length", "A meta string is over 256 bytes.", liftable=True),
    Rule("meta-list-length", "A meta list has over 32 members.", liftable=True),
    Rule("document-name-length", "A Volcengine document name is over 256 characters.", liftable=True),
    Rule(
        "long-meta-value", "A meta string is over 128 bytes, the limit of an older page.", severity="warning", lint=True
    ),
    Rule("long-field-name", "A meta field name is over 128 bytes.", severity="warning", lint=True),
    Rule(
        "unusual-meta-type",
        "A meta type that the page of the meta update does not list.",
        severity="warning",
        lint=True,
    ),
    Rule(
        "unusual-document-name",
        'A Volcengine document name is 256 characters long, or holds one of < > : " / \\ | ? *.',
        severity="warning",
        lint=True,
    ),
)

_DOCUMENT_ID_PATTERN: Final = "^[A-Za-z0-9_-]{1,128}$"
_DOCUMENT_ID: Final = re.compile("[A-Za-z0-9_-]{1,128}")
_COLLECTION_PATTERN: Final = "^[A-Za-z][A-Za-z0-9_]{0,63}$"
_RESOURCE_PATTERN: Final = "^kb-[A-Za-z0-9_-]{1,125}$"
_PROJECT_PATTERN: Final = r"^[^/\s\x00-\x1f\x7f-\x9f]{1,128}$"
_CONTAINER: Final = re.compile(
    r"(?P<resource_id>kb-[A-Za-z0-9_-]{1,125})|"
    r"(?P<project>[^/\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128})/(?P<collection_name>[A-Za-z][A-Za-z0-9_]{0,63})"
)
_IDENTIFIER: Final = re.compile("[A-Za-z][A-Za-z0-9_]{0,127}")
_UNUSUAL_CHARACTERS: Final = re.compile(r'[<>:"/\\|?*]')


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
    WithJsonSchema({"type": "string", "pattern": _DOCUMENT_ID_PATTERN}),
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
        if default is not None:
            schema["default"] = default

    return extend


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
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
        Field(description="Its project.", json_schema_extra=_documented(_PROJECT_PATTERN, "default")),
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
        return self.resource_id or f"{self.project or 'default'}/{self.collection}"


# ------------------------------------------------------------------------------------------------------------- entry
def _meta(written: object) -> dict[str, MetaValue]:
    values, broken = read_meta(written)
    if broken:
        raise refuse_all(broken)
    return values


_STRING: Final = {"type": "string", "maxLength": MAX_STRING_BYTES}
_INTEGER: Final = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
_VALUE_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "string": _STRING,
    "bool": {"type": "boolean"},
    "int64": _INTEGER,
    "float32": {"type": "number"},
    "list<string>": {"type": "array", "items": {"type": "string"}, "maxItems": MAX_LIST_MEMBERS},
    "list<int64>": {"type": "array", "items": _INTEGER, "maxItems": MAX_LIST_MEMBERS},
    "date_time": {"type": "string", "format": "date-time"},
    "geo_point": {"type": "string", "pattern": r"^-?[0-9]{1,3}(\.[0-9]+)?,-?[0-9]{1,2}(\.[0-9]+)?$"},
}
_PLAIN_SCHEMAS: Final = (
    _STRING,
    {"type": "boolean"},
    {"type": "number"},
    {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_LIST_MEMBERS},
    {"type": "array", "items": _INTEGER, "minItems": 1, "maxItems": MAX_LIST_MEMBERS},
)
_META_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "propertyNames": {"minLength": 1, "maxLength": MAX_NAME_CHARACTERS, "not": {"const": "doc_id"}},
    "additionalProperties": {
        "anyOf": [
            *_PLAIN_SCHEMAS,
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


_SCALARS: Final = frozenset({"string", "bool", "int64", "float32"}) - UNUSUAL_TYPES


def _name_schema(schema: dict[str, Any]) -> None:
    no_default(schema)
    schema["maxLength"] = MAX_DOCUMENT_NAME_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
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


# ------------------------------------------------------------------------------------------------------------- check
def dialect(*, strict_field_names: bool) -> Dialect:
    """Return the words of manifests of a target with this setting."""
    check = partial(_check_document, strict=strict_field_names)
    return Dialect(
        header=VolcengineHeader,
        kinds={"document": KindDialect("document", "documents", DocumentEntry, check)},
        unique_in_target=False,
    )


def _check_document(entry: DocumentEntry, *, strict: bool) -> Iterable[Finding]:
    return () if not strict and _is_usual(entry) else _findings(entry, strict=strict)


def _is_usual(entry: DocumentEntry) -> bool:
    """Tell at little cost of nearly every entry that nothing will be found in it."""
    name, meta = entry.name, entry.meta
    if entry.ignore or not (name or meta):
        return False
    if name is not None and (not 0 < len(name) <= USUAL_DOCUMENT_NAME_CHARACTERS or _UNUSUAL_CHARACTERS.search(name)):
        return False
    for field, (type_, value) in meta.items() if meta else ():
        if len(field) * 4 > USUAL_FIELD_NAME_BYTES or type_ not in _SCALARS:
            return False
        if type_ == "string" and len(cast("str", value)) * 4 > USUAL_STRING_BYTES:
            return False
    return True


def _findings(entry: DocumentEntry, *, strict: bool) -> Iterable[Finding]:
    yield from check_entry(entry, entry.declared(), ("name",))
    if entry.name is not None:
        yield from _check_name(entry.name)
    for name, value in (entry.meta or {}).items():
        path = ("meta", name)
        if strict and not _IDENTIFIER.fullmatch(name):
            message = "strict_field_names wants ASCII letters, digits and _, beginning with a letter"
            yield Finding(path, "strict-field-name", message)
        if len(name) * 4 > USUAL_FIELD_NAME_BYTES and len(name.encode()) > USUAL_FIELD_NAME_BYTES:
            yield Finding(path, "long-field-name", f"the field name is {len(name.encode())} bytes long")
        if value.type in UNUSUAL_TYPES:
            yield Finding(path, "unusual-meta-type", f"{value.type} is not among the types of the meta update's page")
        yield from _check_size(path, value.value)


def _check_name(name: str) -> Iterable[Finding]:
    length = len(name)
    if length > MAX_DOCUMENT_NAME_CHARACTERS:
        message = f"the name is {length} characters long; the most is {MAX_DOCUMENT_NAME_CHARACTERS}"
        yield Finding(("name",), "document-name-length", message)
    elif length > USUAL_DOCUMENT_NAME_CHARACTERS:
        yield Finding(("name",), "unusual-document-name", f"the name is {length} characters long")

    unusual = _UNUSUAL_CHARACTERS.search(name)
    if unusual is not None:
        yield Finding(("name",), "unusual-document-name", f"the name holds {unusual[0]}, which uploads do not allow")


def _check_size(path: tuple[str, ...], value: object) -> Iterable[Finding]:
    if isinstance(value, tuple) and len(cast("tuple[object, ...]", value)) > MAX_LIST_MEMBERS:
        length = len(cast("tuple[object, ...]", value))
        yield Finding(path, "meta-list-length", f"the list has {length} members; the most is {MAX_LIST_MEMBERS}")

    # A character is at most four bytes long.
    if isinstance(value, str) and len(value) * 4 > USUAL_STRING_BYTES:
        size = len(value.encode())
        if size > MAX_STRING_BYTES:
            yield Finding(path, "meta-value-length", f"the text is {size} bytes long; the most is {MAX_STRING_BYTES}")
        elif size > USUAL_STRING_BYTES:
            yield Finding(path, "long-meta-value", f"the text is {size} bytes long")
