"""Right manifests of both providers by Hypothesis, and every single change to one."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

__all__ = ("changed", "documents", "rows")

Path: TypeAlias = tuple[str | int, ...]

_CHARACTERS: Final = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\u2028\u2029")
_TEXT: Final = st.text(_CHARACTERS, min_size=1, max_size=20)
_DIGITS: Final = st.integers(1, 10**20 - 1)
_COZE_ID: Final = _DIGITS | _DIGITS.map(str)
_VOLC_ID: Final = st.from_regex("[A-Za-z0-9_-]{1,20}", fullmatch=True)
_RULE: Final = st.one_of(
    st.fixed_dictionaries({"update_type": st.just(1), "update_interval": st.integers(24, 2**31 - 1)}),
    st.fixed_dictionaries({"update_type": st.just(0)}, optional={"update_interval": st.integers(24, 100)}),
)
_FLOAT: Final = st.floats(-(2.0**100), 2.0**100, width=32).filter(lambda number: not number.is_integer())
_SHORT: Final = _TEXT.filter(lambda text: len(text.encode()) < 60)
_PLAIN: Final = st.one_of(
    _SHORT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    _FLOAT,
    st.lists(_SHORT, min_size=1, max_size=3),
    st.lists(st.integers(-5, 5), min_size=1, max_size=3),
)
_TYPED: Final = st.sampled_from(
    [
        {"type": type_, "value": value}
        for type_, value in (
            ("string", "x"),
            ("bool", False),
            ("int64", 5),
            ("float32", 1),
            ("list<string>", []),
            ("list<int64>", [1]),
            ("date_time", "2024-02-29T23:59:59Z"),
            ("geo_point", "-179.5,9.25"),
        )
    ]
)
_META: Final = st.dictionaries(_SHORT.filter(lambda name: name != "doc_id"), _PLAIN | _TYPED, max_size=3)
_OPTIONS: Final[Mapping[str, Any]] = {"protect": st.booleans(), "allow_empty": st.sampled_from([True])}


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return at least one of *fields*, with options."""
    entries = st.fixed_dictionaries({}, optional={**fields, **_OPTIONS})
    return entries.filter(lambda entry: any(entry.get(name) not in (None, {}) for name in fields)).flatmap(_ignoring)


def _ignoring(entry: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    names = [name for name in entry if name not in {*_OPTIONS, "meta"}]
    names += [f"meta.{name}" for name in entry.get("meta", {})]
    ignored = st.lists(st.sampled_from(names), max_size=1) if names else st.just([])
    return st.one_of(st.just(entry), ignored.map(lambda found: {**entry, "ignore": found}))


@st.composite
def _entries(draw: st.DrawFn, /, id_: st.SearchStrategy[Any], entry: st.SearchStrategy[dict[str, Any]]) -> Any:
    return [{"id": found, **draw(entry)} for found in draw(st.lists(id_, max_size=3, unique_by=str))]


_IMAGE: Final = _some(caption=_TEXT)
_PAGE: Final = _some(name=_TEXT, update_rule=_RULE)
_RECORD: Final = _some(name=_TEXT, meta=_META)
_COZE: Final = st.fixed_dictionaries({"target": st.just("coze-cn"), "dataset": _COZE_ID})
_VOLC: Final = st.one_of(
    st.fixed_dictionaries(
        {"target": st.just("volc-bj"), "collection": st.from_regex("[A-Za-z][A-Za-z0-9_]{0,9}", fullmatch=True)},
        optional={"project": st.from_regex("[A-Za-z-]{1,9}", fullmatch=True)},
    ),
    st.fixed_dictionaries({"target": st.just("volc-bj"), "resource_id": st.just("kb-0123abcd")}),
)


@st.composite
def _document(draw: st.DrawFn, /, head: st.SearchStrategy[Any], **sections: st.SearchStrategy[Any]) -> Any:
    """Draw a document. Of defaults that no entry takes kbsync reads the form only, so that each is taken."""
    entries = draw(st.fixed_dictionaries({}, optional=sections))
    document = {"kbsync": 1, **draw(head), **entries}
    if draw(st.sampled_from([False, False, True])):
        options = {"protect": True, "allow_empty": True}
        document["defaults"] = {section: options for section, found in entries.items() if found}
    return document


@st.composite
def _row(draw: st.DrawFn, /, head: st.SearchStrategy[Any], kind: str, id_: st.SearchStrategy[Any], entry: Any) -> Any:
    return {**draw(head), "kind": kind, "id": draw(id_), **draw(entry)}


documents: Final = st.one_of(
    _document(_COZE, images=_entries(_COZE_ID, _IMAGE), documents=_entries(_COZE_ID, _PAGE)),
    _document(_VOLC, documents=_entries(_VOLC_ID, _RECORD)),
)
rows: Final = st.one_of(
    _row(_COZE, "image", _COZE_ID, _IMAGE),
    _row(_COZE, "document", _COZE_ID, _PAGE),
    _row(_VOLC, "document", _VOLC_ID, _RECORD),
)


# What may stand somewhere by mistake. A number with nothing behind its point is left out: see the cases of the schema.
_STRANGE: Final[tuple[Any, ...]] = (
    *(None, "", "x", "0", "\x07", "-", "a/b", "x" * 300),
    *(0, -1, 0.5, 10**39, True),
    *([], ["x"], {}, {"x": 1}),
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """Return *value* after one change: a key or element less, a strange value, a key more."""
    result = deepcopy(value)
    path = draw(st.sampled_from(sorted(_paths(result), key=str)))
    *outer, last = path
    holder = result
    for step in outer:
        holder = holder[step]
    match draw(st.sampled_from(("lose", "replace", "replace", "add"))):
        case "lose":
            del holder[last]
        case "replace":
            holder[last] = draw(st.sampled_from(_STRANGE))
        case _ if isinstance(holder, dict):
            holder[draw(st.sampled_from(("captoin", "kind", "name", "caption", "type", "project", "")))] = "x"
        case _:
            holder.append(draw(st.sampled_from(_STRANGE)))
    return result


def _paths(value: Any) -> Iterator[Path]:
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield (step,)
        yield from ((step, *path) for path in _paths(below))
