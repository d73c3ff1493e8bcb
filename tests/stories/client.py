"""A reader of the emulator's content that shares no code with kbsync: over the list endpoints, page by page."""

import http.client
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import orjson

from tests.stories.world import API_KEY, TOKEN, Content, Place

__all__ = ("Client",)

_IMAGES_PAGE = 299
_DOCUMENTS_PAGE = 100


class Client:
    """One connection to the server at *base_url*. A context manager."""

    def __init__(self, base_url: str) -> None:
        self._connection = http.client.HTTPConnection(base_url.removeprefix("http://"), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def content(self, places: Iterable[Place]) -> Content:
        """Read everything in the containers that *places* name."""
        content: Content = {}
        for kind, container in dict.fromkeys((place.kind, place.container) for place in places):
            read = {"image": self._images, "document": self._documents, "doc": self._docs}[kind]
            for id_, value in read(container):
                place = Place(kind, container, id_)
                assert place not in content, f"{place} is listed twice"
                content[place] = value
        return content

    def _images(self, dataset: str) -> Iterator[tuple[str, Any]]:
        page, seen, total = 1, 0, 1
        while seen < total:
            path = f"/v1/datasets/{dataset}/images?page_num={page}&page_size={_IMAGES_PAGE}"
            data = self._coze("GET", path)["data"]
            shown, total = data["photo_infos"], data["total_count"]
            assert shown or seen == total, "a page is empty"
            yield from ((one["document_id"], one["caption"]) for one in shown)
            page, seen = page + 1, seen + len(shown)

    def _documents(self, dataset: str) -> Iterator[tuple[str, Any]]:
        page, seen, total = 1, 0, 1
        while seen < total:
            body = {"dataset_id": dataset, "page": page, "size": _DOCUMENTS_PAGE}
            data = self._coze("POST", "/open_api/knowledge/document/list", body)
            shown, total = data["document_infos"], data["total"]
            assert shown or seen == total, "a page is empty"
            yield from (
                (one["document_id"], (one["name"], one["update_type"], one["update_interval"])) for one in shown
            )
            page, seen = page + 1, seen + len(shown)

    def _docs(self, collection: str) -> Iterator[tuple[str, Any]]:
        token = ""
        while True:
            body = {"collection_name": collection, "limit": _DOCUMENTS_PAGE, "next_token": token}
            data = self._call("POST", "/api/knowledge/doc/v2/list", body, API_KEY)["data"]
            for one in data["doc_list"]:
                fields = orjson.loads(one["meta"])
                meta = {field["field_name"]: (field["field_type"], field["field_value"]) for field in fields}
                assert len(meta) == len(fields), "a field stands twice"
                yield one["doc_id"], (one["doc_name"], meta)
            if not data["has_more"]:
                return
            token = data["next_token"]

    def _coze(self, method: str, path: str, body: object = None) -> Any:
        return self._call(method, path, body, TOKEN)

    def _call(self, method: str, path: str, body: object, secret: str) -> Any:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", "Agw-Js-Conv": "str"}
        self._connection.request(method, path, None if body is None else orjson.dumps(body), headers)
        with self._connection.getresponse() as response:
            value = orjson.loads(response.read())
        assert (response.status, value["code"]) == (200, 0), value
        return value
