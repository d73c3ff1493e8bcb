"""What the answers to Volcengine's two reads prove of a document's live values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias, cast

from kbsync.core.answers import Envelope, Meaning, verdict_of
from kbsync.core.fields import META_PREFIX, Fields, MetaValue
from kbsync.core.items import Item
from kbsync.core.pages import no_page, told_text
from kbsync.core.wire import Answer, ReadResult, Response, Verdict
from kbsync.providers.volcengine.live import LiveItem, parse_live

__all__ = (
    "LiveMeta",
    "Proof",
    "Prove",
    "as_object",
    "is_pending",
    "meta_fields",
    "prove_meta",
    "prove_name",
    "read_list",
    "read_one",
)

_UNCLEAR: Final = Meaning("transient", "unclear", doubt=True)
_UNREADABLE: Final = Meaning("refused", "unreadable")
# Queued, updating, being deleted, processing.
_PENDING: Final = (2, 3, 5, 6)


class LiveMeta(NamedTuple):
    """A document's live meta list, as it came: JSON that `parse_live` reads."""

    text: str


class Proof(NamedTuple):
    """The live values in one document's record; *live* is what an update that overlays needs.

    *untold* are fields whose values are of no form that kbsync knows.
    """

    fields: Fields
    live: object
    untold: frozenset[str] = frozenset()


Prove: TypeAlias = Callable[[Envelope], Proof | None]


def prove_name(document: Envelope) -> Proof | None:
    """Return the name in the record *document*, or None when it holds none."""
    name = told_text(document.get("doc_name"))
    return None if name is None else Proof({"name": name}, None)


def prove_meta(document: Envelope) -> Proof | None:
    """Return the meta list in the record *document*, or None when it holds none that can be written back."""
    meta = document.get("meta")
    if not isinstance(meta, str) or (members := parse_live(meta)) is None:
        return None
    values = meta_fields(members)
    fields = {field: value for field, value in values.items() if value is not None}
    return Proof(fields, LiveMeta(meta), frozenset(values.keys() - fields.keys()))


def meta_fields(members: Sequence[LiveItem]) -> dict[str, MetaValue | None]:
    """Return the values of a live meta list by field, None where the value is not of a form that kbsync knows.

    Of a field that stands twice the first one counts.
    """
    return {META_PREFIX + member.name: member.value for member in reversed(members) if member.name}


def read_one(item: Item, prove: Prove, response: Response, answer: Answer, data: object) -> ReadResult | Verdict:
    """Say what the record *data* of *item* holds."""
    document = as_object(data)
    if document.get("doc_id") != item.id:
        return verdict_of(_UNCLEAR, response, replace(answer, message="the answer does not hold the document"))

    proof = prove(document)
    if proof is None:
        message = "the answer does not hold what would be written over; nothing was sent"
        return verdict_of(_UNREADABLE, response, replace(answer, message=message))
    return _result(answer, {item: (proof, is_pending(document))})


def read_list(items: Sequence[Item], prove: Prove, answer: Answer, data: object) -> ReadResult | Verdict:
    """Say what the list in *data* holds of *items*. An empty collection may have none."""
    if data is not None and not isinstance(data, dict):
        return no_page(answer)

    found: dict[str, list[Envelope]] = {}
    listed = as_object(cast("object", data)).get("doc_list")
    for document in map(as_object, cast("list[object]", listed) if isinstance(listed, list) else ()):
        id_ = document.get("doc_id")
        if isinstance(id_, str):
            found.setdefault(id_, []).append(document)

    proofs: dict[Item, tuple[Proof, bool]] = {}
    for item in items:
        match found.get(item.id):
            case [document] if (proof := prove(document)) is not None:
                proofs[item] = proof, is_pending(document)
            case _:  # not listed, or twice: then neither entry is proof
                pass
    return _result(answer, proofs)


def is_pending(document: Envelope) -> bool:
    """Tell whether the record *document* says that it is still being processed."""
    return as_object(document.get("status")).get("process_status") in _PENDING


def as_object(value: object) -> Envelope:
    """Return *value* if it is a JSON object, else an empty one."""
    return cast("Envelope", value) if isinstance(value, dict) else {}


def _result(answer: Answer, proofs: Mapping[Item, tuple[Proof, bool]]) -> ReadResult:
    return ReadResult(
        answer,
        {item: proof.fields for item, (proof, _) in proofs.items()},
        live={item: proof.live for item, (proof, _) in proofs.items() if proof.live is not None},
        untold={item: proof.untold for item, (proof, _) in proofs.items() if proof.untold},
        pending=frozenset(item for item, (_, pending) in proofs.items() if pending),
    )
