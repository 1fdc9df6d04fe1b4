"""The score of a person: a linear form in integers over the SNPs that the file shows.

With f the frequency of the counted allele as it would be read, the logarithm of the probability of dosage d (two
draws, up to the number of orders, which is the same for every population) is 2 log(1-f) + d (log f - log(1-f)). So a
score is a sum over sites of mask * observed + dosage_weight * dosage, y = W x. What all populations share at a site is
subtracted: it changes no comparison.

W has 8-bit weights. Populations of a continent differ by far less than continents do, so W has a column for each
continent and one for each population's distance from it, with scales of their own; a population's score is the
sum of the two. Masks are rounded so that the errors of rounding cancel at the expected dosage along the sites
(noise shaping: Schreier & Temes 2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .misreading import error_rate, misread
from .model import WEIGHT_UNIT, Floats, Model, frequencies

STEP = 2.0**-14  # nats a unit
LARGEST = 126  # noise shaping may add one to a weight
BLOCK = 5_000_000  # base pairs

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """Weights in 8 bits, sites x columns, and the scale of each site in units of STEP nats: small integers, those of
    the masks powers of two.
    """

    mask: NDArray[np.int8]
    mask_scale: NDArray[np.int32]
    dosage: NDArray[np.int8]
    dosage_scale: NDArray[np.int32]

    @classmethod
    def of(cls, mask: Floats, dosage: Floats, expected: Floats) -> Columns:
        """The nearest weights to these (nats, sites x columns), `expected` (one a site) being the usual dosage."""
        dosage_scale = np.ceil(_least_scale(dosage)).astype(np.int32)
        rounded = np.rint(dosage / (STEP * dosage_scale[:, None]))
        wanted = mask + expected[:, None] * (dosage - rounded * (STEP * dosage_scale[:, None]))
        mask_scale = np.exp2(np.ceil(np.log2(_least_scale(wanted)))).astype(np.int32)
        shaped = np.empty(mask.shape, dtype=np.int8)
        for scale in np.unique(mask_scale):
            rows = mask_scale == scale
            running = np.rint(np.cumsum(wanted[rows], axis=0) / (STEP * scale))
            shaped[rows] = np.diff(running, axis=0, prepend=0.0)
        return cls(shaped, mask_scale, rounded.astype(np.int8), dosage_scale)

    def each(self, dosage: NDArray[np.int8]) -> Integers:
        """What each site adds, sites x columns, for these observed dosages."""
        masks = self.mask.astype(np.int32) * self.mask_scale[:, None]
        return np.asarray(masks + self.dosage * (self.dosage_scale * dosage)[:, None], dtype=np.int64)


def _least_scale(weights: Floats) -> Floats:
    """The least scale of each site with which its weights fit into 8 bits, at least one."""
    return np.asarray(np.maximum(np.abs(weights).max(axis=1, initial=0) / (STEP * LARGEST), 1))


@dataclass(frozen=True)
class LinearForm:
    """y = W x: columns for continents (alphabetical), and for populations as distances from their continent.

    `grouping` is the continent of each population.
    """

    continents: Columns
    populations: Columns
    grouping: NDArray[np.intp]

    def each(self, dosage: NDArray[np.int8]) -> Integers:
        """What each site adds to each population's score, sites x populations, for these observed dosages."""
        return self.populations.each(dosage) + self.continents.each(dosage)[:, self.grouping]

    def nats(self, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """The integer weights of some sites as nats: mask and dosage, sites x populations."""
        parts = []
        for name in ("mask", "dosage"):
            above, own = (
                getattr(part, name)[rows] * (getattr(part, f"{name}_scale")[rows] * STEP)[:, None]
                for part in (self.continents, self.populations)
            )
            parts.append(own + above[:, self.grouping])
        return parts[0], parts[1]


@dataclass(frozen=True)
class Score:
    """What a file tells of each of the populations (in the model's order).

    `total` is the linear form's integers, in units of STEP nats; `nats` the same as a log-likelihood (up to a
    constant), corrected where a VCF lists variants only; `by_block` its parts by contiguous stretches of the genome
    (blocks x populations). `used` are the sites. `information` (nats) is the mutual information of genotypes and
    population, all populations equally likely; `information_within` the same among the populations of each continent,
    in alphabetical order. `form` and `frequencies` (as read) are those of the used sites, `hidden` what the file could
    not have shown there; `error` is the share of alleles that the file seems to show wrongly, which `frequencies` allow
    for.
    """

    total: Integers
    nats: Floats
    by_block: Floats
    used: NDArray[np.intp]
    information: float
    information_within: Floats
    form: LinearForm
    frequencies: Floats
    hidden: NDArray[np.int8]
    error: float = 0.0

    @property
    def blocks(self) -> int:
        """The number of stretches of the genome that show anything."""
        return len(self.by_block)


def read_frequencies(model: Model, sites: NDArray[np.intp]) -> Floats:
    """The frequency at which the counted allele would be read: with some probability the allele is one of anybody."""
    frequency = frequencies(model, sites)
    error = model.settings.error
    return np.asarray((1 - error) * frequency + error * frequency.mean(axis=1, keepdims=True))


def exact_weights(model: Model, sites: NDArray[np.intp], shown: Floats) -> tuple[Floats, Floats]:
    """Mask and dosage weights in nats, sites x populations, for frequencies `shown`."""
    linked = (model.weight[sites] / WEIGHT_UNIT)[:, None]
    absent = np.log1p(-shown)
    return 2 * linked * absent, linked * (np.log(shown) - absent)


def linear_form(model: Model, sites: NDArray[np.intp], shown: Floats | None = None) -> LinearForm:
    """The integer weights of these sites, whose frequencies as read are `shown`, if they are at hand."""
    known = read_frequencies(model, sites) if shown is None else shown
    (above_mask, mask), (above_dosage, dosage) = (
        _parted(each, model.grouping) for each in exact_weights(model, sites, known)
    )
    expected = 2 * known.mean(axis=1)
    return LinearForm(
        Columns.of(above_mask, above_dosage, expected), Columns.of(mask, dosage, expected), model.grouping
    )


def _parted(weights: Floats, grouping: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The middle of each continent's range, around the middle of these, and each population's distance from its own."""
    across = np.ascontiguousarray(weights.T)  # a population's weights side by side: several times as fast
    groups = [across[grouping == number] for number in range(int(grouping.max()) + 1)]
    middles = np.stack([(group.max(axis=0) + group.min(axis=0)) / 2 for group in groups])
    centre = (middles.max(axis=0) + middles.min(axis=0)) / 2
    return (middles - centre).T, (across - middles[grouping]).T


def score(model: Model, dosage: NDArray[np.int8], hidden: NDArray[np.int8] | None = None) -> Score:
    """The score of a person: `dosage` one a site, -1 where unknown; `hidden` is the dosage that the file could not have
    shown at a site, or -1 (a VCF of variants only never shows the reference genotype).
    """
    used = np.flatnonzero(dosage >= 0)
    concealed = np.full(len(used), -1, dtype=np.int8) if hidden is None else hidden[used]
    shown = read_frequencies(model, used)
    whole = concealed < 0
    error = error_rate(shown[whole], dosage[used[whole]])
    shown = misread(shown, error) if error else shown
    form = linear_form(model, used, shown)
    each = form.each(dosage[used])
    nats = np.asarray(each * STEP, dtype=np.float64)
    cut = np.flatnonzero(concealed >= 0)
    nats[cut] += (model.weight[used[cut]] / WEIGHT_UNIT)[:, None] * shown_correction(shown[cut], concealed[cut])
    between, within = information(model, used, shown)
    return Score(
        total=each.sum(axis=0),
        nats=nats.sum(axis=0),
        by_block=_by_block(model, used, nats),
        used=used,
        information=between,
        information_within=within,
        form=form,
        frequencies=shown,
        hidden=concealed,
        error=error,
    )


def _by_block(model: Model, used: NDArray[np.intp], nats: Floats) -> Floats:
    """Sums by chromosome and stretch of BLOCK base pairs, in the order of the genome, which is that of the sites."""
    sites = model.sites
    place = np.where(sites.position37[used], sites.position37[used], sites.position38[used])
    stretch = sites.chromosome[used].astype(np.int64) * 1000 + place // BLOCK
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    return np.asarray(np.add.reduceat(nats, starts, axis=0)) if len(used) else np.zeros((0, nats.shape[1]))


def shown_correction(shown: Floats, hidden: NDArray[np.int8]) -> Floats:
    """Minus log P(not the hidden genotype), sites x populations: a genotype was seen because it was not the one that
    the file leaves out.
    """
    alike = np.where(hidden[:, None] == 2, shown, 1 - shown)  # noqa: PLR2004 - both alleles are counted
    return np.asarray(-np.log1p(-(alike**2)))


def information(model: Model, sites: NDArray[np.intp], shown: Floats) -> tuple[float, Floats]:
    """Mutual information (nats) of genotype and population summed over the sites, linked ones for what they count:
    among all, and in each continent (Rosenberg et al. 2003, informativeness for assignment).
    """
    linked = model.weight[sites] / WEIGHT_UNIT
    each = linked @ _entropy(shown)
    groups = [np.arange(shown.shape[1]), *(model.grouping == number for number in range(int(model.grouping.max()) + 1))]
    # Two alleles a genotype: twice the entropy of the mean less the mean of the entropies.
    amounts = [2 * float(linked @ _entropy(shown[:, group].mean(axis=1)) - each[group].mean()) for group in groups]
    return amounts[0], np.array(amounts[1:])


def _entropy(frequency: Floats) -> Floats:
    return np.asarray(-frequency * np.log(frequency) - (1 - frequency) * np.log1p(-frequency))
