"""What of a declared item is live."""

from kbsync.core.fields import MetaValue, UpdateRule
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.pulling import Pulled, pull
from kbsync.core.wire import Live

ITEM = Item("coze-cn", "1", "document", "5")
YEAR = MetaValue("int64", 2024)


def desired(**fields: str | UpdateRule | MetaValue) -> Desired:
    return Desired(ITEM, {name.replace("meta_", "meta."): value for name, value in fields.items()}, Source("m", 1, 1))


def test_what_is_declared_otherwise_changes_and_what_is_not_declared_does_not() -> None:
    live = Live({"name": "live", "update_rule": UpdateRule(0)})

    assert pull(desired(name="declared"), live) == Pulled({"name": "live"}, {"name": "live"}, (), ())
    assert pull(desired(name="live"), live) == Pulled({"name": "live"}, {}, (), ())


def test_what_is_not_set_is_not_what_is_not_told() -> None:
    declared = desired(meta_a=YEAR, meta_b=YEAR, name="n")

    assert pull(declared, Live({}, frozenset({"meta.b", "name"}))) == Pulled({}, {}, ("meta.a",), ("meta.b", "name"))
    assert pull(declared, Live({"name": "n"}, frozenset({"meta"}))).untold == ("meta.a", "meta.b")


def test_a_value_of_another_type_is_another_value() -> None:
    live = {"meta.a": MetaValue("float32", 2024.0)}

    assert pull(desired(meta_a=YEAR), Live(live)).changes == live
