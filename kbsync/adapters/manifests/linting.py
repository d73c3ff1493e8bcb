"""The lints of the items of one file, as they come."""

from collections.abc import Mapping

from kbsync.core.lint import ItemLint
from kbsync.core.rules import Rule

__all__ = ("Lints",)


class Lints:
    """The lints of single items that *rules* has and that are not off."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._on = frozenset(rule.id for rule in rules.values() if rule.lint and rule.severity != "off")
        self._containers: dict[tuple[str, str], ItemLint] = {}

    def of(self, target: str, container: str) -> ItemLint | None:
        """Return what looks at the items of a container; None when all of that is off."""
        return self._containers.setdefault((target, container), ItemLint(self._on)) or None
