"""Lints: rules about what is allowed and still hardly meant. Each is off, a warning or an error, as the user says."""

from kbsync.core.lint.changes import shrinking
from kbsync.core.lint.ids import look_alikes
from kbsync.core.lint.items import ItemLint
from kbsync.core.lint.rules import LINT_RULES, problems_of, refusal, switched

__all__ = ("LINT_RULES", "ItemLint", "look_alikes", "problems_of", "refusal", "shrinking", "switched")
