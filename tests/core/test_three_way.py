"""The three-way comparison: DESIGN's table line by line, and random worlds against a little model of it."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.diff import Comparison
from kbsync.core.fields import REMOVED, MetaValue, UpdateRule, Value, family
from kbsync.core.findings import Absent
from kbsync.core.items import Item
from kbsync.core.live import Place, ReadItems, ReadList, Refresh
from kbsync.core.manifest import Desired
from kbsync.core.plan import UNSET, FieldChange, Recognised
from kbsync.core.policies import ConflictPolicy, DriftPolicy, Policies, Policy
from kbsync.core.state import Hazard
from kbsync.core.wire import Live
from tests.core.worlds import HERE, OPERATIONS, MemoryKnown, document, image, record, wish

READ_AT_S = 1000.0
CAPTION = "coze.image.caption"


def lists(live: Mapping[Item, Live], places: Iterable[Place] = ()) -> dict[Place, ReadList]:
    found: dict[Place, dict[str, Live]] = {place: {} for place in places}
    for item, told in live.items():
        found.setdefault(item[:3], {})[item.id] = told
    return {place: ReadList(items, READ_AT_S) for place, items in found.items()}


def compare(
    known: MemoryKnown,
    live: Mapping[Item, Live],
    *desired: Desired,
    policies: Policies | None = None,
    quarantine_s: float = 60,
) -> Comparison:
    targets = {} if policies is None else dict.fromkeys(OPERATIONS, policies)
    refresh = Refresh(lists(live, [one.item[:3] for one in desired]), targets, quarantine_s)
    comparison = Comparison(known, OPERATIONS, refresh)
    for one in desired:
        comparison.add(one)
    return comparison


def caption(known: str | None, live: str | None, desired: str, policies: Policies | None = None) -> Comparison:
    """Compare one caption; None is a value that nobody knows, or an item that the list tells no caption of."""
    told = Live({}, frozenset({"caption"})) if live is None else Live({"caption": live})
    state = MemoryKnown({} if known is None else {image(1): {"caption": known}})
    return compare(state, {image(1): told}, wish(image(1), caption=desired), policies=policies)


def summary(comparison: Comparison) -> tuple[list[str], list[str], list[str], int]:
    """Return the reasons of changes, why others are conflicts or skipped, and how many items are in sync."""
    return (
        [change.reason for change in comparison.changes],
        [skip.why for skip in comparison.conflicts],
        [skip.why for skip in comparison.skipped],
        comparison.in_sync,
    )


# ---------------------------------------------------------------------------------------------------------- the table
@pytest.mark.parametrize(
    ("known", "live", "desired", "reason"),
    [
        (None, "b", "x", "new"),
        (None, None, "x", "new"),
        ("a", "a", "x", "changed"),
        ("a", None, "x", "changed"),
        ("a", "b", "a", "drifted"),
    ],
)
def test_what_is_not_live_as_desired_is_sent(known: str | None, live: str | None, desired: str, reason: str) -> None:
    comparison = caption(known, live, desired)

    assert summary(comparison) == ([reason], [], [], 0)
    assert comparison.changes[0].fields == (FieldChange("caption", known, desired, live),)


@pytest.mark.parametrize("known", [None, "a"])
def test_what_is_live_as_desired_is_in_sync_and_becomes_known(known: str | None) -> None:
    comparison = caption(known, "x", "x")

    assert summary(comparison) == ([], [], [], 1)
    assert comparison.recognised == [Recognised(image(1), (FieldChange("caption", known, "x"),))]


@pytest.mark.parametrize("live", ["x", None])
def test_what_is_known_and_live_as_desired_needs_nothing(live: str | None) -> None:
    comparison = caption("x", live, "x")

    assert summary(comparison) == ([], [], [], 1)
    assert comparison.recognised == []


def test_what_live_and_manifest_both_changed_is_a_conflict_and_not_sent() -> None:
    comparison = caption("a", "b", "x")

    assert summary(comparison) == ([], ["conflict"], [], 0)
    assert comparison.conflicts[0].change.fields == (FieldChange("caption", "a", "x", "b"),)


def test_a_field_that_was_removed_has_drifted() -> None:
    wanted = MetaValue("string", "x")
    known = MemoryKnown({record(1): {"meta.a": wanted}})

    comparison = compare(known, {record(1): Live({"name": "n"})}, wish(record(1), meta__a=wanted))

    assert summary(comparison) == (["drifted"], [], [], 0)
    assert comparison.changes[0].fields == (FieldChange("meta.a", wanted, wanted, UNSET),)


def test_fields_that_the_list_does_not_tell_are_compared_as_if_nobody_had_asked() -> None:
    meta = MetaValue("string", "x")
    known = MemoryKnown({record(1): {"meta.a": meta, "name": "n"}})

    comparison = compare(
        known, {record(1): Live({"name": "n"}, frozenset({"meta"}))}, wish(record(1), meta__a=meta, name="n")
    )

    assert summary(comparison) == ([], [], [], 1)


# ------------------------------------------------------------------------------------------------------------ policies
@pytest.mark.parametrize(
    ("drift", "seen"),
    [
        ("revert", (["drifted"], [], [], 0)),
        ("keep", ([], [], ["drift_kept"], 0)),
        ("report", ([], ["drifted"], [], 0)),
    ],
)
def test_drift_is_set_back_or_kept_or_reported(drift: DriftPolicy, seen: object) -> None:
    assert summary(caption("a", "b", "a", Policies(drift=drift))) == seen


@pytest.mark.parametrize(
    ("conflict", "seen"),
    [
        ("fail", ([], ["conflict"], [], 0)),
        ("ours", (["conflict"], [], [], 0)),
        ("theirs", ([], [], ["theirs"], 0)),
    ],
)
def test_of_a_conflict_one_side_wins_or_neither(conflict: ConflictPolicy, seen: object) -> None:
    assert summary(caption("a", "b", "x", Policies(conflict=conflict))) == seen


def test_a_policy_of_one_field_stands_above_that_of_all_meta_fields_and_of_the_target() -> None:
    policies = Policies("revert", "fail", {"meta.*": Policy("keep"), "meta.a": Policy("report", "theirs")})

    assert [policies.of_drift(name) for name in ("name", "meta.b", "meta.a")] == ["revert", "keep", "report"]
    assert [policies.of_conflict(name) for name in ("name", "meta.b", "meta.a")] == ["fail", "fail", "theirs"]


def test_what_stays_as_it_is_does_not_travel_along_with_what_is_sent() -> None:
    known = MemoryKnown({document(1): {"name": "a", "update_rule": UpdateRule(0)}})
    live = {document(1): Live({"name": "b", "update_rule": UpdateRule(0)})}
    desired = wish(document(1), name="a", update_rule=UpdateRule(1, 24))

    comparison = compare(known, live, desired, policies=Policies(by_field={"name": Policy("keep")}))

    assert summary(comparison) == (["changed"], [], ["drift_kept"], 0)
    assert comparison.changes[0].desired == {"update_rule": UpdateRule(1, 24)}
    assert comparison.skipped[0].change.desired == {"name": "a"}


def test_an_item_in_conflict_is_not_sent_at_all() -> None:
    meta = MetaValue("int64", 1)
    known = MemoryKnown({record(1): {"name": "a", "meta.a": meta}})
    live = {record(1): Live({"name": "b", "meta.a": meta})}

    comparison = compare(known, live, wish(record(1), name="x", meta__a=MetaValue("int64", 2)))

    assert summary(comparison) == ([], ["conflict"], ["item_in_conflict"], 0)


@pytest.mark.parametrize("protect", [False, True])
def test_what_is_live_as_desired_becomes_known_though_nothing_of_its_item_is_sent(*, protect: bool) -> None:
    one, two = MetaValue("int64", 1), MetaValue("int64", 2)
    known = MemoryKnown({record(1): {"name": "a"}})
    live = {record(1): Live({"name": "b", "meta.a": one, "meta.b": one})}
    desired = wish(record(1), name="x", meta__a=one, meta__b=two)._replace(protect=protect)

    comparison = compare(known, live, desired)

    assert comparison.changes == []
    assert comparison.recognised == [Recognised(record(1), (FieldChange("meta.a", None, one),))]


@pytest.mark.parametrize("protect", [False, True])
def test_what_is_in_doubt_does_not_become_known_with_what_is_not_sent(*, protect: bool) -> None:
    one, two = MetaValue("int64", 1), MetaValue("int64", 2)
    known = MemoryKnown({record(1): {"name": "a"}}, {record(1): frozenset({"volcengine.document.meta"})})
    live = {record(1): Live({"name": "b", "meta.a": one, "meta.b": one})}
    desired = wish(record(1), name="x", meta__a=one, meta__b=two)._replace(protect=protect)

    comparison = compare(known, live, desired)

    assert (comparison.changes, comparison.recognised) == ([], [])


def test_other_items_go_on_beside_a_conflict() -> None:
    known = MemoryKnown({image(1): {"caption": "a"}, image(2): {"caption": "a"}})
    live = {image(1): Live({"caption": "b"}), image(2): Live({"caption": "a"})}

    comparison = compare(known, live, wish(image(1), caption="x"), wish(image(2), caption="x"))

    assert [change.item for change in comparison.changes] == [image(2)]


def test_a_protected_item_is_neither_sent_nor_in_conflict() -> None:
    known = MemoryKnown({image(1): {"caption": "a"}})

    comparison = compare(known, {image(1): Live({"caption": "b"})}, wish(image(1), caption="x")._replace(protect=True))

    assert summary(comparison) == ([], [], ["protected"], 0)


# -------------------------------------------------------------------------------------------------- absent and pending
@pytest.mark.parametrize("known", [None, "x", "a"])
def test_an_item_that_is_not_on_the_list_is_neither_in_sync_nor_sent(known: str | None) -> None:
    state = MemoryKnown({} if known is None else {image(1): {"caption": known}})

    comparison = compare(state, {}, wish(image(1), caption="x"))

    assert summary(comparison) == ([], [], ["absent"], 0)
    assert comparison.skipped[0].outcome == "failed"


def test_an_item_that_is_being_processed_is_left_for_the_next_run() -> None:
    comparison = compare(
        MemoryKnown({image(1): {"caption": "a"}}),
        {image(1): Live({"caption": "b"}, pending=True)},
        wish(image(1), caption="x"),
    )

    assert summary(comparison) == ([], [], ["pending"], 0)
    assert comparison.skipped[0].outcome == "not_attempted"


def test_what_is_right_while_it_is_being_processed_is_in_sync_and_not_yet_known() -> None:
    comparison = compare(MemoryKnown(), {image(1): Live({"caption": "x"}, pending=True)}, wish(image(1), caption="x"))

    assert summary(comparison) == ([], [], [], 1)
    assert comparison.recognised == []


# ------------------------------------------------------------------------------------------------------------ in doubt
def doubtful(live: str, desired: str, *sent: str, last_s: float, quarantine_s: float = 60) -> Comparison:
    about = (image(1), CAPTION)
    known = MemoryKnown(
        {image(1): {"caption": "a"}},
        {image(1): frozenset({CAPTION})},
        hazards={about: Hazard(tuple({"caption": text} for text in sent), last_s, len(sent))},
    )
    return compare(
        known, {image(1): Live({"caption": live})}, wish(image(1), caption=desired), quarantine_s=quarantine_s
    )


@pytest.mark.parametrize(("live", "desired"), [("b", "x"), ("a", "x"), ("x", "a")])
def test_an_item_in_doubt_that_is_not_live_as_desired_is_sent(live: str, desired: str) -> None:
    assert summary(doubtful(live, desired, "x", last_s=0)) == (["in_doubt"], [], [], 0)


def test_a_doubt_ends_when_what_was_sent_is_what_is_desired_and_live() -> None:
    comparison = doubtful("x", "x", "x", last_s=READ_AT_S - 1)

    assert summary(comparison) == ([], [], [], 1)
    assert comparison.recognised == [Recognised(image(1), (FieldChange("caption", "a", "x"),), (CAPTION,))]


def test_a_doubt_about_another_value_ends_after_the_quarantine_only() -> None:
    assert summary(doubtful("a", "a", "x", last_s=READ_AT_S - 59))[0] == ["in_doubt"]
    assert summary(doubtful("a", "a", "x", last_s=READ_AT_S - 60))[0] == []


def test_a_list_says_nothing_of_an_attempt_that_came_after_it() -> None:
    assert summary(doubtful("x", "x", "x", last_s=READ_AT_S, quarantine_s=0))[0] == ["in_doubt"]


# ------------------------------------------------------------------------------------------------------- random worlds
def table(known: Value | None, live: Value | None, desired: Value) -> str:
    """Return what DESIGN's table says, with the default policies, of a field that was read: None is not set."""
    if live == desired:
        return "in sync"
    if known is None:
        return "new"
    if live == known:
        return "changed"
    return "drifted" if known == desired else "conflict"


