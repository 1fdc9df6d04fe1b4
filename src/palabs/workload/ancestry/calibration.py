"""From scores to probabilities that mean what they say for the SNPs of one file.

Scores are sums over linked SNPs of mixed people, so they are overconfident, and by how much depends on the SNPs. The
model therefore keeps, for each training person and each source of SNPs, the score that the person got from counts
without him or her (out of fold), as its distance from what the model expects of the population. For the SNPs of a file:

1. the scores that the training people would have had are drawn: what the model expects at these SNPs, plus the
   person's own distance, shrunk to the share of the source that the file shows, plus the noise of that thinning;
2. a multinomial regression is fitted on them between the continents and one within each continent, drawn towards a
   tempered likelihood, and tempered again by its leave-one-out predictions (see regression.py and tempering.py);
3. the file's own score goes through these regressions.

Stacked generalisation (Wolpert 1992) with temperature scaling (Guo et al. 2017). No genotype is kept: 26 numbers a
person and source. People of a population that a source has not typed borrow the distance of the typed person who is
most like them elsewhere (hot-deck imputation, Little 1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import SOURCES, WEIGHT_UNIT, Model
from .regression import Fitted, fit, fit_temperature, leave_one_out
from .score import Score, exact_weights, shown_correction
from .tempering import Tempers

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

SEED = 20131128
JITTER = 1e-9
TINY = 1e-12
MATTERS = 0.05  # share of a file's information above which a source's own people are wanted
ENOUGH = 25  # typed people of a population with whom no others need be imputed
# How far (in the root of nats) the mean score of a population that a source has not typed may lie from its expectation
# towards a relative that was. Chosen by the log-loss of people of 7 of 14 populations whose genome-wide counts had been
# taken away, among 0, 2, 4 and 8.
MIXED = 4.0
# The share of people whom their population's continent does not describe, however clear their score: of the training
# people about four in a thousand, nearly all from the Americas (what is said of them and their genome differ).
UNLIKE = 0.002


@dataclass(frozen=True)
class Witnesses:
    """The training people as the calibration knows them.

    `residual` (rows x populations, nats) holds the distances of out-of-fold scores from their expectation, one row for
    each person and source that typed him or her; `row` (people x sources) says which row stands for the person in the
    source, and `typed` whether it is the person's own. `spread` (sources x continents) is the variance of genotypes
    over all SNPs of a source, summed over populations.
    """

    population: Indices
    residual: Floats
    row: Indices
    typed: NDArray[np.bool_]
    donor_population: Indices
    spread: Floats
    ridge: Floats

    @classmethod
    def of(cls, model: Model) -> Witnesses:
        """The people whom a model's calibration holds."""
        arrays, values = model.calibration.arrays, model.calibration.values
        return cls(
            population := arrays["population"].astype(np.intp),
            arrays["residual"] * values["step"],
            row := arrays["row"].astype(np.intp),
            typed := arrays["typed"].astype(bool),
            population[np.nonzero(typed)[0]][row],
            arrays["spread"] * values["spread_step"],
            np.array(values["ridge"]),
        )


@dataclass(frozen=True)
class Moments:
    """What the model expects of one genotype at each of some SNPs: the weights of a dosage (sites x populations), the
    mean score of a person of each population (populations x populations, summed over the sites), and the variance of
    the dosage within each continent (sites x continents). By continent and summed over populations, `spread` is the
    variance of scores, `shared` its covariance with the score that a file without wrong alleles would give.
    """

    weights: Floats
    mean: Floats
    variance: Floats
    spread: Floats
    shared: Floats


