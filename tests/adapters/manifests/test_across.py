"""What is found only when all items were seen."""

from collections import defaultdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kbsync.adapters.manifests.across import is_anything_twice
from kbsync.adapters.manifests.files import ManifestFile
from kbsync.adapters.manifests.rolls import OpenRoll, Place3, Roll

FILE = ManifestFile(Path("a.jsonl"), "a.jsonl", "jsonl")

ids = st.integers(1, 12).map(str)
several = st.one_of(st.lists(ids, unique=True).map(sorted), st.lists(ids, max_size=4))
pieces = st.lists(st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["image", "document"]), several), max_size=6)


def roll_of(place: Place3, items: list[str], *, in_target: bool) -> Roll:
    """Give the roll of *items*, whose ids are to be unique in their target or in their place."""
    roll = OpenRoll(place, place[:1] if in_target else place, captions=False)
    roll.extend(items, [(line, 1) for line in range(len(items))], [bytes(16)] * len(items), ())
    return roll.close()


@given(told=pieces, in_target=st.booleans())
def test_an_id_that_repeats_in_its_scope_is_noticed_wherever_it_stands(
    *, told: list[tuple[str, str, list[str]]], in_target: bool
) -> None:
    rolls = [roll_of(("a", container, kind), items, in_target=in_target) for container, kind, items in told]
    distinct: defaultdict[Place3, set[str]] = defaultdict(set)
    scopes: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for roll in rolls:
        distinct[roll.place].update(roll.all_ids())
        scopes[roll.scope] += roll.all_ids()

    found = is_anything_twice([(FILE, roll) for roll in rolls], lambda: distinct)

    assert found == any(len(set(items)) < len(items) for items in scopes.values())
