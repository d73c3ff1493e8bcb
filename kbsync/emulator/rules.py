"""Who is hit by which fault: rules, and the seeded choice among them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar, cast

from kbsync.emulator.faults import Fault, changed_fault, read_mix
from kbsync.emulator.messages import MalformedError

__all__ = ("Chance", "Fates", "Hit", "Rule", "Sighting", "drawn", "read_rules", "rule_of_mix")

_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class Chance:
    """A fault and its weight against the other ones of its rule."""

    fault: Fault
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Which requests are hit, how often, and by what. What is not said hits everything.

    Patterns are globs (`*`, `?`). *nth* counts the requests for one item in one operation, *count* those of the
    operation, both from 1. Times are seconds since the rules were set.
    """

    chances: tuple[Chance, ...]
    share: float = 1.0
    operation: str = "*"
    credential: str = "*"
    container: str = "*"
    item: str = "*"
    page: int | None = None
    first_nth: int = 1
    last_nth: int | None = None
    first_count: int = 1
    last_count: int | None = None
    from_s: float = 0.0
    until_s: float | None = None
    max_in_row: int | None = None
    max_hits: int | None = None
    writes_only: bool = False


class Sighting(NamedTuple):
    """What a rule looks at."""

    operation: str
    credential: str
    container: str
    key: str
    page: int
    nth: int
    total: int
    at_s: float
    writes: bool


class Hit(NamedTuple):
    """A fault that is due, and a number in [0, 1) for what is still to be chosen."""

    fault: Fault
    draw: float


@dataclass(slots=True)
class Fates:
    """Decides for each request. The choice depends on the seed, the item and how often it was asked for.

    It does not depend on the order in which different items arrive, so a run can be repeated under concurrency.
    """

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    _in_row: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _hits: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def decide(self, sighting: Sighting) -> Hit | None:
        """Give the fault of the first rule that hits, or None."""
        if not self.rules:
            return None
        place = (sighting.operation, sighting.key)
        for number, rule in enumerate(self.rules):
            if self._hits_now(number, rule, sighting, place):
                self._in_row[place] += 1
                self._hits[number] += 1
                _, which, draw = self._numbers(number, sighting)
                chance = drawn([(chance, chance.weight) for chance in rule.chances], which)
                return Hit(chance.fault, draw)
        self._in_row.pop(place, None)
        return None

    def _hits_now(self, number: int, rule: Rule, sighting: Sighting, place: tuple[str, str]) -> bool:
        if not _matches(rule, sighting):
            return False
        if rule.max_in_row is not None and self._in_row.get(place, 0) >= rule.max_in_row:
            return False
        if rule.max_hits is not None and self._hits.get(number, 0) >= rule.max_hits:
            return False
        return rule.share >= 1.0 or self._numbers(number, sighting)[0] < rule.share

    def _numbers(self, number: int, sighting: Sighting) -> tuple[float, float, float]:
        """Draw three numbers in [0, 1): whether, which, and a spare one."""
        text = f"{self.seed}|{number}|{sighting.operation}|{sighting.key}|{sighting.nth}"
        digest = hashlib.blake2b(text.encode(), digest_size=12).digest()
        whether, which, spare = (int.from_bytes(digest[at : at + 4]) / 2**32 for at in (0, 4, 8))
        return whether, which, spare


def drawn(choices: list[tuple[_Choice, float]], number: float) -> _Choice:
    """Pick by weight with a *number* in [0, 1)."""
    left = number * sum(weight for _, weight in choices)
    for choice, weight in choices:
        left -= weight
        if left < 0:
            return choice
    return choices[-1][0]


def rule_of_mix(mix: Mapping[str, float], share: float, max_in_row: int | None) -> Rule:
    """Make the rule that hits a *share* of everything with the kinds of *mix* by weight."""
    chances = tuple(Chance(changed_fault(kind, {}), weight) for kind, weight in mix.items())
    return Rule(chances, share, max_in_row=max_in_row)


def read_rules(value: object) -> tuple[Rule, ...]:
    """Read rules from JSON, or raise ValueError.

    A list of objects with the members of `Rule`, but instead of `chances` either `kind` (with any members of a
    fault in `with`) or `mix`: `{"http_500": 2, …}`, `"http_500=2,…"` or the name of a preset. `nth`, `count`
    and `time_s` may give both ends at once: `3` or `[2, 5]`.
    """
    if not isinstance(value, list):
        raise MalformedError("rules must be a list")
    return tuple(map(_rule, cast("Iterable[object]", value)))


def _matches(rule: Rule, sighting: Sighting) -> bool:
    return (
        (sighting.writes or not rule.writes_only)
        and (rule.operation == "*" or fnmatchcase(sighting.operation, rule.operation))
        and (rule.item == "*" or fnmatchcase(sighting.key, rule.item))
        and (rule.container == "*" or fnmatchcase(sighting.container, rule.container))
        and (rule.credential == "*" or fnmatchcase(sighting.credential, rule.credential))
        and rule.page in {None, sighting.page}
        and rule.first_nth <= sighting.nth
        and (rule.last_nth is None or sighting.nth <= rule.last_nth)
        and rule.first_count <= sighting.total
        and (rule.last_count is None or sighting.total <= rule.last_count)
        and rule.from_s <= sighting.at_s
        and (rule.until_s is None or sighting.at_s < rule.until_s)
    )


def _rule(value: object) -> Rule:
    if not isinstance(value, dict):
        raise MalformedError("a rule must be an object")
    members = dict(cast("dict[str, object]", value))
    members["chances"] = _chances(members)
    for name, (low, high) in _RANGES.items():
        if name in members:
            members[low], members[high] = _range(name, members.pop(name))
    known = {entry.name for entry in fields(Rule)}
    for name, member in members.items():
        if name not in known:
            raise MalformedError(f"unknown member {name!r} of a rule; known: {', '.join(sorted(known | set(_RANGES)))}")
        if name != "chances" and not _fits(name, member):
            raise MalformedError(f"{name} of a rule has the wrong type")
    return Rule(**members)  # type: ignore[arg-type]


def _chances(members: dict[str, object]) -> tuple[Chance, ...]:
    kind, changes, mix = members.pop("kind", None), members.pop("with", {}), members.pop("mix", None)
    if (kind is None) == (mix is None):
        raise MalformedError("a rule needs either a kind or a mix")
    if mix is None and isinstance(kind, str) and isinstance(changes, dict):
        return (Chance(changed_fault(kind, cast("dict[str, object]", changes))),)
    if isinstance(mix, dict):
        mix = ",".join(f"{name}={weight}" for name, weight in cast("dict[str, object]", mix).items())
    if isinstance(mix, str):
        return tuple(Chance(changed_fault(name, {}), weight) for name, weight in read_mix(mix).items())
    raise MalformedError("kind must be a text, mix a text or an object")


_RANGES = {
    "nth": ("first_nth", "last_nth"),
    "count": ("first_count", "last_count"),
    "time_s": ("from_s", "until_s"),
}
_TEXTS = frozenset({"operation", "credential", "container", "item"})


def _range(name: str, value: object) -> tuple[object, object]:
    if isinstance(value, list):
        ends = cast("list[object]", value)
        if len(ends) == 2:
            return ends[0], ends[1]
    elif isinstance(value, int):
        return value, value
    raise MalformedError(f"{name} must be a number or a pair of them")


def _fits(name: str, value: object) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    if name == "writes_only":
        return isinstance(value, bool)
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