_World = dict[Item, dict[str, Value]]
# Few values, so that known, live and desired often meet.
_texts = st.sampled_from("ab")
_rules = st.sampled_from([UpdateRule(0), UpdateRule(1, 24)])
_metas = st.sampled_from([MetaValue("int64", 1), MetaValue("bool", value=True)])


def _some(**values: st.SearchStrategy[Value]) -> st.SearchStrategy[dict[str, Value]]:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return st.fixed_dictionaries({}, optional=named).filter(bool)


def _worlds(metas: st.SearchStrategy[Value]) -> st.SearchStrategy[_World]:
    return st.fixed_dictionaries(
        {},
        optional={
            image(1): _some(caption=_texts),
            document(1): _some(name=_texts, update_rule=_rules),
            record(1): _some(name=_texts, meta__a=metas, meta__b=metas),
        },
    )


_live = _worlds(_metas)
# That a meta field is not set can be wanted, and be known.
_said = _worlds(_metas | st.just(REMOVED))


def planned(known: _World, live: _World, desired: _World) -> Comparison:
    return compare(
        MemoryKnown(known),
        {item: Live(fields) for item, fields in live.items()},
        *(Desired(item, fields, HERE) for item, fields in desired.items()),
    )


def everywhere(live: _World, desired: _World) -> _World:
    """Return *live* with every desired item in it, for what does not exist cannot be changed."""
    return {**{item: {} for item in desired}, **live}


