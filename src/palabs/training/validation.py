"""Cross-validation by person: every figure here is about people that the counts had not seen.

The tempering factors are fitted on the same out-of-fold scores; a fold's own figures use factors fitted on the
other folds only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palabs.training.panel import POPULATIONS, Panel
from palabs.workload.ancestry.model import (
    REGION_OF,
    Calibration,
    Counts,
    Floats,
    Model,
    Settings,
    Temper,
    information,
    log_table,
    softmax,
    tempered,
)

FOLDS = 5
SEED = 20131128
GRID = np.arange(0.02, 1.01, 0.02)
BINS = 10

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scores:
    """Out-of-fold log-likelihoods (people x populations) for a choice of SNPs; the SNPs' number and information."""

    used: NDArray[np.intp]
    information: Floats
    scores: Floats
    truth: NDArray[np.intp]
    fold: NDArray[np.intp]


@dataclass(frozen=True)
class Figures:
    """Quality of probabilities: accuracy, the truth among the first three, mean log-loss (nats), and the expected
    calibration error (10 equal-width bins of the highest probability; Guo et al. 2017).
    """

    people: int
    accuracy: float
    top3: float
    log_loss: float
    ece: float


def count(panel: Panel, people: Mask) -> tuple[Counts, Counts]:
    """Counted alleles and chromosomes typed, sites x populations, among `people`."""
    counts = np.zeros((len(panel.sites), len(POPULATIONS)), dtype=np.uint8)
    totals = np.zeros_like(counts)
    for number in range(len(POPULATIONS)):
        rows = panel.dosage[people & (panel.population == number)]
        counts[:, number] = np.where(rows < 0, 0, rows).sum(axis=0)
        totals[:, number] = 2 * (rows >= 0).sum(axis=0)
    return counts, totals


def assign_folds(panel: Panel) -> NDArray[np.intp]:
    """A fold for each person, balanced within every population, the same on every machine."""
    draws = np.random.default_rng(SEED).random(len(panel.people))
    folds = np.empty(len(panel.people), dtype=np.intp)
    for number in range(len(POPULATIONS)):
        rows = np.flatnonzero(panel.population == number)
        folds[rows[np.argsort(draws[rows], kind="stable")]] = np.arange(len(rows)) % FOLDS
    return folds


def build_model(panel: Panel, people: Mask, settings: Settings, calibration: Calibration) -> Model:
    """The model of the panel with the counts of some of its people."""
    counts, totals = count(panel, people)
    return Model(
        POPULATIONS,
        tuple(REGION_OF[code] for code in POPULATIONS),
        panel.continents,
        panel.references.names,
        panel.references.continents,
        int(people.sum()),
        panel.sites,
        counts,
        totals,
        panel.references.counts,
        panel.references.totals,
        settings,
        calibration,
    )


class Validation:
    """Models learnt without each fold, and the scores of the people in it."""

    def __init__(self, panel: Panel, settings: Settings) -> None:
        self.panel = panel
        self.grouping = np.asarray(np.unique(panel.continents, return_inverse=True)[1], dtype=np.intp)
        self.folds = assign_folds(panel)
        self.models = [build_model(panel, self.folds != fold, settings, Calibration()) for fold in range(FOLDS)]
        self.tables = [log_table(model) for model in self.models]

    def score(self, shown: Mask, people: Mask) -> Scores:
        """Out-of-fold scores of `people` on the typed sites that `shown` (people x sites) lets them show."""
        seen = shown & (self.panel.dosage >= 0)
        scores = np.zeros((len(people), len(POPULATIONS)))
        amount = np.zeros(len(people))
        for fold, table in enumerate(self.tables):
            rows = np.flatnonzero(people & (self.folds == fold))
            amount[rows] = seen[rows] @ information(table)
            for genotype in range(3):
                hits = seen[rows] & (self.panel.dosage[rows] == genotype)
                scores[rows] += hits.astype(np.float64) @ table[:, :, genotype]
        used = seen.sum(axis=1)[people]
        return Scores(used, amount[people], scores[people], self.panel.population[people], self.folds[people])

    def run(self, keep: float, seed: int, sources: tuple[str, ...]) -> Scores:
        """Scores of the people typed by all these sources, each of whose sites is shown with probability `keep`."""
        shown = draw_masks(self.panel, keep, seed) & self.panel.of(*sources)
        typed = np.logical_and.reduce([self.panel.typed(name) for name in sources])
        return self.score(shown, typed)


