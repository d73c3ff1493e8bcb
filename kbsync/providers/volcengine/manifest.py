"""What Volcengine manifests are checked for beside the shape of their entries."""

from collections.abc import Iterable
from functools import partial
from typing import Final, cast

from kbsync.core.entries import check_entry
from kbsync.core.manifest import Dialect, KindDialect
from kbsync.core.rules import Finding, Rule, lint_rule
from kbsync.providers.volcengine.entries import (
    MAX_DOCUMENT_NAME_CHARACTERS,
    MAX_LIST_MEMBERS,
    MAX_STRING_BYTES,
    DocumentEntry,
    VolcengineHeader,
)
from kbsync.providers.volcengine.plain import plain_documents
from kbsync.providers.volcengine.usual import (
    IDENTIFIER,
    UNUSUAL_CHARACTERS,
    UNUSUAL_TYPES,
    USUAL_DOCUMENT_NAME_CHARACTERS,
    USUAL_FIELD_NAME_BYTES,
    USUAL_STRING_BYTES,
    is_usual_field_name,
    is_usual_name,
    is_usual_text,
)

__all__ = ("RULES", "dialect")

RULES: Final = (
    Rule(
        "meta-field-name",
        "A meta field name is empty, doc_id, over 128 characters, or holds a control character.",
        of_key=True,
    ),
    Rule(
        "strict-field-name",
        "A meta field name is no ASCII identifier, and the target has strict_field_names.",
        of_key=True,
    ),
    Rule("meta-type", "A list has no type of its own: it is empty or mixed; write {type, value}."),
    Rule("meta-value-length", "A meta string is over 256 bytes.", liftable=True),
    Rule("meta-list-length", "A meta list has over 32 members.", liftable=True),
    Rule("document-name-length", "A Volcengine document name is over 256 characters.", liftable=True),
    lint_rule("long-meta-value", "A meta string is over 128 bytes, the limit of an older page."),
    lint_rule("long-field-name", "A meta field name is over 128 bytes.", of_key=True),
    lint_rule("unusual-meta-type", "A meta type that the page of the meta update does not list."),
    lint_rule(
        "unusual-document-name",
        'A Volcengine document name is 256 characters long, or holds one of < > : " / \\ | ? *.',
    ),
)

_SCALARS: Final = frozenset({"string", "bool", "int64", "float32"}) - UNUSUAL_TYPES


def dialect(*, strict_field_names: bool) -> Dialect:
    """Return the words of manifests of a target with this setting."""
    check = partial(_check_document, strict=strict_field_names)
    plain = partial(plain_documents, strict=strict_field_names)
    return Dialect(
        header=VolcengineHeader,
        kinds={"document": KindDialect("document", "documents", DocumentEntry, check, plain)},
        unique_in_target=False,
    )


def _check_document(entry: DocumentEntry, *, strict: bool) -> Iterable[Finding]:
    return () if not strict and _is_usual(entry) else _findings(entry, strict=strict)


def _is_usual(entry: DocumentEntry) -> bool:
    """Tell at little cost of nearly every entry that nothing will be found in it."""
    name, meta = entry.name, entry.meta
    if entry.ignore or not (name or meta):
        return False
    if name is not None and not is_usual_name(name):
        return False
    for field, (type_, value) in meta.items() if meta else ():
        if type_ not in _SCALARS or not is_usual_field_name(field):
            return False
        if type_ == "string" and not is_usual_text(cast("str", value)):
            return False
    return True


def _findings(entry: DocumentEntry, *, strict: bool) -> Iterable[Finding]:
    yield from check_entry(entry, entry.declared(), ("name",))
    if entry.name is not None:
        yield from _check_name(entry.name)
    for name, value in (entry.meta or {}).items():
        path = ("meta", name)
        if strict and not IDENTIFIER.fullmatch(name):
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

    unusual = UNUSUAL_CHARACTERS.search(name)
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
