"""The lints of all providers, and switching them. A provider's own ones stand among its rules."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from kbsync.core.entries import nearest
from kbsync.core.items import Source
from kbsync.core.rules import Level, Problem, Rule, lint_rule

__all__ = (
    "LINT_RULES",
    "MANY_IMAGES",
    "MAX_LISTED",
    "MIN_SHRINKING_CHARACTERS",
    "ONCE",
    "SHRINKING_FACTOR",
    "problems_of",
    "refusal",
    "switched",
)

# What is told once, wherever it is found first.
ONCE: Final = frozenset({"non-ascii-field-name"})
MANY_IMAGES: Final = 10
MIN_SHRINKING_CHARACTERS: Final = 100
SHRINKING_FACTOR: Final = 10
MAX_LISTED: Final = 100


LINT_RULES: Final = (
    lint_rule("empty-caption", "A caption is empty, although `allow_empty: true` lets it be.", "off"),
    lint_rule("blank-text", "A caption, name or meta text holds nothing that can be seen."),
    lint_rule(
        "placeholder-caption", "A caption is a word like TODO or 待补充, a template, a file name or punctuation alone."
    ),
    lint_rule("surrounding-space", "A caption, name, meta text or meta field name begins or ends with white space."),
    lint_rule("duplicate-caption", f"{MANY_IMAGES} images of a container or more have the same caption."),
    lint_rule(
        "shrinking-caption",
        f"A known caption of {MIN_SHRINKING_CHARACTERS} characters or more would shrink to under a tenth.",
    ),
    lint_rule(
        "non-ascii-field-name",
        "A meta field name is not ASCII, which pages of the vendor disagree about.",
        "off",
        of_key=True,
    ),
    lint_rule(
        "look-alike-id", "Two ids of a container differ only in letter case, or in O for 0 or I or l for 1 in a number."
    ),
)


def switched(rules: Mapping[str, Rule], levels: Mapping[str, Level]) -> Mapping[str, Rule]:
    """Return *rules* with the severities that *levels* gives to some lints by id."""
    return {**rules, **{name: replace(rules[name], severity=level) for name, level in levels.items()}}


def refusal(name: str, rules: Mapping[str, Rule]) -> str | None:
    """Say why *name* among *rules* cannot be switched, and what could have been meant; None when it can."""
    rule = rules.get(name)
    if rule is None:
        lints = [known.id for known in rules.values() if known.lint]
        return f"that is not the id of a lint{nearest(name, lints) or '; `kbsync validate --rules` lists them'}"
    if not rule.lint:
        return f"that rule is no lint, and stays an error{'; `--allow` lifts it once' if rule.liftable else ''}"
    return None


def problems_of(lint: Rule, found: Iterable[tuple[Source, str]], *, unlisted: int = 0) -> Iterator[Problem]:
    """Yield a problem for each place and message, up to a hundred; the next one says how many there are besides.

    So many of those are *unlisted*, which means that they are not even among what was *found*.

    Nothing is looked for when the *lint* is off.
    """
    if lint.severity == "off":
        return
    rest = iter(found)
    for source, message in islice(rest, MAX_LISTED):
        yield Problem(source, lint.id, message, lint.severity)
    for source, message in islice(rest, 1):
        more = sum(1 for _ in rest) + unlisted
        yield Problem(source, lint.id, f"{message}; {more:,} more are not listed", lint.severity)
