"""The short way for entries like nearly all says what the long way says, or nothing."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kbsync.adapters.manifests import read_manifests, survey_manifests
from kbsync.adapters.manifests.alike import alike
from kbsync.core.fields import canonical
from kbsync.core.lint import LINT_RULES, ONCE, ItemLint
from kbsync.core.manifest import KindDialect
from kbsync.providers import ALL_RULES
from kbsync.providers.coze.manifest import DIALECT as COZE
from kbsync.providers.volcengine.manifest import dialect

VOLCENGINE = {strict: dialect(strict_field_names=strict).kinds["document"] for strict in (False, True)}
# Found in all items together, or told once.
ELSEWHERE = {"duplicate-caption", "look-alike-id", *ONCE}
MODELS = {kind.model: TypeAdapter(kind.model) for kind in (*COZE.kinds.values(), VOLCENGINE[False])}

_EDGES = " \t\n\x00\x7f\x85\u200b\u202e\ufeff\u3000\\\"'<>[]{}()#*/|?:.,%小é\U0001f600\U000e0041"
_WORDS = st.sampled_from(
    [
        "",
        "TODO",
        "小猫",
        "a.png",
        "IMG_0001.jpg",
        "lorem ipsum",
        "年报.pdf",
        "x" * 33,
        "猫" * 100,
        "猫" * 101,
        "n" * 256,
    ]
)
_TEXTS = _WORDS | st.text(st.sampled_from(_EDGES) | st.characters(exclude_categories=["Cs"]), max_size=6)
_PLAIN_TEXTS = st.text("abc猫 .", min_size=1, max_size=5).map(lambda text: f"k{text}k")
_VALUES: st.SearchStrategy[Any] = st.one_of(
    _TEXTS,
    _PLAIN_TEXTS,
    st.booleans(),
    st.integers(-5, 200),
    st.sampled_from(
        [2**53 - 1, 2**53, -(2**53), 2**63, 0.5, 1.0, None, [], ["a"], [1], {}, {"type": "string", "value": ""}]
    ),
)
_COZE_IDS = st.sampled_from(
    ["1", "744667080521909001", "9" * 20, "9" * 21, "0", "01", "", "1\n2", "a", "１", 7, True, None]
)
_VOLC_IDS = st.sampled_from(["a", "test_1-x", "x" * 128, "x" * 129, "", "a\nb", "a b", "猫", 7, None])
_RULES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "update_type": st.sampled_from([0, 1, 2, True, "1"]),
        "update_interval": st.sampled_from([23, 24, 2**31 - 1, 2**31, 24.0, "24"]),
    },
)
_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "protect": st.booleans(),
    "ignore": st.sampled_from([[], ["name"], ["caption"]]),
    "allow_empty": st.booleans(),
    "strange": st.just(1),
}
_NAMES = st.sampled_from(
    ["a", "行业", "doc_id", "", " a", "x" * 32, "x" * 33, "x" * 129, 'q"', "b\\", "é\u200b", "A_1"]
)


def _rows(
    own: dict[str, st.SearchStrategy[Any]], ids: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return rows of which most have few keys, and nearly all of them right values."""
    odd = st.fixed_dictionaries({}, optional={"id": ids, **own, **_OPTIONS})
    return st.lists(odd, max_size=4)


def _usual(fields: dict[str, st.SearchStrategy[Any]], id_: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({"id": st.just(id_)}, optional=fields), max_size=4)


IMAGES = _rows({"caption": _VALUES}, _COZE_IDS) | _usual({"caption": _TEXTS}, "12")
PAGES = _rows({"name": _VALUES, "update_rule": _RULES | _VALUES}, _COZE_IDS) | _usual(
    {"name": _PLAIN_TEXTS | _TEXTS, "update_rule": _RULES}, "12"
)
DOCUMENTS = _rows(
    {"name": _VALUES, "meta": st.dictionaries(_NAMES, _VALUES, max_size=3) | _VALUES}, _VOLC_IDS
) | _usual({"name": _PLAIN_TEXTS | _TEXTS, "meta": st.dictionaries(_NAMES, _VALUES, max_size=3)}, "a")


