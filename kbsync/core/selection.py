"""Selectors: which items of the manifests a command is about.

A selector is `KEY=GLOB`, or several of them joined by commas, all of which have to match. The keys are those of `KEYS`.
In a glob `*` stands for any text, slashes too, `?` for one character and `[…]` for one of several; a backslash takes
the character after it as it is. Case counts, and ids are text.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from typing import Final, NamedTuple

from kbsync.core.entries import nearest
from kbsync.core.manifest import Desired

__all__ = ("KEYS", "Selection", "Selector", "parse_selector")

_VALUES: Final[Mapping[str, Callable[[Desired], object]]] = {
    "target": lambda desired: desired.item.target,
    "container": lambda desired: desired.item.container,
    "kind": lambda desired: desired.item.kind,
    "id": lambda desired: desired.item.id,
    "name": lambda desired: desired.fields.get("name"),
    "file": lambda desired: desired.source.file,
}
KEYS: Final = tuple(_VALUES)

_CHARACTER: Final = re.compile(r"\\?.", re.DOTALL)
_WILD: Final = frozenset("*?[")
# Who mistook a value is told of a near one among so many.
_MOST_REMEMBERED: Final = 10_000
# So few values are all told when none is near.
_MOST_TOLD: Final = 8


class _Term(NamedTuple):
    """One `KEY=GLOB`: *value* is what an item has for the key, *fits* tells whether the glob matches a whole text."""

    key: str
    glob: str
    value: Callable[[Desired], object]
    fits: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector as it was written, and what it means."""

    text: str
    terms: tuple[_Term, ...]

    def matches(self, desired: Desired) -> bool:
        """Tell whether *desired* has what every key asks for. An item without a declared name has none to match."""
        for _, _, value_of, fits in self.terms:
            value = value_of(desired)
            if not isinstance(value, str) or not fits(value):
                return False
        return True


def parse_selector(text: str) -> Selector:
    """Return the selector that *text* is. Raises ValueError, whose `str` is a sentence about it, when it is none."""
    terms: dict[str, _Term] = {}
    for part in _parts(text):
        key, equals, glob = part.partition("=")
        if not equals or key not in _VALUES:
            hint = nearest(key, KEYS) if equals else ""
            raise ValueError(f"{part!r} is no KEY=GLOB with a KEY of {', '.join(KEYS)}{hint}")
        if not glob:
            raise ValueError(f"{key}= names nothing; {key}=* would be everything that has one")
        if key in terms:
            raise ValueError(f"{key} stands twice, and all of a selector has to match; write two for either of both")
        terms[key] = _Term(key, glob, _VALUES[key], _matcher(glob))
    return Selector(text, tuple(terms.values()))


class Selection:
    """Chooses the items that one of *only* matches, all when there is none, and that none of *excluded* does.

    It is asked about every item there is, and knows afterwards which selectors matched none, and why.
    """

    def __init__(self, only: Collection[Selector] = (), excluded: Collection[Selector] = ()) -> None:
        self._only = [_Watch(selector) for selector in only]
        self._excluded = [_Watch(selector) for selector in excluded]

    def __bool__(self) -> bool:
        return bool(self._only or self._excluded)

    def chooses(self, desired: Desired) -> bool:
        """Tell whether *desired* is chosen."""
        # Every selector is asked: each has to know whether it ever matched.
        chosen = not self._only
        for watch in self._only:
            chosen = watch.matches(desired) or chosen
        for watch in self._excluded:
            chosen = not watch.matches(desired) and chosen
        return chosen

    def idle_only(self) -> Iterator[tuple[Selector, str]]:
        """Yield each of *only* that matched no item, and why that may be."""
        return ((watch.selector, watch.reason()) for watch in self._only if not watch.matched)

    def idle_excluded(self) -> Iterator[tuple[Selector, str]]:
        """Yield each of *excluded* that matched no item, and why that may be."""
        return ((watch.selector, watch.reason()) for watch in self._excluded if not watch.matched)


class _Watch:
    """A selector, and until it matches for the first time, what its terms that never did have met instead."""

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self.matched = False
        self._met: dict[_Term, set[str]] = {term: set() for term in selector.terms}

    def matches(self, desired: Desired) -> bool:
        if self.matched:
            return self.selector.matches(desired)
        fine = True
        for term in self.selector.terms:
            value = term.value(desired)
            if isinstance(value, str) and term.fits(value):
                self._met.pop(term, None)
                continue
            fine = False
            met = self._met.get(term)
            if met is not None and isinstance(value, str) and len(met) < _MOST_REMEMBERED:
                met.add(value)
        self.matched = fine
        return fine

    def reason(self) -> str:
        """Say what nothing has, or that nothing has all of it."""
        for term, met in self._met.items():
            hint = nearest(term.glob, sorted(met))
            if not hint and 0 < len(met) <= _MOST_TOLD:
                hint = f"; there is {', '.join(sorted(met))}"
            return f"no item has the {term.key} {term.glob}{hint}"
        return "no item has all of it"


def _parts(text: str) -> Iterator[str]:
    """Yield what commas separate in *text*; those behind a backslash do not."""
    part = ""
    for character in _CHARACTER.findall(text):
        if character == ",":
            yield part
            part = ""
        else:
            part += character
    yield part


def _matcher(glob: str) -> Callable[[str], object]:
    """Return what tells whether *glob* matches a whole text."""
    characters: list[str] = _CHARACTER.findall(glob)
    if _WILD.isdisjoint(characters):
        return "".join(character[-1] for character in characters).__eq__
    # Between brackets what is wild stands for itself.
    globbed = (f"[{one[-1]}]" if len(one) > 1 and one[-1] in _WILD else one[-1] for one in characters)
    return re.compile(translate("".join(globbed))).match
