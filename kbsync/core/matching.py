"""Pairing the items of two containers: one here with one there, and only where nothing else could be meant."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from kbsync.core.items import Item, Source
from kbsync.core.names import PlainName, plain_name, plain_type

__all__ = (
    "STRATEGIES",
    "Ambiguity",
    "Candidate",
    "Matching",
    "Missing",
    "Pair",
    "Strategy",
    "Why",
    "by_told",
    "match",
)

Why: TypeAlias = Literal["absent", "nameless", "taken", "told"]


class Candidate(NamedTuple):
    """An item to be paired. *kind* is the one that both sides call it by: that of the items there.

    *name*, *size_bytes* and *type* are None where they are not known. *source* is where a manifest declares it.
    """

    item: Item
    kind: str
    name: str | None = None
    size_bytes: int | None = None
    type: str | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to tell that two items are one: their keys are equal. An item whose key is None cannot be paired by it.

    Where two alone share a key, they must *agree* besides. A strategy that *decides* is somebody's word: an item that
    it has a key for is paired by it or not at all, however much two are alike.
    """

    name: str
    here: Callable[[Candidate], Hashable]
    there: Callable[[Candidate], Hashable]
    agree: Callable[[Candidate, Candidate], bool] = lambda _here, _there: True
    decides: bool = False


class Pair(NamedTuple):
    """Two items that are one, and the name of the strategy that says so."""

    here: Candidate
    there: Candidate
    by: str


class Ambiguity(NamedTuple):
    """Items of which each one here could be each one there, by the strategy of this name."""

    by: str
    here: tuple[Candidate, ...]
    there: tuple[Candidate, ...]


class Missing(NamedTuple):
    """An item here without a counterpart.

    *why* is `absent` when nothing there is like it, `nameless` when no strategy has anything to go by, `taken` when
    whatever is like it has another counterpart, and `told` when a map names a counterpart that is not there.
    """

    here: Candidate
    why: Why


@dataclass(frozen=True, slots=True)
class Matching:
    """What came of it: each item here is in a pair, in an ambiguity or missing; one there may be left over instead.

    All are in the order in which the candidates came; pairs in the order of those here.
    """

    pairs: tuple[Pair, ...]
    ambiguous: tuple[Ambiguity, ...]
    missing: tuple[Missing, ...]
    left_over: tuple[Candidate, ...]

    @property
    def unpaired(self) -> int:
        """How many items here have no counterpart."""
        return len(self.missing) + sum(len(group.here) for group in self.ambiguous)


def match(here: Iterable[Candidate], there: Iterable[Candidate], strategies: Iterable[Strategy]) -> Matching:
    """Pair what is *here* with what is *there*, by *strategies*, one after the other. No item stands twice.

    Two items are a pair when they alone share a key. Several that share one are ambiguous: the strategies that follow
    choose among them, and pair none of them with anything else. So nothing depends on the order of candidates.
    """
    table = _Table(here, there)
    for strategy in strategies:
        table.apply(strategy)
    return table.matching()


# --------------------------------------------------------------------------------------------------------- strategies
def by_told(name: str, told: Mapping[tuple[str, str], str]) -> Strategy:
    """Return the strategy of this *name* that pairs as *told*: the id there by kind and id here; "" is any kind."""
    named = frozenset(told.values())

    def here(one: Candidate) -> str | None:
        item = one.item
        return told.get((item.kind, item.id)) or told.get(("", item.id))

    def there(one: Candidate) -> str | None:
        return one.item.id if one.item.id in named else None

    return Strategy(name, here, there, decides=True)


def _name(one: Candidate) -> str | None:
    return one.name if one.name and one.name.strip() else None


def _plain_name(one: Candidate) -> PlainName | None:
    return plain_name(one.name) if one.name else None


def _stem(one: Candidate) -> str | None:
    plain = _plain_name(one)
    return None if plain is None else plain.stem


def _endings_agree(here: Candidate, there: Candidate) -> bool:
    """Tell whether one of both names has no ending; two that are the same are of one key already."""
    return any(plain is not None and not plain.ending for plain in map(_plain_name, (here, there)))


def _size_and_type(one: Candidate) -> tuple[int, str] | None:
    return None if one.size_bytes is None or not one.type else (one.size_bytes, plain_type(one.type))


# What each word of `--by` stands for. A plain name with the same ending is more than one where an ending is missing.
STRATEGIES: Final[Mapping[str, Sequence[Strategy]]] = {
    "name": (Strategy("name", _name, _name),),
    "normalised-name": (
        Strategy("normalised-name", _plain_name, _plain_name),
        Strategy("normalised-name", _stem, _stem, _endings_agree),
    ),
    "size-and-type": (Strategy("size-and-type", _size_and_type, _size_and_type),),
}


