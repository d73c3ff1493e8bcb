import re

import pytest

from kbsync.core.items import Source
from kbsync.core.rules import CORE_RULES, GUARD_RULES, Problem, Rule, by_id

HERE = Source("kb.yaml", 3, 5)


def test_a_problem_is_one_line_with_its_place_and_its_rule() -> None:
    assert str(Problem(HERE, "bad-id", "no id")) == "kb.yaml:3:5: no id [bad-id]"
    assert str(Problem(HERE, "bad-id", "no id", "warning")) == "kb.yaml:3:5: warning: no id [bad-id]"


def test_a_problem_refuses_the_run_unless_it_is_a_warning() -> None:
    assert Problem(HERE, "bad-id", "no id").severity == "error"


def test_every_guard_can_be_lifted() -> None:
    assert all(rule.liftable for rule in GUARD_RULES)


def test_few_rules_of_all_providers_can_be_lifted() -> None:
    assert {rule.id for rule in CORE_RULES if rule.liftable} == {
        "foreign-endpoint",
        "gb18030",
        "rounded-id",
        "spreadsheet-error",
    }


def test_every_core_rule_refuses_the_run() -> None:
    assert {rule.severity for rule in (*CORE_RULES, *GUARD_RULES)} == {"error"}


def test_an_id_is_short_words_and_a_summary_a_sentence() -> None:
    for rule in (*CORE_RULES, *GUARD_RULES):
        assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", rule.id)
        assert rule.summary[0].isupper() and rule.summary.endswith(".")


def test_a_rule_is_found_by_its_id_and_no_id_stands_for_two() -> None:
    rules = (Rule("a", "A."), Rule("b", "B."))

    assert by_id(rules) == {"a": rules[0], "b": rules[1]}
    with pytest.raises(AssertionError):
        by_id((*rules, Rule("a", "C.")))