def unset(name: str) -> Value | None:
    """Return what a field is that a list tells not to be set."""
    return REMOVED if family(name) == "meta" else None


@given(_said, _live, _said)
def test_each_field_becomes_what_the_table_says(known: _World, live: _World, desired: _World) -> None:
    comparison = planned(known, everywhere(live, desired), desired)

    sent = {(one.item, one.operation): one for one in comparison.changes}
    stuck = {(skip.change.item, skip.change.operation): skip for skip in comparison.conflicts}
    held = {(skip.change.item, skip.change.operation): skip for skip in comparison.skipped}
    for item, fields in desired.items():
        words: dict[str, dict[str, str]] = {}
        for operation in OPERATIONS[item.target]:
            group = {
                name: table(known.get(item, {}).get(name), live.get(item, {}).get(name, unset(name)), value)
                for name, value in fields.items()
                if family(name) in operation.families and operation.kind == item.kind
            }
            if set(group.values()) - {"in sync"}:
                words[operation.name] = group
        in_conflict = any("conflict" in group.values() for group in words.values())
        for name, group in words.items():
            if "conflict" in group.values():
                assert stuck.pop((item, name)).why == "conflict"
            elif in_conflict:
                assert held.pop((item, name)).why == "item_in_conflict"
            else:
                told = set(group.values()) - {"in sync"}
                change = sent.pop((item, name))
                assert change.reason == next(word for word in ("drifted", "changed", "new") if word in told)
                assert {one.field for one in change.fields if one.differs} == {
                    field for field, word in group.items() if word != "in sync"
                }
    assert (sent, stuck, held) == ({}, {}, {})


