"""Measures of probabilities: right, sharp and honest.

Accuracy, the truth among the first three, log-loss and Brier score are means over people. Calibration is told by
the expected calibration error (ECE) over ten equal-width bins of the highest probability (Guo et al. 2017). Even
perfectly calibrated probabilities have an ECE above nought on finitely many people, so it is given beside the one
that they would have had: labels drawn from the probabilities themselves (Bröcker & Smith 2007). The corrected error is
the root of the mean squared gap less what chance adds to it, nought where chance adds more (Kumar, Liang & Ma 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10
FLOOR = 1e-6
DRAWS = 100
SEED = 20071025
DIGITS = 4

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """People told a probability from `low` to `high`: how many, the mean they were told, the share it was right for."""

    low: float
    high: float
    people: int
    told: float
    right: float


@dataclass(frozen=True)
class Figures:
    """Quality of probabilities. `log_loss` is in nats, with probabilities not under 1e-6; `brier` is the sum of squares
    over all classes (0 to 2); `ece_by_chance` is the mean ECE of perfectly calibrated answers to as many people, and
    `ece_corrected` the root-mean-square calibration error without what chance adds.
    """

    people: int
    accuracy: float
    top3: float
    log_loss: float
    brier: float
    ece: float
    ece_by_chance: float
    ece_corrected: float
    bins: tuple[Bin, ...]


def figures(probabilities: Floats, truth: Indices) -> Figures:
    """The figures of `probabilities` (people x classes; rows sum to one) where `truth` is each person's class.

    Raises ValueError where there is nobody.
    """
    if not len(truth):
        raise ValueError("no people to measure")
    order = np.argsort(-probabilities, axis=1, kind="stable")
    told, right = probabilities.max(axis=1), order[:, 0] == truth
    return Figures(
        len(truth),
        _rounded(right.mean()),
        _rounded((order[:, :3] == truth[:, None]).any(axis=1).mean()),
        _rounded(log_loss(probabilities, truth)),
        _rounded(brier(probabilities, truth)),
        _rounded(calibration_error(told, right)),
        _rounded(error_by_chance(told)),
        _rounded(corrected_error(told, right)),
        reliability(told, right),
    )


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)


def log_loss(probabilities: Floats, truth: Indices) -> float:
    """Mean negative logarithm of the probability given to the truth, in nats; none counts as less than FLOOR."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], FLOOR)).mean())


def brier(probabilities: Floats, truth: Indices) -> float:
    """Mean squared distance to the truth, summed over classes (Brier 1950)."""
    return float(((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(axis=1).mean())


def _bin_of(told: Floats) -> Indices:
    return np.minimum((told * BINS).astype(np.intp), BINS - 1)


def reliability(told: Floats, right: Flags) -> tuple[Bin, ...]:
    """The bins that hold anybody, in rising order."""
    number = _bin_of(told)
    return tuple(
        Bin(
            b / BINS,
            (b + 1) / BINS,
            int((number == b).sum()),
            _rounded(told[number == b].mean()),
            _rounded(right[number == b].mean()),
        )
        for b in np.unique(number).tolist()
    )


def calibration_error(told: Floats, right: Flags) -> float:
    """Mean distance of the probability told and the share it was right for, over the bins, weighted by people."""
    gaps = np.bincount(_bin_of(told), weights=told - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(told))


def corrected_error(told: Floats, right: Flags) -> float:
    """The root-mean-square calibration error, debiased bin by bin (Kumar, Liang & Ma 2019, section 5): the squared gap
    of n people is p(1-p)/(n-1) too large on average, where p is the share that was right. Bins of one person tell
    nothing.
    """
    number = _bin_of(told)
    people = np.bincount(number, minlength=BINS)
    several = people > 1
    count = people[several]
    p, q = (np.bincount(number, weights=each, minlength=BINS)[several] / count for each in (right * 1.0, told))
    squares = (p - q) ** 2 - p * (1 - p) / (count - 1)
    return float(np.sqrt(max(0.0, (count * squares).sum() / len(told))))


def error_by_chance(told: Floats) -> float:
    """The mean calibration error of answers that are right exactly as often as they say, over DRAWS draws."""
    rng = np.random.default_rng(SEED)
    return float(np.mean([calibration_error(told, rng.random(len(told)) < told) for _ in range(DRAWS)]))


def area_under_curve(inside: Floats, outside: Floats) -> float:
    """The probability that an outsider's value exceeds an insider's, ties counting half: the area under the receiver
    operating characteristic (Hanley & McNeil 1982).

    Raises ValueError where either is empty.
    """
    if not len(inside) or not len(outside):
        raise ValueError("nobody to compare")
    ranked = np.sort(inside)
    below = np.searchsorted(ranked, outside, side="left")
    not_above = np.searchsorted(ranked, outside, side="right")
    return float((below + not_above).mean() / (2 * len(inside)))
