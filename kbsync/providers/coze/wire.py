"""Coze's requests, and what its answers mean.

Both updates set absolute values, so sending one twice is harmless.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import orjson

from kbsync.core.answers import Envelope, Meaning, code_of, is_success, judge, make_answer, parse_envelope, verdict_of
from kbsync.core.credentials import check_secret
from kbsync.core.fields import Fields, to_plain
from kbsync.core.items import Item
from kbsync.core.redaction import Redact, redactor
from kbsync.core.wire import (
    MAX_MESSAGE_CHARACTERS,
    Answer,
    Operation,
    Page,
    ReadResult,
    Refused,
    Request,
    Response,
    Unauthorised,
    Verdict,
)
from kbsync.providers.coze.codes import CODES, STUDIO_DATABASE_ERROR
from kbsync.providers.coze.lists import list_page, list_request, page_for_refusal
from kbsync.providers.coze.manifest import is_id

__all__ = ("OPERATIONS", "CozeCodec")

# Coze has no read of single items, only the lists of their dataset.
IMAGE_CAPTION: Final = Operation("coze.image.caption", "image", frozenset({"caption"}), read_batch=0)
DOCUMENT_UPDATE: Final = Operation("coze.document.update", "document", frozenset({"name", "update_rule"}), read_batch=0)
OPERATIONS: Final = (IMAGE_CAPTION, DOCUMENT_UPDATE)

_HEADERS: Final[Mapping[str, str]] = {"Accept": "application/json", "Content-Type": "application/json"}
# With this the gateway reads and writes 64-bit ids as text; the older endpoints demand it.
_CONVERTING_HEADERS: Final[Mapping[str, str]] = {**_HEADERS, "Agw-Js-Conv": "str"}
_DOCUMENT_PATH: Final = "/open_api/knowledge/document/update"

_TOO_LONG: Final = re.compile(r"data too long|\b1406\b", re.IGNORECASE)
_TOO_LARGE: Final = Meaning("refused", "too_large")
_UNSUPPORTED: Final = Meaning("refused", "unsupported")


class CozeCodec:
    """The codec of one Coze target. *other_region* is the host that the token may be meant for instead, if any."""

    def __init__(self, token: str, other_region: str | None = None) -> None:
        self._authorization = f"Bearer {check_secret('token', token)}"
        self._other_region = other_region
        self._redact = redactor([token])

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The write requests of Coze, by name."""
        return {operation.name: operation for operation in OPERATIONS}

    @property
    def reads(self) -> Mapping[str, Operation]:
        """None: Coze has no read of single items, only the lists of their dataset."""
        return {}

    def encode(self, operation: str, item: Item, desired: Fields, live: object | None) -> Request:
        """Return the request that sets *desired*; *live* is not used, for no update of Coze's overlays.

        Raises ValueError for ids and fields that no manifest could have declared: they could change the address.
        """
        del live
        if not is_id(item.id) or not is_id(item.container):
            raise ValueError(f"{item} is not an item of Coze's")

        match operation:
            case IMAGE_CAPTION.name:
                return _caption_request(item, desired)
            case DOCUMENT_UPDATE.name:
                return _document_request(item, desired)
            case _:
                raise ValueError(f"Coze has no operation {operation}")

    def encode_read(self, operation: str, items: Sequence[Item]) -> Request:
        """Raise ValueError: Coze's updates leave undeclared values alone, and nothing but a list can be read."""
        del items
        raise ValueError(f"{operation} reads nothing")

    def encode_list(self, kind: str, container: str, cursor: str) -> Request:
        """Return the request for a page of the list of a dataset's images or documents."""
        return list_request(kind, container, cursor, _CONVERTING_HEADERS)

    def authorise(self, request: Request, now_s: float) -> Request:
        """Return *request* with the token."""
        del now_s
        headers = {**request.headers, "Authorization": self._authorization}
        return Request(request.method, request.path, headers, request.body, request.idempotent)

    def decode(self, response: Response) -> Verdict:
        """Say what the answer to an update means."""
        envelope = parse_envelope(response.body)
        return self._judge(response, envelope, _answer(response, envelope, self._redact))

    def decode_list(self, kind: str, cursor: str, response: Response) -> Page | Verdict:
        """Say what the answer to the request for a page holds. What is refused is the dataset, not an item of it."""
        envelope = parse_envelope(response.body)
        answer = _answer(response, envelope, self._redact)
        if envelope is not None and is_success(response, envelope):
            return list_page(kind, cursor, answer, envelope)

        verdict = self._judge(response, envelope, answer)
        if not isinstance(verdict, Refused) or verdict.scope != "item":
            return verdict
        page = page_for_refusal(kind, cursor, answer) if verdict.reason == "invalid" else None
        return replace(verdict, scope="container") if page is None else page

    def _judge(self, response: Response, envelope: Envelope | None, answer: Answer) -> Verdict:
        code = None if envelope is None else code_of(envelope.get("code"))
        special = _special_meaning(response.status, code, answer.message)
        verdict = (
            verdict_of(special, response, answer)
            if special is not None
            else judge(response, envelope, code, answer, CODES)
        )
        return self._with_hint(verdict)

    def decode_read(self, operation: str, items: Sequence[Item], response: Response) -> ReadResult | Verdict:
        """Raise ValueError, as `encode_read` does."""
        del items, response
        raise ValueError(f"{operation} reads nothing")

    def _with_hint(self, verdict: Verdict) -> Verdict:
        if self._other_region is None or not isinstance(verdict, Unauthorised):
            return verdict
        hint = f"is the token one for {self._other_region}?"
        message = verdict.answer.message[: MAX_MESSAGE_CHARACTERS - len(hint) - 3]
        return Unauthorised(replace(verdict.answer, message=f"{message} ({hint})" if message else hint))


