"""Random worlds of three ways through the whole program, against a provider on a socket that replaces meta or merges.

What is to be said, sent and left of each is in `three_way/table.py`, which owes nothing to the product.
"""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.three_way.claims import check_again, check_apply, check_plan, check_undo
from tests.cli.three_way.worlds import World, made_world

T = TypeVar("T")
_few = settings(max_examples=40)


@st.composite
def _worlds(draw: st.DrawFn) -> World:
    def choose(options: Sequence[T], /) -> T:
        return draw(st.sampled_from(options))

    return made_world(choose)


@_few
@given(_worlds())
def test_a_plan_says_of_every_request_what_the_table_says(world: World) -> None:
    check_plan(world)


@_few
@given(_worlds())
def test_an_apply_makes_live_what_is_declared_and_leaves_everything_else(world: World) -> None:
    check_apply(world)


@_few
@given(_worlds())
def test_an_apply_after_an_apply_sends_only_removals_that_are_not_done(world: World) -> None:
    check_again(world)


@_few
@given(_worlds())
def test_an_undo_restores_what_the_run_changed_but_nothing_that_changed_since(world: World) -> None:
    check_undo(world)
