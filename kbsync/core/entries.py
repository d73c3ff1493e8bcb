"""What manifest entries of all providers have in common, and how pydantic's complaints become findings.

An entry's model is a pydantic dataclass in which None stands for "not mentioned"; a null in the manifest never does.
Locations inside an entry are the keys as they are written.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, TypeAlias, cast, get_args, get_origin

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StrictStr,
    ValidationError,
    WithJsonSchema,
)
from pydantic.dataclasses import dataclass, is_pydantic_dataclass
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError

from kbsync.core.redaction import without_credentials
from kbsync.core.rules import Finding

__all__ = (
    "ENTRY_CONFIG",
    "TEXT_SCHEMA",
    "EntryOptions",
    "Mentioned",
    "Text",
    "check_entry",
    "control_character",
    "findings",
    "ignoring",
    "nearest",
    "no_default",
    "refuse",
    "refuse_all",
)

ENTRY_CONFIG: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)

# Line feeds and tabs belong to texts. A carriage return is as invisible as the others, and would make two texts that
# look the same differ for ever.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_SHOWN_CHARACTERS: Final = 60
# Without the surrogates: editors whose patterns count in UTF-16 would refuse whatever is beyond the first plane.
TEXT_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "string",
    "pattern": r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$",
    "patternErrorMessage": "Text holds no control characters but tabs and line feeds.",
}


# ------------------------------------------------------------------------------------------------------------ models
class Mentioned:
    """Marks a field whose None is kbsync's own word for "not mentioned", and which refuses a written null."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        assert schema["type"] == "nullable"
        return cast("CoreSchema", schema["schema"])


def no_default(schema: dict[str, Any]) -> None:
    """Take the default out of a JSON *schema*: None for "not mentioned" is nothing that can be written."""
    schema.pop("default", None)


