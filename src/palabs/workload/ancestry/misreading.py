"""How many alleles a file shows wrongly, estimated from the file itself.

If each allele is read as the other one with probability e, a frequency f is read as (1 - 2e) f + e. The e of the
greatest likelihood, over the populations too, is taken where it is clearly better than none (a likelihood ratio test:
Wilks 1938), so that a clean file is read as it is. Genomes from outside the reference fit badly and may show as errors;
that makes the answer more careful, which is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATES = (0.0, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
STEPS = 8  # halvings around the best of RATES
SAMPLE = 2000  # sites at which the populations are compared
# Nats. Chosen among 3, 6, 10 and 15 on people out of fold: with 169 SNPs mixed people look like errors, and 3 cost 1 %
# of continents; with thousands of SNPs any of them finds the errors that there are.
CLEARLY = 10.0
DECIMALS = 4


def misread(frequency: Floats, rate: float) -> Floats:
    """The frequency at which an allele is seen, where each is read as the other one at this rate."""
    return np.asarray((1 - 2 * rate) * frequency + rate)


def error_rate(frequency: Floats, dosage: NDArray[np.int8]) -> float:
    """The rate of wrong alleles in these dosages, for frequencies sites x populations; 0 unless errors are clear."""
    if not len(dosage):
        return 0.0
    some = np.linspace(0, len(dosage) - 1, min(SAMPLE, len(dosage))).astype(np.intp)
    likelihoods = np.stack([_likelihood(frequency[some], dosage[some], rate) for rate in RATES])
    column = frequency[:, likelihoods.max(axis=0).argmax(), None]
    rates = np.array(RATES)
    rate = rates[np.argmax([_likelihood(column, dosage, each)[0] for each in rates])]
    width = max(rate, RATES[1]) / 2
    for _ in range(STEPS):
        near = np.clip([rate, rate - width, rate + width], 0, RATES[-1])
        rate, width = near[np.argmax([_likelihood(column, dosage, each)[0] for each in near])], width / 2
    gain = _likelihood(column, dosage, rate)[0] - _likelihood(column, dosage, 0.0)[0]
    return round(float(rate), DECIMALS) if gain > CLEARLY else 0.0


def _likelihood(frequency: Floats, dosage: NDArray[np.int8], rate: float) -> Floats:
    """The log-likelihood of each population, up to what the rate and the population do not change."""
    seen = misread(frequency, rate)
    return np.asarray(dosage @ np.log(seen) + (2 - dosage) @ np.log1p(-seen))
