"""What an entry becomes elsewhere, by the dialects and operations of the providers there are."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from kbsync.core.carrying import Carrier, Loss, held_by, kind_there, written_live
from kbsync.core.fields import MetaValue, UpdateRule
from kbsync.core.lint import switched
from kbsync.core.wire import Live
from kbsync.providers import ALL_RULES, PROVIDERS

IDS = {"coze": "7", "volcengine": "doc_7"}


def carrier(
    provider: str, kind: str, allow: Collection[str] = (), levels: dict[str, Any] | None = None, **settings: Any
) -> Carrier:
    one = PROVIDERS[provider]
    made = one.settings.model_construct(**settings)
    held = held_by(one.operations(made), kind)
    there = one.dialect(made).kinds[kind]
    return Carrier(replace(there, model=object), there, held, switched(ALL_RULES, levels or {}), frozenset(allow))


def carried(provider: str, kind: str, keys: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[Loss]]:
    """Return the fields and options of the entry that *keys* become, and the losses."""
    found = carrier(provider, kind, **more).carry(IDS[provider], keys)
    if found.entry is None:
        return {}, list(found.losses)
    assert found.entry.id == IDS[provider]
    options = {
        "protect": found.entry.protect,
        "ignore": tuple(found.entry.ignore),
        "allow_empty": getattr(found.entry, "allow_empty"),  # noqa: B009  # it is no part of the protocol
    }
    return {**found.entry.fields(), **{name: value for name, value in options.items() if value}}, list(found.losses)


# -------------------------------------------------------------------------------------------------------- what is held
@pytest.mark.parametrize(
    ("provider", "kind", "held"),
    [
        ("coze", "image", {"caption"}),
        ("coze", "document", {"name", "update_rule"}),
        ("volcengine", "document", {"name", "meta"}),
        ("volcengine", "image", set()),
    ],
)
def test_a_kind_holds_what_its_operations_write(provider: str, kind: str, held: set[str]) -> None:
    one = PROVIDERS[provider]

    assert held_by(one.operations(one.settings.model_construct()), kind) == held


@pytest.mark.parametrize(
    ("kind", "kinds", "there"),
    [
        ("image", ["image", "document"], "image"),
        ("document", ["image", "document"], "document"),
        ("image", ["document"], "document"),
        ("video", ["image", "document"], None),
        ("video", [], None),
    ],
)
def test_a_kind_goes_to_its_like_or_to_the_only_one(kind: str, kinds: list[str], there: str | None) -> None:
    assert kind_there(kind, kinds) == there


# ------------------------------------------------------------------------------------------------------------- carried
def test_what_has_a_place_is_carried_over() -> None:
    rule = {"update_type": 1, "update_interval": 24}

    assert carried("coze", "image", {"caption": "小猫"}) == ({"caption": "小猫"}, [])
    assert carried("coze", "document", {"name": "a", "update_rule": rule}) == (
        {"name": "a", "update_rule": UpdateRule(1, 24)},
        [],
    )
    assert carried("volcengine", "document", {"name": "a", "meta": {"行业": "教育", "n": 5}}) == (
        {"name": "a", "meta.行业": MetaValue("string", "教育"), "meta.n": MetaValue("int64", 5)},
        [],
    )


def test_what_has_no_place_is_told_field_by_field() -> None:
    rule = {"update_type": 0}

    assert carried("volcengine", "document", {"name": "a", "update_rule": rule}) == (
        {"name": "a"},
        [Loss("update_rule", "no_place")],
    )
    assert carried("coze", "document", {"name": "a", "meta": {"x": 1, "y": 2}}) == (
        {"name": "a"},
        [Loss("meta.x", "no_place"), Loss("meta.y", "no_place")],
    )


def test_an_entry_of_which_nothing_has_a_place_is_none_and_its_item_usable() -> None:
    found = carrier("volcengine", "document").carry("doc_7", {"caption": "小猫", "protect": True})

    assert (found.entry, found.losses, found.usable) == (None, (Loss("caption", "no_place"),), True)


@pytest.mark.parametrize(
    ("keys", "field", "rule"),
    [
        ({"name": "a" * 257}, "name", "document-name-length"),
        ({"name": ""}, "name", "empty-value"),
        ({"name": "a\r"}, "name", "control-character"),
        ({"meta": {"x": "a" * 257}}, "meta.x", "meta-value-length"),
        ({"meta": {"x": list(range(33))}}, "meta.x", "meta-list-length"),
        ({"meta": {"doc_id": "a"}}, "meta.doc_id", "meta-field-name"),
        ({"meta": {"x": {"type": "geo_point", "value": "200,1"}}}, "meta.x", "bad-value"),
    ],
)
def test_what_the_destination_refuses_is_told_and_the_rest_is_carried_over(
    keys: dict[str, Any], field: str, rule: str
) -> None:
    other = {"meta": {**keys.get("meta", {}), "other": True}}

    fields, losses = carried("volcengine", "document", {**keys, **other})

    assert fields == {"meta.other": MetaValue("bool", value=True)}
    assert [(loss.field, loss.reason, loss.rule) for loss in losses] == [(field, "refused", rule)]
    assert losses[0].message


def test_several_refusals_of_an_entry_are_all_told() -> None:
    keys = {"name": "a" * 257, "meta": {"x": "a" * 257, "": "b", "y": "c"}}

    fields, losses = carried("volcengine", "document", keys)

    assert fields == {"meta.y": MetaValue("string", "c")}
    assert {(loss.field, loss.rule) for loss in losses} == {
        ("name", "document-name-length"),
        ("meta.x", "meta-value-length"),
        ("meta.", "meta-field-name"),
    }


def test_settings_of_the_destination_count() -> None:
    fields, losses = carried("volcengine", "document", {"meta": {"行业": "a", "x": "b"}}, strict_field_names=True)

    assert fields == {"meta.x": MetaValue("string", "b")}
    assert [(loss.field, loss.rule) for loss in losses] == [("meta.行业", "strict-field-name")]


def test_a_rule_that_is_lifted_refuses_nothing() -> None:
    keys = {"update_rule": {"update_type": 1, "update_interval": 1}}

    assert carried("coze", "document", keys)[1][0].rule == "update-interval"
    assert carried("coze", "document", keys, allow=["update-interval"]) == ({"update_rule": UpdateRule(1, 1)}, [])


def test_a_lint_warns_refuses_or_says_nothing_as_it_is_switched() -> None:
    keys = {"name": "a" * 101}

    fields, losses = carried("coze", "document", keys)
    assert fields == keys
    assert [(loss.field, loss.reason, loss.rule) for loss in losses] == [("name", "doubtful", "long-name")]

    fields, losses = carried("coze", "document", keys, levels={"long-name": "error"})
    assert fields == {}
    assert [(loss.reason, loss.rule) for loss in losses] == [("refused", "long-name")]

    assert carried("coze", "document", keys, levels={"long-name": "off"}) == (keys, [])


def test_what_is_doubtful_where_it_comes_from_is_no_news() -> None:
    document = PROVIDERS["coze"].dialect(PROVIDERS["coze"].settings.model_construct()).kinds["document"]
    same = Carrier(document, document, frozenset({"name"}), ALL_RULES, frozenset())

    assert same.carry("7", {"name": "a" * 101}).losses == ()


@pytest.mark.parametrize("keys", [{"name": "a"}, {"caption": "a"}, {}])
def test_an_item_that_no_manifest_could_name_is_not_usable(keys: dict[str, Any]) -> None:
    found = carrier("volcengine", "document").carry("年报 1/2", keys)

    assert (found.entry, found.usable) == (None, False)
    assert [(loss.field, loss.reason, loss.rule) for loss in found.losses] == [("", "refused", "bad-id")]


# ------------------------------------------------------------------------------------------------------------- options
def test_options_come_along_where_they_mean_something() -> None:
    keys = {"name": "", "allow_empty": True, "protect": True, "ignore": ["name", "update_rule"]}
    rule = {"update_rule": {"update_type": 0}}

    fields, losses = carried("volcengine", "document", {**keys, **rule, "meta": {"x": "y"}})

    assert fields == {
        "meta.x": MetaValue("string", "y"),
        "protect": True,
        "ignore": ("name",),
        "allow_empty": True,
    }
    assert losses == [Loss("update_rule", "no_place")]


def test_leave_to_be_empty_means_nothing_without_a_text() -> None:
    keys = {"caption": "", "allow_empty": True, "meta": {"x": "y"}}

    fields, _ = carried("volcengine", "document", keys)

    assert fields == {"meta.x": MetaValue("string", "y")}


# --------------------------------------------------------------------------------------------------------- live values
def test_live_values_are_written_as_a_manifest_has_them() -> None:
    live = Live({"name": "a", "update_rule": UpdateRule(1, 24), "meta.x": MetaValue("float32", 1.0)})

    keys, losses = written_live(live, frozenset({"name", "update_rule", "meta"}))

    assert losses == []
    assert keys == {
        "name": "a",
        "update_rule": {"update_type": 1, "update_interval": 24},
        "meta": {"x": {"type": "float32", "value": 1.0}},
    }


def test_what_a_list_does_not_tell_or_shows_empty_is_not_declared() -> None:
    live = Live({"caption": ""}, frozenset({"meta.b", "meta", "other"}))

    assert written_live(live, frozenset({"caption", "meta"})) == (
        {},
        [Loss("meta", "untold"), Loss("meta.b", "untold"), Loss("caption", "empty")],
    )
