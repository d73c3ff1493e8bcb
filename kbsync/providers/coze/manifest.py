"""The words of Coze manifests: datasets, images, documents."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Self, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic.dataclasses import dataclass

from kbsync.core.columns import Columns, are_in, are_texts, matcher, woven
from kbsync.core.entries import ENTRY_CONFIG, EntryOptions, Mentioned, Text, check_entry, ignoring, no_default, refuse
from kbsync.core.fields import Fields, UpdateRule, Value
from kbsync.core.lint import are_quiet, are_quiet_captions
from kbsync.core.manifest import Dialect, KindDialect
from kbsync.core.rules import Finding, Rule, lint_rule

__all__ = ("DIALECT", "RULES", "CozeHeader", "DocumentEntry", "ImageEntry", "UpdateRuleEntry", "is_id")

MIN_UPDATE_INTERVAL_H: Final = 24
MAX_INTERVAL_H: Final = 2**31 - 1
# The sizes at which Coze's own web pages stop; its API documents none.
USUAL_CAPTION_CHARACTERS: Final = 2000
USUAL_NAME_CHARACTERS: Final = 100
# The formats of local files, by the page of the document update (its `DocumentInfo.type`). The same page says that an
# update rule is for online pages; a manifest does not say which documents are.
_FILE_ENDINGS: Final = (".pdf", ".txt", ".doc", ".docx")

RULES: Final = (
    Rule("update-interval", "An update interval is under 24 hours, the least that Coze documents.", liftable=True),
    lint_rule("long-caption", "A caption is over 2000 characters, where Coze's own pages stop."),
    lint_rule("update-rule-of-file", "An update rule has a document fetched again whose name is that of a local file."),
    lint_rule("long-name", "A Coze document name is over 100 characters, where Coze's own pages stop."),
)

_ID_PATTERN: Final = "^[1-9][0-9]{0,19}$"
_ID: Final = re.compile("[1-9][0-9]{0,19}")
_are_ids: Final = matcher(_ID.pattern)
_PLAIN_IMAGE: Final = {("id",), ("caption",)}
_PLAIN_DOCUMENT: Final = {("id",), ("name",)}
_PLAIN_PAGE: Final = {*_PLAIN_DOCUMENT, ("update_rule", "update_type"), ("update_rule", "update_interval")}


def is_id(text: str) -> bool:
    """Tell whether *text* has the form of a Coze id: up to twenty ASCII digits, not beginning with 0."""
    return _ID.fullmatch(text) is not None


def _id(value: object) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    if type(value) is int and 0 < value < 10**20:
        return str(value)
    if value is None:
        raise refuse("null-value", "an id is missing here")
    if isinstance(value, float):
        raise refuse("bad-id", "a number with a fraction or exponent has lost digits; write the id in quotation marks")
    raise refuse("bad-id", "a Coze id is 1 to 20 digits and does not begin with 0")


Id: TypeAlias = Annotated[
    str,
    PlainValidator(_id),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _ID_PATTERN},
                {"type": "integer", "minimum": 1, "exclusiveMaximum": 1e20},
            ]
        }
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class CozeHeader:
    """The keys of a manifest that name a Coze knowledge base."""

    dataset: Annotated[
        Id, Field(description="The knowledge base: the number after /knowledge/ in the address of its page.")
    ]

    def container(self) -> str:
        """Return the dataset's id."""
        return self.dataset

    @classmethod
    def naming(cls, container: str) -> Self:
        """Return the keys that name *container*."""
        return cls(dataset=container)


@dataclass(
    frozen=True, slots=True, kw_only=True, config={**ENTRY_CONFIG, "json_schema_extra": ignoring({"enum": ["caption"]})}
)
class ImageEntry(EntryOptions):
    """One image of a Coze knowledge base."""

    id: Annotated[Id, Field(description="The image's document id.")]
    caption: Annotated[
        Text | None, Mentioned(), Field(description="What the image shows.", json_schema_extra=no_default)
    ] = None

    def fields(self) -> Fields:
        """Return the managed fields."""
        if self.caption is None or "caption" in self.ignore:
            return {}
        return {"caption": self.caption}


def _extend_rule(schema: dict[str, Any]) -> None:
    schema["if"] = {"properties": {"update_type": {"const": 1}}}
    schema["then"] = {"required": ["update_interval"]}
    # What editors offer.
    schema["defaultSnippets"] = [
        {"label": "every day", "body": {"update_type": 1, "update_interval": 24}},
        {"label": "never", "body": {"update_type": 0}},
    ]


