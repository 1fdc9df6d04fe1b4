"""How populations resemble each other, and what the others tell of one population's allele frequency.

Frequencies drift apart along a history of splits and mixtures. In units of p(1-p) their deviations from the mean have
one covariance matrix at all neutral sites, whatever the history: populations of a region, of a continent, and mixed
ones between their sources (Coop, Witonsky, Di Rienzo & Pritchard 2010; Günther & Coop 2013; Pickrell & Pritchard 2012).
Given the matrix, a population's frequency at a site has a normal distribution conditional on all the populations that
were typed there; its mean becomes the mean of a Beta prior, its variance the strength (Balding & Nichols 1995), and the
population's own counts are added to that. Panels that typed 12 or 15 of the 26 populations so tell of the others too.

The matrix is fitted by expectation and maximisation over sites with populations missing (Dempster, Laird & Rubin 1977).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palabs.workload.ancestry.model import Counts, Floats

ROUNDS = 200
WIDELY = 0.9  # populations typed at this share of the sites make the mean
LEAST_VARIANCE = 0.01  # of p(1-p): rare alleles tell little of the matrix
ANCESTRAL = 1.0  # variance of the ancestral frequency, in the same units: nearly flat
DECIMALS = 6
# Bounds of the conditional variance, in the same units, and of the strength in chromosomes.
CLOSEST = 0.002
STRENGTHS = (1.0, 2000.0)


@dataclass(frozen=True)
class Coancestry:
    """The covariance of populations in units of p(1-p), and each one's mean diversity in the same units."""

    covariance: Floats
    diversity: Floats


def fit(counts: Counts, totals: Counts) -> Coancestry:
    """The matrix from counts and totals (sites x populations, 0 where not typed)."""
    k, n = counts.astype(np.float64), totals.astype(np.float64)
    core = (n > 0).mean(axis=0) > WIDELY
    rows = (n[:, core] > 0).all(axis=1)
    k, n = k[rows], n[rows]
    share = k / np.maximum(n, 1)
    mean = share[:, core].mean(axis=1, keepdims=True)
    variance = np.maximum(mean * (1 - mean), LEAST_VARIANCE)
    typed = n > 0
    diversity = (share * (1 - share) * n / np.maximum(n - 1, 1) * typed).sum(axis=0) / np.maximum(
        (variance * typed).sum(axis=0), LEAST_VARIANCE
    )
    parts = []
    for pattern, sites in patterns(typed):
        seen = np.flatnonzero(pattern)
        away = (share[np.ix_(sites, seen)] - mean[sites]).T
        noise = np.diag(diversity[seen] / n[np.ix_(sites, seen)].mean(axis=0))
        parts.append((seen, away @ away.T, float(variance[sites].sum()), noise))
    return Coancestry(_maximise(parts, n.shape[1]), np.round(diversity, DECIMALS))


def patterns(typed: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """The distinct rows of `typed` and the sites of each."""
    rows, which = np.unique(typed, axis=0, return_inverse=True)
    return [(row, np.flatnonzero(which.ravel() == number)) for number, row in enumerate(rows)]


def _maximise(parts: list[tuple[NDArray[np.intp], Floats, float, Floats]], populations: int) -> Floats:
    """ROUNDS of expectation (of the products of all deviations, given those seen) and maximisation (their mean)."""
    covariance = 0.05 * (np.eye(populations) + 1)
    weight = sum(amount for _, _, amount, _ in parts)
    for _ in range(ROUNDS):
        total = np.zeros_like(covariance)
        for seen, products, amount, noise in parts:
            gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)] + noise)
            total += gain @ products @ gain.T + amount * (covariance - gain @ covariance[seen])
        covariance = (total + total.T) / (2 * weight)
    return np.round(covariance, DECIMALS)


def predict(
    coancestry: Coancestry, counts: Counts, totals: Counts, wanted: int, floor: Floats
) -> tuple[Floats, Floats]:
    """What all other populations tell of each of the first `wanted`: mean and strength (chromosomes), sites x wanted.

    A mean stays above `floor` (one a site) times the mean frequency, and as far below one.
    """
    mean, strength = np.empty((len(counts), wanted)), np.empty((len(counts), wanted))
    for pattern, sites in patterns(totals > 0):
        seen = np.flatnonzero(pattern)
        k, n = (table[np.ix_(sites, seen)].astype(np.float64) for table in (counts, totals))
        share = k / n
        middle = share.mean(axis=1, keepdims=True)
        away, variance = _conditional(coancestry, share - middle, n.mean(axis=0), seen, wanted)
        low = floor[sites, None] * np.clip(middle, 1e-4, 1)
        high = 1 - floor[sites, None] * np.clip(1 - middle, 1e-4, 1)
        mean[sites] = np.clip(middle + away, low, high)
        strength[sites] = np.clip(coancestry.diversity[:wanted] / np.maximum(variance, CLOSEST) - 1, *STRENGTHS)
    return mean, strength


def _conditional(
    coancestry: Coancestry, away: Floats, totals: Floats, seen: NDArray[np.intp], wanted: int
) -> tuple[Floats, Floats]:
    """The conditional mean (sites x wanted) and variance (wanted) of each deviation, given those of all others seen.

    For a population that was seen itself, its own observation is left out by the identity for one row of an inverse
    (Rasmussen & Williams 2006, section 5.4.2).
    """
    covariance = coancestry.covariance + ANCESTRAL
    noise = coancestry.diversity[seen] / totals
    inverse = np.linalg.inv(covariance[np.ix_(seen, seen)] + np.diag(noise))
    gain = covariance[:wanted, seen] @ inverse
    mean = away @ gain.T
    variance = np.diag(covariance)[:wanted] - (gain * covariance[:wanted, seen]).sum(axis=1)
    own = np.flatnonzero(seen < wanted)
    left_out = np.diag(inverse)[own]
    mean[:, seen[own]] = away[:, own] - (away @ inverse)[:, own] / left_out
    variance[seen[own]] = 1 / left_out - noise[own]
    return mean, variance
