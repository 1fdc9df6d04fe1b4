"""Shares of known sources in a mixture: supervised maximum likelihood, and how far it may be off.

The model: each allele of a person comes from source k with probability q[k] and is then the counted one with that
source's frequency (Tang et al. 2005; ADMIXTURE's likelihood: Alexander, Novembre & Lange 2009, equation 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOLERANCE = 1e-9  # largest change of a share in one step
MAX_STEPS = 600


@dataclass(frozen=True)
class Alleles:
    """Counted and other alleles seen at each site, and each source's frequency there (sources x sites, in 0..1).

    `hidden` is the dosage that could not have been seen there, or -1 (see Genotypes): there the likelihood is
    conditioned on having been seen, and EM adds the expected number of unseen alleles.
    """

    counted: Floats
    other: Floats
    frequency: Floats
    hidden: NDArray[np.int8] | None = None

    def mixture(self, shares: Floats) -> Floats:
        """Frequency of the counted allele in the mixture."""
        return np.asarray(shares @ self.frequency)

    def completed(self, mixture: Floats) -> tuple[Floats, Floats]:
        """Counted and other alleles with the expected unseen ones (truncated data: Dempster, Laird & Rubin 1977,
        section 4.2): P/(1-P) people for each seen one, where P is the probability of the hidden genotype.
        """
        if self.hidden is None:
            return self.counted, self.other
        none, both = (1 - mixture) ** 2, mixture**2
        return (
            self.counted + np.where(self.hidden == 2, 2 * both / (1 - both), 0.0),  # noqa: PLR2004 - a dosage
            self.other + np.where(self.hidden == 0, 2 * none / (1 - none), 0.0),
        )


def maximise(counted: Floats, total: Floats, frequency: Floats, hidden: NDArray[np.int8] | None = None) -> Floats:
    """The shares of the sources (one each, not negative, summing to one) under which `counted` alleles of `total`
    at each site are likeliest; `frequency` is sites x sources, strictly between 0 and 1.

    EM (Tang et al. 2005) with the SQUAREM acceleration (Varadhan & Roland 2008, scheme S3), renormalised at each step.
    """
    alleles = Alleles(counted, total - counted, np.ascontiguousarray(frequency.T), hidden)
    shares = np.full(frequency.shape[1], 1 / frequency.shape[1])
    for _ in range(MAX_STEPS // 3):
        first = em_step(alleles, shares)
        second = em_step(alleles, first)
        if np.abs(second - first).max() < TOLERANCE:
            return second
        shares = em_step(alleles, _extrapolated(shares, first, second))
    return shares


@dataclass(frozen=True)
class Fit:
    """Shares of the sources (they sum to one), and the probability that an allele was read wrongly."""

    shares: Floats
    wrong: float

    @property
    def with_noise(self) -> Floats:
        """The shares of the sources and of wrong readings, which show either allele alike: they sum to one."""
        return np.append(self.shares * (1 - 2 * self.wrong), 2 * self.wrong)


def fit(dosage: NDArray[np.int8], frequency: Floats, hidden: NDArray[np.int8] | None = None) -> Fit:
    """The likeliest shares of one person's sources, together with the rate of wrong alleles in the file.

    Wrong alleles are a further source that shows both alleles alike: without it, an allele read wrongly where all but
    one source lack it counts for that source (2 % of them move 9,300 SNPs' shares by .13, with it by .005).
    """
    counted = dosage.astype(np.float64)
    found = np.maximum(maximise(counted, np.full_like(counted, 2.0), noisy(frequency), hidden), 1e-12)
    known = found[:-1].sum()
    return Fit(found[:-1] / known, float(found[-1] / 2))


def noisy(frequency: Floats) -> Floats:
    """The sources' frequencies (sites x sources) with that of wrong readings as a last column."""
    return np.column_stack([frequency, np.full(len(frequency), 0.5)])


def em_step(alleles: Alleles, shares: Floats) -> Floats:
    """One step of EM: the expected number of alleles from each source, as shares."""
    mixture = alleles.mixture(shares)
    counted, other = alleles.completed(mixture)
    shown, not_shown = counted / mixture, other / (1 - mixture)
    expected = shares * (alleles.frequency @ (shown - not_shown) + not_shown.sum())
    return np.asarray(expected / expected.sum())


def _extrapolated(start: Floats, first: Floats, second: Floats) -> Floats:
    """SQUAREM's longer step; the second EM step itself where the longer one would leave the simplex."""
    change, curve = first - start, second - 2 * first + start
    bend = float(curve @ curve)
    if not bend:
        return second
    length = max(1.0, float(np.sqrt(change @ change / bend)))
    longer = start + 2 * length * change + length**2 * curve
    longer = np.maximum(longer, second / 100)
    return np.asarray(longer / longer.sum())
