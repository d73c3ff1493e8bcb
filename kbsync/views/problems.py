"""Problems of manifests, configuration and plans: a line each, or JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from kbsync.core.plan_document import source_to_plain
from kbsync.core.rules import Problem
from kbsync.views.escape import one_line

__all__ = ("problem_lines", "problems_json")

_LINE_WIDTH = 2000


def problem_lines(problems: Iterable[Problem | str]) -> Iterator[str]:
    """Yield each problem as `file:line:column: message [rule-id]`; complete lines, as in `InputError`, pass through.

    Everything is made visible, and no line begins as a command to a CI system does.
    """
    for problem in problems:
        line = one_line(str(problem), _LINE_WIDTH)
        yield f"./{line}" if line.lstrip().startswith(("::", "##[", "##vso")) else line


def problems_json(problems: Iterable[Problem]) -> bytes:
    """Return `{"problems": […]}`, each with source, rule, severity and message."""
    return orjson.dumps({"problems": [_plain(problem) for problem in problems]}) + b"\n"


def _plain(problem: Problem) -> dict[str, Any]:
    return {
        "source": source_to_plain(problem.source),
        "rule": problem.rule,
        "severity": problem.severity,
        "message": problem.message.encode("utf-8", "backslashreplace").decode(),
    }
