"""The answer to "where from": probabilities at every level of the tree, how sure they are, and where to stop."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .admixture import Admixture
from .calibration import Calibrated, recalibrate
from .fit_test import Fit, is_foreign, typical
from .model import Model
from .score import Score

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

DECIMALS = 6
COVERAGE = 0.9  # of prediction sets
INTERVAL_LEVEL = 0.9
REPLICATES = 200
SEED = 20131128

# A node is concluded where its probability reaches this: the deepest such one. Chosen by cross-validation so that, over
# all kinds of files, at most 1 % of people stop above their continent.
THRESHOLD = 0.8
WORLD = "world"
ABOVE_ALL = 2.0  # a cut that no probability reaches


@dataclass(frozen=True)
class Conclusion:
    """The deepest node of the tree that the evidence supports: `level` is population, region, continent or world."""

    level: str
    code: str
    probability: float


@dataclass(frozen=True)
class Posterior:
    """Probabilities by code, which sum to 1 at each level, a region's being the sum of its populations' and so on.

    `intervals` holds (low, high) of every code of every level; the probability is inside. `sets` names, by level, the
    nodes that hold the truth for at least COVERAGE of people with such a file.
    """

    continents: dict[str, float]
    regions: dict[str, float]
    populations: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    conclusion: Conclusion
    sets: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rung:
    """A level of the tree: its name, its codes, and which of them holds each population."""

    name: str
    codes: tuple[str, ...]
    parent: Indices

    @property
    def membership(self) -> Floats:
        """Populations x nodes: one where the node holds the population."""
        return np.eye(len(self.codes))[self.parent]


def ladder(model: Model) -> tuple[Rung, Rung, Rung]:
    """The levels from the deepest up: populations, regions, continents."""
    regions = model.region_codes
    return (
        Rung("population", model.populations, np.arange(len(model.populations))),
        Rung("region", regions, np.array([regions.index(code) for code in model.regions])),
        Rung("continent", tuple(sorted(set(model.continents))), model.grouping),
    )


def posterior(
    model: Model,
    score: Score,
    *,
    fit: Fit | None = None,
    shares: Admixture | None = None,
    calibrated: Calibrated | None = None,
    replicates: int = REPLICATES,
) -> Posterior:
    """The posterior of a person's score, every population equally likely beforehand.

    A `fit` that says "outside" stops the conclusion at the world, and so do `shares` that are foreign to the most
    probable continent. The conclusion is no population and no region whose people are hardly ever like this person:
    children of two populations are often like neither, however probable one of them.

    Without `replicates` of the bootstrap each interval is the probability itself. `calibrated` is recalibrate(model,
    score), if that is at hand.
    """
    known = recalibrate(model, score) if calibrated is None else calibrated
    populations = rounded(known.probabilities(score.nats[None])[0])
    draws = known.probabilities(resample(score.by_block, replicates))
    nodes: list[dict[str, float]] = []
    intervals: dict[str, tuple[float, float]] = {}
    sets: dict[str, list[str]] = {}
    rungs = ladder(model)
    for rung in rungs:
        here = np.round(populations @ rung.membership, DECIMALS)
        nodes.append(dict(zip(rung.codes, here.tolist(), strict=True)))
        intervals |= dict(zip(rung.codes, _intervals(here, draws @ rung.membership), strict=True))
        sets[rung.name] = [rung.codes[number] for number in prediction_set(here, cut_off(known, rung))]
    alike = typical(known, score.nats[None])[0]
    continent = max(nodes[2], key=nodes[2].__getitem__)
    outside = (fit is not None and fit.verdict == "outside") or is_foreign(continent, shares)
    conclusion = Conclusion(WORLD, WORLD, 1.0) if outside else conclude(rungs, nodes, alike)
    return Posterior(nodes[2], nodes[1], nodes[0], intervals, conclusion, sets)


def rounded(probabilities: Floats) -> Floats:
    """Probabilities of DECIMALS places that sum to 1, the same text everywhere: the largest takes what is left over."""
    result = np.round(probabilities, DECIMALS)
    result[result.argmax()] += 1 - result.sum()
    return np.asarray(np.round(result, DECIMALS))


def resample(by_block: Floats, replicates: int) -> Floats:
    """Scores of `replicates` genomes made of the person's blocks, drawn with replacement (replicates x populations):
    the block bootstrap (Efron & Tibshirani 1993, chapter 8), since SNPs of a block are not independent.
    """
    blocks = len(by_block)
    if not blocks:
        return np.zeros((replicates, by_block.shape[1]))
    times = np.random.default_rng(SEED).multinomial(blocks, np.full(blocks, 1 / blocks), size=replicates)
    return np.asarray(times @ by_block)


def _intervals(point: Floats, draws: Floats) -> list[tuple[float, float]]:
    """Percentile intervals, wide enough to hold the point."""
    if not len(draws):
        return [(value, value) for value in point.tolist()]
    tail = (1 - INTERVAL_LEVEL) / 2
    low, high = np.round(np.quantile(draws, (tail, 1 - tail), axis=0), DECIMALS)
    return list(zip(np.minimum(low, point).tolist(), np.maximum(high, point).tolist(), strict=True))


def conclude(
    rungs: tuple[Rung, ...], nodes: list[dict[str, float]], alike: NDArray[np.bool_] | None = None
) -> Conclusion:
    """The deepest node whose probability reaches THRESHOLD and, below continents, which holds a population that the
    person is `alike`, where that is known; the world where there is none.
    """
    for rung, probabilities in zip(rungs, nodes, strict=True):
        code = max(rung.codes, key=probabilities.__getitem__)
        like_it = alike is None or rung is rungs[-1] or alike[rung.parent == rung.codes.index(code)].any()
        if probabilities[code] >= THRESHOLD and like_it:
            return Conclusion(rung.name, code, probabilities[code])
    return Conclusion(WORLD, WORLD, 1.0)


def prediction_set(probabilities: Floats, cut: float) -> Indices:
    """The nodes whose probability reaches the cut, and the most probable one, from the most probable down."""
    order = np.argsort(-probabilities, kind="stable")
    return np.asarray(order[(probabilities[order] >= cut) | (np.arange(len(order)) == 0)])


def cut_off(calibrated: Calibrated, rung: Rung) -> float:
    """The cut at which sets would hold the truth for COVERAGE of the training people (each population weighing the
    same), with their probabilities as they are when each is left out: split conformal prediction with the least
    ambiguous sets (Sadinle, Lei & Wasserman 2019; Angelopoulos & Bates 2021). Where the most probable node alone is
    right that often the cut is above 1: sets are never empty, so they then cover as often as that node is right.
    """
    probabilities = calibrated.held_out @ rung.membership
    truth = rung.parent[calibrated.truth]
    own = probabilities[np.arange(len(truth)), truth]
    own = np.where(probabilities.argmax(axis=1) == truth, np.inf, own)
    order = np.argsort(own, kind="stable")
    below = np.cumsum(calibrated.weight[order]) / (calibrated.weight.sum() + calibrated.weight.max())
    lost = int(np.searchsorted(below, 1 - COVERAGE, side="right"))
    return min(float(own[order[lost - 1]]), ABOVE_ALL) if lost else 0.0
