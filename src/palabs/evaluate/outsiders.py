"""People of no reference population, and people of them for comparison, on several platforms.

Genotypes of whole people from elsewhere are not among the open data at hand, so three substitutes are used, each for
what it can show: real people of populations that were left out of the training; people drawn from the allele
frequencies of HGDP populations that support no answer (their SNPs are independent, which makes them easier to fit, so
insiders drawn in the same way stand beside them); and real insiders out of fold on every platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from palabs.evaluate.conditions import Cohort, Condition, Dosage, show
from palabs.evaluate.measures import Flags, Floats, area_under_curve
from palabs.training.panel import Panel

SEED = 20021220
DRAWN = 20  # people from each population


@dataclass(frozen=True)
class Group:
    """People to be judged by the service of a name: who they are, on which platform, and their dosages."""

    service: str
    name: str
    platform: str
    dosage: Dosage = field(repr=False)


@dataclass(frozen=True)
class Verdicts:
    """What the test of fit said of a group of people: p-values and verdicts; and the codes that they were told."""

    name: str
    platform: str
    p_values: Floats = field(repr=False)
    verdicts: tuple[str, ...] = field(repr=False)
    conclusions: tuple[str, ...] = field(default=(), repr=False)

    def share(self, verdict: str) -> float:
        """The share of the people with that verdict."""
        return sum(one == verdict for one in self.verdicts) / len(self.verdicts)


def strangers(panel: Panel) -> dict[str, Dosage]:
    """People (DRAWN x sites) of each HGDP population that supports none of the continents, at the genome-wide SNPs."""
    references = panel.references
    names = [name for name, continent in zip(references.names, references.continents, strict=True) if not continent]
    return {name: from_reference(panel, name) for name in names}


def from_reference(panel: Panel, name: str) -> Dosage:
    """People drawn from the frequencies of one HGDP population at the genome-wide SNPs that it was typed on."""
    column = panel.references.names.index(name)
    counts, totals = panel.references.counts[:, column], panel.references.totals[:, column]
    known = (totals > 0) & panel.of("aisnp", "kg_p1")
    rng = np.random.default_rng([SEED, column])
    drawn = rng.binomial(2, counts / np.maximum(totals, 1), (DRAWN, len(totals)))
    return np.where(known, drawn, -1).astype(np.int8)


def shuffled(cohort: Cohort, people: Flags, sites: Flags, number: int, seed: int) -> Dosage:
    """`number` people whose every allele is that of one of `people`, drawn at random and independently at each of the
    `sites`: their frequencies without their linkage.
    """
    rng = np.random.default_rng([SEED, seed])
    source = cohort.dosage[people]
    columns = np.arange(source.shape[1])
    drawn = [rng.binomial(1, _shares(source, rng, number, columns)) for _ in range(2)]
    return np.where(sites, drawn[0] + drawn[1], -1).astype(np.int8)


def _shares(source: Dosage, rng: np.random.Generator, number: int, columns: np.ndarray) -> Floats:
    picked = source[rng.integers(0, len(source), (number, len(columns))), columns]
    return np.asarray(np.maximum(picked, 0) / 2)


def some(cohort: Cohort, condition: Condition, people: Flags, number: int) -> Dosage:
    """What at most `number` of some people show, spread over them evenly."""
    shown = show(replace(cohort, fold=np.where(people, 0, 1)), condition, 0).dosage
    return np.asarray(shown[:: max(1, len(shown) // number)][:number])


def separation(insiders: Sequence[Verdicts], outsiders: Sequence[Verdicts]) -> float:
    """Area under the curve of the p-values of all these groups together: whatever their platform, one threshold."""
    inside = np.concatenate([-group.p_values for group in insiders])
    outside = np.concatenate([-group.p_values for group in outsiders])
    return area_under_curve(inside, outside)
