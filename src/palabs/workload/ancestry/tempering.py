"""How sure to be: temperatures of logits, one between regions and one within each, with a share of people set apart.

A temperature alone (Guo et al. 2017) is a compromise: a few people of whom the logits are clearly wrong make it too
diffident about all others. So a share of people, the lapse, is taken to be described by no logit (as the lapses of
observers in psychophysics: Wichmann & Hill 2001), and the temperature is that of the others. With the lapse the
leave-one-out log-loss of the training people is lower; a temperature for each region instead of one for all was taken
with all folds in view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .regression import fit_temperature, softmax

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

TINY = 1e-12
LARGEST = 4.0  # factor
FIRST_LAPSE = 0.01
ROUNDS = 8


@dataclass(frozen=True)
class Temper:
    """A factor of logits, and the share of people of whom they tell nothing."""

    factor: float = 1.0
    lapse: float = 0.0

    @classmethod
    def fit(cls, logits: Floats, truth: Indices, weight: Floats) -> Temper:
        """The likeliest of both, by some rounds of EM; none where there is nobody, or one class alone."""
        if not len(truth) or logits.shape[1] == 1:
            return cls()
        rows, evenly = np.arange(len(truth)), 1 / logits.shape[1]
        factor = min(fit_temperature(logits, truth, weight, start=1.0), LARGEST)
        lapse = FIRST_LAPSE
        for _ in range(ROUNDS):
            told = (1 - lapse) * softmax(factor * logits)[rows, truth]
            meant = told / (told + lapse * evenly)
            lapse = float(weight @ (1 - meant) / weight.sum())
            factor = min(fit_temperature(logits, truth, weight * meant, start=factor), LARGEST)
        return cls(factor, lapse)

    def probabilities(self, logits: Floats) -> Floats:
        """Of the classes."""
        return np.asarray((1 - self.lapse) * softmax(self.factor * logits) + self.lapse / logits.shape[1])


@dataclass(frozen=True)
class Tempers:
    """How the children of a node are tempered: `between` their regions, and `within` each region. `regions` (children x
    regions) holds a one where a child belongs.
    """

    regions: Floats
    between: Temper
    within: tuple[Temper, ...]

    @classmethod
    def fit(cls, logits: Floats, truth: Indices, weight: Floats, regions: Floats) -> Tempers:
        """Each by the people whom it concerns (temperatures: Guo et al. 2017)."""
        above, inside = _split(softmax(logits), regions)
        own = regions.argmax(axis=1)[truth]
        within = []
        for number, children in enumerate(regions.T > 0):
            people = np.flatnonzero(own == number)
            which = np.searchsorted(np.flatnonzero(children), truth[people])
            within.append(Temper.fit(inside[np.ix_(people, children)], which, weight[people]))
        return cls(regions, Temper.fit(above, own, weight), tuple(within))

    @classmethod
    def none(cls, regions: Floats) -> Tempers:
        """Those that change nothing."""
        return cls(regions, Temper(), (Temper(),) * regions.shape[1])

    def probabilities(self, logits: Floats) -> Floats:
        """Probabilities of the children."""
        above, inside = _split(softmax(logits), self.regions)
        result = self.between.probabilities(above) @ self.regions.T
        for temper, children in zip(self.within, self.regions.T > 0, strict=True):
            result[:, children] *= temper.probabilities(inside[:, children])
        return np.asarray(result)


def _split(p: Floats, regions: Floats) -> tuple[Floats, Floats]:
    """Logarithms of the regions' probabilities, and of the children's given their region."""
    above = np.log(np.maximum(p @ regions, TINY**3))
    return above, np.log(np.maximum(p, TINY**4)) - above @ regions.T
