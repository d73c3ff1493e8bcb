"""Problems of manifests, configuration and plans: a line each, or JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

from kbsync.core.inert_json import dumps
from kbsync.core.plan_document import source_to_plain
from kbsync.core.rules import Problem
from kbsync.views.escape import one_line

__all__ = ("problem_lines", "problems_json")

_LINE_WIDTH = 2000


def problem_lines(problems: Iterable[Problem | str]) -> Iterator[str]:
    """Yield each problem as `file:line:column: message [rule-id]`; complete lines, as in `InputError`, pass through.

    Everything is made visible.
    """
    return (one_line(str(problem), _LINE_WIDTH) for problem in problems)


def problems_json(problems: Iterable[Problem]) -> bytes:
    """Return `{"problems": […]}`, each with source, rule, severity and message."""
    return dumps({"problems": [_plain(problem) for problem in problems]}) + b"\n"


def _plain(problem: Problem) -> dict[str, Any]:
    return {
        "source": source_to_plain(problem.source),
        "rule": problem.rule,
        "severity": problem.severity,
        "message": problem.message.encode("utf-8", "backslashreplace").decode(),
    }
