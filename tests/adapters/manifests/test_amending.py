"""A manifest changed in its place: it says what is wished, and every byte beside that stays."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbsync.adapters.manifests import (
    Amender,
    DeclaredReader,
    Spool,
    Writer,
    amended,
    comments_of,
    find_files,
    path_of,
    plain_of,
)
from kbsync.core.fields import Fields, MetaValue, UpdateRule, Value, float32
from kbsync.core.manifest import Desired
from kbsync.providers import ALL_RULES
from tests.adapters.manifests.desks import LIFTED, TARGETS, TEXTS, coze_documents, volcengine_documents, write
from tests.adapters.manifests.scribe import Scribe

# Where something stands in a file, and in an entry.
Place: TypeAlias = tuple[int, int]
Path_: TypeAlias = tuple[str | int, ...]

COZE = 'kbsync: 1\ntarget: coze-cn\ndataset: "1"\n'
VOLC = "kbsync: 1\ntarget: volc-bj\ncollection: faq\n"
FORMS = ("yaml", "json", "jsonl", "csv")


def amend(path: Path, wishes: Mapping[str, Mapping[str, Value | bool]]) -> list[str]:
    """Change the manifest at *path* to *wishes*, by id and field; return why some are refused."""
    (file,), _ = find_files([path], path.parent)
    reader = DeclaredReader(TARGETS, ALL_RULES, LIFTED)
    places = {desired.item.id: desired.source[1:] for desired, _ in reader.read_with_keys(file)}
    asked: dict[Place, dict[Path_, Any]] = {
        places[id_]: {
            _path(name): value if isinstance(value, bool) else plain_of(value) for name, value in some.items()
        }
        for id_, some in wishes.items()
    }
    amendment = Amender(TARGETS, LIFTED).amend(file, asked)
    path.write_bytes(b"".join(amended(file, amendment)))
    return [refusal.why for refusal in amendment.refused]


def _path(name: str) -> Path_:
    return ("allow_empty",) if name == "allow_empty" else path_of(name)


def changed(folder: Path, name: str, text: str | bytes, wishes: Mapping[str, Mapping[str, Value | bool]]) -> str:
    """Return *text* changed to *wishes*, all of which it can be given."""
    path = write(folder, name, text)
    assert amend(path, wishes) == []
    return path.read_bytes().decode()


# --------------------------------------------------------------------------------------------------------- any manifest
@st.composite
def _values(draw: st.DrawFn, old: Value, *, keep_type: bool) -> Value:
    if isinstance(old, str):
        return draw(TEXTS)
    if isinstance(old, UpdateRule):
        return draw(st.sampled_from((UpdateRule(0), UpdateRule(1, 24), UpdateRule(1, 999))))
    texts = TEXTS.map(lambda text: text[:60])
    values: dict[str, st.SearchStrategy[Any]] = {
        "string": texts,
        "bool": st.booleans(),
        "int64": st.integers(-(2**63), 2**63 - 1),
        "float32": st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False).map(
            lambda value: float32(value) + 0.0
        ),
        "list<string>": st.lists(texts, max_size=4).map(tuple),
        "list<int64>": st.lists(st.integers(-9, 9), max_size=4).map(tuple),
        "date_time": st.just("2025-08-12T11:33:56+08:00"),
        "geo_point": st.just("1,2"),
    }
    type_ = old.type if keep_type else draw(st.sampled_from(sorted(values)))
    return MetaValue(type_, draw(values[type_]))


@st.composite
def _fields(draw: st.DrawFn, desired: Desired, *, keep_type: bool) -> Fields:
    names = draw(st.lists(st.sampled_from(sorted(desired.fields)), unique=True)) if desired.fields else []
    new = {name: draw(_values(desired.fields[name], keep_type=keep_type)) for name in names}
    return {name: value for name, value in new.items() if value != desired.fields[name]}


def _in_form(folder: Path, document: dict[str, Any], form: str) -> bytes | None:
    """Return *document* as kbsync writes it in *form*; None when that cannot say it."""
    path = write(folder, "first.json", orjson.dumps(document))
    (file,), _ = find_files([path], folder)
    with Spool() as spool:
        for declared in DeclaredReader(TARGETS, ALL_RULES, LIFTED).read(file):
            spool.add(declared)
        path.unlink()
        writer, containers = Writer(TARGETS, spool), list(spool.containers.values())
        if not containers or list(writer.problems(form, containers)):
            return None
        return b"".join(writer.pieces(form, containers))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    document=st.one_of(coze_documents(), volcengine_documents(), volcengine_documents(one_type=True)),
    form=st.sampled_from(("scribe", *FORMS)),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_what_is_wished_is_said_and_nothing_else_changes(
    document: dict[str, Any], form: str, seed: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = Scribe(Random(seed)).write(document).encode() if form == "scribe" else _in_form(folder, document, form)
        if text is None:
            return
        path = write(folder, f"m.{'yaml' if form == 'scribe' else form}", text)
        (file,), _ = find_files([path], folder)
        before = list(DeclaredReader(TARGETS, ALL_RULES, LIFTED).read_with_keys(file))
        new = {desired.source[1:]: data.draw(_fields(desired, keep_type=form == "csv")) for desired, _ in before}
        comments = comments_of(file)

        wishes: dict[Place, dict[Path_, Any]] = {
            place: {path_of(field): plain_of(one) for field, one in fields.items()} for place, fields in new.items()
        }
        amendment = Amender(TARGETS, LIFTED).amend(file, wishes)
        path.write_bytes(b"".join(amended(file, amendment)))

        refused = {(place, where) for place, where, _ in amendment.refused}
        expected: list[tuple[Any, ...]] = []
        for desired, keys in before:
            place = desired.source[1:]
            kept = {field: one for field, one in new[place].items() if (place, path_of(field)) not in refused}
            expected.append((desired.item, sorted({**desired.fields, **kept}.items()), _others(keys, desired)))
        reader = DeclaredReader(TARGETS, ALL_RULES, LIFTED)
        after = [
            (desired.item, sorted(desired.fields.items()), _others(keys, desired))
            for desired, keys in reader.read_with_keys(file)
        ]
        assert [problem for problem in reader.problems if problem.severity == "error"] == []
        assert after == expected
        assert comments_of(file) == comments
        if form != "scribe":
            assert form == "csv" or not refused


def _others(keys: Mapping[str, Any], desired: Desired) -> dict[str, Any]:
    """Return what *keys* say beside the managed fields."""
    meta = {name: one for name, one in keys.get("meta", {}).items() if f"meta.{name}" in desired.ignored}
    kept = {
        key: value
        for key, value in keys.items()
        if key in desired.ignored or key not in {"caption", "name", "update_rule", "meta"}
    }
    return {**kept, "meta": meta}


# ----------------------------------------------------------------------------------------------------------------- YAML
def images(*entries: str) -> str:
    return COZE + "images:\n" + "".join(entries)


@pytest.mark.parametrize(
    ("written", "new", "becomes"),
    [
        ("a cat", "a dog", "a dog"),
        ("a cat", "a: dog", '"a: dog"'),
        ("a cat", '"the" dog', "'\"the\" dog'"),
        ("a cat", "12", '"12"'),
        ("'a cat'", "it's", "'it''s'"),
        ("'a cat'", "a\nb", '"a\\nb"'),
        ('"a cat"', "a dog", '"a dog"'),
        ('"a cat"', "小猫", '"小猫"'),
        ("a cat   # why", "a dog", "a dog   # why"),
        ("a\n      cat", "a dog", "a dog"),
        ("|\n      a\n      cat", "a\nbig\n\ndog\n", "|\n      a\n      big\n\n      dog"),
        ("|-   # why\n        a cat", "a dog", "|-   # why\n        a dog"),
        ("|2-\n      a cat", "a dog", "|-\n      a dog"),
        (">-\n      a\n      cat", "a dog", ">-\n      a dog"),
        (">-\n      a\n      cat", "a\nb", "|-\n      a\n      b"),
        ("|  # why\n      a cat", " a dog", '" a dog"  # why'),
    ],
)
def test_a_text_is_written_as_the_one_before_it_was(tmp_path: Path, written: str, new: str, becomes: str) -> None:
    text = images(f'  - id: "5"\n    caption: {written}\n\n  # next\n', '  - {id: "6", caption: b}\n')

    after = changed(tmp_path, "m.yaml", text, {"5": {"caption": new}})

    assert after == text.replace(written, becomes, 1)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_stay(tmp_path: Path, mark: str, line_break: str) -> None:
    text = mark + images('  - id: "5"\n    caption: |-\n      a\n', '  - id: "6"\n    caption: b # é\n')
    text = text.replace("\n", line_break)
    wishes: dict[str, dict[str, Value | bool]] = {
        "5": {"caption": "c\nd"},
        "6": {"caption": "", "allow_empty": True},
    }

    after = changed(tmp_path, "m.yaml", text, wishes)

    expected = text.replace(f"      a{line_break}", f"      c{line_break}      d{line_break}")
    assert after == expected.replace("caption: b # é", f'caption: "" # é{line_break}    allow_empty: true')


def test_what_defaults_say_is_overridden_where_it_differs(tmp_path: Path) -> None:
    text = VOLC + (
        "defaults: {documents: {meta: {year: 2024, kind: text}}}\n"
        "documents:\n  - id: a1   # first\n    name: x\n  - id: a2\n    meta: {kind: pdf}\n  - {id: a3, name: y}\n"
    )
    year = {"meta.year": MetaValue("int64", 2025)}

    after = changed(tmp_path, "m.yaml", text, {"a1": year, "a2": year, "a3": year})

    assert after == text.replace("    name: x\n", "    name: x\n    meta:\n      year: 2025\n").replace(
        "{kind: pdf}", "{kind: pdf, year: 2025}"
    ).replace("name: y}", "name: y, meta: {year: 2025}}")


def test_an_update_rule_changes_number_by_number(tmp_path: Path) -> None:
    text = COZE + (
        'documents:\n  - id: "5"\n    update_rule:   # by hand\n      update_type: 1  # type\n'
        '      update_interval: 24  # hours\n  - id: "6"\n    update_rule: {update_type: 0}\n'
    )

    after = changed(
        tmp_path, "m.yaml", text, {"5": {"update_rule": UpdateRule(0)}, "6": {"update_rule": UpdateRule(1, 48)}}
    )

    assert after == text.replace("update_type: 1", "update_type: 0", 1).replace(
        "{update_type: 0}", "{update_type: 1, update_interval: 48}"
    )


@pytest.mark.parametrize(
    ("written", "new", "becomes"),
    [
        ("5", MetaValue("int64", 6), "6"),
        ("5", MetaValue("string", "5"), '"5"'),
        ("'x'", MetaValue("bool", value=True), "true"),
        ("0.5", MetaValue("float32", 1e16), "1.0e+16"),
        ("{type: float32, value: 1}", MetaValue("float32", 2.0), "{type: float32, value: 2.0}"),
        ("{type: date_time, value: x}", MetaValue("string", "b"), '{type: string, value: "b"}'),
        ("5", MetaValue("geo_point", "1,2"), '{type: geo_point, value: "1,2"}'),
        ("[a, b]  # two", MetaValue("list<string>", ("a", "c")), "[a, c]  # two"),
        ("[a,b]", MetaValue("list<string>", ("a", "b", "c")), "[a,b,c]"),
        ("[a, b, c]", MetaValue("list<string>", ("z",)), "[z]"),
        ("[a]", MetaValue("string", "a"), "a"),
        (
            "\n        - 1  # one\n        - 2",
            MetaValue("list<int64>", (1, 3, 4)),
            "\n        - 1  # one\n        - 3\n        - 4",
        ),
        ("\n        - 1  # one\n        - 2", MetaValue("list<int64>", (5,)), "\n        - 5  # one"),
        ("\n        - 1\n        - 2", MetaValue("string", "x"), "x"),
    ],
)
def test_a_meta_value_is_written_as_the_one_before_it_was(
    tmp_path: Path, written: str, new: MetaValue, becomes: str
) -> None:
    written = written.replace("value: x", 'value: "2024-01-01T00:00:00Z"')
    text = VOLC + f"documents:\n  - id: a1\n    meta:\n      x: {written}\n      # of y\n      y: 1\n"

    after = changed(tmp_path, "m.yaml", text, {"a1": {"meta.x": new}})

    assert after == text.replace(written, becomes, 1)


@pytest.mark.parametrize("new", [MetaValue("list<int64>", (1,)), MetaValue("string", "x")])
def test_nothing_is_changed_whose_comment_would_be_lost(tmp_path: Path, new: MetaValue) -> None:
    text = VOLC + "documents:\n  - id: a1\n    meta:\n      x:\n        - 1\n        # why\n        - 2\n"
    path = write(tmp_path, "m.yaml", text)

    assert amend(path, {"a1": {"meta.x": new}}) == ["a comment stands inside of it"]
    assert path.read_text() == text


def test_each_document_of_a_file_is_found(tmp_path: Path) -> None:
    text = images('  - {id: "5", caption: a}\n') + "---\n# two\n" + images('  - {id: "6", caption: a}\n') + "...\n"

    after = changed(tmp_path, "m.yaml", text.replace('"1"', '"2"', 1), {"6": {"caption": "b"}})

    assert after == text.replace('"1"', '"2"', 1).replace('"6", caption: a', '"6", caption: b')


def test_a_file_that_ends_in_its_last_value_is_added_to(tmp_path: Path) -> None:
    text = images('  - id: "5"\n    caption: a')

    after = changed(tmp_path, "m.yaml", text, {"5": {"caption": "", "allow_empty": True}})

    assert after == images('  - id: "5"\n    caption: ""\n    allow_empty: true')


# ----------------------------------------------------------------------------------------------------------------- JSON
def test_json_keeps_its_layout_and_its_escapes(tmp_path: Path) -> None:
    text = (
        '{"kbsync": 1, "target": "coze-cn",\r\n "images" : [\r\n  {\r\n    "id" : "5",\r\n'
        '    "caption" : "\\u5c0f"\r\n  },\r\n  {"caption":"a","id":"6"}],\r\n "dataset": "1"\r\n}\r\n'
    )

    after = changed(tmp_path, "m.json", text, {"5": {"caption": "小猫"}, "6": {"caption": "", "allow_empty": True}})

    assert after == text.replace("\\u5c0f", "\\u5c0f\\u732b").replace('"a","id":"6"', '"","id":"6","allow_empty":true')


def test_only_the_rows_that_change_are_touched(tmp_path: Path) -> None:
    row = '{{ "caption":"{}", "id":"{}" , "kind":"image","dataset":"1","target":"coze-cn"}}'
    text = "\ufeff" + row.format("é", 5) + "\n\n" + row.format("a", 6) + "\r\n" + row.format("a", 7)

    after = changed(tmp_path, "m.jsonl", text, {"5": {"caption": "ü"}, "7": {"caption": "b"}})

    assert after == text.replace("é", "ü").replace('"a", "id":"7"', '"b", "id":"7"')


# ------------------------------------------------------------------------------------------------------------------ CSV
def test_only_the_cells_that_change_are_touched(tmp_path: Path) -> None:
    text = (
        "\ufeffsep=;\r\ntarget;kind;id;dataset;name;update_rule.update_type;update_rule.update_interval;ignore\r\n"
        '"coze-cn";document;5;"1";"a\r\nb";1;24\r\n\r\n"coze-cn";document;6;"1";"it";0;;\r\n'
    )

    after = changed(
        tmp_path,
        "m.csv",
        text,
        {"5": {"name": "a;b", "update_rule": UpdateRule(1, 48)}, "6": {"update_rule": UpdateRule(1, 24)}},
    )

    assert after == text.replace('"a\r\nb";1;24', '"a;b";1;48').replace('"it";0;;', '"it";1;24;')


def test_cells_that_a_spreadsheet_left_out_are_added(tmp_path: Path) -> None:
    text = "target,kind,id,caption,dataset,x,allow_empty\ncoze-cn,image,5,a,1\ncoze-cn,image,6,a,1,,\n".replace(
        ",x,", ",ignore,"
    )

    after = changed(tmp_path, "m.csv", text, {"5": {"caption": "", "allow_empty": True}})

    assert after == text.replace("5,a,1\n", "5,,1,,true\n")


def test_csv_in_gb18030_stays_that(tmp_path: Path) -> None:
    text = "target,dataset,kind,id,caption\ncoze-cn,1,image,5,这只小猫在窗台上打盹\ncoze-cn,1,image,6,小狗在草地上\n"
    path = write(tmp_path, "m.csv", text.encode("gb18030"))

    assert amend(path, {"6": {"caption": "小猫在雪地里"}}) == []
    assert path.read_bytes() == text.replace("小狗在草地上", "小猫在雪地里").encode("gb18030")


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"name": "", "allow_empty": True}, "the file has no column for it"),
        ({"name": "#REF!"}, "its column cannot say it"),
        ({"meta.x": MetaValue("int64", 5)}, "its column cannot say it"),
        ({"meta.x": MetaValue("string", "")}, "its column cannot say it"),
        ({"meta.n": MetaValue("float32", 0.5)}, "its column cannot say it"),
    ],
)
def test_what_the_columns_of_csv_cannot_say_is_refused(
    tmp_path: Path, wish: Mapping[str, Value | bool], why: str
) -> None:
    text = "target,collection,kind,id,name,meta.x,meta.n:int64\nvolc-bj,faq,document,a1,n,x,1\n"
    path = write(tmp_path, "m.csv", text)

    assert set(amend(path, {"a1": wish})) == {why}
    assert path.read_text() == text