def draw_masks(panel: Panel, keep: float, seed: int) -> Mask:
    """Each site shown with probability `keep`, independently for each person."""
    return np.asarray(np.random.default_rng([SEED, seed]).random(panel.dosage.shape) < keep)


def log_loss(probabilities: Floats, truth: NDArray[np.intp]) -> float:
    """Mean negative logarithm of the probability given to the truth."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())


def fit_temper(groups: list[list[Scores]], grouping: NDArray[np.intp], without: int | None = None) -> Temper:
    """A knot a group of runs of about equal information, fitted on them pooled, leaving out fold `without`."""
    knots = sorted(_fit_knot(group, grouping, without) for group in groups)
    return Temper(tuple(knot for knot, _ in knots), tuple(factors for _, factors in knots))


def _fit_knot(group: list[Scores], grouping: NDArray[np.intp], without: int | None) -> tuple[float, tuple[float, ...]]:
    keep = [np.ones(len(run.fold), dtype=bool) if without is None else run.fold != without for run in group]
    scores = np.concatenate([run.scores[rows] for run, rows in zip(group, keep, strict=True)])
    truth = np.concatenate([run.truth[rows] for run, rows in zip(group, keep, strict=True)])
    amount = np.median(np.concatenate([run.information[rows] for run, rows in zip(group, keep, strict=True)]))
    return round(float(amount), 2), fit_factors(scores, truth, grouping)


def fit_factors(scores: Floats, truth: NDArray[np.intp], grouping: NDArray[np.intp]) -> tuple[float, ...]:
    """The factors of GRID with the least log-loss: between continents, then within each."""
    found = [_best(grouping[truth], lambda factor: to_continents(softmax(factor * scores), grouping))]
    for continent in range(int(grouping.max()) + 1):
        columns = np.flatnonzero(grouping == continent)
        rows = scores[grouping[truth] == continent][:, columns]
        inside = np.searchsorted(columns, truth[grouping[truth] == continent])
        found.append(_best(inside, lambda factor, rows=rows: softmax(factor * rows)))  # type: ignore[misc]
    return tuple(found)


def _best(truth: NDArray[np.intp], probabilities: Callable[[float], Floats]) -> float:
    losses = [log_loss(probabilities(float(factor)), truth) for factor in GRID]
    return round(float(GRID[int(np.argmin(losses))]), 2)


def cross_fitted(run: Scores, grouping: NDArray[np.intp], by_fold: list[Temper]) -> Floats:
    """Probabilities of a run, each fold tempered by the factors that the other folds gave."""
    result = np.empty_like(run.scores)
    for fold, temper in enumerate(by_fold):
        rows = run.fold == fold
        result[rows] = tempered(run.scores[rows], grouping, temper.at(run.information[rows]))
    return result


def to_continents(probabilities: Floats, grouping: NDArray[np.intp]) -> Floats:
    """Sums over the populations of each continent, in alphabetical order."""
    return np.asarray(probabilities @ np.eye(int(grouping.max()) + 1)[grouping])


def measure(probabilities: Floats, truth: NDArray[np.intp]) -> Figures:
    """The figures of some probabilities."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    right = order[:, 0] == truth
    top3 = (order[:, :3] == truth[:, None]).any(axis=1)
    numbers = (
        float(right.mean()),
        float(top3.mean()),
        log_loss(probabilities, truth),
        calibration_error(probabilities.max(axis=1), right),
    )
    return Figures(len(truth), *(round(number, 4) for number in numbers))


def calibration_error(confidence: Floats, right: Mask) -> float:
    """Mean distance of confidence and accuracy over BINS equal-width bins, weighted by people."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(float(confidence[bins == b].mean() - right[bins == b].mean())) * (bins == b).mean() for b in set(bins)]
    return float(sum(gaps))
