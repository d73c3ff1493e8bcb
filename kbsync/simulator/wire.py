"""Requests and answers of a modelled provider: what they mean stands in them, and there is no wire format."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.wire import Operation, Page, ReadResult, Request, Response, Verdict

__all__ = ("Ask", "List", "Meaning", "ModelCodec", "ModelRequest", "ModelResponse", "Read", "Write")


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """What one write request asks for: *fields* of *item*, and no others of its families if the operation overlays."""

    operation: Operation
    item: Item
    fields: Fields

    @property
    def target(self) -> str:
        """The name of the target."""
        return self.item.target

    @property
    def items(self) -> tuple[Item, ...]:
        """The items that it is about."""
        return (self.item,)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """What one read asks for: the live values that *operation* overlays, of *items* of one container."""

    operation: Operation
    items: tuple[Item, ...]

    @property
    def target(self) -> str:
        """The name of the target."""
        return self.items[0].target


@dataclass(frozen=True, slots=True, eq=False)
class List:
    """What the one page of a list asks for: all items of *kind* in *container*."""

    target: str
    kind: str
    container: str

    @property
    def items(self) -> tuple[Item, ...]:
        """The items that it is about: nobody knows beforehand."""
        return ()


Ask: TypeAlias = Write | Read | List
Meaning: TypeAlias = Verdict | ReadResult | Page


@dataclass(frozen=True, slots=True)
class ModelRequest(Request):
    """A request that says what it asks for."""

    ask: Ask = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class ModelResponse(Response):
    """An answer that says what it means."""

    meaning: Meaning = field(kw_only=True)


class ModelCodec:
    """The codec of the modelled *target* that has *operations*."""

    def __init__(self, target: str, operations: Iterable[Operation]) -> None:
        self._target = target
        self._operations = {operation.name: operation for operation in operations}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The write requests of the target, by name."""
        return self._operations

    @property
    def reads(self) -> Mapping[str, Operation]:
        """None: all that a model is read for are writes."""
        return {}

    def encode(self, operation: str, item: Item, desired: Fields, live: object | None) -> Request:
        """Return the request that sets *desired*, laid over *live* if the operation overlays."""
        shape = self._operations[operation]
        fields = {**cast("Fields", live), **desired} if shape.overlays else desired
        return ModelRequest("PUT", "/", {}, ask=Write(shape, item, fields))

    def encode_read(self, operation: str, items: Sequence[Item]) -> Request:
        """Return the request that reads *items*."""
        return ModelRequest("POST", "/", {}, ask=Read(self._operations[operation], tuple(items)))

    def authorise(self, request: Request, now_s: float) -> Request:  # noqa: ARG002
        """Return *request*: nobody asks for credentials."""
        return request

    def encode_list(self, kind: str, container: str, cursor: str) -> Request:  # noqa: ARG002
        """Return the request for the list of *kind* in *container*, which has one page."""
        return ModelRequest("GET", "/", {}, ask=List(self._target, kind, container))

    def decode(self, response: Response) -> Verdict:
        """Return what the answer to a write means."""
        meaning = _meaning(response)
        assert not isinstance(meaning, ReadResult | Page)
        return meaning

    def decode_read(self, operation: str, items: Sequence[Item], response: Response) -> ReadResult | Verdict:  # noqa: ARG002
        """Return what the answer to a read means."""
        meaning = _meaning(response)
        assert not isinstance(meaning, Page)
        return meaning

    def decode_list(self, kind: str, cursor: str, response: Response) -> Page | Verdict:  # noqa: ARG002
        """Return what the answer to a request for the list means."""
        meaning = _meaning(response)
        assert not isinstance(meaning, ReadResult)
        return meaning


def _meaning(response: Response) -> Meaning:
    assert isinstance(response, ModelResponse), "a model answers its own requests"
    return response.meaning
