"""The comparison of DESIGN's table, line by line, and its properties."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.diff import Comparison, settled
from kbsync.core.fields import Fields, MetaValue, UpdateRule, digest, family
from kbsync.core.items import Item
from kbsync.core.manifest import Desired
from kbsync.core.plan import FieldChange
from kbsync.core.wire import Operation
from tests.core.worlds import HERE, OPERATIONS, MemoryKnown, document, image, record, wish, worlds


def compare(known: MemoryKnown, *desired: Desired) -> Comparison:
    comparison = Comparison(known, OPERATIONS)
    for one in desired:
        comparison.add(one)
    return comparison


def reasons(comparison: Comparison) -> list[tuple[str, str]]:
    return [(change.operation, change.reason) for change in comparison.changes]


def test_what_was_never_known_is_new() -> None:
    comparison = compare(MemoryKnown(), wish(image(1), caption="cat"))

    assert reasons(comparison) == [("coze.image.caption", "new")]
    assert comparison.changes[0].fields == (FieldChange("caption", None, "cat"),)


def test_what_equals_the_known_value_is_in_sync() -> None:
    comparison = compare(MemoryKnown({image(1): {"caption": "cat"}}), wish(image(1), caption="cat"))

    assert (comparison.in_sync, comparison.changes) == (1, [])


def test_what_differs_from_the_known_value_is_changed() -> None:
    comparison = compare(MemoryKnown({image(1): {"caption": "cat"}}), wish(image(1), caption="dog"))

    assert reasons(comparison) == [("coze.image.caption", "changed")]
    assert comparison.changes[0].fields == (FieldChange("caption", "cat", "dog"),)


def test_an_item_in_doubt_is_sent_even_when_the_manifest_says_what_is_known() -> None:
    known = MemoryKnown({image(1): {"caption": "old"}}, {image(1): frozenset({"coze.image.caption"})})

    assert reasons(compare(known, wish(image(1), caption="old"))) == [("coze.image.caption", "in_doubt")]


def test_a_doubt_about_one_request_does_not_send_the_other() -> None:
    fields: Fields = {"name": "n", "meta.a": MetaValue("bool", value=True)}
    known = MemoryKnown({record(1): fields}, {record(1): frozenset({"volcengine.document.name"})})

    assert reasons(compare(known, Desired(record(1), fields, HERE))) == [("volcengine.document.name", "in_doubt")]


def test_a_field_the_manifest_does_not_mention_is_left_alone() -> None:
    known = MemoryKnown({document(1): {"name": "n", "update_rule": UpdateRule(0)}})

    comparison = compare(known, wish(document(1), name="n"))

    assert (comparison.in_sync, comparison.changes) == (1, [])


def test_a_field_that_left_the_manifest_is_listed_as_no_longer_managed() -> None:
    known = MemoryKnown({document(1): {"name": "n", "update_rule": UpdateRule(0)}})

    (left,) = compare(known, wish(document(1), name="n")).unmanaged

    assert (left.item, left.fields) == (document(1), ("update_rule",))


def test_fields_of_one_request_travel_together() -> None:
    rule = UpdateRule(1, 24)
    known = MemoryKnown({document(1): {"name": "a", "update_rule": rule}})

    (change,) = compare(known, wish(document(1), name="b", update_rule=rule)).changes

    assert change.fields == (FieldChange("name", "a", "b"), FieldChange("update_rule", rule, rule))


def test_fields_of_two_requests_are_two_changes() -> None:
    comparison = compare(MemoryKnown(), wish(record(1), name="n", meta__a=MetaValue("int64", 1)))

    assert [change.operation for change in comparison.changes] == [
        "volcengine.document.meta",
        "volcengine.document.name",
    ]


def test_a_newly_managed_field_of_a_known_item_is_new() -> None:
    known = MemoryKnown({document(1): {"name": "n"}})

    assert reasons(compare(known, wish(document(1), name="n", update_rule=UpdateRule(0)))) == [
        ("coze.document.update", "new")
    ]


def test_a_protected_item_is_listed_and_not_sent() -> None:
    comparison = compare(MemoryKnown(), wish(image(1), caption="cat")._replace(protect=True))

    assert comparison.changes == []
    assert [skipped.why for skipped in comparison.skipped] == ["protected"]


def test_an_ignored_field_stays_known_and_is_not_sent() -> None:
    known = MemoryKnown({document(1): {"name": "n", "update_rule": UpdateRule(0)}})

    comparison = compare(known, wish(document(1), name="n")._replace(ignored=frozenset({"update_rule"})))

    assert (comparison.in_sync, comparison.changes, comparison.unmanaged) == (1, [], [])


def test_true_is_not_one() -> None:
    known = MemoryKnown({record(1): {"meta.a": MetaValue("bool", value=True)}})

    assert reasons(compare(known, wish(record(1), meta__a=MetaValue("int64", 1)))) == [
        ("volcengine.document.meta", "changed")
    ]


def test_an_item_that_left_the_manifest_is_released() -> None:
    known = MemoryKnown({image(1): {"caption": "a"}, image(2): {"caption": "b"}})

    assert list(compare(known, wish(image(2), caption="b")).released()) == [image(1)]


def test_an_item_in_doubt_is_never_released() -> None:
    known = MemoryKnown({image(1): {"caption": "a"}}, {image(1): frozenset({"coze.image.caption"})})

    assert list(compare(known).released()) == []


def test_known_items_that_change_are_counted_once_for_the_guards() -> None:
    fields: Fields = {"name": "n", "meta.a": MetaValue("string", "x")}
    known = MemoryKnown({record(1): fields, image(1): {"caption": "a"}})

    comparison = compare(
        known,
        wish(record(1), name="m", meta__a=MetaValue("string", "y")),
        wish(image(1), caption=""),
        wish(image(2), caption="new"),
    )

    assert comparison.touched == {("volc", "default/faq"): 1, ("coze", "1"): 1}
    assert comparison.emptied == {("coze", "1"): 1}


def test_every_item_of_the_manifest_is_counted() -> None:
    known = MemoryKnown({image(1): {"caption": "a"}, image(2): {"caption": "b"}})

    comparison = compare(known, *(wish(image(number), caption="a") for number in (1, 2, 3)))

    assert (comparison.items, comparison.in_sync, len(comparison.changes)) == (3, 1, 2)


def test_a_field_that_was_never_known_is_not_emptied() -> None:
    known = MemoryKnown({record(1): {"name": "n"}})

    comparison = compare(known, wish(record(1), name="m", meta__a=MetaValue("string", "")))

    assert (comparison.touched.total(), comparison.emptied.total()) == (1, 0)


def test_what_an_interrupted_apply_left_of_an_item_is_no_change_of_something_known() -> None:
    known = MemoryKnown({record(1): {"name": "n"}})

    comparison = compare(known, wish(record(1), name="n", meta__a=MetaValue("string", "x")))

    assert (len(comparison.changes), comparison.touched.total()) == (1, 0)


def test_another_field_of_a_request_that_was_confirmed_is_a_change_of_something_known() -> None:
    known = MemoryKnown({record(1): {"meta.a": MetaValue("string", "x")}})

    comparison = compare(known, wish(record(1), meta__a=MetaValue("string", "x"), meta__b=MetaValue("string", "y")))

    assert (len(comparison.changes), comparison.touched.total()) == (1, 1)


def test_a_field_that_was_empty_before_is_not_emptied() -> None:
    known = MemoryKnown({document(1): {"name": "", "update_rule": UpdateRule(0)}})

    comparison = compare(known, wish(document(1), name="", update_rule=UpdateRule(1, 24)))

    assert (comparison.touched.total(), comparison.emptied.total()) == (1, 0)


def test_an_item_is_compared_for_the_requests_of_its_own_kind_alone() -> None:
    operations = {
        "coze": (
            Operation("image.name", "image", frozenset({"name"})),
            Operation("document.name", "document", frozenset({"name"})),
        )
    }
    comparison = Comparison(MemoryKnown(), operations)

    comparison.add(wish(image(1), name="a"))
    comparison.add(wish(document(1), name="b"))

    assert [change.operation for change in comparison.changes] == ["image.name", "document.name"]


def after(known: dict[Item, dict[str, object]], comparison: Comparison) -> dict[Item, dict[str, object]]:
    """Apply *comparison* to *known* as a run without failures would."""
    world = {item: dict(fields) for item, fields in known.items()}
    for change in comparison.changes:
        world.setdefault(change.item, {}).update(change.desired)
    for left in comparison.unmanaged:
        for field in left.fields:
            del world[left.item][field]
    for item in comparison.released():
        world.pop(item, None)
    return world


def every(desired: dict[Item, dict[str, object]]) -> Iterable[Desired]:
    return (Desired(item, fields, HERE) for item, fields in desired.items())  # type: ignore[arg-type]


@given(worlds, worlds)
def test_applying_leaves_nothing_to_plan(
    known: dict[Item, dict[str, object]], desired: dict[Item, dict[str, object]]
) -> None:
    first = compare(MemoryKnown(known), *every(desired))  # type: ignore[arg-type]
    applied = after(known, first)

    second = compare(MemoryKnown(applied), *every(desired))  # type: ignore[arg-type]

    assert applied == desired
    assert (second.changes, second.unmanaged, list(second.released())) == ([], [], [])
    assert second.in_sync == len(desired)


@given(worlds, worlds, st.randoms())
def test_the_order_of_the_manifest_does_not_matter(
    known: dict[Item, dict[str, object]], desired: dict[Item, dict[str, object]], random: object
) -> None:
    wishes = list(every(desired))
    one = compare(MemoryKnown(known), *wishes)  # type: ignore[arg-type]
    random.shuffle(wishes)  # type: ignore[attr-defined]
    other = compare(MemoryKnown(known), *wishes)  # type: ignore[arg-type]

    assert sorted(map(repr, one.changes)) == sorted(map(repr, other.changes))
    assert one.in_sync == other.in_sync


@given(worlds, worlds)
def test_a_change_sends_declared_fields_of_its_own_request_and_nothing_else(
    known: dict[Item, dict[str, object]], desired: dict[Item, dict[str, object]]
) -> None:
    comparison = compare(MemoryKnown(known), *every(desired))  # type: ignore[arg-type]

    for change in comparison.changes:
        (operation,) = (one for one in OPERATIONS[change.item.target] if one.name == change.operation)
        group = {name: value for name, value in desired[change.item].items() if family(name) in operation.families}
        assert change.desired == group


def test_an_item_in_doubt_is_not_settled_whatever_its_digest() -> None:
    fields: Fields = {"caption": "cat"}
    known = MemoryKnown({image(1): fields, image(2): fields}, {image(1): frozenset({"coze.image.caption"})})

    assert settled(known)(image(1)[:3], ["1", "2", "3"]) == [None, digest(fields), None]


def test_what_is_settled_at_once_and_what_was_added_is_not_released() -> None:
    known = MemoryKnown({image(number): {"caption": "cat"} for number in range(1, 5)})
    comparison = compare(known, wish(image(3), caption="dog"))
    comparison.settle(image(1)[:3], lambda: {"1", "2"}, 2)

    assert list(comparison.released()) == [image(4)]
    assert (comparison.items, comparison.in_sync) == (3, 2)
