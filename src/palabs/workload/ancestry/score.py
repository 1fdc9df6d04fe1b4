"""The score of a person: a linear form in integers over the SNPs that the file shows.

With f the frequency of the counted allele as it would be read, the logarithm of the probability of dosage d (two
draws, up to the number of orders, which is the same for every population) is 2 log(1-f) + d (log f - log(1-f)). So a
score is a sum over sites of mask_weight * observed + dosage_weight * dosage: W x, with 8-bit weights, each site with a
scale of its own. What all populations share at a site is subtracted: it changes no comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import Floats, Model, Tree, frequencies

STEP = 2.0**-9  # nats a unit
LARGEST = 127
BLOCK = 5_000_000  # base pairs


@dataclass(frozen=True)
class LinearForm:
    """y = sum over sites of scale * (mask_weights * observed + dosage_weights * dosage), in units of `step` nats.

    Weights are sites x populations; `scale` holds powers of two, one a site.
    """

    mask_weights: NDArray[np.int8]
    dosage_weights: NDArray[np.int8]
    scale: NDArray[np.int32]
    step: float


@dataclass(frozen=True)
class Score:
    """What a file tells of each of the populations (in the model's order).

    `total` is the linear form's integers; `nats` the same as a log-likelihood (up to a constant), corrected where a
    VCF lists variants only; `by_block` its parts by contiguous stretches of the genome (blocks x populations). `used`
    are the sites. `information` (nats) is the mutual information of genotypes and population, all populations equally
    likely; `information_within` the same among the populations of each continent, in alphabetical order.
    """

    total: NDArray[np.int64]
    nats: Floats
    by_block: Floats
    used: NDArray[np.intp]
    information: float
    information_within: Floats

    @property
    def blocks(self) -> int:
        """The number of stretches of the genome that show anything."""
        return len(self.by_block)


def weights(model: Model, sites: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Mask and dosage weights in nats, sites x populations, before they are centred and rounded."""
    shown = read_frequencies(model, sites)
    absent = np.log1p(-shown)
    return 2 * absent, np.log(shown) - absent


def read_frequencies(model: Model, sites: NDArray[np.intp]) -> Floats:
    """The frequency at which the counted allele would be read: with some probability the allele is one of anybody."""
    frequency = frequencies(model, sites)
    error = model.settings.error
    return (1 - error) * frequency + error * frequency.mean(axis=1, keepdims=True)


def linear_form(model: Model, sites: NDArray[np.intp]) -> LinearForm:
    """The integer weights of these sites."""
    mask, dosage = (each - each.mean(axis=1, keepdims=True) for each in weights(model, sites))
    largest = np.maximum(np.abs(mask).max(axis=1, initial=0), np.abs(dosage).max(axis=1, initial=0)) / STEP
    scale = np.exp2(np.ceil(np.log2(np.maximum(largest / LARGEST, 1)))).astype(np.int32)
    unit = (STEP * scale)[:, None]
    return LinearForm(np.rint(mask / unit).astype(np.int8), np.rint(dosage / unit).astype(np.int8), scale, STEP)


def score(model: Model, dosage: NDArray[np.int8], hidden: NDArray[np.int8] | None = None) -> Score:
    """The score of a person: `dosage` one a site, -1 where unknown; `hidden` is the dosage that the file could not have
    shown at a site, or -1 (a VCF of variants only never shows the reference genotype).
    """
    used = np.flatnonzero(dosage >= 0)
    form = linear_form(model, used)
    each = form.mask_weights.astype(np.int32) + form.dosage_weights * dosage[used, None].astype(np.int32)
    each *= form.scale[:, None]
    nats = each * form.step + _shown_correction(model, used, hidden)
    between, within = information(model, used)
    return Score(
        each.sum(axis=0, dtype=np.int64), nats.sum(axis=0), _by_block(model, used, nats), used, between, within
    )


def _by_block(model: Model, used: NDArray[np.intp], nats: Floats) -> Floats:
    """Sums by chromosome and stretch of BLOCK base pairs, in the order of the genome."""
    sites = model.sites
    place = np.where(sites.position37[used], sites.position37[used], sites.position38[used])
    stretch = sites.chromosome[used].astype(np.int64) * 1000 + place // BLOCK
    names, which = np.unique(stretch, return_inverse=True)
    sums = np.zeros((len(names), nats.shape[1]))
    np.add.at(sums, which, nats)
    return sums


def _shown_correction(model: Model, used: NDArray[np.intp], hidden: NDArray[np.int8] | None) -> Floats:
    """Minus log P(not the hidden genotype): a genotype was seen because it was not the one that the file leaves out."""
    correction = np.zeros((len(used), len(model.populations)))
    if hidden is not None and (cut := np.flatnonzero(hidden[used] >= 0)).size:
        shown = read_frequencies(model, used[cut])
        alike = np.where(hidden[used[cut], None] == 2, shown, 1 - shown)  # noqa: PLR2004 - both alleles are counted
        correction[cut] = -np.log1p(-(alike**2))
    return correction


def information(model: Model, sites: NDArray[np.intp]) -> tuple[float, Floats]:
    """Mutual information (nats) of genotype and population summed over the sites: among all, and in each continent
    (Rosenberg et al. 2003, informativeness for assignment).
    """
    shown = read_frequencies(model, sites)
    continent = Tree.of(model).continent
    groups = [np.flatnonzero(continent == number) for number in range(continent.max() + 1)]
    return _informativeness(shown), np.array([_informativeness(shown[:, group]) for group in groups])


def _informativeness(shown: Floats) -> float:
    return 2 * float((_entropy(shown.mean(axis=1)) - _entropy(shown).mean(axis=1)).sum())


def _entropy(frequency: Floats) -> Floats:
    return np.asarray(-frequency * np.log(frequency) - (1 - frequency) * np.log1p(-frequency))
