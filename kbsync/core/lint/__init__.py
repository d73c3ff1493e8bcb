"""Lints: rules about what is allowed and still hardly meant. Each is off, a warning or an error, as the user says."""

from kbsync.core.lint.captions import Repeated, captions_of_many
from kbsync.core.lint.changes import shrinking
from kbsync.core.lint.ids import look_alikes, may_look_alike
from kbsync.core.lint.items import ItemLint, are_quiet, are_quiet_captions
from kbsync.core.lint.rules import LINT_RULES, ONCE, problems_of, refusal, switched

__all__ = (
    "LINT_RULES",
    "ONCE",
    "ItemLint",
    "Repeated",
    "are_quiet",
    "are_quiet_captions",
    "captions_of_many",
    "look_alikes",
    "may_look_alike",
    "problems_of",
    "refusal",
    "shrinking",
    "switched",
)
