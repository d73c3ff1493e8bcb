from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import MetaValue
from kbsync.core.plan import Change, FieldChange
from kbsync.views.plan_groups import Touched, grouped
from tests.views.worlds import TAGGED, caption, changes, department

drawn = st.one_of(
    st.lists(changes, max_size=20),
    st.lists(
        st.builds(department, st.integers(0, 99), st.sampled_from("ab"), st.sampled_from("cd")),
        max_size=60,
    ),
)


@given(drawn, st.integers(0, 15))
def test_every_change_is_in_one_group(some: list[Change], limit: int) -> None:
    ordered = sorted(some, key=lambda change: (change.item, change.operation))
    groups = grouped(ordered, limit)

    assert sum(group.total for group in groups) == len(some)
    assert len(groups) <= max(limit, len({(change.reason, change.operation) for change in some}))
    assert [group.total for group in groups] == sorted(group.total for group in groups)
    for group in groups:
        assert len(group.examples) == min(group.total, 3)
        assert 1 <= group.variants <= group.total


@given(drawn)
def test_a_group_of_equal_changes_holds_equal_changes(some: list[Change]) -> None:
    counted = Counter(
        (change.reason, change.operation, tuple(field for field in change.fields if field.differs)) for change in some
    )

    for group in grouped(some, 1_000):
        if group.variants == 1:
            first = group.examples[0]
            key = (first.reason, first.operation, tuple(field for field in first.fields if field.differs))
            assert counted[key] == group.total


def test_equal_changes_are_one_group_and_a_rare_one_comes_first() -> None:
    groups = grouped([*map(department, range(7_900)), department(8_000, desired="Poeple")], 10)

    assert [(group.total, group.variants) for group in groups] == [(1, 1), (7_900, 1)]
    assert groups[0].examples == (department(8_000, desired="Poeple"),)
    assert groups[1].examples == (department(0), department(3_950), department(7_899))


def test_a_value_that_is_sent_along_makes_no_difference() -> None:
    other = FieldChange("meta.year", MetaValue("int64", 1), MetaValue("int64", 1))
    along = [replace(department(n), fields=(department(n).fields[0], other)) for n in range(10, 20)]

    assert [group.total for group in grouped([*map(department, range(10)), *along], 10)] == [20]


def test_changes_that_empty_a_field_stand_apart_whatever_they_empty() -> None:
    groups = grouped(
        [
            *(caption(n, f"cat {n}", f"dog {n}") for n in range(90)),
            *(caption(n, f"cat {n}", "") for n in range(90, 95)),
        ],
        10,
    )

    assert [(group.total, group.variants, group.touched[0].effect) for group in groups] == [
        (5, 5, "emptied"),
        (90, 90, "changed"),
    ]


def test_of_different_changes_the_one_that_loses_most_is_shown_first() -> None:
    some = [caption(n, f"a picture of cat {n}", f"a photo of cat {n}") for n in range(1_000)]
    some[500] = caption(500, "a long description, made with care", "TBD")

    (group,) = grouped(some, 10)

    assert group.examples == (some[500], some[0], some[999])


def test_changes_of_several_fields_in_many_combinations_are_told_field_by_field() -> None:
    def filed(number: int) -> Change:
        department_ = FieldChange("meta.department", None, MetaValue("string", "Poeple" if number == 333 else "People"))
        year = FieldChange("meta.year", None, MetaValue("int64", 2000 + number % 10))
        return replace(TAGGED, fields=(department_, year), item=TAGGED.item._replace(id=f"{number:05}"))

    some = list(map(filed, range(1_000)))
    (group,) = grouped(some, 12)

    assert group.variants == 11
    assert group.touched == (
        Touched("meta.department", "new", 2, some[0].fields[0], 999),
        Touched("meta.year", "new", 10, some[0].fields[1], 100),
    )
    assert group.examples[0] == some[333]


def test_when_there_are_too_many_kinds_those_of_one_operation_go_together() -> None:
    def touching(number: int) -> Change:
        field = FieldChange(f"meta.f{number}", MetaValue("int64", 1), MetaValue("int64", 2))
        return replace(TAGGED, fields=(field,), item=TAGGED.item._replace(id=f"{number:05}"))

    (group,) = grouped(list(map(touching, range(300))), 12)

    assert (group.total, group.variants, len(group.touched)) == (300, 300, 300)
