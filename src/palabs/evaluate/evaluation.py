"""The evaluation as a whole: people, folds, the service and the comparisons, and the trials that were made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from palabs.evaluate.comparisons import COMPARISONS, Comparison, Predict
from palabs.evaluate.conditions import CHOSEN, Cohort, Condition, Dosage, Kind, show
from palabs.evaluate.levels import Level, tree
from palabs.evaluate.measures import Flags, Floats, Indices
from palabs.evaluate.service import Service
from palabs.evaluate.trials import Ask, Settled, Trial, run
from palabs.training.fit import fit_model
from palabs.training.panel import Panel, read_panel
from palabs.training.validation import FOLDS

Progress = Callable[[str], None]


class Evaluation:
    """Everything is made when it is first asked for, and kept. `progress` is told what is under way."""

    def __init__(self, genomes: Path, progress: Progress) -> None:
        self.genomes = genomes
        self.progress = progress
        self._trials: dict[Condition, Trial] = {}

    @cached_property
    def panel(self) -> Panel:
        """The training panel; the example people are not in it."""
        self.progress("reading the panels")
        return read_panel(self.genomes)

    @cached_property
    def cohort(self) -> Cohort:
        """The people who are asked about."""
        return Cohort.of(self.panel)

    @cached_property
    def tree(self) -> tuple[Level, Level, Level]:
        """The levels of the answers."""
        return tree(self.cohort.codes)

    @cached_property
    def services(self) -> list[Service]:
        """The whole service as it would be without each fold: counts, strengths and calibration."""
        return [self._without(self.cohort.fold == fold, f"fold {fold + 1}") for fold in range(FOLDS)]

    def _without(self, people: Flags, name: str) -> Service:
        self.progress(f"training without {name}")
        return Service(fit_model(self.panel, ~people))

    def trial(self, condition: Condition) -> Trial:
        """The service's answers under a condition."""
        if condition not in self._trials:
            services = self.services
            self.progress(f"asking the service: {condition.name}")
            self._trials[condition] = run(self.cohort, condition, [service.ask for service in services])
        return self._trials[condition]

    def untyped(self, kind: Kind, panel: str) -> Trial:
        """The first fold's people by a kind of file if a panel had no genotypes of their population: each
        half of the panel's populations in turn is hidden from the training.
        """
        typed = self.cohort.typed[panel]
        populations = np.unique(self.cohort.population[typed])
        halves = [self._half(kind, panel, populations[start::2]) for start in range(2)]
        return Trial(
            kind.name,
            halves[0].snps,
            np.concatenate([half.truth for half in halves]),
            np.concatenate([half.probabilities for half in halves]),
        )

    def _half(self, kind: Kind, panel: str, populations: Indices) -> Trial:
        self.progress(f"training without the genotypes of {len(populations)} populations on one panel")
        theirs = np.isin(self.cohort.population, populations)
        only_there = self.cohort.sites[panel] & ~self.cohort.sites[CHOSEN.panels[0]]
        dosage = self.panel.dosage.copy()
        dosage[np.ix_(theirs, only_there)] = -1
        service = Service(fit_model(replace(self.panel, dosage=dosage), self.cohort.fold != 0))
        asked = np.where(theirs & (self.cohort.fold == 0), 0, 1)
        return run(replace(self.cohort, fold=asked), Condition(kind), [service.ask])

    def compared(self, conditions: Sequence[Condition]) -> dict[str, list[Trial]]:
        """The comparisons' answers under some conditions of one kind of file, all learnt from it complete."""
        return {comparison.name: self._compared(comparison, conditions) for comparison in COMPARISONS}

    def _compared(self, comparison: Comparison, conditions: Sequence[Condition]) -> list[Trial]:
        self.progress(f"comparing: {comparison.name}")
        asks = [_ask(predict) for predict in learnt(self.cohort, comparison, conditions[0].complete())]
        return [run(self.cohort, condition, asks) for condition in conditions]


def learnt(cohort: Cohort, comparison: Comparison, condition: Condition) -> list[Predict]:
    """The comparison as learnt without each fold, from the people and SNPs of a condition."""
    shown = [show(cohort, condition, fold) for fold in range(FOLDS)]
    sites = np.any([(part.dosage >= 0).any(axis=0) for part in shown], axis=0)
    predictors: list[Predict] = []
    for fold in range(FOLDS):
        others = [part for number, part in enumerate(shown) if number != fold]
        dosage = np.concatenate([part.dosage[:, sites] for part in others])
        population = cohort.population[np.concatenate([part.rows for part in others])]
        predict = comparison.learn(dosage, population, len(cohort.codes))
        predictors.append(partial(_at_sites, predict, sites))
    return predictors


def _at_sites(predict: Predict, sites: Flags, dosage: Dosage) -> Floats:
    return predict(dosage[:, sites])


def _ask(predict: Predict) -> Ask:
    def ask(dosage: Dosage) -> tuple[Floats, Settled | None]:
        return predict(dosage), None

    return ask
