"""What a method answered to people whom it had not seen, and the figures of it at every level of the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from palabs.evaluate.conditions import Cohort, Condition, Dosage, median_shown, show
from palabs.evaluate.levels import Level
from palabs.evaluate.measures import Figures, Floats, Indices, figures


@dataclass(frozen=True)
class Settled:
    """What the service says beyond probabilities: for each person the code it concludes on, the sets of codes at each
    level, and the information of the SNPs shown, in nats.
    """

    conclusions: tuple[str, ...]
    sets: Mapping[str, tuple[frozenset[str], ...]]
    information: Floats


@dataclass(frozen=True)
class Trial:
    """Answers under one condition: median SNPs shown, true populations (indices) and probabilities (people x 26)."""

    name: str
    snps: int
    truth: Indices
    probabilities: Floats = field(repr=False)
    settled: Settled | None = field(default=None, repr=False)

    def at(self, level: Level) -> Figures:
        """The figures at a level."""
        return figures(level.sums(self.probabilities), level.node[self.truth])

    def only(self, people: Indices) -> Trial:
        """The answers to some of the people, their probabilities alone."""
        return replace(self, truth=self.truth[people], probabilities=self.probabilities[people], settled=None)


Ask = Callable[[Dosage], tuple[Floats, Settled | None]]


def run(cohort: Cohort, condition: Condition, by_fold: Sequence[Ask]) -> Trial:
    """Asks about everybody under a condition: each fold's people of the method that had not seen them."""
    shown = [show(cohort, condition, fold) for fold in range(len(by_fold))]
    answers = [ask(part.dosage) for part, ask in zip(shown, by_fold, strict=True)]
    rows = np.concatenate([part.rows for part in shown])
    settled = [part for _, part in answers if part is not None]
    return Trial(
        condition.name,
        median_shown(shown),
        cohort.population[rows],
        np.concatenate([probabilities for probabilities, _ in answers]),
        joined(settled) if settled else None,
    )


def joined(parts: Sequence[Settled]) -> Settled:
    """The parts one after the other."""
    return Settled(
        tuple(code for part in parts for code in part.conclusions),
        {level: tuple(one for part in parts for one in part.sets[level]) for level in parts[0].sets},
        np.concatenate([part.information for part in parts]),
    )
