from dataclasses import replace

import pytest

from kbsync.core.fields import Fields
from kbsync.core.holds import Hold, holds_of
from kbsync.core.items import Item
from kbsync.core.plan import Change, FieldChange, ReadPlace
from kbsync.core.state import Hazard
from tests.fakes import change

NOW_S = 1_000_000.0
CHANGE = change(7, value="new")
KEY = (CHANGE.item, CHANGE.operation)
DOUBTFUL = replace(CHANGE, reason="in_doubt", fields=(FieldChange("caption", "base", "new"),))


def hazards(*fields: Fields, last_s: float = NOW_S - 10, attempts: int = 1) -> dict[tuple[Item, str], Hazard]:
    return {KEY: Hazard(fields, last_s, attempts)}


def test_another_value_is_held_until_the_quarantine_is_over() -> None:
    found = holds_of([change(1), CHANGE], hazards({"caption": "old"}), 60, NOW_S)

    assert {seq: hold.until_s for seq, hold in found.items()} == {1: NOW_S + 50}


def test_the_same_value_is_never_held() -> None:
    assert holds_of([CHANGE], hazards({"caption": "new"}), 60, NOW_S) == {}


@pytest.mark.parametrize(("at_s", "held"), [(NOW_S - 10, 1), (NOW_S - 9, 0)])
def test_a_list_that_was_read_after_the_attempt_and_shows_its_value_ends_the_wait(at_s: float, held: int) -> None:
    shown = replace(DOUBTFUL, fields=(FieldChange("caption", "base", "new", "old"),))
    read = [ReadPlace(*CHANGE.item[:3], 1, at_s)]

    assert len(holds_of([shown], hazards({"caption": "old"}), 60, NOW_S, read)) == held
    assert len(holds_of([DOUBTFUL], hazards({"caption": "old"}), 60, NOW_S, read)) == 1


def test_a_write_of_other_fields_is_another_value() -> None:
    assert holds_of([CHANGE], hazards({"caption": "new", "other": "x"}), 60, NOW_S)
    assert holds_of([CHANGE], hazards({}), 60, NOW_S)


def test_one_other_value_among_several_is_enough() -> None:
    assert holds_of([CHANGE], hazards({"caption": "new"}, {"caption": "old"}, attempts=2), 60, NOW_S)


def test_what_is_older_than_the_quarantine_holds_nothing() -> None:
    assert holds_of([CHANGE], hazards({"caption": "old"}, last_s=NOW_S - 60), 60, NOW_S) == {}


@pytest.mark.fault("F15", seen="a clock that was set back holds nothing for longer")
def test_a_clock_that_was_set_back_holds_nothing_for_longer() -> None:
    (hold,) = holds_of([CHANGE], hazards({"caption": "old"}, last_s=NOW_S + 9_999), 60, NOW_S).values()

    assert hold.until_s == NOW_S + 60


def only_hold(on: Change, found: dict[tuple[Item, str], Hazard]) -> Hold:
    (hold,) = holds_of([on], found, 60, NOW_S).values()
    return hold


@pytest.mark.parametrize(("live", "ended"), [("old", True), ("base", False), (None, False)])
def test_one_attempt_is_proven_by_its_value(live: str | None, ended: bool) -> None:  # noqa: FBT001
    hold = only_hold(DOUBTFUL, hazards({"caption": "old"}))

    assert hold.is_ended_by({} if live is None else {"caption": live}) == ended


def test_several_attempts_are_proven_by_nothing() -> None:
    assert not only_hold(DOUBTFUL, hazards({"caption": "old"}, attempts=2)).is_ended_by({"caption": "old"})


def test_a_value_that_something_else_has_confirmed_since_proves_nothing() -> None:
    changed = replace(DOUBTFUL, reason="changed")

    assert not only_hold(changed, hazards({"caption": "old"})).is_ended_by({"caption": "old"})


@pytest.mark.parametrize("known", [None, "old"])
def test_a_value_that_may_have_been_live_before_the_attempt_proves_nothing(known: str | None) -> None:
    doubtful = replace(DOUBTFUL, fields=(FieldChange("caption", known, "new"),))

    assert not only_hold(doubtful, hazards({"caption": "old"})).is_ended_by({"caption": "old"})
