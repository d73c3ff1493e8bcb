"""What a sample proves, against the definition: sums of the hypergeometric distribution in fractions."""

from collections import Counter
from fractions import Fraction
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.sampling import SAMPLE_SIZE, drawn, most_wrong, under_percent


def chance_of_at_most(seen: int, sample: int, population: int, wrong: int) -> Fraction:
    """Return how likely at most *seen* wrong ones are in a sample, when *wrong* of *population* are."""
    ways = sum(comb(wrong, number) * comb(population - wrong, sample - number) for number in range(seen + 1))
    return Fraction(ways, comb(population, sample))


@st.composite
def draws(draw: st.DrawFn) -> tuple[int, int, int]:
    population = draw(st.integers(1, 300))
    sample = draw(st.integers(1, population))
    return population, sample, draw(st.integers(0, sample))


@given(draws())
def test_the_bound_is_the_largest_number_that_is_not_unlikely(numbers: tuple[int, int, int]) -> None:
    population, sample, wrong = numbers

    most = most_wrong(population, sample, wrong)

    assert wrong <= most <= population - (sample - wrong)
    assert chance_of_at_most(wrong, sample, population, most) > Fraction(1, 20) or most == wrong
    if most < population - (sample - wrong):
        assert chance_of_at_most(wrong, sample, population, most + 1) <= Fraction(1, 20)


@given(st.integers(1, 10_000), st.data())
def test_whoever_looks_at_everything_knows(population: int, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, min(population, 50)))

    assert most_wrong(population, population, wrong) == wrong


def test_of_random_samples_at_least_nineteen_in_twenty_are_told_right() -> None:
    random, population, wrong, sample = Random(7), 400, 30, 60
    items = [number < wrong for number in range(population)]

    right = sum(most_wrong(population, sample, sum(random.sample(items, sample))) >= wrong for _ in range(2_000))

    assert right >= 1_900


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    positions = range(3_000)

    assert drawn(positions, 500, "a") == drawn(reversed(positions), 500, "a") != drawn(positions, 500, "b")
    assert len(set(drawn(positions, 500, "a"))) == 500
    assert drawn(range(5), 500, "a") == [0, 1, 2, 3, 4]


def test_every_position_is_drawn_as_often_as_any_other() -> None:
    counted = Counter(position for seed in range(2_000) for position in drawn(range(40), 10, str(seed)))

    # 500 each on average, with a standard deviation of 19.
    assert all(400 < counted[position] < 600 for position in range(40))


def beta_bound(sample: int, wrong: int) -> float:
    """Return Clopper and Pearson's upper bound at 95 %, found by halving the binomial sum."""
    low, high = wrong / sample, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        tail = sum(comb(sample, k) * middle**k * (1 - middle) ** (sample - k) for k in range(wrong + 1))
        low, high = (middle, high) if tail > 0.05 else (low, middle)
    return high


@pytest.mark.parametrize("wrong", [0, 1, 7])
def test_of_very_many_it_is_the_bound_of_clopper_and_pearson(wrong: int) -> None:
    assert most_wrong(10_000_000, 500, wrong) / 10_000_000 == pytest.approx(beta_bound(500, wrong), rel=1e-3)


@pytest.mark.parametrize(
    ("population", "wrong", "percent"), [(1_000_000, 0, 0.6), (12_000, 0, 0.6), (12_000, 1, 1.0), (12_000, 500, 100.0)]
)
def test_a_percentage_is_one_that_is_not_reached(population: int, wrong: int, percent: float) -> None:
    most = most_wrong(population, SAMPLE_SIZE, wrong)

    assert under_percent(population, most) == percent
    assert most * 100 < percent * population or percent == 100
