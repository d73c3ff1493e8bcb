"""What a read confirmed is known, unless a write may still come over it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.fields import Fields, MetaValue, digest
from kbsync.core.items import Item
from kbsync.core.state import Intent
from tests.adapters.state.plans import answered, captions, document, fate, image, lost


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    with StateStore(tmp_path / "state.db") as store:
        store.lock("pull")
        yield store


def test_what_was_read_is_known(store: StateStore) -> None:
    items = [(image(number), {"caption": f"c {number}"}) for number in range(600)]

    assert store.recognise(items) == []

    with store.known() as known:
        assert [known.fields(item) for item, _ in items] == [fields for _, fields in items]
        assert known.digest(image(7)) == digest({"caption": "c 7"})
        assert known.serial == 0


def test_other_known_fields_stay(store: StateStore) -> None:
    year, kind = MetaValue("int64", 2024), MetaValue("string", "pdf")
    store.recognise([(document(1), {"meta.year": year, "name": "a"})])

    store.recognise([(document(1), {"meta.kind": kind, "name": "b"})])

    with store.known() as known:
        assert known.fields(document(1)) == {"meta.year": year, "meta.kind": kind, "name": "b"}


def test_of_an_item_without_a_value_nothing_is_known(store: StateStore) -> None:
    store.recognise([(image(1), {})])

    with store.known() as known:
        assert known.digest(image(1)) is None


@pytest.mark.parametrize("concluded", [True, False])
def test_an_item_in_doubt_stays_as_it_is(tmp_path: Path, *, concluded: bool) -> None:
    async def in_doubt() -> None:
        with StateStore(tmp_path / "state.db") as store:
            store.lock("apply")
            journal = store.begin_run(captions(2))
            for seq in range(2):
                await journal.intend(Intent(seq, 1, 1.0))
            if concluded:
                journal.conclude(lost(0))
            journal.conclude(answered(1))
            journal.settle(fate(1))
            await journal.flush()
            if concluded:
                store.finish_run(journal)

    asyncio.run(in_doubt())

    with StateStore(tmp_path / "state.db") as store:
        store.lock("pull")
        doubted = store.recognise([(image(0), {"caption": "read"}), (image(1), {"caption": "read"})])

        assert doubted == [image(0)]
        with store.known() as known:
            assert known.fields(image(0)) == {}
            assert known.doubts().keys() == {image(0)}
            assert known.fields(image(1)) == {"caption": "read"}


def test_when_targets_were_read_is_remembered(tmp_path: Path) -> None:
    with StateStore(tmp_path / "state.db", now_s=lambda: 1_000.0) as store:
        store.lock("pull")
        store.recognise([(image(1), {"caption": "a"})], ["coze-cn", "volc-bj"])

        assert store.last_send_s() == {"coze-cn": 1_000.0, "volc-bj": 1_000.0}


def test_all_of_it_is_known_or_nothing(store: StateStore) -> None:
    def items() -> Iterator[tuple[Item, Fields]]:
        yield image(1), {"caption": "a"}
        raise KeyError(2)

    with pytest.raises(KeyError):
        store.recognise(items())

    with store.known() as known:
        assert known.digest(image(1)) is None
