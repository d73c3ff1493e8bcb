"""Both providers' words as two targets have them, and manifests of theirs as files."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from kbsync.adapters.manifests import DeclaredReader, Formatter, find_files
from kbsync.adapters.manifests.declared import Declared
from kbsync.core.fields import META_TYPES
from kbsync.core.manifest import Dialect
from kbsync.core.rules import Problem
from kbsync.providers import ALL_RULES, PROVIDERS

TARGETS: Final[dict[str, Dialect]] = {
    target: PROVIDERS[provider].dialect(PROVIDERS[provider].settings.model_construct())
    for target, provider in {"coze-cn": "coze", "volc-bj": "volcengine"}.items()
}
LIFTED: Final = frozenset(rule.id for rule in ALL_RULES.values() if rule.liftable)

# Texts that parsers of YAML and CSV like to take for something else.
_ODD: Final = (
    *("no", "On", "y", "~", "null", "true", "1:30", "0123", "1_000", "1e3", "0x1F", ".inf", "2024-01-01", "-", "- a"),
    *(
        "a: b",
        "a:",
        ":a",
        "a #b",
        "#a",
        " a",
        "a ",
        "a\n",
        "\na",
        "a\nb",
        "a\n\n",
        "a\n b\n",
        "a \nb",
        "a\n  \nb",
        "\n",
    ),
    *("'", '"', 'it\'s "so"', "\\n", "a\tb", "\ta", "{a", "[a]", "a, b", "a]", "&a", "*a", "!a", "|", ">", "%a", "@a"),
    *("=1+1", "+1", "@SUM(A1)", "-2", "'=1", "a,b", '"a"', "a;b", "---", "...", "--- a", "<<", "=", "?", "? a", "`a"),
    *("\u2028", "a\u2029b", "\ufeffa", "\u200b", "小猫", "👨\u200d👩\u200d👧", "\u00a0a", "\u3000", "e\u0301"),
)
TEXTS: Final = st.one_of(
    st.sampled_from(_ODD),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30),
    st.text(st.sampled_from(" ab:#-\n\t'\"\\,[]{}"), min_size=1, max_size=20),
    st.lists(st.sampled_from(("words", "which", "fill", "a: line")), min_size=20, max_size=40).map(" ".join),
)
_INT64: Final = st.integers(-(2**63), 2**63 - 1)
_FLOAT32: Final = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)
_SHORT: Final = TEXTS.map(lambda text: text.encode()[:200].decode("utf-8", "ignore")).filter(bool)
_TYPED: Final[dict[str, st.SearchStrategy[Any]]] = {
    "string": _SHORT,
    "bool": st.booleans(),
    "int64": _INT64,
    "float32": _FLOAT32,
    "list<string>": st.lists(_SHORT, max_size=4),
    "list<int64>": st.lists(_INT64, max_size=4),
    "date_time": st.sampled_from(("2025-08-12T11:33:56+08:00", "2024-02-29T00:00Z")),
    "geo_point": st.sampled_from(("116.4,39.9", "-0.5,-89")),
}
assert set(_TYPED) == set(META_TYPES)
_PLAIN: Final = st.one_of(
    _SHORT, st.booleans(), _INT64, _FLOAT32, st.lists(_SHORT, min_size=1, max_size=4), st.lists(_INT64, min_size=1)
)
META: Final = st.one_of(
    _PLAIN.filter(lambda value: not isinstance(value, list) or len(value) <= 32),
    *(st.fixed_dictionaries({"type": st.just(type_), "value": values}) for type_, values in _TYPED.items()),
)
META_NAMES: Final = _SHORT.map(lambda name: name[:60]).filter(lambda name: bool(name) and name != "doc_id")
_RULES: Final = st.one_of(
    st.just({"update_type": 0}),
    st.fixed_dictionaries({"update_type": st.sampled_from((0, 1)), "update_interval": st.integers(1, 2**31 - 1)}),
)
_COZE_IDS: Final = st.integers(1, 10**20 - 1).map(str)
_VOLC_IDS: Final = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)


@st.composite
def _options(draw: st.DrawFn, entry: dict[str, Any], declared: list[str], texts: list[str]) -> dict[str, Any]:
    if draw(st.integers(0, 3)) == 0:
        entry["protect"] = True
    if draw(st.integers(0, 3)) == 0:
        entry["ignore"] = draw(st.lists(st.sampled_from(declared), min_size=1, unique=True))
    if draw(st.integers(0, 3)) == 0:
        entry["allow_empty"] = True
        for text in texts:
            if text in entry and draw(st.booleans()):
                entry[text] = ""
    return entry


@st.composite
def _images(draw: st.DrawFn, id_: str) -> dict[str, Any]:
    entry = {"id": id_, "caption": draw(TEXTS)}
    return draw(_options(entry, ["caption"], ["caption"]))


@st.composite
def _pages(draw: st.DrawFn, id_: str) -> dict[str, Any]:
    entry: dict[str, Any] = draw(
        st.fixed_dictionaries({}, optional={"name": TEXTS, "update_rule": _RULES}).filter(bool)
    )
    return draw(_options({"id": id_, **entry}, list(entry), ["name"]))


@st.composite
def _records(draw: st.DrawFn, id_: str, types: dict[str, Any]) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(types)), unique=True, max_size=len(types))) if types else []
    meta = {name: draw(types[name]) for name in names}
    entry: dict[str, Any] = {"meta": meta} if meta else {}
    if not meta or draw(st.booleans()):
        entry["name"] = draw(_SHORT)
    declared = [*(f"meta.{name}" for name in meta), *(["name"] if "name" in entry else [])]
    return draw(_options({"id": id_, **entry}, declared, ["name"]))


@st.composite
def coze_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A manifest of a Coze dataset, as JSON has it."""
    ids = draw(st.lists(_COZE_IDS, max_size=6, unique=True))
    document: dict[str, Any] = {"kbsync": 1, "target": "coze-cn", "dataset": draw(_COZE_IDS)}
    half = draw(st.integers(0, len(ids)))
    document["images"] = [draw(_images(id_)) for id_ in ids[:half]]
    document["documents"] = [draw(_pages(id_)) for id_ in ids[half:]]
    if draw(st.booleans()):
        document["defaults"] = {"documents": {"update_rule": draw(_RULES)}}
    return document


