"""What a method answered to people whom it had not seen, and the figures of it at every level of the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from palabs.evaluate.comparisons import Comparison
from palabs.evaluate.conditions import Cohort, Condition, Dosage, show
from palabs.evaluate.levels import Level
from palabs.evaluate.measures import Figures, Floats, Indices, figures


@dataclass(frozen=True)
class Settled:
    """What the service says beyond probabilities: for each person the code it concludes on, the sets of codes at each
    level, the information of the SNPs shown (nats), and the verdict and p-value of the test of fit to the reference.
    """

    conclusions: tuple[str, ...]
    sets: Mapping[str, tuple[frozenset[str], ...]]
    information: Floats
    verdicts: tuple[str, ...]
    p_values: Floats


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


Ask = Callable[[Dosage, Dosage | None], tuple[Floats, Settled | None]]


@dataclass(frozen=True)
class Answers:
    """A part of a trial: what the people of one fold showed (SNPs, one number each) and were told."""

    snps: Indices
    truth: Indices
    probabilities: Floats
    settled: Settled | None


def ask_fold(cohort: Cohort, condition: Condition, fold: int, ask: Ask) -> Answers:
    """Asks about the people of a fold under a condition, of a method that has not seen them."""
    shown = show(cohort, condition, fold)
    probabilities, settled = ask(shown.dosage, shown.hidden)
    return Answers((shown.dosage >= 0).sum(axis=1), cohort.population[shown.rows], probabilities, settled)


def learn_and_ask(cohort: Cohort, comparison: Comparison, conditions: Sequence[Condition], fold: int) -> list[Answers]:
    """What a comparison answers to the people of a fold under some conditions of one kind of file, learnt from the
    other people's complete files of that kind.
    """
    complete = conditions[0].complete()
    shown = [show(cohort, complete, other) for other in range(int(cohort.fold.max()) + 1) if other != fold]
    dosage = np.concatenate([part.dosage for part in shown])
    sites = (dosage >= 0).any(axis=0)
    population = cohort.population[np.concatenate([part.rows for part in shown])]
    predict = comparison.learn(dosage[:, sites], population, len(cohort.codes))

    def told(asked: Dosage, _: Dosage | None) -> tuple[Floats, None]:
        return predict(asked[:, sites]), None

    return [ask_fold(cohort, condition, fold, told) for condition in conditions]


def trial(name: str, parts: Sequence[Answers]) -> Trial:
    """The trial that these parts make."""
    settled = [part.settled for part in parts if part.settled is not None]
    return Trial(
        name,
        int(np.median(np.concatenate([part.snps for part in parts]))),
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        joined(settled) if settled else None,
    )


def joined(parts: Sequence[Settled]) -> Settled:
    """The parts one after the other."""
    return Settled(
        tuple(code for part in parts for code in part.conclusions),
        {level: tuple(one for part in parts for one in part.sets[level]) for level in parts[0].sets},
        np.concatenate([part.information for part in parts]),
        tuple(verdict for part in parts for verdict in part.verdicts),
        np.concatenate([part.p_values for part in parts]),
    )
