"""Volcengine's list of documents, by offset: newest upload first, so that updates move nothing.

Of the two lists that the service has, this is the one whose page says that its entries hold meta.
"""

import re
from typing import Final

import orjson

from kbsync.core.answers import Envelope
from kbsync.core.fields import Value
from kbsync.core.pages import Entry, Layout, read_page, told_hints, told_text
from kbsync.core.wire import Answer, Live, Page, Verdict
from kbsync.providers.volcengine.entries import container_keys
from kbsync.providers.volcengine.live import parse_live
from kbsync.providers.volcengine.reads import LiveMeta, Proof, is_pending, meta_fields

__all__ = ("LIST_PATH", "PAGE_SIZE", "list_body", "list_page", "prove_document")

LIST_PATH: Final = "/api/knowledge/doc/list"
# What one list request can name and one answer can hold.
PAGE_SIZE: Final = 100

_OFFSET: Final = re.compile("[1-9][0-9]{0,8}")


def list_body(kind: str, container: str, cursor: str) -> bytes:
    """Return the body of the request for one page.

    Raises ValueError for what is no kind, no container or no cursor of Volcengine's.
    """
    offset = _offset(kind, cursor)
    # Left out, the limit means as many as one answer holds, and makes the offset count for little.
    return orjson.dumps({**container_keys(container), "offset": offset, "limit": PAGE_SIZE})


def list_page(kind: str, cursor: str, answer: Answer, data: object) -> Page | Verdict:
    """Return the page in *data*."""
    offset = _offset(kind, cursor)

    def following(count: int) -> str | None:
        # Counted by what came, for a server may give fewer entries than it is asked for.
        return str(offset + count) if count else None

    return read_page(answer, data, _LAYOUT, following)


def prove_document(document: Envelope) -> Proof:
    """Return what the record *document* tells when it stands in a list."""
    live = _live(document)
    return Proof(live.fields, _raw(document, live), live.untold)


def _offset(kind: str, cursor: str) -> int:
    if kind != "document":
        raise ValueError(f"Volcengine lists no items of kind {kind}")
    if cursor and not _OFFSET.fullmatch(cursor):
        raise ValueError("not the cursor of a page")
    return int(cursor or 0)


def _id(entry: Entry) -> str | None:
    # An id of any form names a document, though a manifest may be unable to.
    return told_text(entry.get("doc_id")) or None


def _live(entry: Entry) -> Live:
    fields: dict[str, Value] = {}
    untold: set[str] = set()
    values: dict[str, Value | None] = {"name": told_text(entry.get("doc_name"))}
    meta = entry.get("meta")
    members = parse_live(meta) if isinstance(meta, str) else None
    if members is None:
        untold.add("meta")
    else:
        values.update(meta_fields(members))
    for field, value in values.items():
        if value is None:
            untold.add(field)
        else:
            fields[field] = value
    return Live(fields, frozenset(untold), is_pending(entry), told_hints(entry, "doc_name", "doc_size", "doc_type"))


def _raw(entry: Entry, live: Live) -> object:
    return None if "meta" in live.untold else LiveMeta(entry["meta"])


_LAYOUT: Final = Layout("doc_list", "total_num", PAGE_SIZE, _id, _live, _raw)
