"""Volcengine's document lists and doc/info. Newest upload first; writes do not move anything."""

import base64
import binascii
import time
from bisect import bisect_left
from typing import cast

import orjson

from kbsync.emulator.api import Call, Outcome, Site, Subject
from kbsync.emulator.messages import JsonObject
from kbsync.emulator.volcengine.envelope import succeeded
from kbsync.emulator.volcengine.lookup import container_name, doc_of, fields_of, invalid, named_collection, text_of
from kbsync.emulator.world import Collection, Doc

__all__ = ("PAGE_MAX", "Documents")

PAGE_MAX = 100
UPDATING = 3


class Documents:
    """Answers reads of documents: one, by offset, by cursor."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def offset_subject(self, call: Call) -> Subject:
        """Say which page is meant, counting from 1."""
        offset, limit = (call.fields or {}).get("offset"), (call.fields or {}).get("limit")
        size = limit if isinstance(limit, int) and 1 <= limit <= PAGE_MAX else PAGE_MAX
        page = offset // size + 1 if isinstance(offset, int) else 1
        return Subject(container_name(call, "collection_name"), "", page)

    def cursor_subject(self, call: Call) -> Subject:
        """Say which page is meant, counting from 1, by the documents that lie before the cursor."""
        fields = call.fields or {}
        limit = fields.get("limit")
        size = limit if isinstance(limit, int) and 1 <= limit <= PAGE_MAX else PAGE_MAX
        container = container_name(call, "collection_name")
        token = fields.get("next_token")
        if not isinstance(token, str) or not token:
            return Subject(container, "", 1)
        place = _cursor_place(token)
        return Subject(container, "", 0 if place is None else place[1] // size + 1)

    def info(self, call: Call) -> Outcome:
        """Show one document."""
        collection, doc = doc_of(self._site.world, fields_of(call))
        return Outcome(succeeded(call.log_id, _shown(collection, doc, in_list=False, with_meta=True)))

    def by_offset(self, call: Call) -> Outcome:
        """List documents from an offset, at most 100 whatever the limit says."""
        fields = fields_of(call)
        collection = named_collection(self._site.world, fields, "collection_name")
        offset, limit = fields.get("offset"), fields.get("limit")
        # Documented: an offset of 100 and more takes effect only when the limit is sent too.
        start = _whole(offset, "offset", 0, minimum=0)
        if limit is None and start >= PAGE_MAX:
            start = 0
        size = _whole(limit, "limit", -1, minimum=-1)
        size = PAGE_MAX if size == -1 else min(size, PAGE_MAX)
        wanted = _wanted(fields, collection)
        if wanted is None:
            stop = len(collection.order) - start
            page = collection.order[max(0, stop - size) : max(0, stop)][::-1]
            total = len(collection.order)
        else:
            page, total = wanted[start : start + size], len(wanted)
        return Outcome(succeeded(call.log_id, self._page(collection, page, total)))

    def by_cursor(self, call: Call) -> Outcome:
        """List documents from where the last page ended."""
        fields = fields_of(call)
        collection = named_collection(self._site.world, fields, "collection_name")
        size = _whole(fields.get("limit"), "limit", PAGE_MAX, minimum=1)
        if size > PAGE_MAX:
            raise invalid(f"limit must be between 1 and {PAGE_MAX}")
        stop, before = len(collection.order), 0
        token = text_of(fields, "next_token")
        if token:
            place = _cursor_place(token)
            if place is None:
                raise invalid("next_token cannot be read")
            serial, before = place
            stop = bisect_left(collection.order, serial, key=lambda doc: doc.serial)
        start = max(0, stop - size)
        page = collection.order[start:stop][::-1]
        data = self._page(collection, page, len(collection.order))
        data["has_more"] = start > 0
        data["next_token"] = _cursor(page[-1], before + len(page)) if start > 0 else ""
        return Outcome(succeeded(call.log_id, data))

    def _page(self, collection: Collection, docs: list[Doc], total: int) -> JsonObject:
        behaviour = self._site.behaviour
        shown = [_shown(collection, doc, in_list=True, with_meta=behaviour.list_meta) for doc in docs]
        data: JsonObject = {"collection_name": collection.name, "total_num": total, "count": len(shown)}
        if shown or not behaviour.omit_empty_doc_list:
            data["doc_list"] = shown
        return data


def _shown(collection: Collection, doc: Doc, *, in_list: bool, with_meta: bool) -> JsonObject:
    # doc/info counts milliseconds where the lists count seconds.
    unit = 1 if in_list else 1000
    status = UPDATING if doc.busy_until_s > time.monotonic() else doc.process_status
    shown: JsonObject = {
        "collection_name": collection.name,
        "doc_id": doc.id,
        "doc_name": doc.name,
        "doc_type": doc.type,
        "add_type": doc.add_type,
        "added_by": "emulator",
        "create_time": doc.create_time_s * unit,
        "update_time": doc.update_time_s * unit,
        "doc_size": doc.size_bytes,
        "point_num": doc.point_num,
        "status": {"process_status": status},
        "title": "",
        "url": doc.url,
    }
    if with_meta:
        shown["meta"] = doc.meta
    if doc.description:
        shown["description"] = doc.description
    if not in_list:
        shown.update(doc_hash=f"{doc.serial:032x}", doc_summary="", brief_summary="", is_wiki=False)
    return shown


def _wanted(fields: JsonObject, collection: Collection) -> list[Doc] | None:
    """Give the documents that the filters leave, newest first; None when there is no filter."""
    chosen, types = fields.get("filter"), fields.get("doc_type")
    ids = cast("JsonObject", chosen).get("doc_id_list") if isinstance(chosen, dict) else None
    if not isinstance(chosen, (dict, type(None))) or not isinstance(ids, (list, type(None))):
        raise invalid("filter must be an object with a doc_id_list")
    if isinstance(types, str):
        types = [types]
    if not isinstance(types, (list, type(None))):
        raise invalid("doc_type must be a list")
    if ids is None and types is None:
        return None
    if ids is None:
        docs = collection.order[::-1]
    else:
        docs = [collection.docs[text] for text in map(str, cast("list[object]", ids)) if text in collection.docs]
        docs.sort(key=lambda doc: -doc.serial)
    return docs if types is None else [doc for doc in docs if doc.type in types]


def _whole(value: object, name: str, default: int, *, minimum: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise invalid(f"{name} must be a whole number of at least {minimum}")
    return value


def _cursor(doc: Doc, before: int) -> str:
    """Write a cursor: the document it stands behind, and how many documents were shown so far."""
    value = {"created_at": doc.create_time_s, "doc_id": doc.id, "serial": doc.serial, "before": before}
    return base64.b64encode(orjson.dumps(value)).decode()


def _cursor_place(token: str) -> tuple[int, int] | None:
    try:
        value: object = orjson.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    serial, before = (cast("JsonObject", value).get(name) for name in ("serial", "before"))
    return (serial, before) if isinstance(serial, int) and isinstance(before, int) else None
