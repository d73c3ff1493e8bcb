import json
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.plan import Plan
from kbsync.core.plan_document import plan_to_json
from kbsync.views.escape import width_of
from kbsync.views.paint import Paint
from kbsync.views.plan_markdown import PLAN_MARKER, plan_markdown
from kbsync.views.plan_text import plan_text
from kbsync.views.wording import duration, pair_text, share
from tests.views import golden
from tests.views.worlds import (
    EMPTY,
    EXAMPLE,
    LARGE,
    REFRESHED,
    TEXTS,
    a_plan,
    caption,
    harmless,
    hostile_plan,
    inert_markdown,
    one_of_five,
    plans,
)

SGR = re.compile("\x1b\\[[0-9;]*m")


def told(lines: Iterable[str]) -> int:
    """Return how many changes the groups of a large plan hold together."""
    groups = [re.match(r"(?:  |- `)[~+?](?:`)? (?:\*\*)?([0-9,]+) ×|(?:  |- `)([~+?])", line) for line in lines]
    return sum(1 if group[1] is None else int(group[1].replace(",", "")) for group in groups if group)


def test_a_plan_as_text() -> None:
    golden.check("plan.txt", "\n".join(plan_text(EXAMPLE)) + "\n")


def test_a_plan_as_markdown() -> None:
    golden.check("plan.md", plan_markdown(EXAMPLE))


@pytest.mark.parametrize("width", [60, 120])
def test_texts_that_differ_as_text(width: int) -> None:
    golden.check(f"plan-texts-{width}.txt", "\n".join(plan_text(TEXTS, width=width)) + "\n")


def test_texts_that_differ_as_markdown() -> None:
    golden.check("plan-texts.md", plan_markdown(TEXTS))


def test_a_plan_as_json() -> None:
    golden.check("plan.json", plan_to_json(EXAMPLE).decode())


def test_a_refreshed_plan_for_people() -> None:
    golden.check("plan-refreshed.txt", "\n".join(plan_text(REFRESHED)) + "\n")


def test_a_refreshed_plan_for_a_pull_request() -> None:
    golden.check("plan-refreshed.md", plan_markdown(REFRESHED))


def test_a_refreshed_plan_for_programs() -> None:
    golden.check("plan-refreshed.json", plan_to_json(REFRESHED).decode())


def test_an_empty_plan_is_short() -> None:
    golden.check("plan-empty.txt", "\n".join(plan_text(EMPTY)) + "\n")


def test_colours_change_nothing_but_colours() -> None:
    painted = "\n".join(plan_text(EXAMPLE, paint=Paint(colour=True)))

    assert SGR.search(painted)
    assert SGR.sub("", painted) == "\n".join(plan_text(EXAMPLE))


def test_a_large_plan_as_text() -> None:
    golden.check("plan-large.txt", "\n".join(plan_text(LARGE)) + "\n")


def test_a_large_plan_as_markdown() -> None:
    golden.check("plan-large.md", plan_markdown(LARGE))


def test_a_plan_is_listed_up_to_the_limit_and_grouped_over_it() -> None:
    plan = a_plan(tuple(map(caption, range(120))))

    assert sum(line.startswith("  ~ image ") for line in plan_text(plan, max_changes_shown=120)) == 120
    grouped = list(plan_text(plan, max_changes_shown=119))
    assert '  ~ 120 × image  caption  "猫" → "小猫"' in grouped
    assert len(grouped) < 15


def test_a_hundred_thousand_changes_of_five_kinds_are_one_screen() -> None:
    plan = a_plan(tuple(map(one_of_five, range(100_000))))
    lines = list(plan_text(plan, width=100))

    assert len(lines) <= 40
    assert max(map(width_of, lines)) <= 100
    assert told(lines) == 100_000
    first = "\n".join(lines[: len(lines) // 2])
    assert all(rare in first for rare in ('"HR" → "Poeple"', '"HR" → ""'))
    assert '"TBD"' in "\n".join(lines)
    markdown = plan_markdown(plan)
    assert len(markdown.encode("utf-16-le")) // 2 < 65_000
    assert told(markdown.splitlines()) == 100_000


@given(plans(), st.booleans())
def test_no_control_character_of_a_plan_reaches_the_terminal(plan: Plan, colour: bool) -> None:  # noqa: FBT001
    for line in plan_text(plan, paint=Paint(colour=colour)):
        assert harmless(SGR.sub("", line), ends="")


def test_hostile_text_is_inert_in_every_view_of_a_plan() -> None:
    plan = hostile_plan(3)

    for line in plan_text(plan):
        assert harmless(line, ends="")
        assert not line.lstrip().startswith(("::", "##["))
    assert harmless(plan_markdown(plan))
    assert inert_markdown(plan_markdown(plan), PLAN_MARKER)


@pytest.mark.parametrize("size", [0, 1, 100, 5_000])
def test_markdown_fits_a_comment_and_tells_every_change(size: int) -> None:
    markdown = plan_markdown(a_plan(tuple(map(caption, range(size)))))

    assert len(markdown.encode("utf-16-le")) // 2 <= 65_000
    assert markdown.startswith(PLAN_MARKER + "\n")
    assert markdown.count("\n- `~` `image ") == (size if size <= 100 else 0)
    assert f"**{size:,} ×**" in markdown or size <= 50


@pytest.mark.parametrize("limit", [10_000, 65_000])
def test_markdown_fits_whatever_the_texts_are(limit: int) -> None:
    plan = hostile_plan(500)
    crowded = replace(
        plan,
        skipped=plan.skipped * 500,
        released=plan.released * 500,
        unmanaged=plan.unmanaged * 500,
        guards=plan.guards * 500,
    )

    assert len(plan_markdown(crowded, max_characters=limit).encode("utf-16-le", "surrogatepass")) // 2 <= limit


@pytest.mark.parametrize("limit", [10_000, 65_000])
def test_markdown_tells_every_change_of_hostile_plans_or_counts_it(limit: int) -> None:
    markdown = plan_markdown(hostile_plan(500), max_characters=limit)
    counted = re.search(r"and ([\d,]+) more change", markdown)

    assert told(markdown.splitlines()) + int(counted[1] if counted else 0) >= 500
    assert inert_markdown(markdown, PLAN_MARKER)


def test_json_of_a_plan_is_one_document() -> None:
    assert json.loads(plan_to_json(EXAMPLE))["summary"]["changes"] == 4


def test_a_difference_far_inside_long_texts_is_shown() -> None:
    known, desired = pair_text("x" * 400 + "cat", "x" * 400 + "dog", 60)

    assert known.endswith('cat"')
    assert desired.endswith('dog"')


@given(st.text(max_size=300), st.text(max_size=300), st.integers(20, 100))
def test_two_different_texts_never_look_the_same(first: str, second: str, width: int) -> None:
    known, desired = pair_text("a" + first, "a" + second, width)

    assert (known == desired) <= (first == second or "\\" in known)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (0.4, "0.4 s"),
        (59.6, "60 s"),
        (2640, "44 min"),
        (7500, "2 h 5 min"),
        (7200, "2 h"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_share_is_0_or_100_only_when_it_is() -> None:
    assert [share(0, 9), share(1, 10_000), share(9_999, 10_000), share(3, 3), share(0, 0)] == [
        "0 %", "1 %", "99 %", "100 %", "100 %",
    ]  # fmt: skip
