"""What is going on when the kill comes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.workshop import Workshop
from tests.stories.world import World, items_of, made_world, place_of

__all__ = ("SCENARIOS", "Scenario")

_FLAKY: Final = (
    {"kind": "http_500", "item": "*[38]", "nth": 1},
    {"kind": "disconnect_after", "item": "*[69]", "nth": 1, "writes_only": True},
)


@dataclass(frozen=True)
class Scenario:
    """A run of *arguments* under *rules* that ends with *code* when nobody kills it. *prepare* comes before it."""

    prepare: Callable[[Path, str], Workshop]
    arguments: Sequence[str]
    code: int
    rules: Sequence[Mapping[str, object]] = _FLAKY


def _nothing_yet(folder: Path, target: str) -> Workshop:
    """There is no state, and there are three items to bring over."""
    return Workshop.made(folder, target, _world(target, 3))


def _in_the_middle(folder: Path, target: str) -> Workshop:
    """A saved plan with changes, one in doubt, one stale, one item to release; a report of the run before is there."""
    world = _world(target, 5)
    shop = Workshop.made(folder, target, world)
    assert shop.run("apply", "--yes", "--report", "report.json") == 0, shop.err

    doubtful, moved = world.lines[0], world.lines[1]
    edited = World(world.before, world.lines[:4]).edited(4, "neu")
    shop = shop.declare(World(world.before, [edited.lines[0], *world.lines[1:]]))
    assert shop.run("apply", "--yes", fatal="before a write is answered #1") == -9, shop.err

    shop = shop.declare(edited)
    assert shop.run("plan", "--out", "saved.plan", "--allow", "change-percent") == 0, shop.err
    other = World(world.before, [moved]).edited(1, "anders").lines[0]
    assert place_of(doubtful) != place_of(moved)
    shop.declare(World(world.before, [other]))
    assert shop.run("apply", "--yes", "manifests") == 0, shop.err
    return shop.declare(edited)


def _world(target: str, count: int) -> World:
    """Take items of every kind of change that *target* has."""
    made = made_world(40)
    lines = items_of(made, target)[2 : 2 + count]
    return World({place_of(line): made.before[place_of(line)] for line in lines}, lines)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "first": Scenario(_nothing_yet, ("apply", "--yes", "--report", "report.json"), 0),
    "middle": Scenario(
        _in_the_middle,
        (
            *("apply", "--yes", "--plan", "saved.plan", "--report", "report.json"),
            *("--allow", "change-percent", "--reason", "a test"),
        ),
        5,
    ),
}
