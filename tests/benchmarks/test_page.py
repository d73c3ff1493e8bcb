"""The page about the speed of plans is what was measured."""

import json
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import fromstring

from benchmarks.page import GROUPS, growth_picture, planning_page
from benchmarks.plot import Panel, plot

DOCS: Final = Path(__file__).parents[2] / "docs"


def test_the_page_and_its_picture_are_made_of_the_numbers_beside_them() -> None:
    numbers = measured()

    assert planning_page(numbers) == (DOCS / "planning.md").read_text(encoding="utf-8")
    assert growth_picture(numbers) == (DOCS / "planning.svg").read_text(encoding="utf-8")


def test_what_stands_on_the_page_was_measured_in_full() -> None:
    numbers = measured()

    assert not numbers["quick"]
    assert list(numbers["groups"]) == list(GROUPS)
    assert [row["items"] for row in numbers["groups"]["growth"] if row["name"].startswith("JSON Lines")] == [
        10_000,
        100_000,
        1_000_000,
    ]


def test_a_number_that_does_not_grow_is_a_level_line_within_the_band() -> None:
    drawn = fromstring(plot([Panel("µs <an> item", [(10, 7.0), (100, 7.0), (1_000, 7.0)])]))

    circles = [node for node in drawn.iter() if node.tag.endswith("circle")]
    (band,) = [node for node in drawn.iter() if node.get("class") == "band"]
    lowest = float(band.attrib["y"]) + float(band.attrib["height"])
    assert {float(circle.attrib["cy"]) for circle in circles} == {lowest}
    across = [float(circle.attrib["cx"]) for circle in circles]
    assert across[1] - across[0] == across[2] - across[1] > 0


def test_a_number_of_half_as_much_again_is_drawn_half_as_high_again_above_nothing() -> None:
    drawn = fromstring(plot([Panel("bytes", [(10, 100.0), (100, 150.0)])]))

    low, high = [float(node.attrib["cy"]) for node in drawn.iter() if node.tag.endswith("circle")]
    (nothing,) = [float(node.attrib["y"]) - 4 for node in drawn.iter() if node.text == "0"]
    assert round((nothing - high) / (nothing - low), 2) == 1.5


def measured() -> dict[str, Any]:
    """Return the numbers that are kept."""
    numbers: dict[str, Any] = json.loads((DOCS / "planning.json").read_text(encoding="utf-8"))
    return numbers
