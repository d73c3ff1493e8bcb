"""The endpoints of Coze, and who may call them."""

from collections.abc import Iterable

from kbsync.emulator.api import Admission, Call, Codes, Endpoint, Provider, Route, Site
from kbsync.emulator.coze.envelope import NO_PERMISSION, NOT_FOUND, UNAUTHENTICATED, LogIds, failed, with_code
from kbsync.emulator.coze.lists import Lists
from kbsync.emulator.coze.oauth import TokenDesk
from kbsync.emulator.coze.updates import Updates
from kbsync.emulator.credentials import Token
from kbsync.emulator.messages import Answer

__all__ = ("Coze",)


class Coze:
    """The Coze open platform, as far as kbsync calls it."""

    provider: Provider = "coze"
    codes = Codes(
        throttled=(4013, 4020, 4009),
        transient=(5000, 4009, 4013, 4020, 702112101, 720701013),
        internal=5000,
        unauthorised=UNAUTHENTICATED,
        forbidden=NO_PERMISSION,
        missing=NOT_FOUND,
        missing_status=404,
        content=708024072,
        content_status=200,
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._log_ids = LogIds()
        self._updates = Updates(site)
        self._lists = Lists(site)
        self._desk = TokenDesk(site)

    def routes(self) -> Iterable[Route]:
        """List all endpoints."""
        updates, lists = self._updates, self._lists
        yield Route(
            "PUT",
            "/v1/datasets/*/images/*",
            Endpoint("coze.image.caption", updates.caption, updates.image_subject, "updatePhoto", writes=True),
        )
        yield Route(
            "POST",
            "/open_api/knowledge/document/update",
            Endpoint("coze.document.update", updates.document, updates.document_subject, "updateDocument", writes=True),
        )
        yield Route(
            "GET",
            "/v1/datasets/*/images",
            Endpoint("coze.images.list", lists.images, lists.page_subject, "listPhoto"),
        )
        yield Route(
            "POST",
            "/open_api/knowledge/document/list",
            Endpoint("coze.documents.list", lists.documents, lists.body_subject, "listDocument"),
        )
        yield Route(
            "GET",
            "/v1/datasets",
            Endpoint("coze.datasets.list", lists.datasets, lists.page_subject, "listKnowledge"),
        )
        yield Route(
            "POST",
            "/v1/datasets/*/process",
            Endpoint("coze.datasets.process", lists.progress, lists.page_subject, "readDocumentProgress"),
        )
        yield Route(
            "POST",
            "/api/permission/oauth2/token",
            Endpoint("coze.oauth.token", self._desk.token, self._desk.subject, open=True),
        )

    def admit(self, call: Call, endpoint: Endpoint) -> Admission:
        """Check the bearer token and its scopes."""
        if endpoint.open:
            return Admission("")
        scheme, _, secret = call.request.headers.get("authorization", "").partition(" ")
        token = self._token(secret) if scheme.lower() == "bearer" else None
        if token is None:
            message = "authentication is invalid"
            return Admission("", failed(401, UNAUTHENTICATED, message, call.log_id))
        if token.scopes is not None and endpoint.scope not in token.scopes:
            status = 200 if self._site.behaviour.errors_in_200 else 403
            message = f"the token has no permission {endpoint.scope}"
            return Admission(token.name, failed(status, NO_PERMISSION, message, call.log_id))
        return Admission(token.name)

    def log_id(self) -> str:
        """Make up a log id that was not given before."""
        return self._log_ids.next()

    def failure(self, status: int, code: int, message: str, log_id: str) -> Answer:
        """Put a failure in Coze's envelope."""
        return failed(status, code, message, log_id)

    def envelope(self, code: str, log_id: str) -> Answer:
        """Answer HTTP 200 with *code* in Coze's envelope."""
        return with_code(code, log_id)

    def _token(self, secret: str) -> Token | None:
        token = self._desk.issued.get(secret)
        if token is None:
            tokens = self._site.world.credentials.tokens
            token = next((entry for entry in tokens if entry.token == secret), None)
        if token is None or (token.expires_at_s is not None and token.expires_at_s <= self._site.now_s()):
            return None
        return token
