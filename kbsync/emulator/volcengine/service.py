"""The endpoints of the Volcengine knowledge base, and who may call them."""

from collections.abc import Callable, Iterable

from kbsync.emulator.api import Admission, Call, Codes, Endpoint, Outcome, Provider, Route, Site, Subject
from kbsync.emulator.credentials import AccessKey, ApiKey
from kbsync.emulator.messages import Answer
from kbsync.emulator.volcengine.collections import Collections
from kbsync.emulator.volcengine.documents import Documents
from kbsync.emulator.volcengine.envelope import (
    DOC_MISSING,
    FORBIDDEN,
    INVALID_REQUEST,
    UNAUTHORIZED,
    RefusedError,
    RequestIds,
    failed,
    succeeded,
    with_code,
)
from kbsync.emulator.volcengine.signature import checked_key
from kbsync.emulator.volcengine.updates import Updates

__all__ = ("Volcengine",)

_Work = Callable[[Call], Outcome]


class Volcengine:
    """The Volcengine knowledge base, as far as kbsync calls it."""

    provider: Provider = "volcengine"
    codes = Codes(
        throttled=(1000029,),
        transient=(1000028, 1000029),
        internal=1000028,
        unauthorised=UNAUTHORIZED,
        forbidden=FORBIDDEN,
        missing=DOC_MISSING,
        missing_status=400,
        content=INVALID_REQUEST,
        content_status=400,
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._request_ids = RequestIds()
        self._updates = Updates(site)
        self._documents = Documents(site)
        self._collections = Collections(site)

    def routes(self) -> Iterable[Route]:
        """List all endpoints."""
        updates, documents, collections = self._updates, self._documents, self._collections
        yield _post("doc/update_meta", "document.meta", updates.meta, updates.subject, writes=True)
        yield _post("doc/update", "document.name", updates.name, updates.subject, writes=True)
        yield _post("doc/info", "document.info", documents.info, updates.subject)
        yield _post("doc/list", "documents.list", documents.by_offset, documents.offset_subject)
        yield _post("doc/v2/list", "documents.list_v2", documents.by_cursor, documents.cursor_subject)
        yield _post("collection/info", "collection.info", collections.info, collections.subject)
        yield _post("collection/list", "collections.list", collections.every, collections.list_subject)
        yield Route("GET", "/ping", Endpoint("volcengine.ping", _pong, _nothing, open=True))

    def admit(self, call: Call, endpoint: Endpoint) -> Admission:
        """Check the signature or the API key, and the operation."""
        if endpoint.open:
            return Admission("")
        try:
            credential = self._credential(call)
        except RefusedError as refused:
            return Admission("", self.failure(refused.status, refused.code, refused.message, call.log_id))
        is_control = endpoint.operation.startswith("volcengine.collection")
        if (credential.operations is not None and endpoint.operation not in credential.operations) or (
            is_control and self._site.behaviour.api_key_data_only and isinstance(credential, ApiKey)
        ):
            return Admission(credential.name, self.failure(403, FORBIDDEN, "no permission", call.log_id))
        return Admission(credential.name)

    def log_id(self) -> str:
        """Make up a request id that was not given before."""
        return self._request_ids.next()

    def failure(self, status: int, code: int, message: str, log_id: str) -> Answer:
        """Put a failure in Volcengine's envelope."""
        return failed(status, code, message, log_id)

    def envelope(self, code: str, log_id: str) -> Answer:
        """Answer HTTP 200 with *code* in Volcengine's envelope."""
        return with_code(code, log_id)

    def _credential(self, call: Call) -> AccessKey | ApiKey:
        credentials = self._site.world.credentials
        scheme, _, secret = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return checked_key(call.request, credentials.access_keys, self._site.now_s())
        key = next((key for key in credentials.api_keys if key.api_key == secret), None)
        if key is None:
            raise RefusedError(401, UNAUTHORIZED, "unauthorized: wrong API key")
        return key


def _post(path: str, operation: str, work: _Work, subject: Callable[[Call], Subject], *, writes: bool = False) -> Route:
    def handle(call: Call) -> Outcome:
        try:
            return work(call)
        except RefusedError as refused:
            return Outcome(failed(refused.status, refused.code, refused.message, call.log_id))

    endpoint = Endpoint(f"volcengine.{operation}", handle, subject, writes=writes)
    return Route("POST", f"/api/knowledge/{path}", endpoint)


def _pong(call: Call) -> Outcome:
    return Outcome(succeeded(call.log_id))


def _nothing(call: Call) -> Subject:  # noqa: ARG001 - the signature of all subjects
    return Subject("", "ping")
