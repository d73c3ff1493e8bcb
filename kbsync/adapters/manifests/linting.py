"""The lints of one manifest set: of each item as it comes, and of all together when the last one came."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from kbsync.core.items import Source
from kbsync.core.lint import ItemLint, look_alikes, problems_of
from kbsync.core.rules import Problem, Rule

__all__ = ("Lints",)

_DUPLICATES: Final = "duplicate-caption"
_LOOK_ALIKES: Final = "look-alike-id"


class Lints:
    """The lints that *rules* has and that are not off."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._on = {rule.id: rule for rule in rules.values() if rule.lint and rule.severity != "off"}
        self._containers: dict[tuple[str, str], ItemLint] = {}

    def of(self, target: str, container: str) -> ItemLint | None:
        """Return what looks at the items of a container; None when all of that is off."""
        return self._containers.setdefault((target, container), ItemLint(self._on)) or None

    def problems(self, scopes: Iterable[Mapping[str, int]], place: Callable[[int], Source]) -> Iterator[Problem]:
        """Yield what is found in all items together.

        *scopes* are the ids that must differ, each with a number of which *place* makes where it was declared.
        """
        if _DUPLICATES in self._on:
            repeated = (found for lint in self._containers.values() for found in lint.captions.repeated())
            yield from problems_of(self._on[_DUPLICATES], ((found.source, str(found)) for found in repeated))
        if _LOOK_ALIKES in self._on:
            yield from problems_of(
                self._on[_LOOK_ALIKES],
                (
                    (place(ids[one]), f"the id {one} looks like {earlier} at {place(ids[earlier])}")
                    for ids in scopes
                    for one, earlier in look_alikes(ids)
                ),
            )
