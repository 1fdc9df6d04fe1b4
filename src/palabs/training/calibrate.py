"""What the calibration of the model keeps of its training people: out-of-fold scores, no genotypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palabs.training.panel import Panel
from palabs.workload.ancestry.calibration import moments
from palabs.workload.ancestry.fit_test import Deviance, Tail, deviance_deviates, deviances
from palabs.workload.ancestry.model import SOURCES, Calibration, Floats, Model
from palabs.workload.ancestry.score import Score, linear_form, read_frequencies

CHUNK = 4096  # sites at a time: a person's dosages of all sites as floats would take half a gigabyte
FULL = 0.95  # the quantile of people that stands for everything shown
EVERY = 2  # of the people of a fold, for the test of fit: each takes some hundredths of a second
FEW = 10  # people of a continent whom a source has typed: with fewer, all are taken for alike
MINIMUM = 0.5  # of the inflation: what a few people alike might show by chance
TYPED = 0.5  # a person is typed by a source whose SNPs he or she shows by more than this share

# Strengths of the ridge: between continents, then within each in alphabetical order. Chosen once by the cross-validated
# log-loss of people out of fold, among 0.0002 to 100 in steps of about three, over five kinds of files, whole and with
# 30 % of the SNPs. In the Americas shares of ancestry say more than a population's own score, so the ridge is weak.
RIDGE = (0.01, 2.0, 0.002, 10.0, 10.0, 30.0)

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]


def calibrate(model: Model, panel: Panel, people: Mask, folds: Indices, fold_models: Sequence[Model]) -> Calibration:
    """The calibration of `model`, which was learnt from `people`; `fold_models[k]` was without those of fold k."""
    rows = np.flatnonzero(people)
    population, typed = panel.population[rows], _typed(panel, rows, model)
    expected, spread = _expectations(model)
    residual = np.zeros((len(rows), len(SOURCES), len(model.populations)))
    for fold, learnt in enumerate(fold_models):
        held_out = np.flatnonzero(folds[rows] == fold)
        residual[held_out] = source_scores(learnt, panel.dosage[rows[held_out]])
    for source in range(len(SOURCES)):
        residual[:, source] -= expected[source][population]
    fit_values = _fit_values(model, panel, rows, folds[rows], fold_models)
    kept = residual[typed]
    step = float(np.exp2(np.ceil(np.log2(max(np.abs(kept).max(initial=0), 1e-6) / np.iinfo(np.int16).max))))
    spread_step = float(np.exp2(np.ceil(np.log2(max(spread.max(), 1e-6) / np.iinfo(np.int32).max))))
    return Calibration(
        {"step": step, "spread_step": spread_step, "ridge": list(RIDGE), "fit": fit_values},
        {
            "population": population.astype("u1"),
            "residual": np.rint(kept / step).astype("<i2"),
            "row": _rows(typed, residual, population, model).astype("<i2"),
            "typed": typed.astype("u1"),
            "spread": np.rint(spread / spread_step).astype("<i4"),
        },
    )


def _typed(panel: Panel, rows: Indices, model: Model) -> Mask:
    columns = [np.flatnonzero(model.sites.source == source) for source in range(len(SOURCES))]
    return np.stack([(panel.dosage[np.ix_(rows, each)] >= 0).mean(axis=1) > TYPED for each in columns], axis=1)


def _expectations(model: Model) -> tuple[Floats, Floats]:
    """By source, the mean scores of each population and the spread, as `moments` has them for all SNPs."""
    score = blank_score(model, np.arange(len(model.sites)))
    parts = [moments(model, score, np.flatnonzero(model.sites.source == source)) for source in range(len(SOURCES))]
    return np.stack([part.mean for part in parts]), np.stack([part.spread for part in parts])


def blank_score(model: Model, used: Indices) -> Score:
    """A score that nobody has, of these SNPs: for what depends on their weights and frequencies alone."""
    nobody = np.zeros(len(model.populations))
    return Score(
        total=nobody.astype(np.int64),
        nats=nobody,
        by_block=nobody[None],
        used=used,
        information=0.0,
        information_within=np.zeros(0),
        form=linear_form(model, used),
        frequencies=read_frequencies(model, used),
        hidden=np.full(len(used), -1, dtype=np.int8),
    )


def _fit_values(
    model: Model, panel: Panel, rows: Indices, folds: Indices, fold_models: Sequence[Model]
) -> dict[str, list[Any]]:
    """What the test of fit needs to know of people of the reference out of fold, by continent and source: the excess
    deviance for a unit of its variance, and by how much its variance exceeds that of independent SNPs; by source the
    variance with all SNPs; and by continent the tail of all that together.
    """
    everything = np.arange(len(model.sites))
    chosen = [rows[folds == fold][::EVERY] for fold in range(len(fold_models))]
    parts = [
        deviances(learnt, blank_score(learnt, everything), panel.dosage[people])
        for learnt, people in zip(fold_models, chosen, strict=True)
    ]
    found = Deviance(*(np.vstack([getattr(part, name) for part in parts]) for name in ("excess", "variance")))
    continent = model.grouping[panel.population[np.concatenate(chosen)]]
    full = np.maximum(np.quantile(found.variance, FULL, axis=0), 1.0)
    bias, inflation = _usual(found, continent, found.variance > TYPED * full, len(set(model.continents)))
    usual = {"bias": np.round(bias, 4).tolist(), "inflation": np.round(inflation, 4).tolist()}
    usual["full"] = np.round(full, 1).tolist()
    deviates = deviance_deviates(usual, found, np.eye(len(bias))[continent])
    tails = [Tail.of(deviates[continent == number]) for number in range(len(bias))]
    return usual | {"tail": [[round(tail.start, 4), round(tail.slope, 4)] for tail in tails]}


def _usual(found: Deviance, continent: Indices, whole: Mask, continents: int) -> tuple[Floats, Floats]:
    """Bias and inflation, continents x sources, by the people who show a source `whole`; where a continent has fewer
    than FEW of them (none, where it is left out), those of all people.
    """
    bias, inflation = (np.ones((continents, whole.shape[1])) for _ in range(2))
    for source, typed in enumerate(whole.T):
        for number in range(continents):
            own = typed & (continent == number)
            who = own if own.sum() >= FEW else typed
            excess, variance = found.excess[who, source], found.variance[who, source]
            bias[number, source] = excess.sum() / max(variance.sum(), 1.0)
            squares = (excess - variance * bias[number, source]) ** 2 / np.maximum(variance, 1.0)
            inflation[number, source] = max(float(squares.mean()), MINIMUM) if who.any() else 1.0
    return bias, inflation


def source_scores(model: Model, dosage: NDArray[np.int8]) -> Floats:
    """Scores (nats) of people by source of the SNPs: people x sources x populations. `dosage` is -1 where unknown."""
    result = np.zeros((len(dosage), len(SOURCES), len(model.populations)))
    for source in range(len(SOURCES)):
        sites = np.flatnonzero(model.sites.source == source)
        for start in range(0, len(sites), CHUNK):
            result[:, source] += scores(model, dosage, sites[start : start + CHUNK])
    return result


def scores(model: Model, dosage: NDArray[np.int8], sites: Indices) -> Floats:
    """Scores (nats) of people at some sites: the linear form, exact as its integers are."""
    form = linear_form(model, sites)
    mask, weights = form.nats(np.arange(len(sites)))
    shown = dosage[:, sites]
    return np.asarray((shown >= 0).astype(np.float64) @ mask + np.maximum(shown, 0).astype(np.float64) @ weights)


def _rows(typed: Mask, residual: Floats, population: Indices, model: Model) -> Indices:
    """For each person and source the row of `residual[typed]`: the person's own, or a donor's."""
    number = np.cumsum(typed.ravel()).reshape(typed.shape) - 1
    result = np.where(typed, number, 0)
    for source in range(typed.shape[1]):
        lacking, having = np.flatnonzero(~typed[:, source]), np.flatnonzero(typed[:, source])
        if len(lacking) and len(having):
            donors = having[_nearest(residual, population, model, lacking, having)]
            result[lacking, source] = number[donors, source]
    return np.asarray(result, dtype=np.intp)


def _nearest(residual: Floats, population: Indices, model: Model, lacking: Indices, having: Indices) -> Indices:
    """The nearest donor of each: of the same population, else region, else continent, else of all; among these the one
    whose scores on the SNPs that everybody has (the first source) are the most alike, as continents' means.
    """
    region, continent = np.unique(model.regions, return_inverse=True)[1], model.grouping
    means = np.stack([residual[:, 0, continent == each].mean(axis=1) for each in np.unique(continent)], axis=1)
    far = np.linalg.norm(means[lacking][:, None] - means[having][None], axis=2)
    p, q = population[lacking][:, None], population[having][None]
    strangers = (p != q) * 1.0 + (region[p] != region[q]) + (continent[p] != continent[q])
    return np.asarray((far + strangers * (1 + far.max())).argmin(axis=1))
