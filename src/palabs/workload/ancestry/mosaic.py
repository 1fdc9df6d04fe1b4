"""Which source each stretch of a chromosome copy comes from: a hidden Markov model on windows of SNPs.

States are the sources; a window's alleles are drawn with its source's frequencies (as in HAPMIX, Price et al. 2009, and
RFMix, Maples et al. 2013, with frequencies instead of haplotypes: they are all that the model has). Between two
windows the source is drawn anew, by the person's shares, with probability 1 - exp(-generations x Morgans): the
crossovers since the sources met. Phasing errors look like crossovers and are counted with them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Windows = NDArray[np.intp]


LEAST_SHARE = 0.002  # no source is impossible


def window_evidence(alleles: NDArray[np.int8], frequency: Floats, window: Windows, windows: int) -> Floats:
    """The log-likelihood of each source in each window: windows x sources.

    `alleles` (0 or 1, whether it is the counted one) and `window` have one number a site, `frequency` is sites x
    sources.
    """
    shown = np.log(np.where(alleles[:, None] == 1, frequency, 1 - frequency))
    return summed(shown, window, windows)


def window_selection(
    hidden: NDArray[np.int8], frequency: Floats, shares: Floats, window: Windows, windows: int
) -> Floats:
    """What to take off the evidence where a genotype is never shown: the logarithm of the probability that the site is
    shown at all, the other copy being drawn by the person's `shares`; windows x sources.

    `hidden` is the dosage that is not shown, or -1 (see Genotypes).
    """
    other = (frequency @ shares)[:, None]
    never = np.where(hidden[:, None] == 0, (1 - frequency) * (1 - other), frequency * other)
    return summed(np.log1p(-np.where(hidden[:, None] < 0, 0.0, never)), window, windows)


def summed(values: Floats, window: Windows, windows: int) -> Floats:
    """Sums over the sites of each window: windows x sources."""
    return np.stack([np.bincount(window, weights=column, minlength=windows) for column in values.T], axis=1)


def posterior(evidence: Floats, morgans: float, shares: Floats, generations: float) -> Floats:
    """The probability of each source in each window of each copy, given all of the copy: the forward-backward
    algorithm (Rabiner 1989), scaled at each step.

    `evidence` is copies x windows x sources, `morgans` the distance from window to window; `shares` sums to one.
    """
    prior = np.maximum(shares, LEAST_SHARE)
    prior = prior / prior.sum()
    stay = float(np.exp(-generations * morgans))
    likelihood = np.exp(evidence - evidence.max(axis=2, keepdims=True))
    result = _forward(likelihood, prior, stay) * _backward(likelihood, prior, stay)
    return np.asarray(result / result.sum(axis=2, keepdims=True))


def _forward(likelihood: Floats, prior: Floats, stay: float) -> Floats:
    """The probability of each source given the windows up to and with this one."""
    result = np.empty_like(likelihood)
    here = np.broadcast_to(prior, likelihood[:, 0].shape)
    for number in range(likelihood.shape[1]):
        here = (stay * here + (1 - stay) * prior) * likelihood[:, number]
        here = here / here.sum(axis=1, keepdims=True)
        result[:, number] = here
    return result


def _backward(likelihood: Floats, prior: Floats, stay: float) -> Floats:
    """The likelihood of all later windows given each source in this one, up to a factor."""
    result = np.ones_like(likelihood)
    for number in range(likelihood.shape[1] - 1, 0, -1):
        after = result[:, number] * likelihood[:, number]
        here = stay * after + (1 - stay) * (after @ prior)[:, None]
        result[:, number - 1] = here / here.max(axis=1, keepdims=True)
    return result
