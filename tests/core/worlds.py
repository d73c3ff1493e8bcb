"""Little implementations and strategies for the pure core."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hypothesis import strategies as st

from kbsync.core.fields import REMOVED, Fields, MetaValue, UpdateRule, digest
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.state import Hazard
from kbsync.core.wire import Operation

OPERATIONS: Mapping[str, tuple[Operation, ...]] = {
    "coze": (
        Operation("coze.image.caption", "image", frozenset({"caption"})),
        Operation("coze.document.update", "document", frozenset({"name", "update_rule"})),
    ),
    "volc": (
        Operation("volcengine.document.meta", "document", frozenset({"meta"}), overlays=True, read_batch=100),
        Operation("volcengine.document.name", "document", frozenset({"name"})),
    ),
}
HERE = Source("here.yaml", 1, 1)


class MemoryKnown:
    """A state in a dict."""

    lineage = "7b1f"
    serial = 3

    def __init__(
        self,
        known: Mapping[Item, Fields] = {},
        doubts: Mapping[Item, frozenset[str]] = {},
        declared_items: int = 0,
        hazards: Mapping[tuple[Item, str], Hazard] = {},
    ) -> None:
        self.known = dict(known)
        self.doubtful = dict(doubts)
        self.hazardous = dict(hazards)
        self.declared_items = declared_items

    def version(self) -> bytes:
        return b""

    def digest(self, item: Item) -> bytes | None:
        return digest(self.known[item]) if item in self.known else None

    def digests(self, place: tuple[str, str, str]) -> Mapping[str, bytes]:
        return {item.id: digest(fields) for item, fields in self.known.items() if item[:3] == place}

    def digests_of(self, place: tuple[str, str, str], ids: Sequence[str]) -> list[bytes | None]:
        return [self.digest(Item(*place, id_)) for id_ in ids]

    def fields(self, item: Item) -> Fields:
        return self.known.get(item, {})

    def fields_of(self, items: Iterable[Item]) -> Iterator[Fields]:
        return map(self.fields, items)

    def doubts(self) -> Mapping[Item, frozenset[str]]:
        return self.doubtful

    def hazards(self) -> Mapping[tuple[Item, str], Hazard]:
        return self.hazardous

    def counts(self) -> Mapping[tuple[str, str], int]:
        return Counter(item[:2] for item in self.known)

    def items(self) -> Iterator[Item]:
        yield from {**self.known, **dict.fromkeys(self.doubtful)}


def image(number: int, dataset: str = "1") -> Item:
    return Item("coze", dataset, "image", str(number))


def document(number: int) -> Item:
    return Item("coze", "1", "document", str(number))


def record(number: int) -> Item:
    return Item("volc", "default/faq", "document", f"d{number}")


def wish(item: Item, **fields: object) -> Desired:
    return Desired(item, {name.replace("__", "."): value for name, value in fields.items()}, HERE)  # type: ignore[misc]


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4)
rules = st.builds(UpdateRule, st.just(1), st.integers(24, 30)) | st.just(UpdateRule(0))
metas = (
    st.just(REMOVED)
    | st.builds(MetaValue, st.just("string"), texts)
    | st.builds(MetaValue, st.just("bool"), st.booleans())
    | st.builds(MetaValue, st.just("int64"), st.integers(-3, 3))
    | st.builds(MetaValue, st.just("list<string>"), st.lists(texts, max_size=2).map(tuple))
)


def _some(**choices: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {}, optional={name.replace("__", "."): value for name, value in choices.items()}
    ).filter(bool)


image_fields = _some(caption=texts)
document_fields = _some(name=texts, update_rule=rules)
record_fields = _some(name=texts, meta__a=metas, meta__b=metas)
worlds = st.dictionaries(st.integers(1, 5).map(image), image_fields, max_size=4).flatmap(
    lambda images: st.dictionaries(st.integers(1, 5).map(document), document_fields, max_size=4).flatmap(
        lambda documents: st.dictionaries(st.integers(1, 5).map(record), record_fields, max_size=4).map(
            lambda records: {**images, **documents, **records}
        )
    )
)