def check(kind: KindDialect, rows: list[dict[str, Any]]) -> int:
    """Hold what the short way says of *rows* to the long way; return of how many it says something."""
    lint = ItemLint({rule.id for rule in LINT_RULES} - {"non-ascii-field-name"})
    taken = 0
    for numbers, columns in alike(rows):
        texts = kind.plain(columns)
        if texts is None:
            continue
        assert len(texts) == len(numbers)
        for number, text in zip(numbers, texts, strict=True):
            entry = MODELS[kind.model].validate_python(rows[number])
            assert list(kind.check(entry)) == []
            assert list(lint.look(entry.fields())) == []
            assert (entry.protect, tuple(entry.ignore)) == (False, ())
            assert text.encode() == canonical(entry.fields())
            assert all(len({*map(type, column)}) == 1 for column in columns.values())
            taken += 1
    return taken


@given(IMAGES)
def test_plain_images_are_what_the_model_makes_of_them(rows: list[dict[str, Any]]) -> None:
    check(COZE.kinds["image"], rows)


@given(PAGES)
@example([{"id": "1", "name": "n", "update_rule": {"update_type": 1, "update_interval": 2**31 - 1}}])
def test_plain_documents_of_coze_are_what_the_model_makes_of_them(rows: list[dict[str, Any]]) -> None:
    check(COZE.kinds["document"], rows)


@pytest.mark.parametrize("strict", [False, True])
@given(rows=DOCUMENTS)
def test_plain_documents_of_volcengine_are_what_the_model_makes_of_them(
    *, strict: bool, rows: list[dict[str, Any]]
) -> None:
    check(VOLCENGINE[strict], rows)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        (COZE.kinds["image"], {"id": "1", "caption": "一只小猫"}),
        (COZE.kinds["document"], {"id": "1", "name": "report"}),
        (COZE.kinds["document"], {"id": "1", "name": "site", "update_rule": {"update_type": 1, "update_interval": 24}}),
        (
            VOLCENGINE[False],
            {"id": "a", "name": "年报.pdf", "meta": {"行业": "教育", "year": 2024, "公开": True, "n": ""}},
        ),
        (VOLCENGINE[True], {"id": "a", "meta": {"year": 2024}}),
    ],
    ids=lambda value: json.dumps(value, ensure_ascii=True) if isinstance(value, dict) else value.kind,
)
def test_the_usual_entry_goes_the_short_way(kind: KindDialect, row: dict[str, Any]) -> None:
    assert check(kind, [row, dict(row)]) == 2


# ---------------------------------------------------------------------------------------------------------- whole files
TARGETS = {"coze-cn": COZE, "volc-bj": dialect(strict_field_names=False)}
HEADS = {
    "image": {"target": "coze-cn", "dataset": "1", "kind": "image"},
    "page": {"target": "coze-cn", "dataset": "1", "kind": "document"},
    "document": {"target": "volc-bj", "collection": "c", "kind": "document"},
}


@given(
    groups=st.lists(
        st.one_of(
            st.tuples(st.just("image"), IMAGES),
            st.tuples(st.just("page"), PAGES),
            st.tuples(st.just("document"), DOCUMENTS),
        ),
        max_size=4,
    ),
    escaped=st.booleans(),
)
@example(groups=[("page", [{"name": "a"}, {"name": "b"}, {"name": "c"}])], escaped=False)
def test_a_survey_of_lines_finds_what_reading_them_one_by_one_finds(
    *, groups: list[tuple[str, list[dict[str, Any]]]], escaped: bool
) -> None:
    rows = [{**HEADS[kind], **row} for kind, some in groups for row in some]
    with TemporaryDirectory() as folder:
        lines = "".join(json.dumps(row, ensure_ascii=escaped) + "\n" for row in rows)
        Path(folder, "m.jsonl").write_text(lines, encoding="utf-8")
        stream = read_manifests(["m.jsonl"], targets=TARGETS, rules=ALL_RULES, root=Path(folder))
        items = list(stream)
        survey = survey_manifests(
            ["m.jsonl"], targets=TARGETS, rules=ALL_RULES, root=Path(folder), settled=lambda _, ids: [None] * len(ids)
        )

    assert [one for one in survey.problems if one.rule not in ELSEWHERE] == [
        one for one in stream.problems if one.rule not in ELSEWHERE
    ]
    if not any(problem.severity == "error" for problem in survey.problems):
        assert list(survey.differing) == items