def ignoring(*names: Mapping[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return what makes the JSON schema of an entry say which *names* of fields, each a schema, it may ignore."""

    def extend(schema: dict[str, Any]) -> None:
        schema["properties"]["ignore"]["items"] = names[0] if len(names) == 1 else {"anyOf": list(names)}

    return extend


def control_character(text: str) -> str | None:
    """Return the name of the first character of *text* that no manifest text holds, or None."""
    match = None if text.isprintable() else _CONTROL.search(text)
    if match is None:
        return None
    code = ord(match[0])
    return f"half of a surrogate pair, U+{code:04X}" if code >= 0xD800 else f"the control character U+{code:04X}"


def _text(text: str) -> str:
    fault = control_character(text)
    if fault is not None:
        raise refuse("control-character", f"the text holds {fault}")
    return text


Text: TypeAlias = Annotated[StrictStr, AfterValidator(_text), WithJsonSchema(dict(TEXT_SCHEMA))]


@dataclass(frozen=True, slots=True, kw_only=True, config=ENTRY_CONFIG)
class EntryOptions:
    """The options that every entry takes."""

    protect: Annotated[StrictBool, Field(description="Never send this item; the plan lists it as protected.")] = False
    ignore: Annotated[
        tuple[StrictStr, ...],
        Field(description="Declared fields that are not compared and not sent."),
    ] = ()
    allow_empty: Annotated[StrictBool, Field(description="Let a caption or name be empty.")] = False


def check_entry(entry: EntryOptions, declared: Mapping[str, object], texts: Iterable[str]) -> Iterable[Finding]:
    """Find what is wrong with an entry of any provider.

    *declared* are its fields by name, ignored ones included; *texts* those that may not be empty.
    """
    if not declared:
        yield Finding((), "empty-entry", "the entry declares no field")
    if not entry.allow_empty:
        for name in texts:
            if declared.get(name) == "":
                yield Finding((name,), "empty-value", f"{name} is empty; if that is meant, write allow_empty: true")
    for position, name in enumerate(entry.ignore):
        if name not in declared:
            hint = nearest(name, declared)
            yield Finding(
                ("ignore", position), "bad-value", f"ignore names {_shown(name)}, which is not declared here{hint}"
            )


# ------------------------------------------------------------------------------------------------------------ errors
def refuse(rule: str, message: str) -> PydanticCustomError:
    """Return the error that a validator raises when *rule* is broken where it stands."""
    # The message is a template to pydantic, and may hold what a manifest says.
    return PydanticCustomError(cast("Any", rule), "{message}", {"message": message})


def refuse_all(broken: Iterable[Finding]) -> ValidationError:
    """Return the error that a validator raises for several findings, with paths beneath its own."""
    return ValidationError.from_exception_data(
        "entry",
        [InitErrorDetails(type=refuse(rule, message), loc=path, input=None) for path, rule, message in broken],
        hide_input=True,
    )


def findings(error: ValidationError, model: type[Any]) -> list[Finding]:
    """Return what *error* says about an entry that was validated by *model*, as findings.

    No message repeats a value of the manifest; keys are shown, cut.
    """
    return [Finding(detail["loc"], *_told(detail, model)) for detail in error.errors(include_url=False)]


def _told(detail: ErrorDetails, model: type[Any]) -> tuple[str, str]:
    """Return the rule and the message of one complaint."""
    kind, loc, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if "message" in context:
        return kind, detail["msg"]
    if kind == "unexpected_keyword_argument":
        key = str(loc[-1])
        return "unknown-key", f"unknown key {_shown(key)}{nearest(key, _keys_at(model, loc[:-1]))}"
    if kind != "missing" and detail["input"] is None:
        return "null-value", "null is no value here; leave the key out if it is not meant to be managed"

    rule, word = _RULES.get(kind, ("bad-value", None))
    return rule, word(context, loc) if word is not None else detail["msg"][:1].lower() + detail["msg"][1:]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the nearest of the *known* words, or nothing."""
    close = get_close_matches(word[:_MAX_SHOWN_CHARACTERS], [name for name in known if name != word], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _shown(key: str) -> str:
    key = without_credentials(key)
    text = key if len(key) <= _MAX_SHOWN_CHARACTERS else key[:_MAX_SHOWN_CHARACTERS] + "…"
    return ascii(text) if control_character(text) else f"'{text}'"


def _keys_at(model: Any, path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the dataclass at *path* in *model* takes; none when there is no dataclass."""
    for key in path:
        field = model.__pydantic_fields__.get(str(key)) if is_pydantic_dataclass(model) else None
        model = None if field is None else next(filter(is_pydantic_dataclass, _types_in(field.annotation)), None)
    return list(model.__pydantic_fields__) if is_pydantic_dataclass(model) else []


def _types_in(annotation: Any) -> Iterable[Any]:
    yield annotation
    for part in get_args(annotation) if get_origin(annotation) is not None else ():
        yield from _types_in(part)


_Word: TypeAlias = Callable[[Mapping[str, Any], tuple[str | int, ...]], str]


def _a(what: str) -> _Word:
    return lambda _context, _loc: f"this takes {what}"


_MAPPING: Final = ("wrong-type", _a("a mapping of keys to values"))
_INTEGER: Final = ("wrong-type", _a("an integer"))
_RULES: Final[Mapping[str, tuple[str, _Word | None]]] = {
    "missing": ("missing-key", lambda _context, loc: f"the key {_shown(str(loc[-1]))} is missing"),
    "dataclass_type": _MAPPING,
    "dataclass_exact_type": _MAPPING,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "string_type": ("wrong-type", _a("text; put it in quotation marks")),
    "string_unicode": ("control-character", lambda _context, _loc: "the text holds half of a surrogate pair"),
    "bool_type": ("wrong-type", _a("true or false")),
    "int_type": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": _INTEGER,
    "float_type": ("wrong-type", _a("a number")),
    "tuple_type": ("wrong-type", _a("a list")),
    "list_type": ("wrong-type", _a("a list")),
    "greater_than_equal": ("bad-value", lambda context, _loc: f"this must be at least {context['ge']}"),
    "less_than_equal": ("bad-value", lambda context, _loc: f"this must be at most {context['le']}"),
    "literal_error": ("bad-value", lambda context, _loc: f"this takes {context['expected']}"),
}