def moments(model: Model, score: Score, sites: Indices) -> Moments:
    """The moments of some of the sites that a score used (`sites` are places in score.used).

    At a site where a VCF of variants only could not have shown a genotype, the dosage is one of the two others.
    """
    constant, weights = score.form.nats(sites)
    f = score.frequencies[sites]
    mean, variance = 2 * f, 2 * f * (1 - f)
    if (cut := np.flatnonzero(score.hidden[sites] >= 0)).size:
        zero = score.hidden[sites[cut], None] == 0
        alike = np.where(zero, 1 - f[cut], f[cut])
        other = (1 - alike) / (1 + alike)  # P(two other alleles | at least one)
        mean[cut] = np.where(zero, 1 + other, 1 - other)
        variance[cut] = other * (1 - other)
        linked = model.weight[score.used[sites[cut]], None] / WEIGHT_UNIT
        constant[cut] += linked * shown_correction(f[cut], score.hidden[sites[cut]])
    apart = weights - weights.mean(axis=1, keepdims=True)
    here = _by_continent(model, variance)
    spread = (apart**2).sum(axis=1) @ here
    shared = _shared(model, score, sites, apart) if score.error else spread
    return Moments(weights, constant.sum(axis=0) + mean.T @ weights, here, spread, shared)


def _by_continent(model: Model, each: Floats) -> Floats:
    """Means over the populations of each continent, from sites x populations."""
    membership = np.eye(int(model.grouping.max()) + 1)[model.grouping]
    return np.asarray(each @ (membership / membership.sum(axis=0)))


def _shared(model: Model, score: Score, sites: Indices, apart: Floats) -> Floats:
    """By continent, the covariance of these scores with those that the same people have without wrong alleles.

    An allele read wrongly at rate e keeps 1 - 2e of its covariance with the true one.
    """
    plain = plain_frequencies(score)[sites]
    flawless = exact_weights(model, score.used[sites], plain)[1]
    kept = 1 - 2 * score.error
    return np.asarray(kept * (apart * flawless).sum(axis=1) @ _by_continent(model, 2 * plain * (1 - plain)))


def plain_frequencies(score: Score) -> Floats:
    """The frequencies of a score (used sites x populations) without the wrong alleles that it allows for."""
    return np.asarray((score.frequencies - score.error) / (1 - 2 * score.error))


@dataclass(frozen=True)
class Features:
    """How a score becomes features: the scores of a continent's own populations (centred), then the continents' means
    (centred), each a linear map of the scores (populations x features). `regions` (own populations x regions) holds a
    one where a population belongs.
    """

    continents: Floats
    within: tuple[Floats, ...]
    columns: tuple[Indices, ...]
    regions: tuple[Floats, ...]

    @classmethod
    def of(cls, model: Model) -> Features:
        """The features of a model's tree."""
        group = model.grouping
        columns = tuple(np.flatnonzero(group == number) for number in range(int(group.max()) + 1))
        own = np.eye(len(group))
        means = np.stack([own[:, each].mean(axis=1) for each in columns], axis=1)
        means -= means.mean(axis=1, keepdims=True)
        within = [own[:, each] - own[:, each].mean(axis=1, keepdims=True) for each in columns]
        of_region = np.array(model.regions)
        regions = tuple((of_region[each, None] == np.unique(of_region[each])).astype(np.float64) for each in columns)
        return cls(means, tuple(np.hstack([each, means]) for each in within), columns, regions)

    def doubted(self, between: Floats) -> Floats:
        """Probabilities of continents with the share UNLIKE given to all populations evenly."""
        sizes = np.array([len(each) for each in self.columns])
        return np.asarray((1 - UNLIKE) * between + UNLIKE * sizes / sizes.sum())


@dataclass(frozen=True)
class Level:
    """One node of the tree: from features to probabilities of its children. `held_out` are the probabilities of the
    people that it was fitted on, each left out in turn.
    """

    fitted: Fitted
    scale: Floats
    tempers: Tempers
    held_out: Floats

    def probabilities(self, features: Floats) -> Floats:
        """Probabilities of the children, one row for each row of features."""
        return self.tempers.probabilities(self.fitted.logits(features / self.scale))


