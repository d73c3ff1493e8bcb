"""`kbsync validate`: are manifests and configuration right? Offline, without secrets and without state."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kbsync.cli.options import allow_option, config_option, console_of, lint_options, paths_argument
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.core.rules import Level, Rule
from kbsync.providers import ALL_RULES
from kbsync.views.problems import problem_lines, problems_json
from kbsync.views.wording import count

__all__ = ("validate",)


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

    stream = open_workspace(config_file, allowed, levels).read(paths)
    items = sum(1 for _ in stream)
    wrong = any(problem.severity == "error" for problem in stream.problems)
    if form == "json":
        console.out.pieces([problems_json(stream.problems)])
    else:
        console.err.lines(problem_lines(stream.problems))
        if not wrong:
            said = f"no errors, {count(len(stream.problems), 'warning')}" if stream.problems else "all right"
            console.out.lines([f"{count(items, 'item')} in {count(len(stream.files), 'file')}: {said}"])
    return Exit.INPUT if wrong else Exit.OK


def _rule_lines() -> Sequence[str]:
    width = max(map(len, ALL_RULES))
    return [
        f"{rule.id:<{width}}  {rule.severity:<7}  {_changed_by(rule):<7}  {rule.summary}" for rule in ALL_RULES.values()
    ]


def _changed_by(rule: Rule) -> str:
    return "--allow" if rule.liftable else "[lint]" if rule.lint else ""
