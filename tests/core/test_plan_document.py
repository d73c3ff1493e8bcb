import hashlib
import json
import pickle
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kbsync.core.items import Source
from kbsync.core.plan import Plan
from kbsync.core.plan_document import plan_from_json, plan_lines, plan_to_json, seal, source_to_plain
from kbsync.errors import InputError
from kbsync.views.schemas import PLAN_SCHEMA
from tests.views.worlds import EXAMPLE, REFRESHED, a_plan, caption, plans

DOCUMENT = plan_to_json(EXAMPLE)
SCHEMA = Draft202012Validator(PLAN_SCHEMA)


def problem(data: bytes, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        plan_from_json(data, "plan.json", **options)
    (line,) = caught.value.problems
    assert line.startswith("plan.json:")
    assert line.endswith(" [bad-plan]")
    return line


def resealed(change: Any) -> bytes:
    """Return the example's document after *change*, with the plan_id of what it holds then."""
    document = json.loads(DOCUMENT)
    change(document)
    del document["plan_id"]
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return json.dumps({**document, "plan_id": hashlib.sha256(canonical).hexdigest()}).encode()


@given(plans())
def test_a_plan_is_read_as_it_was_written(plan: Plan) -> None:
    assert plan_from_json(plan_to_json(plan)) == plan


@given(plans())
def test_every_plan_matches_the_published_schema(plan: Plan) -> None:
    SCHEMA.validate(json.loads(plan_to_json(plan)))


def test_a_plan_that_nothing_was_read_for_says_nothing_of_what_is_live() -> None:
    plain = json.loads(DOCUMENT)

    assert "recognised" not in plain
    assert "read" not in plain["base"]
    assert not any("live" in field for change in plain["changes"] for field in change["fields"])


def test_a_live_value_that_is_not_set_is_null_and_one_that_was_not_read_is_left_out() -> None:
    fields = [change["fields"][0] for change in json.loads(plan_to_json(REFRESHED))["changes"]]

    assert fields[0] == {"field": "caption", "known": "小猫", "live": "小狗", "desired": "小猫"}
    assert fields[3] == {"field": "meta.是否公开", "live": None, "desired": {"type": "bool", "value": True}}


def test_a_plan_is_written_change_by_change() -> None:
    """Writing ten times as many changes takes no more memory at a time."""
    peaks = []
    for size in (300, 3_000):
        plan = a_plan(tuple(map(caption, range(size))))
        tracemalloc.start()
        total = sum(map(len, plan_lines(plan)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert total > 200 * size
    assert peaks[1] < peaks[0] * 2


def test_the_schema_itself_is_sound() -> None:
    Draft202012Validator.check_schema(PLAN_SCHEMA)


def test_plan_id_is_what_anybody_can_compute() -> None:
    document = json.loads(DOCUMENT)
    plan_id = document.pop("plan_id")

    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    assert plan_id == hashlib.sha256(canonical).hexdigest() == EXAMPLE.plan_id


def test_sealing_twice_changes_nothing() -> None:
    assert seal(EXAMPLE) == EXAMPLE
    assert seal(replace(EXAMPLE, plan_id="x")) == EXAMPLE


def test_each_change_stands_on_a_line_of_its_own() -> None:
    lines = DOCUMENT.decode().splitlines()

    assert sum('"operation"' in line for line in lines) == len(EXAMPLE.changes) + len(EXAMPLE.skipped)
    assert max(line.count('"operation"') for line in lines) == 1


def test_no_key_stands_twice() -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    json.loads(DOCUMENT, object_pairs_hook=unique)


def test_a_file_name_of_no_known_encoding_is_written_as_escapes() -> None:
    assert source_to_plain(Source("a\udcff.yaml", 3, 7)) == {"file": "a\\udcff.yaml", "line": 3, "column": 7}


def test_white_space_has_no_meaning() -> None:
    assert plan_from_json(json.dumps(json.loads(DOCUMENT), indent=4).encode()) == EXAMPLE


def test_a_field_that_was_never_known_has_no_such_key() -> None:
    (field,) = [
        field
        for change in json.loads(DOCUMENT)["changes"]
        for field in change["fields"]
        if field["field"] == "meta.是否公开"
    ]

    assert field == {"field": "meta.是否公开", "desired": {"type": "bool", "value": True}}


@given(st.integers(0, len(DOCUMENT) - 3))
def test_a_plan_cut_short_anywhere_is_refused(length: int) -> None:
    problem(DOCUMENT[:length])


@given(st.integers(0, len(DOCUMENT) - 2), st.integers(0, 255))
def test_a_changed_byte_never_changes_the_plan(position: int, value: int) -> None:
    changed = DOCUMENT[:position] + bytes([value]) + DOCUMENT[position + 1 :]

    try:
        assert plan_from_json(changed) == EXAMPLE
    except InputError:
        assert changed != DOCUMENT


@given(st.binary(max_size=200))
def test_any_bytes_are_a_plan_or_refused(data: bytes) -> None:
    problem(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutations(draw: st.DrawFn) -> Any:
    """Return the example's document with one value somewhere in it replaced, removed or added."""
    document = json.loads(DOCUMENT)
    node: Any = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if isinstance(node[key], (dict, list)) and node[key] and draw(st.booleans()):
            node = node[key]
            continue
        if draw(st.booleans()):
            node[key] = draw(_json)
        else:
            del node[key]
        break
    return document


@given(mutations())
def test_what_is_accepted_matches_the_schema(document: Any) -> None:
    def change(plain: Any) -> None:
        plain.clear()
        plain.update(document)
        plain.setdefault("plan_id", "")

    try:
        plan_from_json(resealed(change))
    except InputError:
        return

    document.setdefault("plan_id", EXAMPLE.plan_id)
    SCHEMA.validate({**document, "plan_id": EXAMPLE.plan_id})


@pytest.mark.fault("F48", seen="of another version, or no plan at all: refused with the reason")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ": not well-formed JSON, perhaps cut short: "),
        (b"PK\x03\x04rest", ": this is a zip archive, not a plan ["),
        (pickle.dumps({"format": "kbsync.plan/1"}), ": this is binary data, not a plan ["),
        (zlib.compress(DOCUMENT, wbits=31), ": this is compressed with gzip, not a plan ["),
        (b"SQLite format 3\0rest", ": this is an SQLite database, not a plan ["),
        (b"\xef\xbb\xbf" + DOCUMENT, ": this is text with a byte order mark, not a plan ["),
        (b"\xff\xfe" + DOCUMENT.decode().encode("utf-16-le"), ": this is UTF-16 text, not a plan ["),
        (b"\xfe\xff" + DOCUMENT.decode().encode("utf-16-be"), ": this is UTF-16 text, not a plan ["),
        (DOCUMENT.decode().replace("小猫", "\ufffd").encode("gb18030"), "not well-formed JSON"),
        (b"[" * 100_000, "not well-formed JSON"),
        (b'"kbsync.plan/1"', ": this is not a plan of kbsync ["),
        (b"{}", ": this is not a plan of kbsync ["),
        (b'{"format":"kbsync.report/1"}', ": the format is not kbsync.plan/1 ["),
        (b'{"format":"kbsync.plan/x"}', ": the format is not kbsync.plan/1 ["),
        (
            b'{"format":"kbsync.plan/2","new":1}',
            ": the format is version 2, made by another kbsync; this one reads kbsync.plan/1 [",
        ),
        (DOCUMENT.replace(b'"whole":true', b'"whole":true,"then":1'), ': unknown key "then" ['),
        (DOCUMENT.replace(b',\n"whole":true', b""), ": whole is missing ["),
        (
            DOCUMENT.replace(b'"whole":true', b'"whole":false'),
            ": the content is not what plan_id was made of: the file was changed; plan again [",
        ),
        (DOCUMENT.replace(b'"whole":true', b'"whole":false,"whole":true'), ": a key stands twice in one object ["),
        (DOCUMENT.replace(b'"line":9,', b'"line":true,'), ": changes[1].source: line: not of type int ["),
        (DOCUMENT.replace(b'"line":9,', b'"line":-9,'), ": changes[1].source: line: below 0 ["),
        (DOCUMENT.replace(b'"reason":"new"', b'"reason":"moved"'), "reason: not one of new, changed, in_doubt"),
        (
            DOCUMENT.replace(b'"conflicts":[]', b'"conflicts":[1]'),
            ": conflicts[0]: not an object [",
        ),
        (DOCUMENT.replace(b'"changes":4', b'"changes":5'), ": summary: the counts are not those of the lists ["),
        (DOCUMENT.replace(b'"type":"float32"', b'"type":"float64"'), "changes[3].fields[0]: not a value of meta.score"),
        (DOCUMENT.replace(b'"update_type":1', b'"update_type":true'), "fields[1]: not a value of update_rule"),
        (DOCUMENT.replace(b'"field":"caption"', b'"field":"colour"'), "not a value of colour"),
    ],
)
def test_whatever_is_no_plan_is_refused_with_its_reason(data: bytes, said: str) -> None:
    assert said in problem(data)


def _swap(plain: Any) -> None:
    plain["changes"].reverse()


def _repeat(plain: Any) -> None:
    plain["changes"].insert(0, plain["changes"][0])
    plain["summary"]["changes"] += 1


def _no_fields(plain: Any) -> None:
    plain["changes"][0]["fields"] = []


def _swap_fields(plain: Any) -> None:
    plain["changes"][3]["fields"].reverse()


def _repeat_field(plain: Any) -> None:
    fields = plain["changes"][0]["fields"]
    fields.append(fields[0])


def _nameless_fields(plain: Any) -> None:
    plain["unmanaged"][0]["fields"] = [None]


def _field(value: object) -> Any:
    def change(plain: Any) -> None:
        plain["changes"][0]["fields"] = [value]

    return change


def _meta(type_: str, value: object) -> Any:
    return _field({"field": "meta.a", "desired": {"type": type_, "value": value}})


def _no_conflict(plain: Any) -> None:
    plain["conflicts"] = plain["skipped"]
    plain["summary"]["conflicts"] = 1


def _recognised(value: object) -> Any:
    def change(plain: Any) -> None:
        plain["recognised"] = [value]

    return change


def _read(at_s: object) -> Any:
    def change(plain: Any) -> None:
        plain["base"]["read"] = [{"target": "t", "container": "c", "kind": "image", "items": 1, "at_s": at_s}]

    return change


def _slow(seconds: object) -> Any:
    def change(plain: Any) -> None:
        plain["forecast"]["seconds"] = seconds

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_swap, ": changes: not sorted by item and operation, or one stands twice ["),
        (_repeat, ": changes: not sorted by item and operation, or one stands twice ["),
        (_no_fields, ": changes[0]: fields: none, not sorted, or one stands twice ["),
        (_swap_fields, ": changes[3]: fields: none, not sorted, or one stands twice ["),
        (_repeat_field, ": changes[0]: fields: none, not sorted, or one stands twice ["),
        (_nameless_fields, ": unmanaged[0].fields[0]: not text ["),
        (_field("x"), ": changes[0].fields[0]: not an object ["),
        (_field("known"), ": changes[0].fields[0]: not an object ["),
        (_field({"field": "meta", "desired": {"type": "string", "value": "x"}}), ": not a value of meta ["),
        (_field({"field": "meta.", "desired": {"type": "string", "value": "x"}}), ": not a value of meta. ["),
        (_field({"field": "caption", "desired": None}), ": not a value of caption ["),
        (_field({"field": "caption", "known": 1, "desired": "x"}), ": not a value of caption ["),
        (_field({"field": "update_rule", "desired": {"update_type": True}}), ": not a value of update_rule ["),
        (
            _field({"field": "update_rule", "desired": {"update_type": 1, "update_interval": "24"}}),
            ": not a value of update_rule [",
        ),
        (_meta("float32", value=True), ": not a value of meta.a ["),
        (_meta("float32", "1"), ": not a value of meta.a ["),
        (_meta("int64", value=True), ": not a value of meta.a ["),
        (_meta("int64", 1.0), ": not a value of meta.a ["),
        (_meta("bool", 1), ": not a value of meta.a ["),
        (_meta("string", 1), ": not a value of meta.a ["),
        (_meta("list<string>", ["x", 1]), ": not a value of meta.a ["),
        (_meta("list<int64>", [1, True]), ": not a value of meta.a ["),
        (_meta("list<string>", "x"), ": not a value of meta.a ["),
        (_meta("list<int64>", "1"), ": not a value of meta.a ["),
        (_meta("list<int64>", 1), ": not a value of meta.a ["),
        (_no_conflict, ": conflicts: one of them is none ["),
        (_field({"field": "caption", "live": 1, "desired": "x"}), ": not a value of caption ["),
        (_recognised(1), ": recognised[0]: not an object ["),
        (
            _recognised({"item": EXAMPLE.released[0]._asdict(), "fields": [], "doubts": []}),
            "]: fields: none, not sorted",
        ),
        (_read("x"), ": base.read[0]: at_s: not a number ["),
        (_read(at_s=True), ": base.read[0]: at_s: not a number ["),
        (_slow(-0.1), ": forecast: seconds: not a number from 0 on ["),
        (_slow("1"), ": forecast: seconds: not a number from 0 on ["),
    ],
)
def test_a_good_digest_does_not_excuse_a_bad_shape(change: Any, said: str) -> None:
    assert said in problem(resealed(change))


def test_a_plan_over_the_limit_is_not_even_parsed() -> None:
    assert ": over 10 bytes; no plan is that large [" in problem(b"x" * 11, max_bytes=10)
    assert plan_from_json(DOCUMENT, max_bytes=len(DOCUMENT)) == EXAMPLE


def test_the_place_of_broken_json_is_named() -> None:
    cut = DOCUMENT[:-20]

    assert problem(cut).startswith(f"plan.json:{cut.count(10) + 1}:")