@st.composite
def volcengine_documents(draw: st.DrawFn, *, one_type: bool = False) -> dict[str, Any]:
    """A manifest of a Volcengine collection, as JSON has it; with *one_type*, each meta field has one type."""
    document: dict[str, Any] = {"kbsync": 1, "target": "volc-bj"}
    document |= draw(
        st.sampled_from(
            ({"collection": "faq"}, {"collection": "no", "project": "项目"}, {"resource_id": "kb-0123456789abcdef"})
        )
    )
    names = draw(st.lists(META_NAMES, max_size=4, unique=True))
    kinds = {name: draw(st.sampled_from(sorted(_TYPED))) for name in names}
    types: dict[str, Any] = {
        name: st.fixed_dictionaries({"type": st.just(kind), "value": _TYPED[kind]}) if one_type else META
        for name, kind in kinds.items()
    }
    ids = draw(st.lists(_VOLC_IDS, max_size=5, unique=True))
    document["documents"] = [draw(_records(id_, types)) for id_ in ids]
    return document


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a manifest, and return where it is."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def declared(paths: Iterable[Path], folder: Path) -> tuple[list[Declared], list[Problem]]:
    """Return what the manifests at *paths* declare, and what is wrong with them."""
    reader = DeclaredReader(TARGETS, ALL_RULES, LIFTED)
    files, absent = find_files(paths, folder)
    assert not absent
    found = [item for file in files for item in reader.read(file)]
    return found, [problem for problem in reader.problems if problem.severity == "error"]


def says(path: Path) -> list[tuple[Any, ...]]:
    """Return what the manifest at *path*, which has no mistake, says, whatever the order of its lists."""
    found, problems = declared([path], path.parent)
    assert problems == []
    return sorted((item, sorted(keys.items(), key=lambda pair: pair[0])) for item, keys, _ in found)


def formatted(path: Path, *, sort: bool = False, allow: frozenset[str] = frozenset()) -> bytes:
    """Return the manifest at *path* in form."""
    (file,), _ = find_files([path], path.parent)
    return b"".join(Formatter(TARGETS, sort=sort, allow=allow).formatted(file))


def lines_of(text: bytes) -> Iterator[str]:
    """Yield the lines of *text*."""
    yield from text.decode().split("\n")
