import asyncio
import random
import time
from itertools import cycle, product
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.fields import MetaValue, UpdateRule, Value, digest
from kbsync.core.items import Item, Source
from kbsync.core.plan import Change, FieldChange, Unmanaged
from kbsync.core.state import Intent
from tests.adapters.state.plans import (
    answered,
    began,
    captioned,
    captions,
    document,
    fate,
    image,
    lost,
    plan_of,
    update,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


def test_a_state_that_does_not_exist_knows_nothing_and_stays_so(path: Path) -> None:
    store = StateStore(path)

    with store.known() as known:
        assert (known.lineage, known.serial, known.declared_items) == ("", 0, 0)
        assert known.digest(image(1)) is None
        assert known.fields(image(1)) == {}
        assert list(known.items()) == []
        assert known.doubts() == {}
        assert known.counts() == {}
    assert store.list_runs() == ()
    assert store.last_send_s() == {}
    assert store.show(image(1)).attempts == ()
    assert not path.parent.exists()


def test_what_was_updated_is_known_by_the_next_run(path: Path) -> None:
    plan = plan_of([captioned(image(1), "小猫"), captioned(image(2), "小狗"), captioned(image(3), "鸟")])
    with StateStore(path) as store:
        asyncio.run(update(began(store, plan), [0, 2]))

    with StateStore(path).known() as known:
        assert known.fields(image(1)) == {"caption": "小猫"}
        assert known.digest(image(1)) == digest({"caption": "小猫"})
        assert known.digest(image(2)) is None
        assert known.fields(image(2)) == {}
        assert list(known.items()) == [image(1), image(3)]
        assert known.counts() == {("coze-cn", "744632974166804001"): 2}
        assert known.declared_items == 3


def test_every_kind_of_value_is_known_as_it_was_sent(path: Path) -> None:
    fields: dict[str, Value] = {
        "meta.a": MetaValue("list<int64>", (1, -(2**63))),
        "meta.b": MetaValue("float32", 0.1),
        "meta.c": MetaValue("bool", value=True),
        "meta.d": MetaValue("string", 'quote " \\ \x00 \u2028 😀'),
        "name": "2024 年报.pdf",
        "update_rule": UpdateRule(1, 24),
    }
    changes = tuple(FieldChange(field, None, value) for field, value in fields.items())
    plan = plan_of([Change(document(1), "volcengine.document.meta", "new", changes, Source("b.yaml", 3, 1))])
    with StateStore(path) as store:
        asyncio.run(update(began(store, plan), [0]))
        store.finish_run(store.begin_run(plan))

    with StateStore(path).known() as known:
        assert known.fields(document(1)) == fields
        assert known.digest(document(1)) == digest(fields)
    assert StateStore(path).load_report().rows[0].change == plan.changes[0]


@pytest.mark.parametrize("together", [True, False])
def test_an_update_keeps_the_fields_it_does_not_mention(path: Path, *, together: bool) -> None:
    name = Change(
        document(1), "volcengine.document.name", "new", (FieldChange("name", None, "报告"),), Source("b", 1, 1)
    )
    meta = Change(
        document(1),
        "volcengine.document.meta",
        "new",
        (FieldChange("meta.a", None, MetaValue("int64", 1)), FieldChange("meta.b", None, MetaValue("int64", 2))),
        Source("b", 2, 1),
    )
    for plan in [plan_of([meta, name])] if together else [plan_of([meta]), plan_of([name])]:
        with StateStore(path) as store:
            journal = began(store, plan)

            async def run(count: int = len(plan.changes)) -> None:
                for seq in range(count):
                    await journal.intend(Intent(seq, 1, 1.0))  # noqa: B023
                for seq in range(count):
                    journal.conclude(answered(seq))  # noqa: B023
                    journal.settle(fate(seq))  # noqa: B023
                await journal.flush()  # noqa: B023

            asyncio.run(run())

    with StateStore(path).known() as known:
        fields = known.fields(document(1))
        assert fields == {"name": "报告", "meta.a": MetaValue("int64", 1), "meta.b": MetaValue("int64", 2)}
        assert known.digest(document(1)) == digest(fields)


def test_identity_survives_and_each_run_raises_the_serial(path: Path) -> None:
    seen = []
    for number in range(3):
        with StateStore(path) as store:
            began(store, captions(1))
        with StateStore(path).known() as known:
            seen.append((known.lineage, known.serial))
        assert seen[-1] == (seen[0][0], number + 1)
    assert len(seen[0][0]) == 36


def test_only_a_whole_manifest_says_how_many_items_are_declared(path: Path) -> None:
    for items, whole, declared in [(7, True, 7), (3, False, 7), (5, True, 5)]:
        with StateStore(path) as store:
            began(store, plan_of([], items=items, whole=whole))
        with StateStore(path).known() as known:
            assert known.declared_items == declared


def test_released_items_are_forgotten_unless_in_doubt(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(3))

        async def run() -> None:
            await update(journal, [0, 1])
            await journal.intend(Intent(2, 1, 1.0))
            journal.conclude(lost(2))
            journal.settle(fate(2, "unknown"))
            await journal.flush()

        asyncio.run(run())
    with StateStore(path) as store:
        journal = began(store, plan_of([], released=[image(1), image(2)]))
        store.finish_run(journal)

    with StateStore(path).known() as known:
        assert set(known.items()) == {image(0), image(2)}
        assert known.doubts() == {image(2): frozenset({"coze.image.caption"})}
    assert StateStore(path).load_report().facts.released == (image(1),)


def test_unmanaged_fields_are_forgotten_and_the_others_kept(path: Path) -> None:
    fields = tuple(FieldChange(f"meta.{name}", None, MetaValue("int64", 1)) for name in "abc")
    plan = plan_of([Change(document(n), "volcengine.document.meta", "new", fields, Source("b", 1, 1)) for n in (1, 2)])
    trims = [Unmanaged(document(1), ("meta.a", "meta.c")), Unmanaged(document(2), ("meta.a", "meta.b", "meta.c"))]
    with StateStore(path) as store:
        asyncio.run(update(began(store, plan), [0, 1]))
        store.begin_run(plan_of([], unmanaged=[*trims, Unmanaged(document(3), ("meta.a",))]))

    left = {"meta.b": MetaValue("int64", 1)}
    with StateStore(path).known() as known:
        assert known.fields(document(1)) == left
        assert known.digest(document(1)) == digest(left)
        assert list(known.items()) == [document(1)]


def _put(path: Path, items: list[Item], text: str, unique: list[str], fates: str = "u") -> None:
    """Apply a caption to *items*, of which an update is lost where *fates* says `?`."""
    with StateStore(path) as store:
        store.lock("apply")
        journal = store.begin_run(
            plan_of([captioned(item, text) for item in items], whole=False), unique_targets=unique
        )

        async def run() -> None:
            for seq, end in zip(range(len(items)), cycle(fates), strict=False):
                await journal.intend(Intent(seq, 1, 1.0))
                journal.conclude(lost(seq) if end == "?" else answered(seq))
                journal.settle(fate(seq, "unknown" if end == "?" else "updated"))
            await journal.flush()

        asyncio.run(run())
        store.finish_run(journal)


@pytest.mark.parametrize("others", [0, 50])
def test_an_id_that_means_one_thing_in_its_target_is_known_under_one_container(path: Path, others: int) -> None:
    here, there = image(1, container="A"), image(1, container="B")
    bystanders = [
        image(2, container="A"),
        image(1, container="A")._replace(kind="document"),
        image(1, "twin", container="A"),
    ]
    _put(path, [here, *bystanders], "old", [])
    _put(path, [there, *(image(number, container="C") for number in range(3, 3 + others))], "new", ["coze-cn"])

    with StateStore(path).known() as known:
        assert known.fields(here) == {}
        assert known.fields(there) == {"caption": "new"}
        assert all(known.fields(item) == {"caption": "old"} for item in bystanders)
        assert known.counts()["coze-cn", "A"] == 2

    _put(path, [here, there], "both", ["coze-cn", "nobody"], "?")
    with StateStore(path).known() as known:
        assert known.fields(here) == known.fields(there) == {}


def test_an_id_is_forgotten_elsewhere_before_anything_is_sent_and_its_doubts_stay(path: Path) -> None:
    here, there = image(1, container="A"), image(1, container="B")
    _put(path, [here], "old", [])
    _put(path, [here], "newer", [], "?")
    with StateStore(path) as store:
        store.lock("apply")
        store.begin_run(plan_of([captioned(there, "new")], whole=False), unique_targets=["coze-cn"])

    with StateStore(path).known() as known:
        assert known.fields(here) == {}
        assert known.doubts() == {here: frozenset({"coze.image.caption"})}


def test_where_an_id_means_something_else_in_each_container_all_stay_known(path: Path) -> None:
    here, there = image(1, container="A"), image(1, container="B")
    _put(path, [here], "old", [])
    _put(path, [there], "new", ["coze-com"])

    with StateStore(path).known() as known:
        assert known.fields(here) == {"caption": "old"}


def test_what_is_read_is_one_moment_whatever_a_run_writes_meanwhile(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(2))
        asyncio.run(update(journal, [0]))

    writer = StateStore(path)
    writer.lock("apply")
    journal = writer.begin_run(captions(2, "新"))
    reader = StateStore(path)
    with reader.known() as known:
        asyncio.run(update(journal, [0, 1]))
        assert known.digest(image(0)) == digest({"caption": "小猫 0"})
        assert known.fields(image(0)) == {"caption": "小猫 0"}
        assert known.digest(image(1)) is None
    with reader.known() as known:
        assert known.fields(image(0)) == {"caption": "新 0"}
    writer.close()


def test_the_fields_of_many_items_are_read_with_few_statements_in_whatever_order(path: Path) -> None:
    items = [image(number, container=container) for number in range(0, 2_000, 2) for container in ("A", "B")]
    with StateStore(path) as store:
        plan = plan_of([captioned(item, f"{item.container} {item.id}") for item in items])
        asyncio.run(update(began(store, plan), range(len(items))))

    there = set(items)
    asked = [image(number, container=container) for number in range(-3, 2_003) for container in ("A", "B", "C")]
    for order in (items, asked, asked[::-1], random.Random(5).choices(asked, k=4_000)):
        statements: list[str] = []
        with StateStore(path).known() as known:
            known._open.set_trace_callback(statements.append)
            found = list(known.fields_of(order))
        assert found == [{"caption": f"{item.container} {item.id}"} if item in there else {} for item in order]
        assert len(statements) <= 2 * (1 + len(order) // 256)


def test_a_listing_can_be_of_one_target_or_container(path: Path) -> None:
    items = [image(1), image(2, container="9"), image(3, target="coze-com"), document(4)]
    with StateStore(path) as store:
        asyncio.run(update(began(store, plan_of([captioned(item, "x") for item in items])), range(4)))

    with StateStore(path).known() as known:
        assert list(known.items(target="coze-cn")) == items[:2]
        assert list(known.items(container="9")) == [items[1]]
        assert list(known.items(target="nobody")) == []
        assert known.digest(items[0]) is not None
        assert set(known.items()) == set(items)


def test_forgetting_takes_known_values_and_doubts(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(3))

        async def run() -> None:
            await update(journal, [0, 1])
            await journal.intend(Intent(2, 1, 1.0))

        asyncio.run(run())
        assert store.forget([image(0), image(2), image(7), document(1)]) == 1

    with StateStore(path).known() as known:
        assert list(known.items()) == [image(1)]
        assert known.doubts() == {}
    assert not StateStore(path.with_name("none.db")).forget([image(1)])


def test_digests_are_the_same_asked_for_one_by_one_or_all_together_in_any_order(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("rebuild")
        store.rebuild((image(number), {"caption": f"{number}"}) for number in range(3_000))
    with StateStore(path).known() as known:
        all_of_them = known.digests(image(0)[:3])

    ids = [image(number).id for number in range(3_100)]
    mixed = random.Random(7).sample(ids, len(ids))
    for size, all_ in product((1, 7, 100, 3_100), (sorted(ids), ids[::-1], ids[::40], ids[50:60] * 20, mixed)):
        with StateStore(path).known() as known:
            blocks = (all_[at : at + size] for at in range(0, len(all_), size))
            found = [one for some in blocks for one in known.digests_of(image(0)[:3], some)]
            assert found == [all_of_them.get(id_) for id_ in all_]
            assert known.digests_of(document(1)[:3], ["doc1"]) == [None]
            assert known.counts() == {image(0)[:2]: 3_000}


def test_the_version_stays_as_long_as_nothing_is_written(path: Path) -> None:
    def version() -> bytes:
        with StateStore(path, lambda: time.time() + 60).known() as known:
            list(known.items())
            return known.version()

    seen = [version()]
    with StateStore(path) as store:
        journal = began(store, captions(2))

        async def run() -> None:
            for seq in range(2):
                seen.append(version())
                await update(journal, [seq])

        asyncio.run(run())
        seen.append(version())
        store.finish_run(journal)
    seen.append(version())

    # During a run nothing may say that it is the same; when something does, it is.
    told = [one for one in seen if one]
    assert seen[0]
    assert seen[-1]
    assert len(set(told)) == len(told)
    assert version() == seen[-1]


def test_nothing_says_that_a_state_is_the_same_that_was_written_just_before(path: Path) -> None:
    with StateStore(path) as store:
        asyncio.run(update(began(store, captions(1)), [0]))

    with StateStore(path).known() as known:
        assert known.version() == b""


def test_nothing_says_that_a_state_is_the_same_once_it_was_written_to(path: Path) -> None:
    with StateStore(path) as store:
        asyncio.run(update(began(store, captions(1)), [0]))
    with StateStore(path, lambda: time.time() + 60).known() as known:
        before = known.version()
        with StateStore(path) as store:
            asyncio.run(update(began(store, captions(1, "x")), [0]))

        assert before
        assert known.version() == b""
