import pytest

from kbsync.core.fields import Fields
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.touched import Touched

FIELDS: Fields = {"caption": "猫", "meta.a": "x"}
SOURCE = Source("a.yaml", 1, 1)
DESIRED = Desired(Item("t", "c", "image", "1"), FIELDS, SOURCE)


def test_an_item_that_was_not_declared_is_touched() -> None:
    assert Touched([]).holds(DESIRED)


@pytest.mark.parametrize(
    "now",
    [
        DESIRED._replace(fields={"caption": "狗", "meta.a": "x"}),
        DESIRED._replace(fields={"caption": "猫"}),
        DESIRED._replace(protect=True),
        DESIRED._replace(ignored=frozenset({"name"})),
        DESIRED._replace(item=Item("t", "c", "document", "1")),
        DESIRED._replace(item=Item("t", "other", "image", "1")),
    ],
)
def test_an_item_that_is_declared_otherwise_is_touched(now: Desired) -> None:
    assert Touched([DESIRED]).holds(now)


@pytest.mark.parametrize(
    "now",
    [
        DESIRED,
        DESIRED._replace(fields=dict(reversed(list(FIELDS.items())))),
        DESIRED._replace(source=Source("elsewhere.jsonl", 7, 1)),
    ],
)
def test_an_item_that_only_moved_is_not_touched(now: Desired) -> None:
    assert not Touched([DESIRED]).holds(now)


def test_what_an_unchanged_file_declares_is_not_touched() -> None:
    assert not Touched([], {"a.yaml"}).holds(DESIRED)
    assert Touched([], {"b.yaml"}).holds(DESIRED)
