"""Lists that lie: pages that do not turn, items that are lost or come twice, totals that are wrong."""

from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import parse_qsl, urlencode

import orjson

from kbsync.emulator.api import Call
from kbsync.emulator.messages import Answer, JsonObject

__all__ = ("first_page", "spoiled_list")

_PLACES = frozenset({"page_num", "page", "offset", "next_token"})
_LISTS = ("photo_infos", "document_infos", "dataset_list", "doc_list", "collection_list")
_TOTALS = ("total_count", "total", "total_num")


def first_page(call: Call) -> Call:
    """Forget which page *call* asks for, so that it gets the first one whatever it says."""
    pairs = parse_qsl(call.request.query, keep_blank_values=True)
    query = urlencode([(name, value) for name, value in pairs if name not in _PLACES])
    fields = call.fields
    if fields is not None:
        fields = {name: value for name, value in fields.items() if name not in _PLACES}
    return call._replace(request=call.request._replace(query=query), fields=fields)


def spoiled_list(answer: Answer, how: str) -> Answer:
    """Give *answer* with its list or total spoiled; an answer that has no list stays as it is."""
    value = cast("JsonObject", orjson.loads(answer.body))
    data = value.get("data", value)
    if not isinstance(data, dict):
        return answer
    members = cast("JsonObject", data)
    spoil = _SPOILING.get(how)
    list_name = next((name for name in _LISTS if name in members), None)
    total_name = next((name for name in _TOTALS if name in members), None)
    if spoil is None or list_name is None or total_name is None:
        return answer
    items, total = cast("list[JsonObject]", members[list_name]), cast("int", members[total_name])
    members[list_name], members[total_name] = spoil(items, total)
    return answer._replace(body=orjson.dumps(value))


def _without_id(item: JsonObject) -> JsonObject:
    return {name: value for name, value in item.items() if name not in {"document_id", "dataset_id", "doc_id"}}


_SPOILING: Mapping[str, Callable[[list[JsonObject], int], tuple[list[JsonObject], int]]] = {
    "short": lambda items, total: (items[:-1], total),
    "empty": lambda _, total: ([], total),
    "doubled": lambda items, total: (items[1:] + items[-1:], total),
    "nameless": lambda items, total: ([*map(_without_id, items[:1]), *items[1:]], total),
    "more": lambda items, total: (items, total + 1),
    "fewer": lambda items, total: (items, max(0, total - 1)),
    "negative": lambda items, _: (items, -1),
}
