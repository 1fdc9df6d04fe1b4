"""Does a person fit the reference at all? A test of fit that means the same on every platform and choice of SNPs.

Two statistics, each close to standard normal for people of the reference populations and large for others:

1. *deviance*: the person's genotypes are less probable than they should be, under the mixture of the 26 populations
   that fits best (nonnegative least squares). Drift that no reference shares makes them so. Its mean and variance for
   people of the reference were learnt out of fold, by continent and source; linked SNPs inflate the variance by the
   share of the source that the file shows, most in the Americas, where ancestry comes in long stretches.
2. *place*: the score lies far from those of every population that the answer holds to be possible (squared Mahalanobis
   distance; Lee et al. 2018), measured against the scores that the training people would have had at these SNPs; its
   cube root is near normal (Wilson & Hilferty 1931). A new mixture, or a population between the known ones, does so.

Both have heavier tails than the normal, since the admixture of some people is unlike that of their population. So
beyond the 19 in 20 nearest people of the reference, the p-value falls off exponentially, at the rate at which theirs
does (peaks over a threshold: Davison & Smith 1990). The two are joined by the Cauchy combination, which allows any
dependence between them (Liu & Xie 2020).

Where the score allows for wrong alleles, strangeness and errors look alike: the deviance without that allowance joins
as a third p-value, and where nothing else speaks for a stranger the verdict is "uncertain".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .admixture import Admixture
from .calibration import Calibrated, plain_frequencies, recalibrate
from .model import SOURCES, Model
from .score import Score

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

OUTSIDE = 0.001  # p-value below which a person is called outside the reference
OUTSIDE_BY_LITTLE = 0.0001  # the same for a file that shows less than ENOUGH
DOUBTFUL = 0.01  # and below which the answer is uncertain
# The least variance (nats squared) of the log-likelihood with which anybody is called inside: about 4,000 common SNPs.
# With fewer, people of populations that were left out of the training were mostly not noticed.
ENOUGH = 1000.0
# Components of ancestry that reference people of a continent have, and what the others' shares surely exceed only in
# strangers: of the reference people (30 each of 11 populations, four kinds of files, whole and with 30 % missing) the
# lower end of no interval was above .39, nor of the Oceanian component above .06.
OWN_COMPONENTS = {
    "AFR": {"AFR", "AMR", "EUR"},
    "AMR": {"AFR", "AMR", "EUR"},
    "EAS": {"EAS"},
    "EUR": {"EUR"},
    "SAS": {"SAS"},
}
LARGE = 0.4
LARGE_OF = {"OCE": 0.15}
MIXTURE_STEPS = 300
HIDDEN_ROUNDS = 4
COMMON = 0.1
RARE = 0.003  # frequencies of a mixture are held off 0 and 1 by this
SMALLEST = 1e-300
POSSIBLE = 0.02  # the least probability of a population that counts as one the person may be of
# A p-value near 1 says no more than this: an unusually good fit in one way makes up for no bad fit in the other (Fang,
# Chang, Park & Tseng 2023).
TRUNCATED = 0.9
EXTREME = 0.05  # the share of people of the reference who make the tail
# Of the people of the reference, the share who lie too far from their population to be told it. Chosen among .05, .02
# and .01 on people of two folds: .02 costs two in a hundred their answer and spares most children of Finns and Tuscans,
# or of Chinese and Japanese, a wrong one.
UNUSUAL = 0.02
DECIMALS = 4
SIGNIFICANT = 4


@dataclass(frozen=True)
class Fit:
    """Whether a person fits the reference: `verdict` is inside, outside or uncertain; `p_value` of a person of the
    reference; `statistic` the same as a standard normal deviate (large is a bad fit).
    """

    verdict: str
    p_value: float
    statistic: float


@dataclass(frozen=True)
class Deviance:
    """By source: how much less probable the genotypes are than expected (nats), and the variance of that if SNPs were
    independent. People x sources.
    """

    excess: Floats
    variance: Floats


def reference_fit(
    model: Model,
    dosage: NDArray[np.int8],
    score: Score,
    calibrated: Calibrated | None = None,
    shares: Admixture | None = None,
) -> Fit:
    """The test for a person with these dosages (one a site of the model, -1 where unknown) and their score.

    Nobody whose `shares` are foreign to the most probable continent is called inside.
    """
    known = recalibrate(model, score) if calibrated is None else calibrated
    seen = dosage[None, score.used]
    deviance = deviances(model, score, seen)
    continents = np.bincount(model.grouping, weights=known.probabilities(score.nats[None])[0]).astype(np.float64)
    p_values = [_deviance_p_value(model, deviance, continents), float(place_p_values(known, score.nats[None])[0])]
    sure = combine(p_values)
    if score.error:
        plain = replace(score, frequencies=plain_frequencies(score))
        p_values.append(_deviance_p_value(model, deviances(model, plain, seen), continents))
    p_value = float(f"{combine(p_values):.{SIGNIFICANT}g}")  # the same text on every machine
    most_probable = sorted(set(model.continents))[int(continents.argmax())]
    enough = float(deviance.variance.sum()) >= ENOUGH
    told = verdict(p_value, sure, enough=enough, foreign=is_foreign(most_probable, shares))
    return Fit(told, p_value, round(deviate(p_value), DECIMALS))


def is_foreign(continent: str, shares: Admixture | None) -> bool:
    """Whether somebody surely has a large share of a component that people of the continent do not have."""
    if shares is None:
        return False
    own = OWN_COMPONENTS[continent]
    return any(part.low > LARGE_OF.get(part.code, LARGE) for part in shares.components if part.code not in own)


def verdict(p_value: float, sure: float, *, enough: bool, foreign: bool = False) -> str:
    """What is said of a p-value, where the file shows `enough` to notice a stranger, of a person whose shares of
    ancestry may be `foreign` to the answer; `sure` is the p-value of the tests that wrong alleles do not disturb.
    """
    if sure < (OUTSIDE if enough else OUTSIDE_BY_LITTLE):
        return "outside"
    return "inside" if enough and not foreign and p_value >= DOUBTFUL else "uncertain"


def deviances(model: Model, score: Score, dosage: NDArray[np.int8]) -> Deviance:
    """The deviance of people (people x used sites, -1 where unknown) from the mixtures that fit them best."""
    source = model.sites.source[score.used]
    excess = np.zeros((len(dosage), len(SOURCES)))
    variance = np.zeros_like(excess)
    middle = score.frequencies.mean(axis=1)
    # of a rare allele a file of variants shows that it is there and next to nothing else
    telling = (score.hidden < 0) | (np.where(score.hidden == 0, middle, 1 - middle) >= COMMON)
    for person, row in enumerate(dosage):
        rows = np.flatnonzero((row >= 0) & telling)
        seen, frequency = row[rows], score.frequencies[rows]
        mixed = np.clip(frequency @ mixture(frequency, seen, score.hidden[rows]), RARE, 1 - RARE)
        surprise, spread = _surprise(mixed, seen, score.hidden[rows])
        excess[person] = np.bincount(source[rows], weights=surprise, minlength=len(SOURCES))
        variance[person] = np.bincount(source[rows], weights=spread, minlength=len(SOURCES))
    return Deviance(excess, variance)


def mixture(frequency: Floats, dosage: NDArray[np.int8], hidden: NDArray[np.int8]) -> Floats:
    """The shares of the populations (sum 1) whose mixture of frequencies (sites x populations) comes nearest to the
    dosages: least squares, each site by its variance. Where a genotype is `hidden` the dosage is expected to be larger
    than twice the frequency, by how much depends on the mixture: a few rounds.
    """
    other = hidden == 2  # noqa: PLR2004 - both alleles are the hidden one: count the other
    counted = np.where(other, 2 - dosage, dosage) / 2
    oriented = np.where(other[:, None], 1 - frequency, frequency)
    shares = np.full(frequency.shape[1], 1 / frequency.shape[1])
    for _ in range(HIDDEN_ROUNDS if (hidden >= 0).any() else 1):
        grown = np.where(hidden >= 0, 1 / (1 - (1 - oriented @ shares) ** 2), 1.0)
        shares = _nearest_shares(oriented * grown[:, None], counted)
    return shares


def _nearest_shares(design: Floats, wanted: Floats) -> Floats:
    """Nonnegative least squares by multiplicative updates (Lee & Seung 2001), the shares kept to a sum of 1."""
    middle = np.clip(design.mean(axis=1), RARE, 1 - RARE)
    weighted = design / (middle * (1 - middle))[:, None]
    gram, toward = weighted.T @ design, weighted.T @ wanted
    shares = np.full(design.shape[1], 1 / design.shape[1])
    for _ in range(MIXTURE_STEPS):
        shares *= toward / np.maximum(gram @ shares, SMALLEST)
        shares /= max(float(shares.sum()), SMALLEST)
    return shares


def _surprise(frequency: Floats, dosage: NDArray[np.int8], hidden: NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Minus the log-probability of each genotype less its expectation, and the variance of that. A genotype that the
    file could not have shown is not among the possible ones.
    """
    each = np.stack([(1 - frequency) ** 2, 2 * frequency * (1 - frequency), frequency**2])
    cut = np.flatnonzero(hidden >= 0)
    each[hidden[cut], cut] = 0.0
    each /= each.sum(axis=0)
    logs = np.log(np.maximum(each, SMALLEST))
    mean = (each * logs).sum(axis=0)
    variance = (each * (logs - mean) ** 2).sum(axis=0)
    return mean - logs[dosage, np.arange(len(dosage))], variance


