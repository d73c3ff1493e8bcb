import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.inert_json import dumps
from tests.security.hostile import TEXTS, active, orders

text = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("#[:\x7f\x9b\u202e\U000e0041"), max_size=20)
values: st.SearchStrategy[Any] = st.recursive(
    text | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
)


@given(values)
def test_whoever_reads_it_reads_the_same_value(plain: Any) -> None:
    assert json.loads(dumps(plain)) == orjson.loads(dumps(plain)) == plain


@given(values)
def test_nothing_in_it_acts_where_it_is_shown(plain: Any) -> None:
    shown = dumps(plain).decode()

    assert list(active(shown, ends="")) == []
    assert list(orders(shown)) == []


@pytest.mark.parametrize(
    "hostile", [text for text in TEXTS.values() if text.isascii() or "\udcff" not in text], ids=ascii
)
def test_a_hostile_text_is_carried_and_does_nothing(hostile: str) -> None:
    plain = {hostile.encode("utf-8", "replace").decode(): [hostile.encode("utf-8", "replace").decode()]}

    assert json.loads(dumps(plain)) == plain
    assert list(active(dumps(plain).decode(), ends="")) == []
    assert list(orders(dumps(plain).decode())) == []


@pytest.mark.parametrize("plain", ["小猫 ❤️ é", "a\u3000b", "## a heading", "C# [x]"])
def test_text_that_does_nothing_stays_readable(plain: str) -> None:
    assert dumps(plain) == orjson.dumps(plain)
