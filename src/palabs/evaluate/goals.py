"""What the answer was to reach, and whether it does: each goal with its bar, set before it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from palabs.evaluate import words
from palabs.evaluate.levels import Level
from palabs.evaluate.measures import Figures
from palabs.evaluate.pages import Section, Table
from palabs.evaluate.sections import Tree, by_continent
from palabs.evaluate.trials import Trial

ECE = 0.02


@dataclass(frozen=True)
class Goal:
    """A measured value, the range that it should be in (the bar) and the one that was hoped for; `beside` says how far
    to trust the value.
    """

    what: str
    measured: float
    low: float = 0
    high: float = float("inf")
    hoped: str = ""
    beside: str = ""

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
    rows = [
        (goal.what, goal.bar, goal.hoped, goal.measured, goal.beside, "yes" if goal.met else "**no**") for goal in goals
    ]
    return Section(
        "Against the goals",
        f"{words.GOALS} {met} of {len(goals)} are met.",
        [Table(("what", "bar", "hoped for", "measured", "beside it", "met"), rows)],
    )


def doubt(quality: Figures) -> str:
    """The standard error of an accuracy."""
    return f"standard error {np.sqrt(quality.accuracy * (1 - quality.accuracy) / quality.people):.3f}"


def kind_goals(large: Trial, mixed: Trial, tree: Tree) -> list[Goal]:
    """The goals for the SNPs typed in all populations, and for mixed formats."""
    populations = tree[0]
    big, mix = large.at(populations), mixed.at(populations)
    return [
        Goal(f"accuracy of 26 populations, {large.snps:,} SNPs", big.accuracy, 0.84, hoped="0.90", beside=doubt(big)),
        Goal(f"log-loss of 26 populations, {large.snps:,} SNPs", big.log_loss, high=0.52),
        Goal(f"accuracy of 26 populations: {mixed.name}", mix.accuracy, 0.72, hoped="0.80", beside=doubt(mix)),
        *(goal for trial in (large, mixed) for goal in _told(trial, tree[2])),
        *(_calibrated(level.name, trial.name, trial.at(level)) for trial in (large, mixed) for level in tree),
        *(
            _calibrated(f"{level.name}, people of {code}", large.name, part.at(level))
            for code, part in by_continent(large, tree).items()
            for level in (tree[2], populations)
        ),
    ]


def _told(trial: Trial, continents: Level) -> list[Goal]:
    """How often a continent is told, and how often it is right then."""
    if trial.settled is None:
        return []
    told = np.array([code != "world" for code in trial.settled.conclusions])
    right = trial.only(np.flatnonzero(told)).at(continents)
    return [
        Goal(
            f"accuracy of continents, of those told one: {trial.name}",
            right.accuracy,
            0.998,
            hoped="0.999",
            beside=doubt(right),
        ),
        Goal(f"abstaining from a continent: {trial.name}", float(1 - told.mean()), high=0.01),
    ]


def _calibrated(of: str, file: str, quality: Figures) -> Goal:
    """The calibration error, corrected for chance where perfect answers to so few people would miss the bar."""
    if quality.ece_by_chance <= ECE:
        beside = f"by chance {quality.ece_by_chance:.3f}"
        return Goal(f"ECE of {of}: {file}", quality.ece, high=ECE, hoped="0.01", beside=beside)
    beside = f"uncorrected {quality.ece:.3f}, by chance {quality.ece_by_chance:.3f}"
    what = f"ECE corrected for chance of {of}: {file}"
    return Goal(what, quality.ece_corrected, high=ECE, hoped="0.01", beside=beside)