@dataclass(frozen=True, slots=True, kw_only=True, config={**ENTRY_CONFIG, "json_schema_extra": _extend_rule})
class UpdateRuleEntry:
    """When an online page is fetched again."""

    update_type: Annotated[
        int,
        Field(strict=True, ge=0, le=1, description="0: never; 1: every update_interval hours."),
        Field(json_schema_extra={"enum": [0, 1]}),
    ]
    update_interval: Annotated[
        int | None,
        Mentioned(),
        Field(strict=True, ge=0, le=MAX_INTERVAL_H, description="Hours between fetches, at least 24."),
        # Lower values can be allowed on the command line, which a schema cannot know.
        Field(json_schema_extra=lambda schema: schema.update(minimum=MIN_UPDATE_INTERVAL_H) or no_default(schema)),
    ] = None

    def value(self) -> UpdateRule:
        """Return the rule. An interval beside update_type 0 counts for nothing, and equal rules are equal values."""
        return UpdateRule(self.update_type, self.update_interval if self.update_type else None)


@dataclass(
    frozen=True,
    slots=True,
    kw_only=True,
    config={**ENTRY_CONFIG, "json_schema_extra": ignoring({"enum": ["name", "update_rule"]})},
)
class DocumentEntry(EntryOptions):
    """One document of a Coze knowledge base."""

    id: Annotated[Id, Field(description="The document's id.")]
    name: Annotated[
        Text | None, Mentioned(), Field(description="The document's name.", json_schema_extra=no_default)
    ] = None
    update_rule: Annotated[
        UpdateRuleEntry | None,
        Mentioned(),
        Field(description="For online pages: when they are fetched again.", json_schema_extra=no_default),
    ] = None

    def declared(self) -> dict[str, Value]:
        """Return the declared fields, ignored ones included."""
        fields: dict[str, Value] = {}
        if self.name is not None:
            fields["name"] = self.name
        if self.update_rule is not None:
            fields["update_rule"] = self.update_rule.value()
        return fields

    def fields(self) -> Fields:
        """Return the managed fields."""
        fields = self.declared()
        for name in self.ignore:
            fields.pop(name, None)
        return fields


def _check_image(entry: ImageEntry) -> Iterable[Finding]:
    caption = entry.caption
    if caption and not entry.ignore and len(caption) <= USUAL_CAPTION_CHARACTERS:
        return ()  # nearly all of them

    found = list(check_entry(entry, {} if caption is None else {"caption": caption}, ("caption",)))
    if caption is not None and len(caption) > USUAL_CAPTION_CHARACTERS:
        found.append(Finding(("caption",), "long-caption", f"the caption is {len(caption)} characters long"))
    return found


def _check_document(entry: DocumentEntry) -> Iterable[Finding]:
    yield from check_entry(entry, entry.declared(), ("name",))
    if entry.name is not None and len(entry.name) > USUAL_NAME_CHARACTERS:
        yield Finding(("name",), "long-name", f"the name is {len(entry.name)} characters long")

    rule = entry.update_rule
    if rule is None:
        return
    if rule.update_type == 1 and entry.name is not None and entry.name.lower().endswith(_FILE_ENDINGS):
        message = "the name is that of a local file, and only online pages are fetched again"
        yield Finding(("update_rule",), "update-rule-of-file", message)
    if rule.update_type == 1 and rule.update_interval is None:
        yield Finding(("update_rule",), "missing-key", "update_type 1 needs an update_interval, in hours")
    if rule.update_interval is not None and rule.update_interval < MIN_UPDATE_INTERVAL_H:
        yield Finding(
            ("update_rule", "update_interval"),
            "update-interval",
            f"update_interval is {rule.update_interval} hours; the least is {MIN_UPDATE_INTERVAL_H}",
        )


def _plain_images(columns: Columns) -> Sequence[str] | None:
    if columns.keys() != _PLAIN_IMAGE:
        return None
    captions = columns["caption",]
    fine = are_texts(captions, USUAL_CAPTION_CHARACTERS) and are_quiet_captions(captions) and _are_ids(columns["id",])
    return woven(('{"caption":"', captions, '"}')) if fine else None


def _plain_documents(columns: Columns) -> Sequence[str] | None:
    """Take documents with a name alone, or with a rule that fits it."""
    names = columns.get(("name",), ())
    if not names or not are_texts(names, USUAL_NAME_CHARACTERS) or not are_quiet(names) or not _are_ids(columns["id",]):
        return None
    if columns.keys() == _PLAIN_DOCUMENT:
        return woven(('{"name":"', names, '"}'))
    if columns.keys() != _PLAIN_PAGE or any(name.lower().endswith(_FILE_ENDINGS) for name in names):
        return None
    kinds, hours = columns["update_rule", "update_type"], columns["update_rule", "update_interval"]
    if not are_in(kinds, range(1, 2)) or not are_in(hours, range(MIN_UPDATE_INTERVAL_H, MAX_INTERVAL_H + 1)):
        return None
    rule = '","update_rule":{"update_interval":'
    return woven(('{"name":"', names, rule, map(str, hours), ',"update_type":1}}'))


DIALECT: Final = Dialect(
    header=CozeHeader,
    kinds={
        "image": KindDialect("image", "images", ImageEntry, _check_image, _plain_images),
        "document": KindDialect("document", "documents", DocumentEntry, _check_document, _plain_documents),
    },
    # The document update carries no dataset, so an id alone has to name the item.
    unique_in_target=True,
)