@dataclass(frozen=True)
class Tail:
    """The upper tail of people of the reference: EXTREME of them have deviates above `start`, on average by `slope`."""

    start: float
    slope: float

    @classmethod
    def of(cls, deviates_: Floats) -> Tail:
        """The tail of these people; that of a normal distribution where there are none."""
        if not len(deviates_):
            return cls.normal()
        start = float(np.quantile(deviates_, 1 - EXTREME))
        beyond = deviates_[deviates_ > start]
        return cls(start, float((beyond - start).mean()) if len(beyond) else 1.0)

    @classmethod
    def normal(cls) -> Tail:
        """That of standard normal deviates."""
        return cls(1.6449, 0.4178)

    def p_value(self, deviate_: float) -> float:
        """The share of people of the reference above a deviate."""
        if deviate_ <= self.start:
            return max(tail(deviate_), EXTREME)
        return max(EXTREME * math.exp((self.start - deviate_) / self.slope), SMALLEST)


def deviance_deviates(usual: Mapping[str, Any], deviance: Deviance, continents: Floats) -> Floats:
    """The excesses as standard normal deviates, by what is `usual` for people of the reference: by continent and
    source the excess for a unit of variance and the inflation, by source the variance with all its SNPs. `continents`
    are each person's probabilities.
    """
    bias, inflation = continents @ np.array(usual["bias"]), continents @ np.array(usual["inflation"])
    share = np.minimum(1.0, deviance.variance / np.array(usual["full"]))
    spread = deviance.variance * np.maximum(1 + (inflation - 1) * share, SMALLEST)
    excess = (deviance.excess - deviance.variance * bias).sum(axis=1)
    return np.asarray(excess / np.sqrt(np.maximum(spread.sum(axis=1), SMALLEST)))