def _caption_request(item: Item, desired: Fields) -> Request:
    if set(desired) != {"caption"}:
        raise ValueError(f"{IMAGE_CAPTION.name} sets the caption and nothing else")
    path = f"/v1/datasets/{item.container}/images/{item.id}"
    return Request("PUT", path, _HEADERS, orjson.dumps({"caption": desired["caption"]}))


def _document_request(item: Item, desired: Fields) -> Request:
    if not desired or not set(desired) <= DOCUMENT_UPDATE.families:
        raise ValueError(f"{DOCUMENT_UPDATE.name} sets the name and the update rule and nothing else")
    body: dict[str, Any] = {"document_id": item.id}
    if "name" in desired:
        body["document_name"] = desired["name"]
    if "update_rule" in desired:
        body["update_rule"] = to_plain(desired["update_rule"])
    return Request("POST", _DOCUMENT_PATH, _CONVERTING_HEADERS, orjson.dumps(body))


def _answer(response: Response, envelope: Envelope | None, redact: Redact) -> Answer:
    headers = response.headers
    in_headers = (headers.get("x-tt-logid"), headers.get("x-log-id"))
    if envelope is None:
        return make_answer(response, log_ids=in_headers, redact=redact)

    detail = envelope.get("detail")
    log_id = cast("dict[str, Any]", detail).get("logid") if isinstance(detail, dict) else None
    return make_answer(response, envelope.get("code"), envelope.get("msg"), (*in_headers, log_id), redact)


def _special_meaning(status: int, code: int | None, message: str) -> Meaning | None:
    """Return what is told by the text of an answer alone, both by the open-source server."""
    if status == 401 and "session_key" in message:
        # It lacks this endpoint, takes the path for one of its web pages', and misses their cookie. The token may be
        # good, and the target's documents can be updated.
        return _UNSUPPORTED
    if code == STUDIO_DATABASE_ERROR and _TOO_LONG.search(message):
        return _TOO_LARGE
    return None
