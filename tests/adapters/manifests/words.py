"""Two little providers' words, and reading a manifest that is given as text."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, StrictBool, StrictFloat, StrictInt, StrictStr, WithJsonSchema
from pydantic.dataclasses import dataclass

from kbsync.adapters.manifests import read_manifests, survey_manifests
from kbsync.core.columns import Columns, are_in, are_texts, matcher, woven
from kbsync.core.entries import ENTRY_CONFIG, EntryOptions, Mentioned, Text, check_entry, no_default, refuse
from kbsync.core.fields import Fields, MetaValue, UpdateRule, Value
from kbsync.core.lint import ONCE, are_quiet_captions
from kbsync.core.manifest import Desired, Dialect, KindDialect
from kbsync.core.rules import CORE_RULES, Finding, Problem, Rule, by_id

# Found in all items together.
ACROSS = {"duplicate-caption", "look-alike-id"}
RULES = by_id(
    (
        *CORE_RULES,
        Rule("short-hours", "Under 24 hours.", liftable=True),
        Rule("shouting", "A caption in capitals.", severity="warning"),
    )
)


def _id(value: object) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or text.startswith("0"):
        raise refuse("bad-id", "an id is digits")
    return text


Id = Annotated[
    str,
    PlainValidator(_id),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[1-9][0-9]*$"}, {"type": "integer"}]}),
]
MaybeText = Annotated[Text | None, Mentioned(), Field(json_schema_extra=no_default)]


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class ShelfHeader:
    shelf: Id

    def container(self) -> str:
        return self.shelf


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class ImageEntry(EntryOptions):
    id: Id
    caption: MaybeText = None

    def fields(self) -> Fields:
        return {} if self.caption is None or "caption" in self.ignore else {"caption": self.caption}


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class RuleEntry:
    type: Annotated[StrictInt, Field(ge=0, le=1)]
    hours: Annotated[StrictInt | None, Mentioned(), Field(json_schema_extra=no_default)] = None


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class PageEntry(EntryOptions):
    id: Id
    name: MaybeText = None
    rule: Annotated[RuleEntry | None, Mentioned(), Field(json_schema_extra=no_default)] = None

    def fields(self) -> Fields:
        fields: dict[str, Value] = {}
        if self.name is not None:
            fields["name"] = self.name
        if self.rule is not None:
            fields["update_rule"] = UpdateRule(self.rule.type, self.rule.hours)
        return fields


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class RoomHeader:
    room: Text
    floor: MaybeText = None

    def container(self) -> str:
        return f"{self.floor or 'ground'}/{self.room}"


Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class Typed:
    type: StrictStr
    value: Scalar | list[Scalar]


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class BookEntry(EntryOptions):
    id: Annotated[StrictStr, Field(min_length=1)]
    name: MaybeText = None
    meta: Annotated[
        dict[str, Scalar | list[Scalar] | Typed] | None, Mentioned(), Field(json_schema_extra=no_default)
    ] = None

    def fields(self) -> Fields:
        fields: dict[str, Value] = {} if self.name is None else {"name": self.name}
        for name, value in (self.meta or {}).items():
            type_, inner = (value.type, value.value) if isinstance(value, Typed) else (type(value).__name__, value)
            fields[f"meta.{name}"] = MetaValue(type_, tuple(inner) if isinstance(inner, list) else inner)  # type: ignore[arg-type]
        return fields


def _check_image(entry: ImageEntry) -> Iterable[Finding]:
    yield from check_entry(entry, {} if entry.caption is None else {"caption": entry.caption}, ("caption",))
    if entry.caption == "LOUD":
        yield Finding(("caption",), "shouting", "the caption shouts")


def _check_page(entry: PageEntry) -> Iterable[Finding]:
    yield from check_entry(entry, entry.fields(), ("name",))
    if entry.rule is not None and entry.rule.hours is not None and entry.rule.hours < 24:
        yield Finding(("rule", "hours"), "short-hours", "under 24 hours")


def _check_book(entry: BookEntry) -> Iterable[Finding]:
    yield from check_entry(entry, entry.fields(), ("name",))


_are_ids = matcher("[1-9][0-9]*")


def _plain_images(columns: Columns) -> Sequence[str] | None:
    if columns.keys() != {("id",), ("caption",)}:
        return None
    captions = columns["caption",]
    fine = are_texts(captions, 100) and are_quiet_captions(captions) and "LOUD" not in captions
    return woven(('{"caption":"', captions, '"}')) if fine and _are_ids(columns["id",]) else None


def _plain_pages(columns: Columns) -> Sequence[str] | None:
    if columns.keys() != {("id",), ("rule", "type"), ("rule", "hours")} or not _are_ids(columns["id",]):
        return None
    types, hours = columns["rule", "type"], columns["rule", "hours"]
    fine = are_in(types, range(2)) and are_in(hours, range(24, 100))
    pieces = ('{"update_rule":{"update_interval":', map(str, hours), ',"update_type":', map(str, types), "}}")
    return woven(pieces) if fine else None


GALLERY = Dialect(
    header=ShelfHeader,
    kinds={
        "image": KindDialect("image", "images", ImageEntry, _check_image, _plain_images),
        "page": KindDialect("page", "pages", PageEntry, _check_page, _plain_pages),
    },
    unique_in_target=True,
)
LIBRARY = Dialect(
    header=RoomHeader, kinds={"book": KindDialect("book", "books", BookEntry, _check_book)}, unique_in_target=False
)
TARGETS = {"gallery": GALLERY, "library": LIBRARY}


def read(
    folder: Path,
    files: dict[str, str | bytes],
    *,
    allow: frozenset[str] = frozenset(),
    rules: Mapping[str, Rule] = RULES,
) -> tuple[list[Desired], list[Problem]]:
    """Write *files* into *folder*, and return what reading them gives.

    They are read one item after the other, and surveyed: the same must come of both.
    """
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    stream = read_manifests(sorted(files), targets=TARGETS, rules=rules, allow=allow, root=folder)
    items = list(stream)
    assert stream.items == len(items)
    survey = survey_manifests(
        sorted(files), targets=TARGETS, rules=rules, allow=allow, root=folder, settled=lambda _: {}
    )
    one_by_one = [problem for problem in stream.problems if problem.rule not in ONCE]
    assert [problem for problem in survey.problems if problem.rule not in ACROSS | ONCE] == one_by_one
    if not any(problem.severity == "error" for problem in survey.problems):
        assert list(survey.differing) == items
    return items, list(survey.problems)


def told(problems: Iterable[Problem]) -> list[str]:
    """Return each problem as `line:column rule`."""
    return [f"{problem.source.line}:{problem.source.column} {problem.rule}" for problem in problems]


def one(folder: Path, text: str | bytes, ending: str = "yaml") -> tuple[list[Desired], list[str]]:
    """Return the items of one manifest, and its problems as `told`."""
    items, problems = read(folder, {f"m.{ending}": text})
    return items, told(problems)


def head(target: str = "gallery", container: str = 'shelf: "1"') -> str:
    """Return four lines that begin a YAML manifest."""
    return f"kbsync: 1\ntarget: {target}\n{container}\n\n"


def entry(**keys: Any) -> dict[str, Any]:
    """Return a mapping of the keys that are not None."""
    return {key: value for key, value in keys.items() if value is not None}