def without_removed(fields: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in fields.items() if value != REMOVED}


def applied(comparison: Comparison, known: _World, live: _World) -> tuple[_World, _World]:
    """Return what is known and live after *comparison* was applied and all went well."""
    after_known = {item: dict(fields) for item, fields in known.items()}
    after_live = {item: dict(fields) for item, fields in live.items()}
    for change in comparison.changes:
        after_known.setdefault(change.item, {}).update(change.desired)
        after_live[change.item].update(change.desired)
    after_live = {item: without_removed(fields) for item, fields in after_live.items()}
    for found in comparison.recognised:
        after_known.setdefault(found.item, {}).update({one.field: one.desired for one in found.fields})
    for left in comparison.unmanaged:
        for field in left.fields:
            del after_known[left.item][field]
    for item in comparison.released():
        after_known.pop(item, None)
    return after_known, after_live


@given(_said, _live, _said)
def test_after_an_apply_nothing_is_left_but_the_conflicts(known: _World, live: _World, desired: _World) -> None:
    first = planned(known, everywhere(live, desired), desired)
    known_after, live_after = applied(first, known, everywhere(live, desired))

    second = planned(known_after, live_after, desired)

    assert (second.changes, second.recognised, second.unmanaged) == ([], [], [])
    assert [skip.change.item for skip in second.conflicts] == [skip.change.item for skip in first.conflicts]
    in_conflict = {skip.change.item for skip in first.conflicts}
    for item, fields in desired.items():
        if item not in in_conflict:
            assert {name: live_after[item].get(name, unset(name)) for name in fields} == fields
            assert known_after[item] == fields


