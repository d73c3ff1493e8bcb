"""What the table of DESIGN makes of a world, with its policies and request groups: written down once more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from kbsync.emulator.behaviour import MetaMode
from tests.cli.three_way.worlds import GROUPS, ByItem, Entry, Fields, Policies, Value, World, without_unset

__all__ = ("UNKNOWN", "Expected", "Row", "expected")

UNKNOWN: Final = "(nothing is known)"
# Why a person has to look at a request, and why nobody has to.
_STUCK: Final = ("conflict", "drifted")
_KEPT: Final = {"drifted": "drift_kept", "conflict": "theirs"}
# Of the words of several fields, the one that a plan says of their request.
_TELLING: Final = ("conflict", "drifted", "changed", "new")


class Row(NamedTuple):
    """What a plan says of one request of one item: *fields* are known, live and desired by name.

    *why* is empty of what is sent.
    """

    id: str
    operation: str
    why: str
    reason: str
    fields: Mapping[str, tuple[Value, Value, Value]]


class Expected(NamedTuple):
    """What a plan says, sorted, and what an apply of it leaves. *in_sync* are items, and so are *released* ones."""

    rows: Sequence[Row]
    in_sync: int
    released: Sequence[str]
    unmanaged: Mapping[str, Sequence[str]]
    known: ByItem
    live: ByItem

    @property
    def sent(self) -> list[tuple[str, str]]:
        """The items and operations of the requests that are sent."""
        return [row[:2] for row in self.rows if not row.why]

    @property
    def conflicts(self) -> int:
        """How many requests a person has to look at."""
        return sum(row.why in _STUCK for row in self.rows)

    @property
    def not_removed(self) -> list[tuple[str, str]]:
        """The items and operations of the requests that were to remove what is live all the same."""
        return [
            row[:2]
            for row in self.rows
            if not row.why
            and any(wanted is None and name in self.live[row.id] for name, (_, _, wanted) in row.fields.items())
        ]

    @property
    def exit(self) -> int:
        """The exit code of the apply."""
        return 3 if self.not_removed else 5 if self.conflicts else 0


def expected(world: World, known: ByItem, live: ByItem, desired: ByItem, *, whole: bool = True) -> Expected:
    """Return what a plan says, and what is known and live after an apply. Only a *whole* one releases."""
    rows: list[Row] = []
    in_sync = 0
    known_after = {id_: dict(fields) for id_, fields in known.items()}
    live_after = {id_: dict(fields) for id_, fields in live.items()}
    for entry in world.entries:
        if entry.id not in desired:
            continue
        before, wanted, seen = known.get(entry.id, {}), desired[entry.id], live[entry.id]
        mine = _rows(entry, world.policies[entry.target], before, seen, wanted)
        rows += mine
        in_sync += not mine
        sent = {name for row in mine if not row.why for name in row.fields}
        live_after[entry.id] = _written(seen, {name: wanted[name] for name in sent}, world.mode)
        right = {name for name in wanted if live_after[entry.id].get(name) == wanted[name]}
        news = {name: live_after[entry.id].get(name) for name in sent | right}
        known_after[entry.id] = {name: value for name, value in before.items() if name in wanted or not whole} | news
    if whole:
        known_after = {id_: fields for id_, fields in known_after.items() if id_ in desired}
    return Expected(
        sorted(rows, key=lambda row: row[:4]),
        in_sync,
        sorted(known.keys() - desired.keys()) if whole else [],
        {id_: sorted(left) for id_ in desired if (left := known.get(id_, {}).keys() - desired[id_].keys()) and whole},
        {id_: fields for id_, fields in known_after.items() if fields},
        live_after,
    )


def _written(live: Fields, sent: Fields, mode: MetaMode) -> dict[str, Value]:
    """Return what is live after an update that says *sent*; one that merges takes nothing away."""
    gone = {name for name, value in sent.items() if value is None and mode == "replace"}
    return {**{name: value for name, value in live.items() if name not in gone}, **without_unset(sent)}


def _rows(entry: Entry, policies: Policies, known: Fields, live: Fields, desired: Fields) -> list[Row]:
    """Return what becomes of an item: nothing, when it is in sync."""
    rows: list[Row] = []
    for operation, names in GROUPS[entry.kind].items():
        words = {name: _word(name, known, live, desired) for name in names if name in desired}
        for why, some in _parts(words, policies):
            told = {words[name] for name in some}
            reason = next(word for word in _TELLING if word in told)
            triples = {name: (known.get(name, UNKNOWN), live.get(name), desired[name]) for name in sorted(some)}
            rows.append(Row(entry.id, operation, why, reason, triples))

    if any(row.why in _STUCK for row in rows):
        return [row._replace(why=row.why or "item_in_conflict") for row in rows]
    return rows


def _parts(words: Mapping[str, str], policies: Policies) -> Iterator[tuple[str, list[str]]]:
    """Yield which fields of a request group a plan tells of together, and why it does not send them, if so."""
    fates = {name: policies.fate(name, word) for name, word in words.items() if word != "in sync"}
    stuck = {words[name] for name, fate in fates.items() if fate == "stuck"}
    if stuck:
        yield next(why for why in _STUCK if why in stuck), [*words]
        return

    for word, why in _KEPT.items():
        if kept := [name for name, fate in fates.items() if fate == "kept" and words[name] == word]:
            yield why, kept
    if "sent" in fates.values():
        yield "", [name for name in words if fates.get(name) != "kept"]


def _word(name: str, known: Fields, live: Fields, desired: Fields) -> str:
    if live.get(name) == desired[name]:
        return "in sync"
    if name not in known:
        return "new"
    if live.get(name) == known[name]:
        return "changed"
    return "drifted" if known[name] == desired[name] else "conflict"
