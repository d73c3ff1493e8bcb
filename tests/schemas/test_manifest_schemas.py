"""The schemas for editors say what kbsync says: of the examples, of every bad manifest, and of manifests by chance."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import event, given, settings

from kbsync.adapters.manifests import read_manifests
from kbsync.providers import ALL_RULES
from tests.cli.bad_manifests import CORPUS, Case
from tests.schemas import unsayable
from tests.schemas.editor import TARGETS, UnreadableError, accepts, seen
from tests.schemas.manifests import changed, documents, rows

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "manifests").glob("*/*") if path.suffix != ".csv")
BLOCK = re.compile(r"cat > \S+\.(yaml|jsonl) <<'(\w+)'\n((?:> .*\n)+?)> \2\n")
SHOWN = [(ending, text) for ending, _, text in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))]


def verdict(case: Case) -> bool | None:
    """Return whether the schema accepts all values of *case*; None when an editor sees none."""
    try:
        values = seen(case.data, case.ending)
    except UnreadableError:
        return None
    return all(accepts(value, row=case.ending == "jsonl") for value in values) if values else None


def rules_broken(text: str, ending: str) -> set[str]:
    """Return the rules that kbsync finds broken."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"m.{ending}").write_text(text, encoding="utf-8")
        stream = read_manifests([f"m.{ending}"], targets=TARGETS, rules=ALL_RULES, root=Path(folder))
        list(stream)
    return {problem.rule for problem in stream.problems if problem.severity == "error"}


def as_yaml(document: Any) -> str:
    """Return *document* as YAML, in which nothing refers to anything."""
    return yaml.safe_dump(json.loads(json.dumps(document)), allow_unicode=True)


# ---------------------------------------------------------------------------------------------------- what is right
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_schema_accepts_the_examples(path: Path) -> None:
    ending = path.suffix[1:]
    values = seen(path.read_bytes(), ending)

    assert values
    assert all(accepts(value, row=ending == "jsonl") for value in values)


@pytest.mark.parametrize(("ending", "text"), SHOWN, ids=[ending for ending, _ in SHOWN])
def test_the_schema_accepts_what_the_readme_shows(ending: str, text: str) -> None:
    values = seen(re.sub("^> ", "", text, flags=re.MULTILINE).encode(), ending)

    assert values
    assert all(accepts(value, row=ending == "jsonl") for value in values)


# Text without quotation marks that YAML makes something else of, and kbsync takes as it is written.
UNQUOTED = ["2024", "0123", "1e3", "0x1F", "true", "no", "1:30", "2024-01-01", ".inf", "-1", "1_000"]


@pytest.mark.parametrize("text", UNQUOTED)
def test_the_schema_accepts_text_without_quotation_marks(text: str) -> None:
    head = "kbsync: 1\ntarget: {}\n{}: {}\n".format
    manifests = (
        head("coze-cn", "dataset", 1)
        + f"images: [{{id: 1, caption: {text}}}]\ndefaults: {{images: {{caption: {text}}}}}",
        head("coze-cn", "dataset", 1) + f"documents: [{{id: 1, name: {text}}}]",
        head("volc-bj", "collection", "c") + f"project: {text}\ndocuments: [{{id: d, name: {text}}}]",
    )

    for manifest in manifests:
        assert rules_broken(manifest, "yaml") == set()
        assert all(map(accepts, seen(manifest.encode(), "yaml")))


@pytest.mark.parametrize("text", ["2024", "1e3", "0x1F", "true", "no", "-1"])
def test_the_schema_accepts_ids_without_quotation_marks(text: str) -> None:
    manifest = f"kbsync: 1\ntarget: volc-bj\ncollection: c\ndocuments: [{{id: {text}, name: x}}]"

    assert rules_broken(manifest, "yaml") == set()
    assert all(map(accepts, seen(manifest.encode(), "yaml")))


@settings(max_examples=150)
@given(documents)
def test_a_right_manifest_is_right_to_both(document: Any) -> None:
    assert rules_broken(as_yaml(document), "yaml") == set()
    assert rules_broken(json.dumps(document), "json") == set()
    assert accepts(document)


@settings(max_examples=150)
@given(rows)
def test_a_right_row_is_right_to_both(row: Any) -> None:
    assert rules_broken(json.dumps(row), "jsonl") == set()
    assert accepts(row, row=True)


# ----------------------------------------------------------------------------------------------------- what is wrong
LINTS = {rule.id for rule in ALL_RULES.values() if rule.lint}
# In CSV there is nothing to put a schema to, and of what an editor sees no value of it complains itself.
ACCEPTED = {
    (case.ending, case.name): {told.partition(" ")[2] for told in case.expected}
    for case in CORPUS
    if case.ending != "csv" and verdict(case)
}


def test_the_schema_refuses_a_bad_manifest_where_a_schema_can() -> None:
    silent = {case for case, rules in ACCEPTED.items() if not rules <= unsayable.RULES.keys() | LINTS}

    assert silent == unsayable.CASES.keys()


@pytest.mark.parametrize("rule", sorted(unsayable.RULES))
def test_a_rule_that_no_schema_can_say_is_broken_by_what_the_schema_accepts(rule: str) -> None:
    assert any(rules <= {rule} | LINTS for rules in ACCEPTED.values())


@settings(max_examples=400)
@given(documents.flatmap(changed))
def test_one_change_to_a_manifest_has_the_same_verdict_of_both(document: Any) -> None:
    rules = rules_broken(as_yaml(document), "yaml")

    judge(document, rules, accepted=accepts(document))


@settings(max_examples=400)
@given(rows.flatmap(changed))
def test_one_change_to_a_row_has_the_same_verdict_of_both(row: Any) -> None:
    rules = rules_broken(json.dumps(row), "jsonl")

    judge(row, rules, accepted=accepts(row, row=True))


def judge(value: Any, rules: set[str], *, accepted: bool) -> None:
    event("right" if not rules else "refused by both" if not accepted else "refused by kbsync only")
    if not accepted:
        assert rules, value
    elif rules:
        assert rules <= unsayable.RULES.keys() | beyond(value), (rules, value)


def beyond(value: Any) -> set[str]:
    """Return the rules of which the cases of the schema say that it cannot see them in *value*."""
    rules = {"empty-entry", "empty-value", "bad-value"} if "defaults" in value else set[str]()
    documents = found if isinstance(found := value.get("documents"), list) else []
    if any(isinstance(entry, dict) and type(entry.get("id")) is float for entry in documents):
        rules.add("bad-id")  # without quotation marks it is text, and no pattern is asked about a number
    return rules | {"bad-value"} if "meta." in json.dumps(value) else rules


def test_strange_values_are_seen_as_they_are_written() -> None:
    assert seen(b"{a: 0o17, b: 0x1F, c: .inf, d: -.INF, e: 1e3, f: no, g: 0123, h: ~}", "yaml") == [
        {"a": 15, "b": 31, "c": float("inf"), "d": float("-inf"), "e": 1000.0, "f": "no", "g": 123, "h": None}
    ]