@dataclass(frozen=True)
class Calibrated:
    """The regressions for one choice of SNPs, and the training people behind them.

    `simulated` holds their features, one array a continent; `continent`, `truth` (population) and `weight` have one
    value a person, in the same order. `held_out` (people x 26) are the probabilities they would get, each left out in
    turn; the populations of other continents share theirs evenly.
    """

    features: Features
    continents: Level
    within: tuple[Level, ...]
    simulated: tuple[Floats, ...]
    continent: Indices
    truth: Indices
    weight: Floats
    held_out: Floats

    def probabilities(self, scores: Floats) -> Floats:
        """Probabilities of populations from scores in nats, people x populations."""
        result = np.empty_like(scores)
        between = self.features.doubted(self.continents.probabilities(scores @ self.features.continents))
        for number, (level, columns) in enumerate(zip(self.within, self.features.columns, strict=True)):
            inside = level.probabilities(scores @ self.features.within[number])
            result[:, columns] = between[:, number, None] * inside
        return result


def recalibrate(model: Model, score: Score) -> Calibrated:
    """The regressions for the SNPs that a score used."""
    witnesses, features = Witnesses.of(model), Features.of(model)
    simulated, who = simulate(model, score, witnesses, features)
    truth = witnesses.population[who]
    weight = balance(truth)
    continent = np.repeat(np.arange(len(simulated)), [len(each) for each in simulated])
    between = np.vstack([each[:, -len(simulated) :] for each in simulated])
    top = fit_level(between, continent, weight, np.eye(len(simulated)), witnesses.ridge[0])
    within = tuple(
        fit_level(
            simulated[number],
            np.searchsorted(columns, truth[continent == number]),
            weight[continent == number],
            features.regions[number],
            witnesses.ridge[number + 1],
        )
        for number, columns in enumerate(features.columns)
    )
    held_out = _held_out(features, top, within, continent)
    return Calibrated(features, top, within, simulated, continent, truth, weight, held_out)


def _held_out(features: Features, top: Level, within: tuple[Level, ...], continent: Indices) -> Floats:
    """Probabilities of all populations for the people of the regressions, each left out; other continents' evenly."""
    between = features.doubted(top.held_out)
    result = np.empty((len(continent), sum(len(columns) for columns in features.columns)))
    for number, (level, columns) in enumerate(zip(within, features.columns, strict=True)):
        inside = np.full((len(continent), len(columns)), 1 / len(columns))
        inside[continent == number] = level.held_out
        result[:, columns] = between[:, number, None] * inside
    return result


def balance(truth: Indices) -> Floats:
    """Weights that give every population the same sum, one on average."""
    counts = np.bincount(truth)
    return np.asarray(len(truth) / np.count_nonzero(counts) / counts[truth])


def fit_level(features: Floats, truth: Indices, weight: Floats, regions: Floats, ridge: float) -> Level:
    """One node's regression; even probabilities where nobody tells anything.

    The first features are the scores of the children, whose `regions` (children x regions) are ones and zeros: the
    weights are drawn towards these times the best temperature, those of the others towards nothing.
    """
    own = len(regions)
    if not len(features):
        blank = Fitted.blank(features.shape[1], own)
        return Level(blank, np.ones(features.shape[1]), Tempers.none(regions), np.empty((0, own)))
    scale = np.full(features.shape[1], features[:, :own].std() + TINY)
    scale[own:] = features[:, own:].std(axis=0) + TINY
    scaled = features / scale
    prior = np.zeros((features.shape[1], own))
    prior[:own] = fit_temperature(scaled[:, :own], truth, weight) * np.eye(own)
    fitted = fit(scaled, truth, weight, prior, ridge)
    logits = leave_one_out(fitted, scaled, truth, weight)
    tempers = Tempers.fit(logits, truth, weight, regions)
    return Level(fitted, scale, tempers, tempers.probabilities(logits))


