"""The score of a person: a linear form in integers over the SNPs that the file shows.

With f the frequency of the counted allele as it would be read, the logarithm of the probability of dosage d (two
draws, up to the number of orders, which is the same for every population) is 2 log(1-f) + d (log f - log(1-f)). So a
score is a sum over sites of mask * observed + weight * dosage, y = W x. What all populations share at a site is
subtracted: it changes no comparison.

W has 8-bit weights, times a power of two for each site. One digit of 8 bits would be off by up to 0.02 in probability,
since tens of thousands of rounding errors add up; so each weight has two of them, W = 128 W1 + W0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .misreading import error_rate, misread
from .model import WEIGHT_UNIT, Floats, Model, frequencies

STEP = 2.0**-20  # nats a unit
DIGIT = 128
LARGEST = 126  # of the high digit, so that rounding the low one never passes 127
BLOCK = 5_000_000  # base pairs


@dataclass(frozen=True)
class Weights:
    """Weights of sites x populations, each scale * (DIGIT * high + low) units of STEP nats: two digits of 8 bits, and a
    power of two for each site.
    """

    high: NDArray[np.int8]
    low: NDArray[np.int8]
    scale: NDArray[np.int32]

    @classmethod
    def of(cls, nats: Floats) -> Weights:
        """The nearest to these weights in nats, less what all populations share."""
        apart = nats - nats.mean(axis=1, keepdims=True)
        largest = np.abs(apart).max(axis=1, initial=0) / (STEP * DIGIT * LARGEST)
        scale = np.exp2(np.ceil(np.log2(np.maximum(largest, 1))))
        whole = np.rint(apart / (STEP * scale[:, None]))
        high = np.rint(whole / DIGIT)
        return cls(high.astype(np.int8), (whole - DIGIT * high).astype(np.int8), scale.astype(np.int32))

    def integers(self) -> NDArray[np.int32]:
        """The weights in units of STEP."""
        return np.asarray((DIGIT * self.high.astype(np.int32) + self.low) * self.scale[:, None])


@dataclass(frozen=True)
class LinearForm:
    """y = W x: what each site adds to a population's score where it is observed, and for each counted allele."""

    mask: Weights
    dosage: Weights

    def each(self, dosage: NDArray[np.int8]) -> NDArray[np.int32]:
        """What each site adds to each population's score, sites x populations, for these observed dosages."""
        return np.asarray(self.mask.integers() + self.dosage.integers() * dosage[:, None].astype(np.int32))

    def nats(self, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """The integer weights of some sites as nats: mask and dosage, sites x populations."""
        mask, dosage = (np.asarray(each.integers()[rows] * STEP, dtype=np.float64) for each in (self.mask, self.dosage))
        return mask, dosage


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

    total: NDArray[np.int64]
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
    mask, dosage = exact_weights(model, sites, known)
    return LinearForm(Weights.of(mask), Weights.of(dosage))


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
    exact = exact_weights(model, used, shown)
    form = LinearForm(Weights.of(exact[0]), Weights.of(exact[1]))
    each = form.each(dosage[used])
    nats = np.asarray(each * STEP, dtype=np.float64)
    cut = np.flatnonzero(concealed >= 0)
    nats[cut] += (model.weight[used[cut]] / WEIGHT_UNIT)[:, None] * shown_correction(shown[cut], concealed[cut])
    between, within = information(model, used, shown, exact)
    return Score(
        total=each.sum(axis=0, dtype=np.int64),
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


def information(
    model: Model, sites: NDArray[np.intp], shown: Floats, exact: tuple[Floats, Floats]
) -> tuple[float, Floats]:
    """Mutual information (nats) of genotype and population summed over the sites, linked ones for what they count:
    among all, and in each continent (Rosenberg et al. 2003, informativeness for assignment). `exact` are the weights of
    mask and dosage: they hold the logarithms of the frequencies `shown` already.
    """
    linked = model.weight[sites] / WEIGHT_UNIT
    each = -(exact[0] / 2 + shown * exact[1]).sum(axis=0)
    groups = [np.arange(shown.shape[1]), *(model.grouping == number for number in range(int(model.grouping.max()) + 1))]
    # Two alleles a genotype: twice the entropy of the mean less the mean of the entropies.
    amounts = [2 * float(linked @ _entropy(shown[:, group].mean(axis=1)) - each[group].mean()) for group in groups]
    return amounts[0], np.array(amounts[1:])


def _entropy(frequency: Floats) -> Floats:
    return np.asarray(-frequency * np.log(frequency) - (1 - frequency) * np.log1p(-frequency))
