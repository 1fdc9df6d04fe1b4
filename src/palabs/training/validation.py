"""Cross-validation by person: which fold each person is in, and the counts of some people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from palabs.training.panel import POPULATIONS, Panel
from palabs.workload.ancestry.model import Counts

FOLDS = 5
SEED = 20131128

Mask = NDArray[np.bool_]


def count(panel: Panel, people: Mask) -> tuple[Counts, Counts]:
    """Counted alleles and chromosomes typed, sites x populations, among `people`."""
    counts = np.zeros((len(panel.sites), len(POPULATIONS)), dtype=np.uint8)
    totals = np.zeros_like(counts)
    for number in range(len(POPULATIONS)):
        rows = panel.dosage[people & (panel.population == number)]
        counts[:, number] = np.where(rows < 0, 0, rows).sum(axis=0)
        totals[:, number] = 2 * (rows >= 0).sum(axis=0)
    return counts, totals


def assign_folds(panel: Panel, people: Mask | None = None) -> NDArray[np.intp]:
    """A fold for each person, balanced within every population, the same on every machine; -1 for those who are not
    among `people` (everybody unless told).
    """
    among = np.ones(len(panel.people), dtype=bool) if people is None else people
    draws = np.random.default_rng(SEED).random(len(panel.people))
    folds = np.full(len(panel.people), -1, dtype=np.intp)
    for number in range(len(POPULATIONS)):
        rows = np.flatnonzero(among & (panel.population == number))
        folds[rows[np.argsort(draws[rows], kind="stable")]] = np.arange(len(rows)) % FOLDS
    return folds
