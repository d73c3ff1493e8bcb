import json

from kbsync.core.exits import Exit
from kbsync.core.fields import MetaValue
from kbsync.core.items import Item, Source
from kbsync.core.report import OUTCOMES, AttemptRecord, ItemStory, RunSummary
from kbsync.core.rules import Problem
from kbsync.core.wire import Answer
from kbsync.views.history import item_json, item_lines, item_text, items_jsonl, runs_json, runs_text
from kbsync.views.problems import problem_lines, problems_json
from tests.views import golden
from tests.views.worlds import HOSTILE, harmless

NONE: dict[str, int] = dict.fromkeys(map(str, OUTCOMES), 0)
RUNS = (
    RunSummary(
        "20260102-030405-7f3a", "a1", 1767323045.0, 1767323051.5, {**NONE, "updated": 8412, "failed": 1}, Exit.PARTIAL
    ),
    RunSummary("20260101-030405-11aa", "a2", 1767236645.0, None, NONE, None),
)
ITEM = Item("volc-bj", "default/reports", "document", "test123")
STORY = ItemStory(
    ITEM,
    {"name": "年报.pdf", "meta.行业": MetaValue("string", "金融")},
    ("volcengine.document.meta",),
    (
        AttemptRecord(
            "20260102-030405-7f3a", "volcengine.document.meta", 2, 1767323047.0, "", doubt=True, answer=Answer(504)
        ),
    ),
)
HOSTILE_STORY = ItemStory(
    Item(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
    {"caption": HOSTILE, f"meta.{HOSTILE}": MetaValue("list<string>", ("a\x1b", "\u202e"))},
    (HOSTILE,),
    (AttemptRecord(HOSTILE, HOSTILE, 1, 0.0, HOSTILE, doubt=False, answer=Answer(None, HOSTILE, HOSTILE, HOSTILE)),),
)


def test_runs_as_a_table() -> None:
    golden.check("runs.txt", "\n".join(runs_text(RUNS)) + "\n")


def test_no_run_is_said() -> None:
    assert list(runs_text(())) == ["No run yet."]


def test_runs_as_json() -> None:
    first, second = json.loads(runs_json(RUNS))["runs"]

    assert first["exit"] == {"code": 3, "name": "partial"}
    assert first["totals"]["updated"] == 8412
    assert second["exit"] is second["finished_at"] is None


def test_an_item_as_text() -> None:
    golden.check("item.txt", "\n".join(item_text(STORY)) + "\n")


def test_an_item_of_which_nothing_is_known_is_said_to_be_so() -> None:
    assert list(item_text(ItemStory(ITEM, {}, (), ()))) == [str(ITEM), "  nothing is known of it"]


def test_an_item_as_json() -> None:
    document = json.loads(item_json(STORY))

    assert document["known"]["meta.行业"] == {"type": "string", "value": "金融"}
    assert document["in_doubt"] == ["volcengine.document.meta"]
    assert document["attempts"][0]["verdict"] is None


def test_items_are_listed_one_a_line() -> None:
    listed = [(ITEM, {"name": "a"}), (ITEM, {})]

    assert list(item_lines(listed)) == [f'{ITEM}  name "a"', str(ITEM)]
    assert [json.loads(line)["known"] for line in items_jsonl(listed)] == [{"name": "a"}, {}]


def test_hostile_text_is_inert_in_history() -> None:
    runs = runs_text([RunSummary(HOSTILE, HOSTILE, 0.0, 1.0, NONE, Exit.OK)])
    listed = item_lines([(HOSTILE_STORY.item, HOSTILE_STORY.fields)])

    for line in (*runs, *item_text(HOSTILE_STORY), *listed):
        assert harmless(line, ends="")


def test_problems_are_one_line_each() -> None:
    problems: list[Problem | str] = [
        Problem(Source("manifests/pets.yaml", 9, 5), "bad-id", "an id is made of digits"),
        Problem(Source("manifests/pets.yaml", 11, 5), "look-alike", "looks like another", "warning"),
        "plan.json:1:1: not a plan [bad-plan]",
    ]

    assert list(problem_lines(problems)) == [
        "manifests/pets.yaml:9:5: an id is made of digits [bad-id]",
        "manifests/pets.yaml:11:5: warning: looks like another [look-alike]",
        "plan.json:1:1: not a plan [bad-plan]",
    ]


def test_a_problem_commands_no_terminal_and_no_ci() -> None:
    for file in (HOSTILE, "::add-mask::x", " ##[error]x", "##vso[task]"):
        (line,) = problem_lines([Problem(Source(file, 1, 1), "syntax", HOSTILE)])
        assert harmless(line, ends="")
        assert not line.lstrip().startswith(("::", "##"))


def test_problems_as_json() -> None:
    (problem,) = json.loads(problems_json([Problem(Source("a\udcff.yaml", 9, 5), "bad-id", "no \ud800")]))["problems"]

    assert problem == {
        "source": {"file": "a\\udcff.yaml", "line": 9, "column": 5},
        "rule": "bad-id",
        "severity": "error",
        "message": "no \\ud800",
    }
