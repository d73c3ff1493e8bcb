"""Coze's lists: two paging dialects, three page sizes, and an order that writes disturb."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

from kbsync.emulator.api import Call, Outcome, Site, Subject
from kbsync.emulator.coze.envelope import BAD_PARAMETER, NOT_FOUND, failed, succeeded
from kbsync.emulator.coze.items import dataset_info, document_info, photo_info, progress_info
from kbsync.emulator.coze.updates import id_text
from kbsync.emulator.messages import JsonObject
from kbsync.emulator.world import Dataset, Document, Image

__all__ = ("DATASETS_PAGE_MAX", "DOCUMENTS_PAGE_MAX", "IMAGES_PAGE_MAX", "Lists")

IMAGES_PAGE_MAX = 299
DATASETS_PAGE_MAX = 300
DOCUMENTS_PAGE_MAX = 100
DEFAULT_PAGE_SIZE = 10

_Item = TypeVar("_Item", Image, Document)


class _Window(NamedTuple):
    offset: int
    size: int


class Lists:
    """Answers lists, most recently updated first. No page remembers the one before it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page_subject(self, call: Call) -> Subject:
        """Say which page of which container is meant, where the query says it."""
        page = _query(call).get("page_num", "1")
        return Subject(call.ids[0] if call.ids else "", "", int(page) if _is_number(page) else 0)

    def body_subject(self, call: Call) -> Subject:
        """Say which page of which container is meant, where the body says it."""
        body = call.fields or {}
        page = body.get("page")
        if page is None:
            page = self._site.behaviour.page_base
        return Subject(id_text(body.get("dataset_id")), "", page if isinstance(page, int) else 0)

    def images(self, call: Call) -> Outcome:
        """List the images of a dataset, all or by caption."""
        query = _query(call)
        window = _query_window(query, IMAGES_PAGE_MAX)
        if isinstance(window, str):
            return self._refusal(400, BAD_PARAMETER, window, call)
        has_caption = query.get("has_caption", "").lower()
        if has_caption not in {"", "true", "false"}:
            return self._refusal(400, BAD_PARAMETER, "has_caption must be true or false", call)
        dataset = self._site.world.datasets.get(call.ids[0])
        if dataset is None:
            return self._refusal(404, NOT_FOUND, "the requested knowledge base does not exist", call)
        keyword = query.get("keyword", "")
        images = self._ordered(dataset.images)
        total = len(dataset.images)
        if keyword or has_caption:
            wanted = {"": (True, False), "true": (True,), "false": (False,)}[has_caption]
            found = [image for image in images if keyword in image.caption and bool(image.caption) in wanted]
            images, total = iter(found), len(found)
        page = [photo_info(image) for image in islice(images, window.offset, window.offset + window.size)]
        self._churn(dataset)
        return Outcome(succeeded(call.log_id, {"data": {"photo_infos": page, "total_count": total}}))

    def documents(self, call: Call) -> Outcome:
        """List the documents of a dataset."""
        body = call.fields
        if body is None or not id_text(body.get("dataset_id")):
            return self._refusal(400, BAD_PARAMETER, "dataset_id is required and must be a number", call)
        ids_as_text = call.request.headers.get("agw-js-conv") == "str"
        if self._site.behaviour.require_agw_js_conv and not ids_as_text:
            return self._refusal(400, BAD_PARAMETER, "the header Agw-Js-Conv is required", call)
        window = self._body_window(body)
        if isinstance(window, str):
            return self._refusal(400, BAD_PARAMETER, window, call)
        dataset = self._site.world.datasets.get(id_text(body.get("dataset_id")))
        if dataset is None:
            return self._refusal(404, NOT_FOUND, "the requested knowledge base does not exist", call)
        documents = islice(self._ordered(dataset.documents), window.offset, window.offset + window.size)
        page = [document_info(document, ids_as_text=ids_as_text) for document in documents]
        total = len(dataset.documents)
        self._churn(dataset)
        return Outcome(succeeded(call.log_id, {"document_infos": page, "total": total}))

    def datasets(self, call: Call) -> Outcome:
        """List the datasets of a space, all or by a part of their name."""
        query = _query(call)
        window = _query_window(query, DATASETS_PAGE_MAX)
        if isinstance(window, str):
            return self._refusal(400, BAD_PARAMETER, window, call)
        space_id = query.get("space_id", "")
        if not id_text(space_id):
            return self._refusal(400, BAD_PARAMETER, "space_id is required and must be a number", call)
        name, format_type = query.get("name", ""), query.get("format_type", "")
        found = [
            dataset
            for dataset in self._site.world.datasets.values()
            if dataset.space_id == space_id and name in dataset.name and format_type in {"", str(dataset.format_type)}
        ]
        page = [dataset_info(dataset) for dataset in found[window.offset : window.offset + window.size]]
        return Outcome(succeeded(call.log_id, {"data": {"total_count": len(found), "dataset_list": page}}))

    def progress(self, call: Call) -> Outcome:
        """Show the processing of documents and images of one dataset."""
        ids = None if call.fields is None else call.fields.get("document_ids")
        if not isinstance(ids, list) or not ids:
            return self._refusal(400, BAD_PARAMETER, "document_ids is required and must be a list", call)
        dataset = self._site.world.datasets.get(call.ids[0])
        if dataset is None:
            return self._refusal(404, NOT_FOUND, "the requested knowledge base does not exist", call)
        shown: list[JsonObject] = []
        for value in ids:  # pyright: ignore[reportUnknownVariableType]
            item_id = id_text(value)  # pyright: ignore[reportUnknownArgumentType]
            item = dataset.documents.get(item_id) or dataset.images.get(item_id)
            if item is None:
                return self._refusal(404, NOT_FOUND, "a requested document does not exist", call)
            shown.append(progress_info(item))
        return Outcome(succeeded(call.log_id, {"data": {"data": shown}}))

    def _ordered(self, items: dict[str, _Item]) -> Iterator[_Item]:
        if self._site.behaviour.recent_first:
            return reversed(items.values())
        return iter(sorted(items.values(), key=lambda item: (len(item.id), item.id)))

    def _body_window(self, body: JsonObject) -> _Window | str:
        base = self._site.behaviour.page_base
        page, size = body.get("page"), body.get("size")
        page = base if page is None else page
        size = DEFAULT_PAGE_SIZE if size is None else size
        if not isinstance(page, int) or isinstance(page, bool) or page < 0:
            return "page must be a number"
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= DOCUMENTS_PAGE_MAX:
            return f"size must be between 1 and {DOCUMENTS_PAGE_MAX}"
        # The vendor's own example asks for page 0 where the text counts from 1: both give the first page.
        return _Window(max(0, page - base) * size, size)

    def _churn(self, dataset: Dataset) -> None:
        """Let somebody else update the items that were updated longest ago."""
        for _ in range(self._site.behaviour.list_churn):
            if dataset.images:
                dataset.raise_image(next(iter(dataset.images.values())))
            if dataset.documents:
                dataset.raise_document(next(iter(dataset.documents.values())))

    def _refusal(self, status: int, code: int, message: str, call: Call) -> Outcome:
        return Outcome(failed(200 if self._site.behaviour.errors_in_200 else status, code, message, call.log_id))


def _query(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.request.query, keep_blank_values=True))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _query_window(query: dict[str, str], size_max: int) -> _Window | str:
    page, size = query.get("page_num") or "1", query.get("page_size") or str(DEFAULT_PAGE_SIZE)
    if not _is_number(page) or int(page) < 1:
        return "page_num must be at least 1"
    if not _is_number(size) or not 1 <= int(size) <= size_max:
        return f"page_size must be between 1 and {size_max}"
    return _Window((int(page) - 1) * int(size), int(size))
