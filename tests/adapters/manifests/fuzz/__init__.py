"""Manifests made by chance: each by its format and a number, and the same every time."""

from tests.adapters.manifests.fuzz.judge import Figures, judge_all

__all__ = ("Figures", "judge_all")
