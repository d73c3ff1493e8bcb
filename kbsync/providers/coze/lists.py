"""Coze's lists of images and documents: two dialects of paging, and what their entries tell.

Images count their pages from 1. For documents the text of the API's page says 1, its example asks for 0, and the
open-source server counts from 0. So theirs are asked for from 0 on. A server that counts from 1 answers 0 with its
first page, which then comes twice, or with nothing, or refuses it; no page is left out on either.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import orjson

from kbsync.core.fields import UpdateRule, Value
from kbsync.core.pages import Entry, Layout, read_page, told_hints, told_text
from kbsync.core.wire import Answer, Live, Page, Request, Verdict
from kbsync.providers.coze.manifest import MAX_INTERVAL_H, is_id

__all__ = ("list_page", "list_request", "page_for_refusal")

_DOCUMENTS_PATH: Final = "/open_api/knowledge/document/list"
_FIRST_PAGES: Final[Mapping[str, int]] = {"image": 1, "document": 0}
_PAGE_NUMBER: Final = re.compile("[1-9][0-9]{0,8}")
_INTEGER: Final = re.compile("0|[1-9][0-9]{0,9}")
_PROCESSING: Final = 0


# ----------------------------------------------------------------------------------------------------------- requests
def list_request(kind: str, dataset: str, cursor: str, headers: Mapping[str, str]) -> Request:
    """Return the request for one page; *headers* are those of requests with a body.

    Raises ValueError for what is no kind, no dataset or no cursor of Coze's.
    """
    if not is_id(dataset):
        raise ValueError(f"{dataset} is not a dataset of Coze's")
    page, size = _page_number(kind, cursor), _LAYOUTS[kind].asked
    if kind == "image":
        path = f"/v1/datasets/{dataset}/images?page_num={page}&page_size={size}"
        return Request("GET", path, {"Accept": "application/json"})
    body = orjson.dumps({"dataset_id": dataset, "page": page, "size": size})
    return Request("POST", _DOCUMENTS_PATH, headers, body)


def _page_number(kind: str, cursor: str) -> int:
    if kind not in _FIRST_PAGES:
        raise ValueError(f"Coze lists no items of kind {kind}")
    if cursor and not _PAGE_NUMBER.fullmatch(cursor):
        raise ValueError("not the cursor of a page")
    return int(cursor or _FIRST_PAGES[kind])


# -------------------------------------------------------------------------------------------------------------- pages
def list_page(kind: str, cursor: str, answer: Answer, envelope: Entry) -> Page | Verdict:
    """Return the page that the successful answer *envelope* holds."""
    number = _page_number(kind, cursor)

    def following(count: int) -> str | None:
        # Only an empty page ends the list, for a server may give fewer entries than it is asked for.
        return str(number + 1) if count or number == 0 else None

    payload = envelope.get("data") if kind == "image" else envelope
    page = read_page(answer, payload, _LAYOUTS[kind], following)
    if number == 0 and isinstance(page, Page) and not page.items:
        return replace(page, short=False)  # there may be no page 0: it says nothing about what 1 holds
    return page


def page_for_refusal(kind: str, cursor: str, answer: Answer) -> Page | None:
    """Return what stands for a page that was refused as invalid: page 0, where there is none, holds nothing."""
    if _page_number(kind, cursor) > 0:
        return None
    return Page(answer, {}, "1", None, short=False)


# ------------------------------------------------------------------------------------------------------------ entries
def _id(entry: Entry) -> str | None:
    value = entry.get("document_id")
    text = str(value) if type(value) is int and 0 < value < 10**20 else value
    return text if isinstance(text, str) and is_id(text) else None


def _image(entry: Entry) -> Live:
    return _live(entry, {"caption": told_text(entry.get("caption"))})


def _document(entry: Entry) -> Live:
    return _live(entry, {"name": told_text(entry.get("name")), "update_rule": _update_rule(entry)})


def _live(entry: Entry, values: Mapping[str, Value | None]) -> Live:
    fields = {field: value for field, value in values.items() if value is not None}
    return Live(
        fields,
        frozenset(values.keys() - fields.keys()),
        _integer(entry.get("status")) == _PROCESSING,
        told_hints(entry, "name", "size", "type"),
    )


def _update_rule(entry: Entry) -> UpdateRule | None:
    update_type, interval_h = _integer(entry.get("update_type")), _integer(entry.get("update_interval"))
    if update_type == 0:
        return UpdateRule(0)  # its interval counts for nothing, and may be left from another rule
    return None if update_type is None or interval_h is None else UpdateRule(update_type, interval_h)


def _integer(value: object) -> int | None:
    """Return *value* if it is an integer of the usual size, as a number or as text."""
    number = int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value
    return number if type(number) is int and 0 <= number <= MAX_INTERVAL_H else None


# For documents no largest page is documented.
_LAYOUTS: Final[Mapping[str, Layout]] = {
    "image": Layout("photo_infos", "total_count", 299, _id, _image),
    "document": Layout("document_infos", "total", 100, _id, _document),
}