def _deviance_p_value(model: Model, deviance: Deviance, continents: Floats) -> float:
    usual = model.calibration.values["fit"]
    found = float(deviance_deviates(usual, deviance, continents[None])[0])
    return float(continents @ [Tail(*each).p_value(found) for each in usual["tail"]])


def place_p_values(calibrated: Calibrated, scores: Floats) -> Floats:
    """For each score (people x populations, nats) the share of people of the reference who lie as far from theirs as
    the score from the nearest population that the answer holds to be possible; of the continents the one that makes it
    largest.
    """
    possible = calibrated.probabilities(scores) >= POSSIBLE
    result = np.full(len(scores), SMALLEST)
    for codes, deviates_, usual in _places(calibrated, scores):
        nearest = np.where(possible[:, codes], deviates_, np.inf).min(axis=1)
        result = np.maximum(result, [usual.p_value(float(each)) for each in nearest])
    return result


def typical(calibrated: Calibrated, scores: Floats) -> NDArray[np.bool_]:
    """Whether each score (people x populations, nats) lies no further from a population than all but UNUSUAL of the
    people of its continent lie from theirs: people x populations.
    """
    result = np.zeros(scores.shape, dtype=np.bool_)
    for codes, deviates_, usual in _places(calibrated, scores):
        result[:, codes] = deviates_ <= usual.start + usual.slope * math.log(EXTREME / UNUSUAL)
    return result


