"""What the answer was to reach, and whether it does: each goal with its bar, set before it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from palabs.evaluate.pages import Section, Table


@dataclass(frozen=True)
class Goal:
    """A measured value, the range that it should be in (the bar) and the one that was hoped for."""

    what: str
    measured: float
    low: float = 0
    high: float = float("inf")
    hoped: str = ""

    @property
    def met(self) -> bool:
        """Whether the measured value, to the three decimals shown, is within the bar."""
        return self.low <= round(self.measured, 3) <= self.high

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.high == float("inf"):
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if not self.low else f"{self.low:g} to {self.high:g}"


def section(goals: Sequence[Goal]) -> Section:
    """All the goals as a table: those that were not met are not left out."""
    met = sum(goal.met for goal in goals)
    rows = [(goal.what, goal.bar, goal.hoped, goal.measured, "yes" if goal.met else "**no**") for goal in goals]
    return Section(
        "Against the goals",
        f"Set before anything was measured. {met} of {len(goals)} are met.",
        [Table(("what", "bar", "hoped for", "measured", "met"), rows)],
    )
