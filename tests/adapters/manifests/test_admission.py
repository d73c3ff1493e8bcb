"""What is admitted reads back as it was, in every format; what is not, no manifest could say."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.adapters.manifests import Admission, Declared, DeclaredReader, ManifestFile, Spool, Writer, keys_saying
from kbsync.core.fields import META_TYPES, Fields, MetaValue, UpdateRule
from kbsync.core.items import Item, Source
from kbsync.core.rules import Rule
from kbsync.providers import ALL_RULES
from kbsync.providers.volcengine.values import MetaFault, checked_value
from tests.adapters.manifests.desks import TARGETS, TEXTS

IMAGE = Item("coze-cn", "1", "image", "5")
PAGE = Item("coze-cn", "1", "document", "5")
RECORD = Item("volc-bj", "default/faq", "document", "a-1")
RULES: Mapping[str, Rule] = ALL_RULES


def faults(item: Item, fields: Fields, allow: frozenset[str] = frozenset()) -> Mapping[str, str]:
    return Admission(TARGETS, RULES, allow).faults(item, keys_saying(item.id, fields), fields)


# ------------------------------------------------------------------------------------------------------------ any value
_ANY = st.one_of(TEXTS, st.text(st.characters(codec="utf-8"), max_size=300))
_INNER = st.one_of(
    _ANY, st.booleans(), st.integers(-(2**64), 2**64), st.floats(), st.lists(_ANY, max_size=40), st.lists(st.integers())
)


@st.composite
def _metas(draw: st.DrawFn) -> MetaValue | None:
    type_ = draw(st.sampled_from(META_TYPES))
    try:
        return MetaValue(type_, checked_value(type_, draw(_INNER)))
    except MetaFault:
        return None


@st.composite
def _live(draw: st.DrawFn) -> tuple[Item, Fields]:
    item = draw(st.sampled_from((IMAGE, PAGE, RECORD)))
    if item is IMAGE:
        return item, {"caption": draw(_ANY)}
    fields: dict[str, Any] = {"name": draw(_ANY)} if draw(st.booleans()) else {}
    if item is PAGE:
        if not fields or draw(st.booleans()):
            rules = st.builds(UpdateRule, st.sampled_from((1, 2)), st.integers(0, 2**31 - 1))
            fields["update_rule"] = draw(st.one_of(st.just(UpdateRule(0)), rules))
        return item, fields
    metas = draw(st.dictionaries(_ANY.filter(bool), _metas(), min_size=0 if fields else 1, max_size=4))
    return item, {**fields, **{f"meta.{name}": value for name, value in metas.items() if value is not None}}


@settings(max_examples=150, deadline=None)
@given(live=_live(), form=st.sampled_from(("yaml", "json", "jsonl", "csv")))
def test_what_is_admitted_reads_back_and_nothing_else_does(live: tuple[Item, Fields], form: str) -> None:
    item, fields = live
    if not fields:
        return
    admission = Admission(TARGETS, RULES, frozenset())
    keys = keys_saying(item.id, fields)
    wrong = admission.faults(item, keys, fields)
    assert wrong.keys() <= fields.keys()

    with tempfile.TemporaryDirectory() as folder, Spool() as spool:
        spool.add(Declared(item, admission.in_order(item, keys), Source("live", 1, 1)))
        writer, containers = Writer(TARGETS, spool), list(spool.containers.values())
        if list(writer.problems(form, containers)):
            return
        path = Path(folder, f"m.{form}")
        path.write_bytes(b"".join(writer.pieces(form, containers)))
        reader = DeclaredReader(TARGETS, RULES, frozenset())
        read = [desired.fields for desired, _ in reader.read_with_keys(ManifestFile(path, "m", form))]
        errors = [problem for problem in reader.problems if problem.severity == "error"]

    if wrong:
        assert errors or read != [fields]
    else:
        assert (errors, read) == ([], [fields])


# -------------------------------------------------------------------------------------------------------------- reasons
@pytest.mark.parametrize(
    ("item", "fields", "field", "why"),
    [
        (IMAGE, {"caption": "a\0"}, "caption", "the text holds the control character U+0000 [control-character]"),
        (IMAGE, {"caption": "x pat_" + 30 * "a"}, "caption", "this looks like a credential [secret-in-manifest]"),
        (PAGE, {"name": "a", "update_rule": UpdateRule(1, 1)}, "update_rule", "[update-interval]"),
        (PAGE, {"update_rule": UpdateRule(2, 24)}, "update_rule", "[bad-value]"),
        (RECORD, {"name": "n" * 257}, "name", "[document-name-length]"),
        (RECORD, {"name": "n", "meta.x": MetaValue("string", "y" * 257)}, "meta.x", "[meta-value-length]"),
        (RECORD, {"meta.doc_id": MetaValue("string", "y")}, "meta.doc_id", "[meta-field-name]"),
        (RECORD, {"meta.a.b": MetaValue("list<string>", ("a", "AKLT" + "a" * 20))}, "meta.a.b", "[secret-in-manifest]"),
        (RECORD._replace(id="a b"), {"name": "n"}, "", "[bad-id]"),
    ],
)
def test_the_field_that_cannot_be_said_is_named(item: Item, fields: Fields, field: str, why: str) -> None:
    (found,) = faults(item, fields).items()

    assert found[0] == field
    assert why in found[1]


def test_what_is_allowed_is_admitted() -> None:
    fields: Fields = {"update_rule": UpdateRule(1, 1)}

    assert faults(PAGE, fields, frozenset({"update-interval"})) == {}


def test_an_empty_name_is_admitted_as_that() -> None:
    assert keys_saying("5", {"name": ""}) == {"id": "5", "name": "", "allow_empty": True}
    assert faults(PAGE, {"name": ""}) == {}


def test_patience_does_not_end() -> None:
    admission = Admission(TARGETS, RULES, frozenset())
    fields: Fields = {"caption": "\0"}

    assert all(admission.faults(IMAGE, keys_saying("5", fields), fields) for _ in range(1100))
