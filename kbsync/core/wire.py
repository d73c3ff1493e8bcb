"""Requests, answers and their meaning: what providers and the engine say to each other.

A provider is a codec. It turns a change into a request and an answer into a verdict, and does no I/O. The engine sends,
paces and retries, and knows no provider. Adapters move the bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias

from kbsync.core.fields import Fields, family
from kbsync.core.items import Item

__all__ = (
    "Accepted",
    "Answer",
    "Codec",
    "Hints",
    "Live",
    "Lost",
    "Operation",
    "Page",
    "ReadResult",
    "Refused",
    "Request",
    "Response",
    "Throttled",
    "Transient",
    "Unauthorised",
    "Verdict",
)

MAX_MESSAGE_CHARACTERS: Final = 500
FRESH_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of write request, and the field families that travel in it together.

    *name* is stable and public, for example `coze.image.caption`. With *overlays*, a write replaces undeclared values
    too, so the engine reads the live values of the item just before and hands them to `Codec.encode`; one read serves
    up to *read_batch* items of one container. With a *read_batch* of 0 there is no read of chosen items, and only the
    list of their container tells what is live.
    """

    name: str
    kind: str
    families: frozenset[str]
    overlays: bool = False
    read_batch: int = 1

    @property
    def readable(self) -> bool:
        """Whether `Codec.encode_read` has a request for it."""
        return self.read_batch > 0

    def batch_at(self, rate_per_s: float) -> int:
        """Return how many items one read serves at this rate: what was read is to be written within `FRESH_S`."""
        return max(1, min(self.read_batch, int(rate_per_s * FRESH_S)))


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete but for the origin. *path* is what goes on the wire, already percent-encoded.

    *headers* may hold credentials and *body* captions: neither is part of the repr.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False, default=b"")
    idempotent: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer. Header names are lower-case; *body* is decoded and bounded."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no usable answer.

    *sent* says whether the request may have reached the provider; when it may not, a retry is free of doubt.
    *fatal* says that asking again cannot help, as with a certificate that does not verify. *reason* is a stable word
    (`connect`, `dns`, `tls`, `timeout`, `disconnected`, `truncated`, `oversized`, `malformed`), *detail* is for people
    and holds no secret.
    """

    reason: str
    detail: str
    sent: bool
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a report says of an answer. *code* is the provider's own, *message* is cut and may be hostile text."""

    http_status: int | None = None
    code: int | str | None = None
    message: str = ""
    log_id: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider confirmed the write: HTTP 2xx, a JSON object, and `code` the integer 0."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Throttled:
    """The provider turned the request away unread because of its rate. *retry_after_s*, if told, is a floor."""

    answer: Answer
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Transient:
    """The request may succeed when sent again.

    *doubt* says that this attempt may have been applied all the same, as after a gateway's 504.
    """

    reason: str
    answer: Answer
    doubt: bool
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider said no, and would say no again.

    *scope* is what the no is about: `item`, `container` (its other items fail likewise), or `target` (nothing more is
    sent to it). *reason* is a stable word. `forbidden` for an item becomes a matter of the target when every item gets
    it. With *doubt* the provider's state is not known all the same (409, 412).
    """

    scope: str
    reason: str
    answer: Answer
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Unauthorised:
    """The credential was refused: the target stops.

    *server_time_s* is set when the provider complained of the clock and told its own (seconds since the epoch): then
    the engine corrects its offset once and signs again.
    """

    answer: Answer
    server_time_s: float | None = None


Verdict: TypeAlias = Accepted | Throttled | Transient | Refused | Unauthorised


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Live values of the items of one read.

    *fields* holds an entry for each item whose live values the answer proved, *missing* the items that the provider
    said do not exist. An item in neither has to be asked for alone.

    *live* holds, for each item in *fields*, what `Codec.encode` takes back for an operation that overlays. It is the
    provider's own and opaque to everyone else: live values may be of kinds that `Fields` cannot say, and must not be
    lost on the way. *untold* names, for an item in *fields*, fields whose values are of no form that kbsync knows, and
    *pending* are the items that the provider still processes, both as in `Live`.
    """

    answer: Answer
    fields: Mapping[Item, Fields]
    missing: frozenset[Item] = frozenset()
    live: Mapping[Item, object] = field(repr=False, default_factory=dict[Item, object])
    untold: Mapping[Item, frozenset[str]] = field(default_factory=dict[Item, frozenset[str]])
    pending: frozenset[Item] = frozenset()

    def told(self, item: Item) -> "Live":
        """Return what the answer tells of *item*, one of those in *fields*."""
        return Live(self.fields[item], self.untold.get(item, frozenset()), item in self.pending)


