"""Pairing: one with one, whatever the order, and never where something else could be meant."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.items import Item
from kbsync.core.matching import STRATEGIES, Candidate, Matching, Missing, Strategy, by_told, match

WAYS = [*STRATEGIES]


def here(id_: str, name: str | None = None, size: int | None = None, type_: str | None = None) -> Candidate:
    return Candidate(Item("a", "1", "document", id_), "document", name, size, type_)


def there(id_: str, name: str | None = None, size: int | None = None, type_: str | None = None) -> Candidate:
    return Candidate(Item("b", "2", "document", id_), "document", name, size, type_)


def by(*words: str, **told: str) -> list[Strategy]:
    """Return what these words stand for, `map` for what is *told*, the id there by the id here."""
    mapped = by_told("csv:map.csv", {("", one): other for one, other in told.items()})
    return [strategy for word in words for strategy in ((mapped,) if word == "map" else STRATEGIES[word])]


def ids(found: Matching) -> set[tuple[str, str, str]]:
    return {(pair.here.item.id, pair.there.item.id, pair.by) for pair in found.pairs}


# ------------------------------------------------------------------------------------------------------------- by name
def test_two_that_alone_have_a_name_are_a_pair() -> None:
    found = match([here("1", "a"), here("2", "b")], [there("7", "b"), there("8", "a")], by("name"))

    assert ids(found) == {("1", "8", "name"), ("2", "7", "name")}
    assert (found.ambiguous, found.missing, found.left_over, found.unpaired) == ((), (), (), 0)


def test_pairs_are_in_the_order_of_those_here() -> None:
    found = match([here("2", "b"), here("1", "a")], [there("8", "a"), there("7", "b")], by("name"))

    assert [pair.here.item.id for pair in found.pairs] == ["2", "1"]


@pytest.mark.parametrize(("ours", "theirs"), [(2, 1), (1, 2), (2, 2), (3, 2)])
def test_several_of_one_name_are_ambiguous_and_none_is_paired(ours: int, theirs: int) -> None:
    left, right = [here(str(n), "a") for n in range(ours)], [there(str(n), "a") for n in range(theirs)]

    found = match(left, right, by("name"))

    assert (found.pairs, found.missing, found.left_over) == ((), (), ())
    assert [(group.by, group.here, group.there) for group in found.ambiguous] == [("name", tuple(left), tuple(right))]
    assert found.unpaired == ours


def test_what_has_no_like_is_missing_or_left_over() -> None:
    found = match([here("1", "a"), here("2")], [there("7", "b")], by("name"))

    assert found.missing == (Missing(here("1", "a"), "absent"), Missing(here("2"), "nameless"))
    assert found.left_over == (there("7", "b"),)


@pytest.mark.parametrize("name", [None, "", " "])
@pytest.mark.parametrize("way", ["name", "normalised-name"])
def test_what_has_no_name_is_like_nothing(way: str, name: str | None) -> None:
    assert match([here("1", name)], [there("7", name)], by(way)).pairs == ()


def test_items_of_different_kinds_are_never_a_pair() -> None:
    image = Candidate(Item("b", "2", "image", "7"), "image", "a")

    assert match([here("1", "a")], [image], by("name")).pairs == ()


# ---------------------------------------------------------------------------------------------------- normalised names
def test_a_name_without_an_ending_is_that_of_the_one_file_that_is_called_so() -> None:
    found = match([here("1", "Report")], [there("7", "report.pdf")], by("normalised-name"))

    assert ids(found) == {("1", "7", "normalised-name")}


def test_other_endings_are_other_files() -> None:
    assert match([here("1", "a.docx")], [there("7", "a.pdf")], by("normalised-name")).pairs == ()


def test_a_name_without_an_ending_may_be_that_of_two_files() -> None:
    found = match([here("1", "a")], [there("7", "a.pdf"), there("8", "a.docx")], by("normalised-name"))

    assert found.pairs == ()
    assert [one.item.id for one in found.ambiguous[0].there] == ["7", "8"]


def test_the_same_ending_is_more_than_none() -> None:
    found = match([here("1", "a"), here("2", "A.pdf")], [there("7", "a.pdf")], by("normalised-name"))

    assert ids(found) == {("2", "7", "normalised-name")}


def test_exact_names_come_first_when_they_are_named_first() -> None:
    left, right = [here("1", "a"), here("2", "A")], [there("7", "A"), there("8", "a")]

    assert match(left, right, by("normalised-name")).pairs == ()
    assert ids(match(left, right, by("name", "normalised-name"))) == {("1", "8", "name"), ("2", "7", "name")}


def test_what_was_ambiguous_before_a_strategy_and_is_after_it_is_so_by_the_first() -> None:
    left, right = [here("1", "a"), here("2", "a")], [there("7", "a")]

    assert [group.by for group in match(left, right, by("name", "normalised-name")).ambiguous] == ["name"]


# ------------------------------------------------------------------------------------------------------- size and type
def test_two_that_alone_have_a_size_and_a_type_are_a_pair() -> None:
    left = [here("1", None, 5, "JPEG"), here("2", None, 5, "png"), here("3", None, None, "png"), here("4", None, 5)]
    right = [there("7", None, 5, "jpg"), there("8", None, 6, "png"), there("9", None, 5, "")]

    found = match(left, right, by("size-and-type"))

    assert ids(found) == {("1", "7", "size-and-type")}
    assert [missing.why for missing in found.missing] == ["absent", "nameless", "nameless"]


def test_a_further_strategy_chooses_among_the_ambiguous() -> None:
    left = [here("1", "a", 5, "pdf"), here("2", "a", 6, "pdf")]
    right = [there("7", "a", 6, "pdf"), there("8", "a", 5, "pdf")]

    assert ids(match(left, right, by("name", "size-and-type"))) == {
        ("1", "8", "size-and-type"),
        ("2", "7", "size-and-type"),
    }


def test_what_is_ambiguous_is_paired_with_nothing_else() -> None:
    left = [here("1", "a", 5, "pdf"), here("2", "a", 6, "pdf")]
    right = [there("7", "a", 7, "pdf"), there("8", "a", 8, "pdf"), there("9", "z", 5, "pdf")]

    found = match(left, right, by("name", "size-and-type"))

    assert found.pairs == ()
    assert found.left_over == (right[2],)


def test_what_evidence_speaks_against_is_no_pair_because_nothing_else_is_left() -> None:
    left = [here("1", "a", 5, "pdf"), here("2", "a", 6, "pdf")]
    right = [there("7", "a", 5, "pdf"), there("8", "a", 8, "pdf")]

    found = match(left, right, by("name", "size-and-type"))

    assert ids(found) == {("1", "7", "size-and-type")}
    assert [(group.by, group.here, group.there) for group in found.ambiguous] == [("name", (left[1],), (right[1],))]


def test_what_is_taken_is_told() -> None:
    left = [here("1", "a", 5, "pdf"), here("2", "a", 6, "pdf")]

    found = match(left, [there("7", "a", 5, "pdf")], by("name", "size-and-type"))

    assert found.missing == (Missing(left[1], "taken"),)


# ----------------------------------------------------------------------------------------------------------- by a map
def test_what_is_told_is_a_pair_whatever_it_is_called() -> None:
    found = match([here("1", "a"), here("2", "b")], [there("7", "b"), there("8", "x")], by("map", "name", **{"1": "8"}))

    assert ids(found) == {("1", "8", "csv:map.csv"), ("2", "7", "name")}


def test_what_is_told_settles_what_is_ambiguous() -> None:
    left, right = [here("1", "a"), here("2", "a")], [there("7", "a"), there("8", "a")]

    found = match(left, right, by("map", "name", **{"1": "8"}))

    assert ids(found) == {("1", "8", "csv:map.csv"), ("2", "7", "name")}
    assert ids(match(left, right, by("name", "map", **{"1": "8"}))) == {("1", "8", "csv:map.csv")}


def test_whoever_is_told_about_in_vain_is_paired_with_nothing_else() -> None:
    found = match(
        [here("1", "a"), here("2", "b")], [there("7", "a"), there("8", "b")], by("map", "name", **{"1": "99", "5": "8"})
    )

    assert found.pairs == ()
    assert found.missing == (Missing(here("1", "a"), "told"), Missing(here("2", "b"), "absent"))
    assert {one.item.id for one in found.left_over} == {"7", "8"}


def test_a_row_for_a_kind_stands_above_one_for_any() -> None:
    strategy = by_told("m", {("document", "1"): "7", ("", "1"): "8", ("image", "1"): "9"})

    assert ids(match([here("1")], [there("7"), there("8"), there("9")], [strategy])) == {("1", "7", "m")}


def test_a_map_that_was_written_pairs_the_same_again() -> None:
    left, right = [here("1", "a"), here("2", "B")], [there("7", "b"), there("8", "a")]
    first = match(left, right, by("name", "normalised-name"))
    told = {pair.here.item.id: pair.there.item.id for pair in first.pairs}

    again = match(left, right, by("map", **told))

    assert {one[:2] for one in ids(again)} == {one[:2] for one in ids(first)}


# ---------------------------------------------------------------------------------------------------------- properties
names = st.sampled_from([None, "", "a", "A", "a.pdf", "A.pdf", "a.docx", "b", "b.pdf", "c"])
sizes = st.sampled_from([None, 1, 2, 3])
types = st.sampled_from([None, "pdf", "PDF", "jpg"])


def sides() -> st.SearchStrategy[tuple[list[Candidate], list[Candidate]]]:
    def side(target: str) -> st.SearchStrategy[list[Candidate]]:
        def made(shapes: Sequence[tuple[str, str | None, int | None, str | None]]) -> list[Candidate]:
            return [Candidate(Item(target, "c", one[0], str(n)), *one) for n, one in enumerate(shapes)]

        kinds = st.sampled_from(["document", "document", "image"])
        return st.lists(st.tuples(kinds, names, sizes, types), max_size=7).map(made)

    return st.tuples(side("a"), side("b"))


told_maps = st.dictionaries(st.sampled_from("012345"), st.sampled_from("0123459"), max_size=3).filter(
    lambda told: len(set(told.values())) == len(told)
)
ways = st.lists(st.sampled_from([*WAYS, "map"]), min_size=1, max_size=4, unique=True)


def whole(found: Matching) -> tuple[set[object], set[object], set[object], set[object]]:
    """Return *found* without any order."""
    return (
        set(found.pairs),
        {(group.by, frozenset(group.here), frozenset(group.there)) for group in found.ambiguous},
        set(found.missing),
        set(found.left_over),
    )


@given(sides(), ways, told_maps)
def test_everything_is_told_once(
    both: tuple[list[Candidate], list[Candidate]], words: list[str], told: dict[str, str]
) -> None:
    ours, theirs = both

    found = match(ours, theirs, by(*words, **told))

    told_here = [
        *(pair.here for pair in found.pairs),
        *(one for group in found.ambiguous for one in group.here),
        *(missing.here for missing in found.missing),
    ]
    told_there = [
        *(pair.there for pair in found.pairs),
        *(one for group in found.ambiguous for one in group.there),
        *found.left_over,
    ]
    assert sorted(told_here) == sorted(ours)
    assert sorted(told_there) == sorted(theirs)
    assert all(group.here and group.there for group in found.ambiguous)
    assert found.unpaired == len(ours) - len(found.pairs)


@given(sides(), ways, told_maps, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_says_nothing(
    both: tuple[list[Candidate], list[Candidate]], words: list[str], told: dict[str, str], random: Random
) -> None:
    ours, theirs = both
    shuffled = match(random.sample(ours, len(ours)), random.sample(theirs, len(theirs)), by(*words, **told))

    assert whole(shuffled) == whole(match(ours, theirs, by(*words, **told)))


def turned(strategy: Strategy) -> Strategy:
    """Return *strategy* for the other direction."""
    return replace(
        strategy,
        here=strategy.there,
        there=strategy.here,
        agree=lambda one, other: strategy.agree(other, one),
    )


@given(sides(), ways, told_maps)
def test_the_other_way_round_the_same_are_pairs(
    both: tuple[list[Candidate], list[Candidate]], words: list[str], told: dict[str, str]
) -> None:
    ours, theirs = both
    back = [turned(one) for one in by(*words, **told)]

    forth, back_again = match(ours, theirs, by(*words, **told)), match(theirs, ours, back)

    assert {(pair.here, pair.there, pair.by) for pair in forth.pairs} == {
        (pair.there, pair.here, pair.by) for pair in back_again.pairs
    }
    assert {(group.by, frozenset(group.here), frozenset(group.there)) for group in forth.ambiguous} == {
        (group.by, frozenset(group.there), frozenset(group.here)) for group in back_again.ambiguous
    }


@given(sides(), st.lists(st.sampled_from(WAYS), min_size=1, max_size=3, unique=True))
def test_two_are_a_pair_only_if_nothing_that_was_left_could_take_the_place_of_either(
    both: tuple[list[Candidate], list[Candidate]], words: list[str]
) -> None:
    ours, theirs = both
    strategies = by(*words)

    for number, strategy in enumerate(strategies):
        before, after = match(ours, theirs, strategies[:number]), match(ours, theirs, strategies[: number + 1])
        closed = {one.item for pair in before.pairs for one in pair[:2]}
        for pair in set(after.pairs) - set(before.pairs):
            rivals = [
                (one, other)
                for one, other in product(ours, theirs)
                if strategy.here(one) == strategy.there(other) == strategy.here(pair.here)
                and one.kind == other.kind == pair.here.kind
                and not closed & {one.item, other.item}
                and not set_apart(before, pair.here, one, other)
            ]
            assert rivals == [(pair.here, pair.there)]


def set_apart(before: Matching, of: Candidate, *others: Candidate) -> bool:
    """Tell whether earlier strategies know that *others* are not like the candidate *of*."""
    group = next((group for group in before.ambiguous if of in group.here), None)
    if group is not None:
        return not {*others} <= {*group.here, *group.there}
    return any(one in side for one in others for group in before.ambiguous for side in group[1:])


@given(sides())
def test_the_same_items_twice_are_paired_unless_two_are_called_alike(
    both: tuple[list[Candidate], list[Candidate]],
) -> None:
    ours, _ = both
    theirs = [one._replace(item=one.item._replace(target="b")) for one in ours]

    found = match(ours, theirs, by("name"))

    names_of = [(one.kind, one.name) for one in ours]
    alone = {one.item.id for one in ours if one.name and names_of.count((one.kind, one.name)) == 1}
    assert {(pair.here.item.id, pair.there.item.id) for pair in found.pairs} == {(id_, id_) for id_ in alone}


@pytest.mark.parametrize("words", [*permutations(WAYS, 2)], ids=" ".join)
def test_a_further_strategy_never_takes_a_pair_back(words: tuple[str, str]) -> None:
    @given(sides())
    def holds(both: tuple[list[Candidate], list[Candidate]]) -> None:
        assert ids(match(*both, by(words[0]))) <= ids(match(*both, by(*words)))

    holds()
