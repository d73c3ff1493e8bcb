"""What holds for whatever is in a manifest: nothing is raised, problems have places, and items are what they seem."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson

from kbsync.adapters.manifests import read_manifests, survey_manifests
from kbsync.core.fields import MetaValue, UpdateRule, to_declared
from kbsync.core.manifest import Desired, Dialect
from kbsync.core.rules import Problem
from kbsync.providers import ALL_RULES, PROVIDERS
from tests.adapters.manifests.fuzz.damage import damaged
from tests.adapters.manifests.fuzz.whole import whole

__all__ = ("Figures", "judge_all")

_EXAMPLES: Final = Path(__file__).parents[4] / "manifests"
_TARGETS: Final[Mapping[str, Dialect]] = {
    target: PROVIDERS[provider].dialect(PROVIDERS[provider].settings.model_construct())
    for target, provider in (("coze-cn", "coze"), ("volc-bj", "volcengine"))
}
# YAML knows more line breaks than the others, and what is no text is told before there is YAML.
_BREAKS: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass
class Figures:
    """What was read, summed up."""

    inputs: Counter[str] = field(default_factory=Counter[str])
    refused: int = 0
    items: int = 0
    problems: int = 0
    rules: set[str] = field(default_factory=set[str])

    def __str__(self) -> str:
        formats = ", ".join(f"{count:,} {ending}" for ending, count in self.inputs.items())
        return (
            f"{formats}: {self.refused:,} refused by {len(self.rules)} rules in {self.problems:,} problems, "
            f"{self.items:,} items read"
        )


def judge_all(ending: str, seeds: Iterable[int], folder: Path, figures: Figures) -> None:
    """Judge the input of each of *seeds*, or of the one that the environment names.

    What fails says how to see it again, and leaves its input in *folder*.
    """
    named = os.environ.get("SEED")
    for seed in seeds if named is None else [int(named)]:
        path = folder / f"m.{ending}"
        path.write_bytes(_made(ending, seed))
        try:
            _judge(path, figures)
        except BaseException as error:
            error.add_note(f"Seed {seed} of {ending}, {path.read_bytes()[:2000]!r}: SEED={seed} make campaign-fuzz")
            raise


def _made(ending: str, seed: int) -> bytes:
    chance = Random(f"{ending} {seed}")
    data = whole(ending, chance)
    if chance.random() < 0.25:
        data = chance.choice([path.read_bytes() for path in sorted(_EXAMPLES.glob(f"*/*.{ending}"))])
    return damaged(data, whole(ending, chance), chance) if chance.random() < 0.8 else data


def _judge(path: Path, figures: Figures) -> None:
    items, problems = _read(path)
    assert (items, problems) == _read(path)

    _assert_placed(problems, path)
    wrong = any(problem.severity == "error" for problem in problems)
    _assert_planned(items, problems, path)
    _assert_read_back(items, path.parent / "back.jsonl")

    figures.inputs[path.suffix[1:]] += 1
    figures.refused += wrong
    figures.items += len(items)
    figures.problems += len(problems)
    figures.rules |= {problem.rule for problem in problems}


def _read(path: Path, allow: frozenset[str] = frozenset()) -> tuple[list[Desired], list[Problem]]:
    stream = read_manifests([path.name], targets=_TARGETS, rules=ALL_RULES, allow=allow, root=path.parent)
    return list(stream), stream.problems


def _assert_placed(problems: Iterable[Problem], path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    plain, all_breaks = text.split("\n"), _BREAKS.split(text)
    for problem in problems:
        _, line, column = problem.source
        assert any(
            0 < line <= len(lines) and 0 < column <= len(lines[line - 1]) + 1 for lines in (plain, all_breaks)
        ), problem
        assert problem.rule in ALL_RULES, problem
        assert str(problem).isprintable(), problem
        assert "xxxxxxxxx" not in problem.message or "pat_" not in problem.message, problem


def _assert_planned(items: Sequence[Desired], problems: Iterable[Problem], path: Path) -> None:
    """Claim that a plan, which looks at many items at once, sees the same mistakes, or the same items."""
    survey = survey_manifests([path.name], targets=_TARGETS, rules=ALL_RULES, root=path.parent, settled=_nothing)

    errors = [problem for problem in problems if problem.severity == "error"]
    assert [problem for problem in survey.problems if problem.severity == "error"] == errors
    if not errors:
        assert [*survey.differing] == items


def _nothing(_place: object, ids: Sequence[str]) -> list[bytes | None]:
    return [None] * len(ids)


def _assert_read_back(items: Iterable[Desired], path: Path) -> None:
    """Claim that *items*, written in the plainest of all formats, are the same items without a mistake.

    A credential in one of them is told of the text as a whole, and keeps nothing of it from being read.
    """
    wanted = list(items)
    path.write_bytes(b"".join(orjson.dumps(_row(item)) + b"\n" for item in wanted))
    again, problems = _read(path, allow=frozenset(rule.id for rule in ALL_RULES.values() if rule.liftable))

    assert {problem.rule for problem in problems if problem.severity == "error"} <= {"secret-in-manifest"}
    assert [item._replace(source=wanted[0].source) for item in again] == [
        item._replace(source=wanted[0].source, ignored=frozenset()) for item in wanted if item.fields
    ]


def _row(desired: Desired) -> dict[str, Any]:
    target, container, kind, id_ = desired.item
    row: dict[str, Any] = {"target": target, "kind": kind, "id": id_, "protect": desired.protect, "allow_empty": True}
    if target == "coze-cn":
        row["dataset"] = container
    elif container.startswith("kb-"):
        row["resource_id"] = container
    else:
        row["project"], row["collection"] = container.split("/")
    for name, value in desired.fields.items():
        match value:
            case UpdateRule(type_, interval):
                row["update_rule"] = {"update_type": type_} | (
                    {} if interval is None else {"update_interval": interval}
                )
            case MetaValue():
                row.setdefault("meta", {})[name.removeprefix("meta.")] = to_declared(value)
            case _:
                row[name] = value
    return row
