"""Extracts as bytes and back."""

from hypothesis import given
from hypothesis import strategies as st

from kbsync.adapters.manifests.extract_form import extract_from_bytes, extract_to_bytes
from kbsync.adapters.manifests.extracts import Extract
from kbsync.adapters.manifests.rolls import OpenRoll
from kbsync.core.fields import Fields, MetaValue, UpdateRule
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.rules import Problem

_KEYS = st.binary(min_size=16, max_size=16)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_IDS = st.text("abc123-_", min_size=1, max_size=9)
_ENTRIES = st.lists(st.tuples(_IDS, _KEYS, st.none() | _KEYS), max_size=6)
_FIELDS: st.SearchStrategy[Fields] = st.fixed_dictionaries(
    {},
    optional={
        "caption": _TEXTS,
        "update_rule": st.builds(UpdateRule, st.integers(0, 1), st.none() | st.integers(24, 99)),
        "meta.行业": st.builds(MetaValue, st.just("list<string>"), st.lists(_TEXTS, max_size=3).map(tuple)),
        "meta.score": st.builds(MetaValue, st.just("float32"), st.sampled_from([0.5, -1.25, 3.0])),
    },
)
_SOURCES = st.builds(Source, _TEXTS, st.integers(1, 10**9), st.integers(1, 99))
_ITEMS = st.builds(Item, _TEXTS, _TEXTS, st.sampled_from(["image", "document"]), _IDS)
_DESIRED = st.builds(Desired, _ITEMS, _FIELDS, _SOURCES, st.booleans(), st.frozensets(_TEXTS, max_size=2))
_PROBLEMS = st.builds(Problem, _SOURCES, _TEXTS, _TEXTS, st.sampled_from(["error", "warning"]))


@given(
    rolls=st.lists(st.tuples(_ENTRIES, st.booleans(), st.integers(0, 3), st.integers(0, 3)), max_size=3),
    differing=st.lists(_DESIRED, max_size=3),
    problems=st.lists(_PROBLEMS, max_size=3),
)
def test_an_extract_is_the_same_after_it_was_bytes(
    rolls: list[tuple[list[tuple[str, bytes, bytes | None]], bool, int, int]],
    differing: list[Desired],
    problems: list[Problem],
) -> None:
    closed = []
    for number, (entries, captions, unlike, left_out) in enumerate(rolls):
        roll = OpenRoll(("t", str(number), "image"), ("t", "image"), captions=captions)
        roll.differing, roll.left_out = unlike, left_out
        for line, (id_, key, caption) in enumerate(entries):
            roll.add(id_, (line, 1), key, caption)
        closed.append(roll.close())
    extract = Extract(tuple(closed), tuple(differing), tuple(problems))

    again = extract_from_bytes(extract_to_bytes(extract))

    assert again == extract
    assert [roll.all_ids() for roll in again.rolls] == [[id_ for id_, _, _ in entries] for entries, *_ in rolls]
