"""A plan is drawn up from a comparison: the same from any order of the manifest, with what a reviewer has to know."""

from itertools import permutations
from typing import Any

import pytest

from kbsync.core.diff import Comparison
from kbsync.core.fields import Fields, MetaValue, UpdateRule
from kbsync.core.manifest import Desired
from kbsync.core.plan import Base, Forecast, Plan, Summary
from kbsync.core.planning import Pace, draw_up
from kbsync.core.settings import GuardSettings
from tests.core.worlds import OPERATIONS, MemoryKnown, document, image, record, wish

BASE = Base("7b1f", 3, "0", {})
TEXT = MetaValue("string", "x")


def paces(**rates: float) -> dict[str, Pace]:
    return {
        target: Pace(rates.get(target, 10.0), {operation.name: operation for operation in table})
        for target, table in OPERATIONS.items()
    }


def drawn_up(known: MemoryKnown, *desired: Desired, whole: bool = True, **options: Any) -> Plan:
    comparison = Comparison(known, OPERATIONS)
    for one in desired:
        comparison.add(one)
    plain: dict[str, Any] = {"paces": paces(), "guards": GuardSettings(), "allowed": (), **options}
    return draw_up(comparison, known, base=BASE, whole=whole, **plain)


def test_changes_stand_in_the_order_of_item_and_operation_whatever_that_of_the_manifest() -> None:
    wishes = [wish(record(1), name="n", meta__a=TEXT), wish(image(2), caption="b"), wish(image(1), caption="a")]

    plans = [drawn_up(MemoryKnown(), *one) for one in permutations(wishes)]

    assert [(change.item, change.operation) for change in plans[0].changes] == [
        (image(1), "coze.image.caption"),
        (image(2), "coze.image.caption"),
        (record(1), "volcengine.document.meta"),
        (record(1), "volcengine.document.name"),
    ]
    assert all(plan == plans[0] for plan in plans)


def test_what_is_not_sent_is_sorted_too() -> None:
    rules: Fields = {"name": "n", "update_rule": UpdateRule(0)}
    known = MemoryKnown(
        {document(1): rules, document(2): rules, image(8): {"caption": "x"}, image(7): {"caption": "x"}}
    )
    protected = [wish(image(number), caption="a")._replace(protect=True) for number in (2, 1)]

    plan = drawn_up(known, *protected, wish(document(2), name="n"), wish(document(1), name="n"))

    assert [skip.change.item for skip in plan.skipped] == [image(1), image(2)]
    assert [left.item for left in plan.unmanaged] == [document(1), document(2)]
    assert plan.released == (image(7), image(8))


def test_a_part_of_the_manifest_releases_nothing() -> None:
    known = MemoryKnown({image(1): {"caption": "a"}, image(2): {"caption": "b"}})

    plan = drawn_up(known, wish(image(1), caption="a"), whole=False)

    assert (plan.released, plan.summary.released, plan.whole) == ((), 0, False)


def test_a_part_of_the_manifest_says_nothing_about_the_fields_that_it_does_not_mention() -> None:
    known = MemoryKnown({document(1): {"name": "n", "update_rule": UpdateRule(0)}})

    assert drawn_up(known, wish(document(1), name="n"), whole=False).unmanaged == ()
    assert len(drawn_up(known, wish(document(1), name="n")).unmanaged) == 1


def test_the_summary_counts_what_the_plan_lists() -> None:
    known = MemoryKnown({image(number): {"caption": "a"} for number in range(1, 5)})

    plan = drawn_up(
        known,
        wish(image(1), caption="a"),
        wish(image(2), caption="a"),
        wish(image(3), caption="b")._replace(protect=True),
        wish(record(1), name="n", meta__a=TEXT),
        wish(image(9), caption="new"),
    )

    assert plan.summary == Summary(items=5, in_sync=2, changes=3, released=1, conflicts=0, skipped=1)
    assert (plan.plan_id, plan.base, plan.whole) == ("", BASE, True)


@pytest.mark.parametrize(
    ("guard", "changed", "emptied", "last_items", "settings"),
    [
        ("change-percent", 4, 0, 10, GuardSettings()),
        ("empty-percent", 0, 2, 10, GuardSettings()),
        ("shrink", 0, 0, 21, GuardSettings()),
        ("max-changes", 2, 0, 10, GuardSettings(max_changes=1)),
    ],
)
def test_guards_see_the_comparison(
    guard: str, changed: int, emptied: int, last_items: int, settings: GuardSettings
) -> None:
    known = MemoryKnown({image(number): {"caption": "a"} for number in range(10)}, declared_items=last_items)
    captions = ["b"] * changed + [""] * emptied + ["a"] * (10 - changed - emptied)
    wishes = [wish(image(number), caption=caption) for number, caption in enumerate(captions)]

    refused = drawn_up(known, *wishes, guards=settings)
    lifted = drawn_up(known, *wishes, guards=settings, allowed={guard})

    assert [(result.guard, result.lifted) for result in refused.guards] == [(guard, False)]
    assert [(result.guard, result.lifted) for result in lifted.guards] == [(guard, True)]


def test_a_forecast_counts_one_request_for_each_change() -> None:
    plan = drawn_up(MemoryKnown(), *(wish(image(number), caption="a") for number in range(25)))

    assert plan.forecast == Forecast(25, 2.5)


def test_a_forecast_counts_the_bulk_reads_before_writes_that_replace_what_is_live() -> None:
    wishes = [wish(record(number), meta__a=TEXT) for number in range(101)]

    assert drawn_up(MemoryKnown(), *wishes).forecast == Forecast(101 + 3, 10.4)
    assert drawn_up(MemoryKnown(), *wishes, paces=paces(volc=100)).forecast == Forecast(101 + 2, 1.0)


def test_a_bulk_read_serves_one_container() -> None:
    elsewhere = record(2)._replace(container="default/other")

    plan = drawn_up(MemoryKnown(), wish(record(1), meta__a=TEXT), wish(elsewhere, meta__a=TEXT))

    assert plan.forecast.requests == 4


def test_a_forecast_takes_as_long_as_the_slowest_target() -> None:
    wishes = [wish(image(number), caption="a") for number in range(7)] + [wish(record(1), name="n")]

    assert drawn_up(MemoryKnown(), *wishes, paces=paces(coze=3, volc=1)).forecast == Forecast(8, 2.3)
    assert drawn_up(MemoryKnown(), *wishes, paces=paces(coze=3, volc=0.25)).forecast == Forecast(8, 4.0)


def test_nothing_to_do_takes_no_time() -> None:
    assert drawn_up(MemoryKnown()).forecast == Forecast(0, 0.0)
