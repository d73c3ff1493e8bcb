"""Random worlds of what is known, live and declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from kbsync.emulator.behaviour import MetaMode

__all__ = (
    "GROUPS",
    "ByItem",
    "Choose",
    "Entry",
    "Fields",
    "Kind",
    "Policies",
    "Value",
    "World",
    "made_world",
    "without_unset",
)

T = TypeVar("T")
Kind: TypeAlias = Literal["image", "page", "record"]
Value: TypeAlias = object
"""A value as a manifest says it: None is a meta field that is not set, or is not to be."""
Fields: TypeAlias = Mapping[str, Value]
ByItem: TypeAlias = Mapping[str, Fields]
"""Fields of items, by the items' ids."""

# The requests by which each kind is written, and the fields of each.
GROUPS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    "image": {"coze.image.caption": ("caption",)},
    "page": {"coze.document.update": ("name", "update_rule")},
    "record": {
        "volcengine.document.meta": ("meta.行业", "meta.mixed", "meta.tags"),
        "volcengine.document.name": ("name",),
    },
}
_IDS: Final[Mapping[Kind, str]] = {"image": "744667080521909{:04}", "page": "738694205603010{:04}", "record": "doc_{}"}
# The values a, b and c of each field, and the one that is none: an empty caption, a meta field that is not set.
_TEXTS: Final = ("cat", "dog", "hen")
_RULES: Final = ({"update_type": 0}, *({"update_type": 1, "update_interval": hours} for hours in (24, 48)))
_VALUES: Final[Mapping[str, Sequence[Value]]] = {
    "caption": (*_TEXTS, ""),
    "name": _TEXTS,
    "update_rule": _RULES,
    "meta.行业": (*_TEXTS, None),
    "meta.mixed": ("1", 1, ["1"], None),
    "meta.tags": (["x"], ["x", "y"], ["y", "x"], None),
}
# What is live of the fields of which there always is something, until kbsync or somebody else writes.
_FIRST: Final[Mapping[str, Value]] = {"caption": "first", "name": "first", "update_rule": {"update_type": 0}}
# Meta fields that no manifest ever mentions.
_OTHERS: Final[Sequence[Fields]] = (
    {},
    {"meta.note": "n"},
    {"meta.note": "n", "meta.是否公开": True, "meta.score": 0.5},
)
_DRIFT: Final = {"revert": "sent", "keep": "kept", "report": "stuck"}
_CONFLICT: Final = {"ours": "sent", "theirs": "kept", "fail": "stuck"}
_OVERRIDES: Final[Mapping[str, Sequence[str]]] = {
    "coze-cn": ("caption", "name"),
    "volc-bj": ("name", "meta.*", "meta.行业"),
}


class Choose(Protocol):
    """Takes one of some options, by chance or by Hypothesis."""

    def __call__(self, options: Sequence[T], /) -> T: ...


class Policies(NamedTuple):
    """What a target has: *drift* and *conflict*, and for the one field *field*, or `meta.*`, another *field_drift*."""

    drift: str
    conflict: str
    field: str = ""
    field_drift: str = ""

    def fate(self, name: str, word: str) -> str:
        """Say what becomes of a field that is not in sync: `sent`, `kept` as it is, or `stuck` until a person looks."""
        match word:
            case "drifted":
                return _DRIFT[self.field_drift if fnmatchcase(name, self.field) else self.drift]
            case "conflict":
                return _CONFLICT[self.conflict]
            case _:
                return "sent"


class Entry(NamedTuple):
    """An item. *before* is live at first, *known* is then applied, *live* is what somebody makes of that.

    *later* is what somebody makes of it once *desired* was applied; only what differs. *others* are meta fields of
    which kbsync is told nothing.
    """

    kind: Kind
    id: str
    known: Fields
    live: Fields
    desired: Fields
    later: Fields
    others: Fields

    @property
    def target(self) -> str:
        return "volc-bj" if self.kind == "record" else "coze-cn"

    @property
    def before(self) -> Fields:
        return {**self.others, **{name: value for name, value in _FIRST.items() if name in _names(self.kind)}}


@dataclass(frozen=True, slots=True)
class World:
    """Some items, how the provider takes an update of meta, and the policies of the targets."""

    mode: MetaMode
    policies: Mapping[str, Policies]
    entries: Sequence[Entry]

    @property
    def known(self) -> ByItem:
        return {entry.id: entry.known for entry in self.entries if entry.known}

    @property
    def live(self) -> ByItem:
        return {entry.id: entry.live for entry in self.entries}

    @property
    def desired(self) -> ByItem:
        return {entry.id: entry.desired for entry in self.entries if entry.desired}


def made_world(choose: Choose) -> World:
    """Return a world of which *choose* chooses everything."""
    kinds: list[Kind] = [choose(("record", "image", "page", "record")) for _ in range(choose(range(1, 7)))]
    entries = [_made_entry(kind, _IDS[kind].format(number), choose) for number, kind in enumerate(kinds, start=1)]
    if not any(entry.desired for entry in entries):
        name = _names(kinds[0])[0]
        entries[0] = entries[0]._replace(desired={name: _VALUES[name][0]})
    modes: Sequence[MetaMode] = ("replace", "merge")
    return World(choose(modes), {target: _made_policies(target, choose) for target in _OVERRIDES}, entries)


def _made_policies(target: str, choose: Choose) -> Policies:
    field = choose(("", "", *_OVERRIDES[target]))
    drift, conflict = choose([*_DRIFT]), choose(["ours", "theirs", "fail"])
    return Policies(drift, conflict, field, choose([*_DRIFT]) if field else "")


def _made_entry(kind: Kind, id_: str, choose: Choose) -> Entry:
    known: dict[str, Value] = {}
    live: dict[str, Value] = {}
    desired: dict[str, Value] = {}
    later: dict[str, Value] = {}
    others = choose(_OTHERS) if kind == "record" else {}
    for name in _names(kind):
        values = _VALUES[name]
        a, b, *_ = values
        if choose((True, True, False)):
            known[name] = choose((a, b, values[-1]))
        live[name] = choose((*[known[name]] * len(values), *values) if name in known else values)
        if choose((True, True, True, False)):
            desired[name] = choose(values)
        if choose((False, False, False, False, True)):
            later[name] = choose(values)
    return Entry(kind, id_, known, {**others, **without_unset(live)}, desired, later, others)


def _names(kind: Kind) -> tuple[str, ...]:
    return tuple(name for names in GROUPS[kind].values() for name in names)


def without_unset(fields: Fields) -> dict[str, Value]:
    """Return *fields* as they are live: those that are not set are not there."""
    return {name: value for name, value in fields.items() if value is not None}
