"""The levels of the tree of answers: 26 populations, the regions and the continents that they sum to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from palabs.evaluate.measures import Floats, Indices
from palabs.populations import POPULATIONS


@dataclass(frozen=True)
class Level:
    """A level of the tree: its name, the codes of its nodes in order, and the node of each population."""

    name: str
    codes: tuple[str, ...]
    node: Indices

    def sums(self, probabilities: Floats) -> Floats:
        """Probabilities of the nodes (people x nodes) from those of the populations (people x populations)."""
        return np.asarray(probabilities @ np.eye(len(self.codes))[self.node])


def level(name: str, codes: Sequence[str]) -> Level:
    """The level at which each population has the node of that code; nodes in alphabetical order."""
    names, node = np.unique(np.asarray(codes), return_inverse=True)
    return Level(name, tuple(names.tolist()), np.asarray(node, dtype=np.intp))


def tree(populations: Sequence[str]) -> tuple[Level, Level, Level]:
    """The levels above these populations, in their order: themselves, regions, continents."""
    return (
        Level("populations", tuple(populations), np.arange(len(populations))),
        level("regions", [POPULATIONS[code].region for code in populations]),
        level("continents", [POPULATIONS[code].continent for code in populations]),
    )


def true_of(code: str, population: str) -> bool:
    """Whether a conclusion holds for a person of a population."""
    place = POPULATIONS[population]
    return code in {population, place.region, place.continent, "world"}