# ------------------------------------------------------------------------------------------------------------ pairing
@dataclass(slots=True)
class _Side:
    """The candidates of one side: all of them, and of those without a counterpart the number of their pool.

    Pool 0 holds those that nothing was found for; in any other everybody shares a key. *sizes* are those of the pools
    when the present strategy began. *keyed* are those that some strategy had a key for, *told* those that one decided
    about in vain.
    """

    all: tuple[Candidate, ...]
    open: dict[Item, tuple[Candidate, int]] = field(init=False)
    keyed: set[Item] = field(default_factory=set[Item])
    told: set[Item] = field(default_factory=set[Item])
    sizes: Counter[int] = field(default_factory=Counter[int])

    def __post_init__(self) -> None:
        self.open = {one.item: (one, 0) for one in self.all}
        assert len(self.open) == len(self.all), "an item stands twice"

    def keys(self, key_of: Callable[[Candidate], Hashable], *, pooled: bool) -> dict[Hashable, list[Candidate]]:
        """Return the open candidates by what only their like has: the key, the kind, and if *pooled* the pool."""
        found: dict[Hashable, list[Candidate]] = {}
        self.sizes = Counter(pool for _, pool in self.open.values())
        for one, pool in self.open.values():
            key = key_of(one)
            if key is not None:
                self.keyed.add(one.item)
                found.setdefault((one.kind, pool if pooled else 0, key), []).append(one)
        return found

    def are_pool(self, candidates: Sequence[Candidate]) -> bool:
        """Tell whether *candidates*, of one pool, were all of it when there were `keys`."""
        pool = self.open[candidates[0].item][1]
        return pool > 0 and self.sizes[pool] == len(candidates)

    def move(self, candidates: Iterable[Candidate], pool: int) -> None:
        for one in candidates:
            self.open[one.item] = (one, pool)

    def decide(self, candidates: Iterable[Candidate]) -> None:
        self.told.update(one.item for one in candidates if self.open.pop(one.item, None) is not None)

    def pools(self) -> dict[int, list[Candidate]]:
        found: dict[int, list[Candidate]] = {}
        for one, pool in self.open.values():
            found.setdefault(pool, []).append(one)
        return found


class _Table:
    """Both sides, what has been paired, and which strategy made each pool."""

    def __init__(self, here: Iterable[Candidate], there: Iterable[Candidate]) -> None:
        self._here = _Side(tuple(here))
        self._there = _Side(tuple(there))
        self._pairs: dict[Item, Pair] = {}
        self._makers: list[str] = [""]

    def apply(self, strategy: Strategy) -> None:
        """Pair and pool by *strategy* whatever is still open."""
        here = self._here.keys(strategy.here, pooled=not strategy.decides)
        there = self._there.keys(strategy.there, pooled=not strategy.decides)
        for key, ours in here.items():
            theirs = there.get(key)
            if theirs is None:
                continue
            if len(ours) == len(theirs) == 1:
                if strategy.agree(ours[0], theirs[0]):
                    self._pair(ours[0], theirs[0], strategy.name)
            elif not strategy.decides and not (self._here.are_pool(ours) and self._there.are_pool(theirs)):
                self._here.move(ours, len(self._makers))
                self._there.move(theirs, len(self._makers))
                self._makers.append(strategy.name)
        if strategy.decides:
            for side, groups in ((self._here, here), (self._there, there)):
                for group in groups.values():
                    side.decide(group)

    def _pair(self, ours: Candidate, theirs: Candidate, by: str) -> None:
        self._pairs[ours.item] = Pair(ours, theirs, by)
        del self._here.open[ours.item]
        del self._there.open[theirs.item]

    def matching(self) -> Matching:
        """Return what came of it."""
        theirs = self._there.pools()
        ambiguous: list[Ambiguity] = []
        unsettled: set[Item] = set()
        for pool, ours in self._here.pools().items():
            if pool and pool in theirs:
                ambiguous.append(Ambiguity(self._makers[pool], tuple(ours), tuple(theirs[pool])))
                unsettled.update(one.item for one in (*ours, *theirs[pool]))

        paired_there = {pair.there.item for pair in self._pairs.values()}
        return Matching(
            tuple(self._pairs[one.item] for one in self._here.all if one.item in self._pairs),
            tuple(ambiguous),
            tuple(
                Missing(one, self._why(one))
                for one in self._here.all
                if one.item not in self._pairs and one.item not in unsettled
            ),
            tuple(one for one in self._there.all if one.item not in paired_there and one.item not in unsettled),
        )

    def _why(self, one: Candidate) -> Why:
        if one.item in self._here.told:
            return "told"
        if self._here.open[one.item][1]:
            return "taken"
        return "absent" if one.item in self._here.keyed else "nameless"
