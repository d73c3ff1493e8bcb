"""What was counted, kept beside the result: for JUnit reports, and shown at the end of a campaign."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

__all__ = ("Figures", "figures")

Figures: TypeAlias = Callable[[str], None]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Keep one text."""
    return lambda text: record_property("figures", text)
