"""Known values as entries of a manifest: what can be declared, and what cannot."""

import pytest

from kbsync.adapters.manifests import Declarer
from kbsync.core.fields import Fields, MetaValue, UpdateRule, Value
from kbsync.core.items import Item, Source
from kbsync.providers import ALL_RULES
from kbsync.providers.coze.manifest import DIALECT
from kbsync.providers.volcengine.manifest import dialect

HERE = Source("a.yaml", 1, 1)
IMAGE = Item("coze", "1", "image", "7")
PAGE = Item("coze", "1", "document", "7")
RECORD = Item("volc", "default/faq", "document", "d7")


@pytest.fixture
def declarer() -> Declarer:
    return Declarer({"coze": DIALECT, "volc": dialect(strict_field_names=False)}, ALL_RULES)


@pytest.mark.parametrize(
    ("item", "fields", "keys"),
    [
        (IMAGE, {"caption": "小猫"}, {"caption": "小猫"}),
        (IMAGE, {"caption": ""}, {"caption": "", "allow_empty": True}),
        (PAGE, {"name": "a", "update_rule": UpdateRule(0)}, {"name": "a", "update_rule": {"update_type": 0}}),
        (
            RECORD,
            {"meta.a": MetaValue("string", ""), "name": "n"},
            {"name": "n", "meta": {"a": MetaValue("string", "")}},
        ),
        (RECORD, {"meta.b": MetaValue("list<int64>", ())}, {"meta": {"b": MetaValue("list<int64>", ())}}),
    ],
)
def test_fields_become_the_keys_of_an_entry(
    declarer: Declarer, item: Item, fields: Fields, keys: dict[str, object]
) -> None:
    declared, undeclarable = declarer.declare(item, fields, HERE)

    assert declared is not None
    assert (declared.item, declared.keys, declared.source) == (item, {"id": item.id, **keys}, HERE)
    assert (undeclarable, declarer.broken) == ([], set())


@pytest.mark.parametrize(
    ("item", "field", "value"),
    [
        (IMAGE, "caption", "a\rb"),
        (IMAGE, "caption", f"pat_{'a' * 24}"),
        (PAGE, "update_rule", UpdateRule(1, None)),
        (RECORD, "meta.doc_id", MetaValue("string", "x")),
    ],
)
def test_what_no_manifest_may_say_is_named_and_the_rest_declared(
    declarer: Declarer, item: Item, field: str, value: Value
) -> None:
    assert declarer.declare(item, {field: value}, HERE) == (None, [field])
    if item is not IMAGE:
        declared, undeclarable = declarer.declare(item, {field: value, "name": "n"}, HERE)
        assert declared is not None
        assert (declared.keys, undeclarable) == ({"id": item.id, "name": "n"}, [field])


def test_a_rule_that_can_be_lifted_is_collected(declarer: Declarer) -> None:
    declared, _ = declarer.declare(PAGE, {"update_rule": UpdateRule(1, 2)}, HERE)

    assert declared is not None
    assert declarer.broken == {"update-interval"}


def test_what_is_of_no_target_cannot_be_declared(declarer: Declarer) -> None:
    assert declarer.declare(IMAGE._replace(target="gone"), {"caption": "a"}, HERE) == (None, ["caption"])
    assert declarer.declare(RECORD._replace(kind="image"), {"caption": "a"}, HERE) == (None, ["caption"])
