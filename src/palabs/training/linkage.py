"""Weights for linked SNPs: neighbours that say the same count once.

A SNP's weight is one over the sum of r² with its neighbours within WINDOW, itself included, where r is the correlation
of dosages within populations (their means taken out): the number of independent SNPs that it stands for, as in LD
scores (Bulik-Sullivan et al. 2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from palabs.training.panel import Panel
from palabs.workload.ancestry.model import Floats, Sites

WINDOW = 1_000_000  # base pairs
NOISE = 3.0  # r² below this over the number of people is chance
# Linkage is counted within each of these: a file may hold one and not the others.
GROUPS = (("aisnp",), ("microhap",), ("exome",), ("kg_p1",), ("vcf",))
FULL = 255


def link_weights(panel: Panel, people: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The weight of each site in units of 1/FULL, by the genotypes of these people."""
    weights = np.full(len(panel.sites), FULL, dtype=np.uint8)
    for names in GROUPS:
        rows = np.flatnonzero(people & np.logical_and.reduce([panel.typed(name) for name in names]))
        for chromosome in range(1, 23):
            sites = np.flatnonzero(panel.of(*names) & (panel.sites.chromosome == chromosome))
            if len(rows) and len(sites):
                standard = _standardised(panel.dosage[np.ix_(rows, sites)], panel.population[rows])
                weights[sites] = np.rint(FULL / _redundancy(standard, place(panel.sites.take(sites))))
    return weights


def place(sites: Sites) -> NDArray[np.int64]:
    """Where the sites are on their chromosome: in GRCh37, else in GRCh38."""
    return np.where(sites.position37, sites.position37, sites.position38).astype(np.int64)


def _standardised(dosage: NDArray[np.int8], population: NDArray[np.intp]) -> Floats:
    """Dosages less their population's mean, each column of length one; 0 where unknown."""
    values = np.where(dosage < 0, np.nan, dosage).astype(np.float32)
    for number in np.unique(population):
        rows = population == number
        values[rows] -= np.nan_to_num(np.nansum(values[rows], axis=0) / np.maximum((dosage[rows] >= 0).sum(axis=0), 1))
    values = np.nan_to_num(values)
    return np.asarray(values / np.maximum(np.sqrt((values**2).sum(axis=0)), 1e-6))


def _redundancy(standard: Floats, position: NDArray[np.int64]) -> Floats:
    squared = (standard.T @ standard) ** 2
    near = np.abs(position[:, None] - position[None]) < WINDOW
    squared[~near | (squared < NOISE / len(standard))] = 0
    np.fill_diagonal(squared, 1)
    return np.asarray(squared.sum(axis=1))
