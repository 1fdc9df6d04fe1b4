"""The evaluation as a whole: people, folds, the service and the comparisons, and the trials that were made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from palabs.evaluate import workers
from palabs.evaluate.comparisons import COMPARISONS
from palabs.evaluate.conditions import Cohort, Condition, Kind
from palabs.evaluate.levels import Level, tree
from palabs.evaluate.measures import Indices
from palabs.evaluate.outsiders import Group, Verdicts
from palabs.evaluate.proportions import Tables
from palabs.evaluate.trials import Trial, trial
from palabs.evaluate.workers import Workers
from palabs.training.panel import Panel, read_panel
from palabs.training.validation import FOLDS

Progress = Callable[[str], None]


class Evaluation:
    """Models are trained when they are first needed, and trials kept. `progress` is told what is under way."""

    def __init__(self, genomes: Path, progress: Progress) -> None:
        self.genomes = genomes
        self.progress = progress
        self._trials: dict[Condition, Trial] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

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
    def crew(self) -> Workers:
        """The processes that work, until the evaluation is closed."""
        return self._open.enter_context(workers.workers(self.panel))

    @cached_property
    def tree(self) -> tuple[Level, Level, Level]:
        """The levels of the answers."""
        return tree(self.cohort.codes)

    @cached_property
    def services(self) -> list[str]:
        """The names of the whole service as it would be without each fold: counts, priors and calibration."""
        self.progress(f"training without each of {FOLDS} folds")
        names = [f"without-fold-{fold}" for fold in range(FOLDS)]
        self.wait([self.crew.start(workers.train, name, self.cohort.fold != f) for f, name in enumerate(names)])
        return names

    def wait(self, tasks: Sequence[Future[Any]]) -> list[Any]:
        """The results of some tasks."""
        return [task.result() for task in tasks]

    def trials(self, conditions: Sequence[Condition], folds: int = FOLDS) -> list[Trial]:
        """The service's answers under some conditions, of the people of all folds or of the first ones alone."""
        wanted = [condition for condition in conditions if condition not in self._trials]
        started = {
            condition: [
                self.crew.start(workers.ask, name, condition, fold) for fold, name in enumerate(self.services[:folds])
            ]
            for condition in wanted
        }
        for number, (condition, tasks) in enumerate(started.items()):
            self.progress(f"asking the service, {number + 1} of {len(started)}: {condition.name}")
            self._trials[condition] = trial(condition.name, self.wait(tasks))
        return [self._trials[condition] for condition in conditions]

    def compared(self, conditions: Sequence[Condition]) -> dict[str, list[Trial]]:
        """The comparisons' answers under some conditions of one kind of file, all learnt from it complete."""
        started = {
            comparison.name: [self.crew.start(workers.compare, number, conditions, fold) for fold in range(FOLDS)]
            for number, comparison in enumerate(COMPARISONS)
        }
        found = {}
        for name, tasks in started.items():
            self.progress(f"comparing: {name}")
            by_fold = self.wait(tasks)
            found[name] = [
                trial(condition.name, [parts[number] for parts in by_fold])
                for number, condition in enumerate(conditions)
            ]
        return found

    def without(self, groups: Sequence[Sequence[str]]) -> list[str]:
        """The names of the services trained without the first fold and without anybody of each group of populations."""
        names = [f"without-{'-'.join(codes)}" for codes in groups]
        tasks = []
        for name, codes in zip(names, groups, strict=True):
            theirs = np.isin(self.cohort.population, [self.cohort.codes.index(code) for code in codes])
            tasks.append(self.crew.start(workers.train, name, (self.cohort.fold != 0) & ~theirs))
        self.wait(tasks)
        return names

    def judged(self, groups: Sequence[Group]) -> list[Verdicts]:
        """What services say of the fit of groups of people."""
        tasks = [self.crew.start(workers.judge, group.service, group.dosage) for group in groups]
        return [
            Verdicts(group.name, group.platform, found.p_values, found.verdicts, found.conclusions)
            for group, found in zip(groups, self.wait(tasks), strict=True)
        ]

    @cached_property
    def shares(self) -> Future[Tables]:
        """The tables of admixture, started when first asked for: they take some minutes of one process."""
        return self.crew.start(workers.shares, self.genomes)

    def untyped(self, kind: Kind, panel: str) -> Trial:
        """The first fold's people by a kind of file if a panel had no genotypes of their population: each
        half of the panel's populations in turn is hidden from the training.
        """
        self.progress("training without half of a panel's populations")
        populations = np.unique(self.cohort.population[self.cohort.typed[panel]])
        return trial(kind.name, self.wait([self._half(kind, panel, populations[start::2]) for start in range(2)]))

    def _half(self, kind: Kind, panel: str, populations: Indices) -> Future[Any]:
        name = f"without-{populations[0]}-on-{panel}"
        self.crew.start(workers.train, name, self.cohort.fold != 0, (populations, panel)).result()
        theirs = np.isin(self.cohort.population, populations)
        return self.crew.start(workers.ask, name, Condition(kind), 0, theirs)