class Hints(NamedTuple):
    """What a list tells of the file behind an item, and what no manifest declares; None is what it does not tell.

    *type* is the provider's own word, usually the ending of the file's name in lower case. No hint is ever compared
    with a manifest: what a size counts is the provider's own affair.
    """

    name: str | None = None
    size_bytes: int | None = None
    type: str | None = None


_NO_HINTS: Final = Hints()


class Live(NamedTuple):
    """What a list tells of one item.

    *fields* are its values, in the form that equal desired values have. Of the fields in *untold*, where `meta` stands
    for every meta field, the list tells no value, or none of a form that kbsync knows. Any other field that is not in
    *fields* is not set. While *pending*, the provider still processes the item, and may change its values by itself.
    """

    fields: Fields
    untold: frozenset[str] = frozenset()
    pending: bool = False
    hints: Hints = _NO_HINTS

    def tells(self, field: str) -> bool:
        """Tell whether the list said what *field* is, or that it is not set."""
        return field not in self.untold and family(field) not in self.untold


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list of one kind of items in one container; *items* are by id.

    *next* is the cursor of the page that follows, None when the provider says that there is none. *total* is how many
    items the provider says the whole list holds. *short* says that the page holds less than it was asked for, as the
    last page does. *flaw* is a sentence about an entry that is no item, or about one that stands there twice; it is
    empty when there is none. *live* holds what `Codec.encode` takes for an operation that overlays, as
    `ReadResult.live` does, for the items of which the page tells that.
    """

    answer: Answer
    items: Mapping[str, Live]
    next: str | None
    total: int | None
    short: bool
    flaw: str = ""
    live: Mapping[str, object] = field(repr=False, default_factory=dict[str, object])


class Codec(Protocol):
    """One provider API for one target: pure, total and without state."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The write requests this provider has, by name."""
        ...

    @property
    def reads(self) -> Mapping[str, Operation]:
        """The reads of chosen items, by kind: operations that nobody writes, for `encode_read` and `decode_read`.

        Each tells of an item what the list of its kind tells. Of a kind that is not here there is only the list.
        """
        ...

    def encode(self, operation: str, item: Item, desired: Fields, live: object | None) -> Request:
        """Return the write request that sets *desired*.

        *live* is given for operations that overlay: what `ReadResult.live` or `Page.live` held for *item*.
        """
        ...

    def encode_read(self, operation: str, items: Sequence[Item]) -> Request:
        """Return one request that reads what *operation* is about, for *items* of one container."""
        ...

    def authorise(self, request: Request, now_s: float) -> Request:
        """Return *request* with its credentials; *now_s* is the provider's time, seconds since the epoch."""
        ...

    def decode(self, response: Response) -> Verdict:
        """Say what the answer to a write means. Total: any status and any body."""
        ...

    def decode_read(self, operation: str, items: Sequence[Item], response: Response) -> ReadResult | Verdict:
        """Say what the answer to a read of *items* holds; a verdict other than Accepted when it holds nothing."""
        ...

    def encode_list(self, kind: str, container: str, cursor: str) -> Request:
        """Return the request for one page of the list of all items of *kind* in *container*.

        *cursor* is empty for the first page, and `Page.next` of the page before for any other.
        """
        ...

    def decode_list(self, kind: str, cursor: str, response: Response) -> Page | Verdict:
        """Say what the answer to a request for a page holds; a verdict other than Accepted when it is no page.

        Total, like the others. Nothing is left out in silence: a page that does not name each of its entries has a
        flaw. A refusal is about the container or the target.
        """
        ...