def simulate(
    model: Model, score: Score, witnesses: Witnesses, features: Features
) -> tuple[tuple[Floats, ...], Indices]:
    """The features that the training people would have had at the SNPs of a score, one array a continent, and who they
    are (indices, in the order of the arrays).
    """
    shown = [np.flatnonzero(model.sites.source[score.used] == number) for number in range(len(SOURCES))]
    parts = [moments(model, score, sites) for sites in shown]
    who = eligible(witnesses, np.array([part.spread.sum() for part in parts]))
    chance = Chance.of(witnesses, features.within[0].shape[1])
    result, order = [], []
    for number, basis in enumerate(features.within):
        people = who[model.grouping[witnesses.population[who]] == number]
        scored = [
            _draw(part, number, basis, witnesses=witnesses, people=people, source=source, chance=chance)
            for source, part in enumerate(parts)
            if len(shown[source])
        ]
        result.append(np.sum([np.zeros((len(people), basis.shape[1])), *scored], axis=0))
        order.append(people)
    return tuple(result), np.concatenate(order)


@dataclass(frozen=True)
class Chance:
    """What is drawn for each person and source, always the same: standard normal noise, and a number from 0 to 1."""

    noise: Floats
    doubt: Floats

    @classmethod
    def of(cls, witnesses: Witnesses, features: int) -> Chance:
        """The draws for these people."""
        people, sources = witnesses.typed.shape
        noise = np.random.default_rng(SEED).standard_normal((people, sources, features))
        return cls(noise, np.random.default_rng(SEED + 1).random((people, sources)))


def _draw(
    part: Moments, continent: int, basis: Floats, *, witnesses: Witnesses, people: Indices, source: int, chance: Chance
) -> Floats:
    """What the SNPs of one source add to the features of people of one continent."""
    full, here = max(float(witnesses.spread[source, continent]), TINY), max(float(part.spread[continent]), TINY)
    share = min(1.0, float(part.shared[continent]) / full)
    population, donors = witnesses.population[people], witnesses.donor_population[people, source]
    doubt = (chance.doubt[people, source] * closeness(part.mean, population, donors, share))[:, None]
    mean = (1 - doubt) * part.mean[population] + doubt * part.mean[donors]
    own = share * witnesses.residual[witnesses.row[people, source]]
    thinned = np.sqrt(max(0.0, 1 - share**2 * full / here))
    noise = chance.noise[people, source, : basis.shape[1]] @ _root(part.weights @ basis, part.variance[:, continent]).T
    return np.asarray((mean + own) @ basis + thinned * noise)


def closeness(mean: Floats, population: Indices, other: Indices, share: float) -> Floats:
    """How far a population that a source has not typed may turn out to be on the way to another: 0 to 1."""
    apart = mean[population, population] - mean[population, other] + mean[other, other] - mean[other, population]
    reach = np.minimum(1.0, MIXED * np.sqrt(share / np.maximum(apart, TINY)))
    return np.asarray(np.where(population == other, 0.0, reach))


def _root(weights: Floats, variance: Floats) -> Floats:
    """The Cholesky root of the covariance of features at unlinked sites, which varies smoothly with the sites."""
    covariance = (weights * variance[:, None]).T @ weights
    return np.asarray(np.linalg.cholesky(covariance + JITTER * (1 + np.trace(covariance)) * np.eye(len(covariance))))


def eligible(witnesses: Witnesses, spread: Floats) -> Indices:
    """Who takes part, given the spread that each source has in the file: of each population those typed by every source
    that matters, or everybody where they are fewer than ENOUGH.
    """
    needed = spread > MATTERS * max(float(spread.sum()), TINY)
    typed = witnesses.typed[:, needed].all(axis=1)
    enough = np.bincount(witnesses.population, weights=typed) >= ENOUGH
    return np.flatnonzero(typed | ~enough[witnesses.population])