def _places(calibrated: Calibrated, scores: Floats) -> Iterator[tuple[Indices, Floats, Tail]]:
    """For each continent its populations, how far the scores lie from them (people x populations), in standard
    deviations of how far its people lie from theirs, and the tail of these.
    """
    for number, simulated in enumerate(calibrated.simulated):
        truth = calibrated.truth[calibrated.continent == number]
        if len(truth):
            cloud = Cloud.of(simulated, truth)
            usual = np.cbrt(cloud.own(simulated, truth))
            far = np.cbrt(cloud.distances(scores @ calibrated.features.within[number]))
            deviation = usual.std() + SMALLEST
            yield cloud.codes, (far - usual.mean()) / deviation, Tail.of((usual - usual.mean()) / deviation)


@dataclass(frozen=True)
class Cloud:
    """The populations of a continent among the simulated scores: their means, the common covariance and its inverse."""

    codes: Indices
    means: Floats
    sizes: Indices
    precision: Floats

    @classmethod
    def of(cls, points: Floats, truth: Indices) -> Cloud:
        """The means and common covariance of points (people x features)."""
        codes, which, sizes = np.unique(truth, return_inverse=True, return_counts=True)
        means = np.stack([points[which == number].mean(axis=0) for number in range(len(codes))])
        apart = points - means[which]
        covariance = apart.T @ apart / len(points)
        floor = 1e-6 * (np.trace(covariance) + SMALLEST) / len(covariance)
        precision = np.linalg.inv(covariance + floor * np.eye(len(covariance)))
        return cls(codes, means, sizes, precision)

    def own(self, points: Floats, truth: Indices) -> Floats:
        """Distances of the points from their own populations as if each had been left out (Sherman & Morrison 1950),
        divided by the number of features.
        """
        which = np.searchsorted(self.codes, truth)
        apart = points - self.means[which]
        inside = np.einsum("ni,ij,nj->n", apart, self.precision, apart)
        n, all_ = np.maximum(self.sizes[which], 2), len(points)
        grown = n / (n - 1)
        without = grown**2 * (all_ - 1) / all_ * inside / np.maximum(1 - grown * inside / all_, 0.05)
        return np.asarray(without / points.shape[1])

    def distances(self, points: Floats) -> Floats:
        """Distances of other points from each population, divided by the number of features."""
        apart = points[:, None] - self.means
        return np.asarray(np.einsum("nki,ij,nkj->nk", apart, self.precision, apart, optimize=True) / points.shape[1])


def tail(deviate_: float) -> float:
    """The upper tail of the standard normal."""
    return max(0.5 * math.erfc(deviate_ / math.sqrt(2)), SMALLEST)


def combine(p_values: list[float]) -> float:
    """The Cauchy combination of p-values, each counting the same (Liu & Xie 2020, equation 1)."""
    mean = sum(_cotangent(p) for p in p_values) / len(p_values)
    if mean > 1 / math.sqrt(SMALLEST):
        return SMALLEST
    # the tail of the Cauchy distribution: 1/2 - arctan(mean)/pi, without cancellation where mean is large
    return math.atan2(1.0, mean) / math.pi


def _cotangent(p_value: float) -> float:
    """tan((1/2 - p) pi) = cot(p pi)."""
    return 1 / math.tan(math.pi * min(p_value, TRUNCATED))


def deviate(p_value: float) -> float:
    """The standard normal deviate with this upper tail, by bisection."""
    low, high = -8.0, 38.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > p_value else (low, middle)
    return (low + high) / 2