@given(_said, _live, _said)
def test_without_a_read_nothing_depends_on_what_is_live(known: _World, live: _World, desired: _World) -> None:
    plain, unread = (
        Comparison(MemoryKnown(known), OPERATIONS, refresh)
        for refresh in (None, Refresh(lists({Item("coze", "9", "image", "1"): Live({})})))
    )
    for item, fields in desired.items():
        plain.add(Desired(item, fields, HERE))
        unread.add(Desired(item, fields, HERE))

    assert (plain.changes, plain.in_sync) == (unread.changes, unread.in_sync)
    assert (unread.conflicts, unread.recognised) == ([], [])


@given(_said, _live, _said)
def test_of_chosen_items_the_others_are_compared_as_if_nobody_had_asked(
    known: _World, live: _World, desired: _World
) -> None:
    asked = sorted(desired)[::2]
    seen: dict[Place, dict[str, Live | Absent]] = {}
    for item in asked:
        seen.setdefault(item[:3], {})[item.id] = Live(live[item]) if item in live else Absent()
    chosen = Refresh({place: ReadItems(some, READ_AT_S) for place, some in seen.items()})
    whole = Refresh(lists({item: Live(fields) for item, fields in live.items()}, seen))

    for item, fields in desired.items():
        told, expected = (
            Comparison(MemoryKnown(known), OPERATIONS, refresh)
            for refresh in (chosen, whole if item in asked else None)
        )
        told.add(Desired(item, fields, HERE))
        expected.add(Desired(item, fields, HERE))
        assert summary(told) == summary(expected)
        assert (told.changes, told.skipped) == (expected.changes, expected.skipped)
        assert (told.conflicts, told.recognised) == (expected.conflicts, expected.recognised)


@given(_live, _said)
def test_adoption_of_what_is_live_as_desired_sends_nothing(live: _World, known: _World) -> None:
    comparison = planned(known, live, live)

    assert (comparison.changes, comparison.conflicts, comparison.skipped) == ([], [], [])
    assert comparison.in_sync == len(live)
    assert applied(comparison, known, live)[0] == live
