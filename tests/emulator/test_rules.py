"""Who is hit by which fault."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.emulator.faults import PRESETS
from kbsync.emulator.rules import Fates, Rule, Sighting, read_rules, rule_of_mix
from kbsync.emulator.sample import SAMPLE_DATASET, sample_image_id
from tests.emulator.bench import Bench

IMAGES = f"/v1/datasets/{SAMPLE_DATASET}/images"


def sighting(key: str, nth: int, at_s: float = 0.0) -> Sighting:
    return Sighting("coze.image.caption", "t", "c", key, 0, nth, 1, at_s, writes=True)


def fates(share: float = 0.3, cap: int | None = None, seed: int = 1) -> Fates:
    return Fates((rule_of_mix(PRESETS["storm"], share, cap),), seed)


def story(judge: Fates, order: list[tuple[str, int]]) -> dict[tuple[str, int], object]:
    return {(key, nth): judge.decide(sighting(key, nth)) for key, nth in order}


@given(seed=st.integers(0, 2**32), cap=st.sampled_from([None, 1, 3]), shuffle=st.randoms(use_true_random=False))
def test_the_same_seed_gives_the_same_faults_in_whatever_order_items_come(
    seed: int, cap: int | None, shuffle: random.Random
) -> None:
    one_by_one = [(f"i{item}", nth) for item in range(8) for nth in range(1, 7)]
    waiting = {f"i{item}": list(range(1, 7)) for item in range(8)}
    mixed: list[tuple[str, int]] = []
    while waiting:
        key = shuffle.choice(sorted(waiting))
        mixed.append((key, waiting[key].pop(0)))
        if not waiting[key]:
            del waiting[key]

    assert story(fates(0.5, cap, seed), one_by_one) == story(fates(0.5, cap, seed), mixed)


def test_another_seed_gives_other_faults() -> None:
    order = [(f"i{item}", 1) for item in range(200)]

    assert story(fates(seed=1), order) != story(fates(seed=2), order)


def test_the_share_is_kept() -> None:
    hits = sum(fates(0.2).decide(sighting(f"i{item}", 1)) is not None for item in range(20_000))

    assert 3_700 < hits < 4_300


def test_weights_are_kept() -> None:
    judge = Fates((rule_of_mix({"http_500": 3, "http_502": 1}, 1.0, None),))
    hits = [judge.decide(sighting(f"i{item}", 1)) for item in range(8_000)]

    kinds = Counter(hit.fault.kind for hit in hits if hit is not None)
    assert kinds["http_500"] + kinds["http_502"] == 8_000
    assert 2.7 < kinds["http_500"] / kinds["http_502"] < 3.3


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_no_item_gets_more_faults_in_a_row_than_the_cap(cap: int) -> None:
    judge = fates(1.0, cap)

    row = [judge.decide(sighting("i", nth)) is not None for nth in range(1, 13)]

    assert row == ([True] * cap + [False]) * (12 // (cap + 1))


def test_without_a_cap_an_item_may_never_get_through() -> None:
    judge = fates(1.0, None)

    assert all(judge.decide(sighting("i", nth)) for nth in range(1, 50))


def read(*rules: dict[str, Any]) -> tuple[Rule, ...]:
    return read_rules(list(rules))


def test_one_item_can_be_refused_for_good(bench: Bench) -> None:
    bench.emulator.set_rules(read({"kind": "refused_403", "item": sample_image_id(3)}))

    assert [bench.caption(3).code for _ in range(5)] == [4101] * 5
    assert bench.caption(4).code == 0


def test_one_page_can_be_refused(bench: Bench) -> None:
    bench.emulator.set_rules(read({"kind": "refused_403", "operation": "coze.images.list", "page": 7}))

    codes = [bench.coze("GET", f"{IMAGES}?page_size=50&page_num={page}").code for page in range(6, 9)]

    assert codes == [0, 4101, 0]


def test_the_nth_request_for_an_item_can_be_hit(bench: Bench) -> None:
    bench.emulator.set_rules(read({"kind": "http_500", "nth": [2, 3]}, {"kind": "http_502", "nth": 4}))

    assert [bench.caption(0).status for _ in range(5)] == [200, 500, 500, 502, 200]
    assert bench.caption(1).status == 200


def test_the_nth_request_of_an_operation_can_be_hit(bench: Bench) -> None:
    bench.emulator.set_rules(read({"kind": "http_500", "count": 3}))

    assert [bench.caption(number).status for number in range(4)] == [200, 200, 500, 200]


def test_a_rule_can_be_aimed_at_a_provider_and_at_writes(bench: Bench) -> None:
    bench.emulator.set_rules(read({"kind": "http_500", "operation": "coze.*", "writes_only": True}))

    assert bench.caption().status == 500
    assert bench.coze("GET", IMAGES).status == 200
    assert bench.call("GET", "/ping").status == 200


def test_a_rule_can_be_used_up(bench: Bench) -> None:
    bench.emulator.set_rules(read({"kind": "http_500", "max_hits": 2}))

    assert [bench.caption(number).status for number in range(4)] == [500, 500, 200, 200]


def test_an_outage_has_a_beginning_and_an_end() -> None:
    judge = Fates(read({"mix": "outage", "time_s": [10, 20]}))

    hit = [judge.decide(sighting("i", nth, at_s)) is not None for nth, at_s in enumerate((9.9, 10.0, 19.9, 20.0), 1)]

    assert hit == [False, True, True, False]


def test_the_first_rule_that_hits_decides(bench: Bench) -> None:
    bench.emulator.set_rules(read({"kind": "http_500", "nth": 1}, {"kind": "http_503"}))

    assert [bench.caption(0).status for _ in range(2)] == [500, 503]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "nothing"},
        {"kind": "http_500", "mix": "storm"},
        {"kind": "http_500", "colour": "red"},
        {"kind": "http_500", "with": {"colour": "red"}},
        {"kind": "http_500", "share": "much"},
        {"kind": "http_500", "nth": "first"},
        {"kind": "http_500", "nth": [1, 2, 3]},
        {"kind": "http_500", "item": 7},
        {"mix": {"http_500": -1}},
        {"mix": 5},
        "storm",
    ],
)
def test_a_bad_rule_is_told(rule: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_rules([rule])
