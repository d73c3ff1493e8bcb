"""What a manifest declares, written to the emulator, is told by the list in just the form that the manifest has it.

The comparison is one of equal values, so this is what makes an item that is live as declared one that is in sync.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kbsync.core.fields import Fields, canonical, digest, family
from kbsync.core.items import Item
from kbsync.core.listing import Complete
from kbsync.emulator import sample_world
from kbsync.emulator.sample import (
    SAMPLE_COLLECTION,
    SAMPLE_DATASET,
    SAMPLE_RESOURCE_ID,
    sample_doc_id,
    sample_document_id,
    sample_image_id,
)
from tests.providers.reader import Reader, reading

# Many writes each, over sockets.
EXAMPLES = settings(max_examples=60)

texts = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t"), max_size=40
) | st.sampled_from(
    ["", " a ", "e\u0301", "é", "\u202eabc", "\u200b", "😀\u200d", "<b>&amp;</b>", '"\\', "::add-mask::", "\ufeffa"]
)
rules = st.just({"update_type": 0}) | st.fixed_dictionaries(
    {"update_type": st.integers(0, 1), "update_interval": st.integers(24, 2**31 - 1)}
)
int64s = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-1e30, 1e30)
values = st.one_of(
    texts,
    st.booleans(),
    int64s,
    floats,
    st.lists(texts, min_size=1, max_size=4),
    st.lists(int64s, min_size=1, max_size=4),
    st.builds(lambda value: {"type": "float32", "value": value}, floats | st.integers(-(10**6), 10**6)),
    st.sampled_from(
        [
            {"type": "list<string>", "value": []},
            {"type": "list<int64>", "value": []},
            {"type": "date_time", "value": "2025-08-12T11:33:56.120+08:00"},
            {"type": "geo_point", "value": "-116.4,39.90"},
        ]
    ),
)
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in {"doc_id", "行业", "是否公开", "year", "score", "tags"}
)
metas = st.dictionaries(names, values, min_size=1, max_size=5)


def desired(reader: Reader, kind: str, entry: dict[str, object]) -> Fields:
    """Return what a manifest with this *entry* wants."""
    model: Any = reader.provider.dialect(reader.settings).kinds[kind].model
    fields: Fields = TypeAdapter(model).validate_python(entry).fields()
    return fields


def write(reader: Reader, item: Item, fields: Fields) -> None:
    """Send *fields* in as many requests as they need."""
    for operation in reader.codec.operations.values():
        group = {name: value for name, value in fields.items() if family(name) in operation.families}
        if group and operation.kind == item.kind:
            reader.write(operation.name, item, group)


def listed(reader: Reader, item: Item) -> Fields:
    whole = reader.listed(item.kind, item.container)
    assert isinstance(whole, Complete)
    return whole.items[item.id].fields


def assert_told(told: Fields, wanted: Fields) -> None:
    """Check that *told* holds *wanted*, type for type."""
    same = {name: value for name, value in told.items() if name in wanted}
    assert canonical(same) == canonical(wanted)
    assert same == wanted
    assert digest(same) == digest(wanted)


@pytest.fixture(scope="module")
def coze() -> Iterator[Reader]:
    with reading("coze", sample_world(images=3, documents=3, docs=0)) as reader:
        yield reader


@pytest.fixture(scope="module", params=["replace", "merge"])
def volcengine(request: pytest.FixtureRequest) -> Iterator[Reader]:
    with reading("volcengine", sample_world(images=0, documents=0, docs=3), meta_mode=request.param) as reader:
        yield reader


@EXAMPLES
@given(caption=texts)
def test_a_caption_is_listed_as_it_was_declared(coze: Reader, caption: str) -> None:
    item = Item("t", SAMPLE_DATASET, "image", sample_image_id(1))
    wanted = desired(coze, "image", {"id": item.id, "caption": caption, "allow_empty": True})

    write(coze, item, wanted)

    assert_told(listed(coze, item), wanted)


@EXAMPLES
@given(entry=st.fixed_dictionaries({}, optional={"name": texts, "update_rule": rules}))
def test_a_name_and_a_rule_are_listed_as_they_were_declared(coze: Reader, entry: dict[str, object]) -> None:
    item = Item("t", SAMPLE_DATASET, "document", sample_document_id(1))
    wanted = desired(coze, "document", {"id": item.id, "allow_empty": True, **entry})

    write(coze, item, wanted)

    assert_told(listed(coze, item), wanted)


@EXAMPLES
@given(
    entry=st.fixed_dictionaries({"meta": metas}, optional={"name": texts.filter(bool)}),
    container=st.sampled_from([f"default/{SAMPLE_COLLECTION}", SAMPLE_RESOURCE_ID]),
)
def test_meta_and_a_name_are_listed_as_they_were_declared(
    volcengine: Reader, entry: dict[str, object], container: str
) -> None:
    item = Item("t", container, "document", sample_doc_id(1))
    wanted = desired(volcengine, "document", {"id": item.id, **entry})

    write(volcengine, item, wanted)

    assert_told(listed(volcengine, item), wanted)
