import pytest

from kbsync.core.guards import Blast, tripped
from kbsync.core.settings import GuardSettings

CONTAINER = ("coze", "1")


def blast(**facts: object) -> Blast:
    plain: dict[str, object] = {
        "items": 100,
        "changes": 0,
        "last_items": 100,
        "whole": True,
        "known": {CONTAINER: 100},
        "touched": {},
        "emptied": {},
    }
    return Blast(**{**plain, **facts})  # type: ignore[arg-type]


def names(one: Blast, settings: GuardSettings | None = None) -> list[str]:
    return [result.guard for result in tripped(one, settings or GuardSettings(), ())]


def test_thirty_percent_of_the_known_items_may_change_and_no_more() -> None:
    assert names(blast(touched={CONTAINER: 30})) == []
    assert names(blast(touched={CONTAINER: 31})) == ["change-percent"]


def test_a_percentage_is_exact_in_a_large_container() -> None:
    assert names(blast(known={CONTAINER: 10_000}, touched={CONTAINER: 3_000})) == []
    assert names(blast(known={CONTAINER: 10_000}, touched={CONTAINER: 3_001})) == ["change-percent"]


def test_under_ten_known_items_no_percentage_is_meant() -> None:
    assert names(blast(known={CONTAINER: 9}, touched={CONTAINER: 9})) == []
    assert names(blast(known={CONTAINER: 10}, touched={CONTAINER: 10})) == ["change-percent"]


def test_of_a_container_of_which_nothing_is_known_there_is_no_percentage() -> None:
    assert names(blast(known={}, touched={CONTAINER: 3}), GuardSettings(min_known_items=1)) == []
    assert names(blast(known={CONTAINER: 1}, touched={CONTAINER: 1}), GuardSettings(min_known_items=1)) == [
        "change-percent"
    ]


def test_small_containers_count_together() -> None:
    containers = {("coze", str(number)): 5 for number in range(4)}

    assert names(blast(known=containers, touched=containers)) == ["change-percent"]


def test_two_small_containers_count_together_and_one_counts_once() -> None:
    two = {("coze", "1"): 5, ("coze", "2"): 5}

    assert names(blast(known=two, touched=two)) == ["change-percent"]
    assert names(blast(touched={CONTAINER: 100})) == ["change-percent"]


def test_a_tenth_of_the_known_items_may_be_emptied_and_no_more() -> None:
    assert names(blast(touched={CONTAINER: 11}, emptied={CONTAINER: 10})) == []
    assert names(blast(touched={CONTAINER: 11}, emptied={CONTAINER: 11})) == ["empty-percent"]


def test_a_manifest_under_half_of_the_last_one_is_refused() -> None:
    assert names(blast(items=50)) == []
    assert names(blast(items=49)) == ["shrink"]


def test_an_empty_manifest_is_refused() -> None:
    assert names(blast(items=0, last_items=0)) == ["empty-manifest"]


def test_a_part_of_the_manifest_says_nothing_about_its_size() -> None:
    assert names(blast(items=0, whole=False)) == []


def test_max_changes_counts_changes() -> None:
    assert names(blast(changes=5), GuardSettings(max_changes=5)) == []
    assert names(blast(changes=6), GuardSettings(max_changes=5)) == ["max-changes"]


def test_a_lifted_guard_is_still_listed() -> None:
    (result,) = tripped(blast(items=0), GuardSettings(), {"empty-manifest"})

    assert (result.guard, result.lifted) == ("empty-manifest", True)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"items": 0}, "the manifest holds no item"),
        (
            {"items": 1_000, "last_items": 20_000},
            "the manifest holds 1,000 items; at the last apply it held 20,000",
        ),
        (
            {"known": {CONTAINER: 3_000}, "touched": {CONTAINER: 1_001}},
            "1,001 of 3,000 known items of coze/1 change (33.4 %, limit 30 %)",
        ),
        (
            {"known": {CONTAINER: 3_000}, "emptied": {CONTAINER: 301}},
            "301 of 3,000 known items of coze/1 are emptied (10.0 %, limit 10 %)",
        ),
        (
            {"known": {CONTAINER: 9, ("coze", "2"): 9}, "touched": {CONTAINER: 9}},
            "9 of 18 known items of all containers change (50.0 %, limit 30 %)",
        ),
        ({"changes": 5_001}, "5,001 changes; at most 5,000 are allowed"),
    ],
)
def test_a_guard_says_how_much_it_found_and_how_much_may_be(facts: dict[str, object], message: str) -> None:
    (result,) = tripped(blast(**facts), GuardSettings(max_changes=5_000), ())

    assert result.message == message
