"""Volcengine's requests, and what its answers mean.

It is not documented whether a meta update replaces the list or merges into it. So the whole list is sent, as it is
live, with the declared fields laid over it: right either way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import orjson

from kbsync.core.answers import (
    Envelope,
    code_of,
    is_success,
    judge,
    make_answer,
    parse_envelope,
    server_time_s,
)
from kbsync.core.fields import META_PREFIX, REMOVED, Fields, MetaValue
from kbsync.core.items import Item
from kbsync.core.redaction import Redact, redactor
from kbsync.core.wire import Answer, Operation, Page, ReadResult, Refused, Request, Response, Unauthorised, Verdict
from kbsync.providers.volcengine.codes import CODES, DOCUMENT_MISSING
from kbsync.providers.volcengine.entries import container_keys, is_document_id
from kbsync.providers.volcengine.lists import LIST_PATH, PAGE_SIZE, list_body, list_page, prove_document
from kbsync.providers.volcengine.live import overlay, parse_live, write_item
from kbsync.providers.volcengine.reads import LiveMeta, Prove, as_object, prove_meta, prove_name, read_list, read_one
from kbsync.providers.volcengine.sign import SIGNATURE, AccessKey, sign

__all__ = ("ApiKey", "VolcengineCodec", "operations")

DOCUMENT_META: Final = Operation(
    "volcengine.document.meta", "document", frozenset({"meta"}), overlays=True, read_batch=PAGE_SIZE
)
DOCUMENT_NAME: Final = Operation("volcengine.document.name", "document", frozenset({"name"}), read_batch=PAGE_SIZE)
DOCUMENT_READ: Final = Operation("read.document", "document", frozenset({"meta", "name"}), read_batch=PAGE_SIZE)

_UPDATE_META_PATH: Final = "/api/knowledge/doc/update_meta"
_UPDATE_PATH: Final = "/api/knowledge/doc/update"
_INFO_PATH: Final = "/api/knowledge/doc/info"

_PROVE: Final[Mapping[str, Prove]] = {
    DOCUMENT_META.name: prove_meta,
    DOCUMENT_NAME.name: prove_name,
    DOCUMENT_READ.name: prove_document,
}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that requests carry as it is, without a signature."""

    key: str = field(repr=False)


def operations(*, overlay_meta: bool) -> tuple[Operation, ...]:
    """Return the write requests of Volcengine; whether the meta update overlays is a setting."""
    return (DOCUMENT_META if overlay_meta else replace(DOCUMENT_META, overlays=False), DOCUMENT_NAME)


