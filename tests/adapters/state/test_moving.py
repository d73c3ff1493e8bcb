"""Another name for a target or a container in the state."""

import asyncio
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.items import Item
from kbsync.core.moves import Moved, Place
from kbsync.core.plan import Plan
from kbsync.core.state import Intent, ReadRecord
from kbsync.errors import UsageError
from tests.adapters.state.formats import is_sound
from tests.adapters.state.plans import OK, captioned, document, fate, image, lost, plan_of, update

HERE, THERE = "744632974166804001", "744632974166804777"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


def seen(path: Path) -> tuple[object, ...]:
    """Give all that the comparison, the engine and people take from a state, as texts with names in them."""
    store = StateStore(path)
    with store.known() as known:
        items = {str(item): dict(known.fields(item)) for item in known.items()}
        doubts = {str(item): found for item, found in known.doubts().items()}
        hazards = {(str(item), operation): hazard for (item, operation), hazard in known.hazards().items()}
        serial = (known.serial, known.declared_items, known.lineage)
    reports = [store.load_report(run.run_id) for run in store.list_runs()]
    rows = [[(str(row.change.item), row.change.fields, row.settlement) for row in report] for report in reports]
    facts = [(one.facts.reads, one.facts.stopped, [*map(str, one.facts.released)]) for one in reports]
    return items, doubts, hazards, sorted(store.last_send_s().items()), rows, facts, serial


def renamed(value: object, old: str, new: str) -> str:
    return repr(value).replace(old, new)


def run(store: StateStore, plan: Plan, doubtful: int | None = None) -> None:
    journal = store.begin_run(plan)

    async def send() -> None:
        number = await journal.intend_read("coze-cn", "coze.images", 100, 1.0)
        journal.conclude_read(number, ReadRecord("coze-cn", "coze.images", 100, 1.0, 5.0, "accepted", OK))
        if doubtful is not None:
            await journal.intend(Intent(doubtful, 1, 900.0))
            journal.conclude(lost(doubtful, sent_at_s=900.0))
            journal.settle(fate(doubtful, "unknown"))
        await update(journal, [seq for seq in range(len(plan.changes) - 1) if seq != doubtful])
        journal.leave("coze-cn", "quota")

    asyncio.run(send())
    store.finish_run(journal, stopped={"coze-cn": "quota"})


@pytest.fixture
def filled(path: Path) -> Path:
    """A state in which something is known, in doubt, late, released and left, in two containers and a target beside."""
    other = [image(number, container="5") for number in range(2)]
    with StateStore(path, lambda: 1000.0) as store:
        store.lock("apply")
        changes = [captioned(image(number), "a") for number in range(4)] + [captioned(item, "b") for item in other]
        run(store, plan_of([*changes, captioned(document(1), "c"), captioned(document(2), "c")]), doubtful=1)
        run(
            store,
            plan_of([captioned(image(1), "z"), captioned(image(2), "y", "a"), captioned(image(3), "w")]),
            doubtful=1,
        )
        run(store, plan_of([captioned(image(3), "v")], released=[image(0)]))
    return path


@pytest.mark.parametrize(
    ("source", "destination", "moved"),
    [
        (Place("coze-cn"), Place("coze-main"), Moved(5, 1, (HERE, "5"))),
        (Place("coze-cn", HERE), Place("coze-cn", THERE), Moved(3, 1, (HERE,))),
        (Place("coze-cn", "5"), Place("coze-cn", "6"), Moved(2, 0, ("5",))),
    ],
    ids=str,
)
def test_all_that_is_held_has_the_new_name_and_is_the_same(
    filled: Path, source: Place, destination: Place, moved: Moved
) -> None:
    before = seen(filled)

    with StateStore(filled, lambda: 1000.0) as store:
        store.lock("state mv")
        assert store.foresee_move(source, destination) == moved
        assert seen(filled) == before
        assert store.move(source, destination) == moved

    old, new = (place.target if place.container is None else f"{place}/" for place in (source, destination))
    assert repr(seen(filled)) == renamed(before, old, new)
    assert is_sound(filled)
    with StateStore(filled) as store:
        store.lock("state mv")
        store.move(destination, source)
    assert seen(filled) == before


def test_a_container_goes_to_another_target_with_what_it_takes_to_wait_for_it(filled: Path) -> None:
    before = StateStore(filled).last_send_s()
    with StateStore(filled) as store:
        store.lock("state mv")
        store.move(Place("coze-cn", HERE), Place("coze-main", HERE))

    with StateStore(filled).known() as known:
        assert {item.target for item in known.items() if item.container == HERE} == {"coze-main"}
        assert {item.target for item in known.items() if item.container == "5"} == {"coze-cn"}
    assert StateStore(filled).last_send_s() == {**before, "coze-main": before["coze-cn"]}
    report = StateStore(filled).load_report()
    assert [row.settlement.reason for row in report] == ["quota"]


def test_a_name_that_has_items_is_refused_and_nothing_is_changed(filled: Path) -> None:
    before = seen(filled)

    with StateStore(filled) as store:
        store.lock("state mv")
        for source, destination in (
            (Place("coze-cn", HERE), Place("coze-cn", "5")),
            (Place("coze-cn"), Place("volc-bj")),
        ):
            with pytest.raises(UsageError, match=r"has [0-9] items in .* already"):
                store.foresee_move(source, destination)
            with pytest.raises(UsageError, match="state forget"):
                store.move(source, destination)

    assert seen(filled) == before


def test_what_the_state_has_never_heard_of_is_refused(filled: Path) -> None:
    with StateStore(filled) as store:
        store.lock("state mv")
        with pytest.raises(UsageError, match="knows nothing of coze-com"):
            store.move(Place("coze-com"), Place("coze-main"))
    with pytest.raises(UsageError, match="there is none yet"):
        StateStore(filled.with_name("none.db")).foresee_move(Place("a"), Place("b"))


def test_a_name_that_is_known_by_its_history_alone_takes_both(path: Path) -> None:
    with StateStore(path, lambda: 1000.0) as store:
        store.lock("apply")
        there = [image(number, target="coze-main") for number in range(2)]
        run(store, plan_of([captioned(there[0], "old"), captioned(there[1], "old")]))
        store.forget(there)
        run(store, plan_of([captioned(image(0), "a"), captioned(image(5), "a")], released=[]))

        moved = store.move(Place("coze-cn"), Place("coze-main"))

        assert moved == Moved(1, 0, (HERE,))
        assert [len(store.load_report(one.run_id).rows) for one in store.list_runs()] == [2, 2]
        assert [one.fields[0].desired for one in store.show(Item("coze-main", *image(0)[1:])).fates] == ["a", "old"]
        assert "coze-cn" not in store.last_send_s()
    assert is_sound(path)


def test_intents_of_a_killed_run_move_along(path: Path) -> None:
    with StateStore(path) as store:
        store.lock("apply")
        journal = store.begin_run(plan_of([captioned(image(1), "a")]))
        asyncio.run(journal.intend(Intent(0, 1, 1.0)))
    with StateStore(path) as store:
        store.lock("state mv")
        assert store.move(Place("coze-cn"), Place("coze-main")) == Moved(1, 1, (HERE,))

    with StateStore(path).known() as known:
        assert known.doubts() == {image(1, target="coze-main"): frozenset({"coze.image.caption"})}
    assert "coze-main" in StateStore(path).last_send_s()
