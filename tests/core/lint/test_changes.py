import pytest

from kbsync.core.fields import Value
from kbsync.core.items import Item, Source
from kbsync.core.lint import LINT_RULES, problems_of, shrinking, switched
from kbsync.core.plan import Change, FieldChange
from kbsync.core.rules import Level, by_id

RULES = by_id(LINT_RULES)


def change(known: Value | None, desired: Value, field: str = "caption", line: int = 1) -> Change:
    item = Item("t", "c", "image", str(line))
    return Change(item, "little.caption", "changed", (FieldChange(field, known, desired),), Source("m.yaml", line, 3))


def test_a_caption_that_shrinks_from_hundreds_of_characters_to_three_is_told_with_its_place() -> None:
    assert list(shrinking([change("x" * 400, "abc", line=7)])) == [
        (Source("m.yaml", 7, 3), 'the caption shrinks from 400 to 3 characters, "abc"')
    ]


@pytest.mark.parametrize(("before", "after"), [(100, 9), (1_000, 99), (2_000, 1)])
def test_under_a_tenth_is_told(before: int, after: int) -> None:
    assert len(list(shrinking([change("x" * before, "y" * after)]))) == 1


@pytest.mark.parametrize(("before", "after"), [(99, 1), (100, 10), (1_000, 100), (400, 0), (3, 400)])
def test_other_lengths_are_not(before: int, after: int) -> None:
    assert list(shrinking([change("x" * before, "y" * after)])) == []


def test_a_caption_that_was_never_known_and_other_fields_do_not_shrink() -> None:
    assert list(shrinking([change(None, "abc"), change("x" * 400, "abc", "name")])) == []


@pytest.mark.parametrize("level", ["warning", "error"])
def test_a_problem_has_the_severity_of_its_lint(level: Level) -> None:
    rule = switched(RULES, {"shrinking-caption": level})["shrinking-caption"]

    assert [problem.severity for problem in problems_of(rule, shrinking([change("x" * 400, "abc")]))] == [level]


def test_a_lint_that_is_off_does_not_even_look() -> None:
    rule = switched(RULES, {"shrinking-caption": "off"})["shrinking-caption"]
    changes = iter([change("x" * 400, "abc")])

    assert list(problems_of(rule, shrinking(changes))) == []
    assert len(list(changes)) == 1


def test_after_a_hundred_problems_the_rest_is_counted() -> None:
    found = [(Source("m.yaml", line, 1), "so it is") for line in range(1, 1_001)]

    problems = list(problems_of(RULES["shrinking-caption"], found))

    assert len(problems) == 101
    assert problems[-1].message == "so it is; 899 more are not listed"