class VolcengineCodec:
    """The codec of one Volcengine target; *host* is what requests are signed for, with its port if it has one."""

    def __init__(self, access: AccessKey | ApiKey, host: str, region: str, *, overlay_meta: bool = True) -> None:
        self._access = access
        self._region = region
        self._redact = _redactor(access)
        self._headers: Mapping[str, str] = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Host": host,
        }
        self._operations: Mapping[str, Operation] = {
            operation.name: operation for operation in operations(overlay_meta=overlay_meta)
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The write requests of Volcengine, by name; whether the meta update overlays is a setting."""
        return self._operations

    @property
    def reads(self) -> Mapping[str, Operation]:
        """The read of documents, by their kind."""
        return {DOCUMENT_READ.kind: DOCUMENT_READ}

    # ------------------------------------------------------------------------------------------------------ requests
    def encode(self, operation: str, item: Item, desired: Fields, live: object | None) -> Request:
        """Return the request that sets *desired*, laid over *live* if the operation overlays.

        Raises ValueError for items and fields that no manifest could have declared, and when *live* is missing.
        """
        keys = {**container_keys(item.container), "doc_id": _checked_id(item)}
        match operation:
            case DOCUMENT_META.name:
                members = self._meta_members(_meta_fields(desired), live)
                # The members are JSON already, those from the live list to the byte.
                body = orjson.dumps(keys)[:-1] + b',"meta":[' + b",".join(members) + b"]}"
                return self._post(_UPDATE_META_PATH, body)
            case DOCUMENT_NAME.name:
                if set(desired) != {"name"}:
                    raise ValueError(f"{operation} sets the name and nothing else")
                return self._post(_UPDATE_PATH, orjson.dumps({**keys, "doc_name": desired["name"]}))
            case _:
                raise ValueError(f"Volcengine has no operation {operation}")

    def encode_read(self, operation: str, items: Sequence[Item]) -> Request:
        """Return the request that reads *items*, which are of one container: one by doc/info, several by doc/list."""
        if operation not in _PROVE:
            raise ValueError(f"Volcengine has no operation {operation}")
        keys: dict[str, Any] = dict(container_keys(items[0].container))
        ids = [_checked_id(item) for item in items]
        if len(ids) == 1:
            return self._post(_INFO_PATH, orjson.dumps({**keys, "doc_id": ids[0]}))

        assert len(ids) <= PAGE_SIZE
        assert all(item.container == items[0].container for item in items)
        # Left out, the limit means as many as one answer holds, and makes the offset count for little.
        body = {**keys, "filter": {"doc_id_list": ids}, "offset": 0, "limit": PAGE_SIZE}
        return self._post(LIST_PATH, orjson.dumps(body))

    def encode_list(self, kind: str, container: str, cursor: str) -> Request:
        """Return the request for a page of the list of a collection's documents."""
        return self._post(LIST_PATH, list_body(kind, container, cursor))

    def authorise(self, request: Request, now_s: float) -> Request:
        """Return *request* signed for *now_s*, or with the API key."""
        if isinstance(self._access, ApiKey):
            headers = {**request.headers, "Authorization": f"Bearer {self._access.key}"}
            return Request(request.method, request.path, headers, request.body, request.idempotent)
        headers = sign(
            request.method,
            request.path,
            request.headers,
            request.body,
            key=self._access,
            region=self._region,
            now_s=now_s,
        )
        return Request(request.method, request.path, headers, request.body, request.idempotent)

    def _post(self, path: str, body: bytes) -> Request:
        return Request("POST", path, self._headers, body)

    def _meta_members(self, desired: Mapping[str, MetaValue], live: object | None) -> list[bytes]:
        if not self._operations[DOCUMENT_META.name].overlays:
            return [write_item(name, value) for name, value in sorted(desired.items()) if value != REMOVED]
        if not isinstance(live, LiveMeta):
            # Sending the declared fields alone could erase all others.
            raise ValueError("a meta update needs the live list")  # noqa: TRY004
        members = parse_live(live.text)
        assert members is not None, "whoever made it has read it"
        return overlay(members, desired)

    # ------------------------------------------------------------------------------------------------------- answers
    def decode(self, response: Response) -> Verdict:
        """Say what the answer to an update means."""
        return self._judge(response, _unpack(response, self._redact))

    def decode_read(self, operation: str, items: Sequence[Item], response: Response) -> ReadResult | Verdict:
        """Say what the answer to a read holds.

        A refusal of several items is about them together: whoever asked asks for one by one, and the answer to one
        tells.
        """
        answered = _unpack(response, self._redact)
        if is_success(response, answered.envelope):
            data = as_object(answered.envelope).get("data")
            prove = _PROVE[operation]
            if len(items) == 1:
                return read_one(items[0], prove, response, answered.answer, data)
            return read_list(items, prove, answered.answer, data)

        verdict = self._judge(response, answered)
        if (
            len(items) == 1
            and isinstance(verdict, Refused)
            and verdict.scope == "item"
            and verdict.reason == "not_found"
            and answered.code in DOCUMENT_MISSING
        ):
            return ReadResult(answered.answer, {}, frozenset(items))
        return verdict

    def decode_list(self, kind: str, cursor: str, response: Response) -> Page | Verdict:
        """Say what the answer to the request for a page holds. What is refused is the collection, not a document."""
        answered = _unpack(response, self._redact)
        if is_success(response, answered.envelope):
            return list_page(kind, cursor, answered.answer, as_object(answered.envelope).get("data"))

        verdict = self._judge(response, answered)
        if isinstance(verdict, Refused) and verdict.scope == "item":
            return replace(verdict, scope="container")
        return verdict

    def _judge(self, response: Response, answered: "_Answered") -> Verdict:
        verdict = judge(response, answered.envelope, answered.code, answered.answer, CODES)
        if isinstance(verdict, Unauthorised) and isinstance(self._access, AccessKey):
            # A signature is refused for its time like for anything else, and not every answer says which.
            return Unauthorised(verdict.answer, server_time_s(response.headers))
        return verdict


class _Answered(NamedTuple):
    """An answer in its parts. *envelope* is None when the gateway speaks, whose envelope cannot tell of success."""

    envelope: Envelope | None
    code: int | None
    answer: Answer


# -------------------------------------------------------------------------------------------------------- the request
def _checked_id(item: Item) -> str:
    if not is_document_id(item.id):
        raise ValueError(f"{item} is not an item of Volcengine's")
    return item.id


def _meta_fields(desired: Fields) -> dict[str, MetaValue]:
    fields: dict[str, MetaValue] = {}
    for name, value in desired.items():
        if not name.startswith(META_PREFIX) or not isinstance(value, MetaValue):
            raise ValueError(f"{DOCUMENT_META.name} sets meta fields and nothing else")
        fields[name.removeprefix(META_PREFIX)] = value
    if not fields:
        raise ValueError("there is nothing to set")
    return fields


# --------------------------------------------------------------------------------------------------------- the answer
def _redactor(access: AccessKey | ApiKey) -> Redact:
    if isinstance(access, ApiKey):
        return redactor([access.key])
    return redactor([access.id, access.secret, access.session_token], SIGNATURE)


def _unpack(response: Response, redact: Redact) -> _Answered:
    log_id = response.headers.get("x-tt-logid")
    envelope = parse_envelope(response.body)
    if envelope is None:
        return _Answered(None, None, make_answer(response, log_ids=(log_id,), redact=redact))

    metadata = as_object(envelope.get("ResponseMetadata"))
    error = as_object(metadata.get("Error"))
    if error:
        code = error.get("CodeN", error.get("Code"))
        answer = make_answer(response, code, error.get("Message"), (metadata.get("RequestId"), log_id), redact)
        return _Answered(None, code_of(code), answer)

    code = envelope.get("code")
    answer = make_answer(response, code, envelope.get("message"), (envelope.get("request_id"), log_id), redact)
    return _Answered(envelope, code_of(code), answer)
