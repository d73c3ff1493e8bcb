"""Request bodies as they were agreed on: files that a person can read beside the API's own page."""

import json
from pathlib import Path
from typing import Any

from kbsync.core.fields import fields_from_plain
from kbsync.core.items import Item
from kbsync.core.wire import Codec, Request, Response


def cases(folder: Path) -> list[Any]:
    """Return the cases in *folder*, by name."""
    return [(path.stem, json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))]


def encode(codec: Codec, case: Any) -> Request:
    """Return the request for the change, or the page of a list, that *case* describes."""
    if "cursor" in case:
        return codec.encode_list(case["kind"], case["container"], case["cursor"])
    item = Item("t", case["container"], case["kind"], case["id"])
    live = None
    if "live" in case:
        body = json.dumps({"code": 0, "data": {"doc_id": item.id, "meta": case["live"]}}).encode()
        read = codec.decode_read(case["operation"], [item], Response(200, {}, body))
        live = read.live[item]  # type: ignore[union-attr]
    return codec.encode(case["operation"], item, fields_from_plain(case["fields"]), live)
