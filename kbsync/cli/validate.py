"""`kbsync validate`: are manifests and configuration right? Offline, without secrets and without state."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from kbsync.cli.options import allow_option, config_option, console_of, lint_options, paths_argument
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.core.rules import Level
from kbsync.providers import ALL_RULES
from kbsync.views.problems import problem_lines, problems_json
from kbsync.views.wording import count

__all__ = ("validate",)

# As `[lint]` takes them.
_WORDS: Final = {"warning": "warn"}


@click.command()
@paths_argument
@config_option
@allow_option
@lint_options
@click.option("--rules", is_flag=True, help="List every rule, lint and guard by its id, and check nothing.")
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.pass_context
def validate(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    levels: Mapping[str, Level],
    rules: bool,
    form: str,
) -> int:
    """Check manifests and configuration, offline.

    Every mistake in every file is told in one go, as file:line:column: message [rule-id]. Exit 65 when there is one;
    warnings change no exit code.
    """
    console = console_of(context)
    if rules:
        console.out.lines(_rule_lines())
        return Exit.OK

    survey = open_workspace(config_file, allowed, levels).survey(paths)
    wrong = any(problem.severity == "error" for problem in survey.problems)
    if form == "json":
        console.out.pieces([problems_json(survey.problems)])
    else:
        console.err.lines(problem_lines(survey.problems))
        if not wrong:
            said = f"no errors, {count(len(survey.problems), 'warning')}" if survey.problems else "all right"
            console.out.lines([f"{count(survey.items, 'item')} in {count(len(survey.files), 'file')}: {said}"])
    return Exit.INPUT if wrong else Exit.OK


def _rule_lines() -> Iterator[str]:
    width = max(map(len, ALL_RULES))
    for rule in ALL_RULES.values():
        changed_by = "--allow" if rule.liftable else "[lint]" if rule.lint else ""
        yield f"{rule.id:<{width}}  {_WORDS.get(rule.severity, rule.severity):<5}  {changed_by:<7}  {rule.summary}"
