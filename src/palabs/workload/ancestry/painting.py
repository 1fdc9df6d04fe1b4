"""Ancestry along the chromosomes of a phased genome: which component each stretch of each copy most likely comes from.

Windows of one megabase, each with the likelihood of its alleles under the components' frequencies (components.py); a
hidden Markov model joins them (mosaic.py), with the person's own shares (shares.py) as what to expect.

Naming each window by its likeliest component would make small shares smaller: where evidence is thin the largest share
wins. So each component's probability is weighted such that the lengths named add up to the expected ones (the sum of
the probabilities); on simulated genomes that costs .001 of accuracy and halves the error of the lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .components import COMPONENTS, Tables, component_frequencies
from .model import Sites
from .mosaic import posterior, window_evidence, window_selection
from .shares import fit

Floats = NDArray[np.float64]

WINDOW = 1_000_000
MORGANS_A_BASE = 1.2e-8  # the mean of the autosomes; the model has no map
GENERATIONS = 10.0  # since the sources met: of African and Latin Americans (Baharian et al. 2016; Browning et al. 2018)
MIN_SNPS = 2000  # in all; fewer say too little about single stretches
MIN_ON_CHROMOSOME = 30
AUTOSOMES = 22
DECIMALS = 4
ROUNDS = 30  # of the weights of calls
POSSIBLE = 0.2  # no source is named where it is less probable
LEAST = 0.005  # a share below which calls need not match


@dataclass(frozen=True)
class Segment:
    """A stretch of one copy, in base pairs, its likeliest of COMPONENTS and the mean probability of that."""

    start: int
    end: int
    component: str
    probability: float


@dataclass(frozen=True)
class Chromosome:
    """The two copies of an autosome, each as segments without gaps from its first to its last SNP."""

    chromosome: int
    haplotypes: tuple[tuple[Segment, ...], tuple[Segment, ...]]


@dataclass(frozen=True)
class Painting:
    """The autosomes that have SNPs enough, in positions of a build (36, 37 or 38)."""

    build: int
    chromosomes: tuple[Chromosome, ...]


@dataclass(frozen=True)
class Layout:
    """Where the SNPs used lie: one number each. `chromosome` and `window` count from 0, `window` along the chromosome
    in steps of WINDOW from its start.
    """

    rows: NDArray[np.intp]
    chromosome: NDArray[np.intp]
    position: NDArray[np.int64]

    @property
    def window(self) -> NDArray[np.intp]:
        """The window of each SNP on its chromosome."""
        return np.asarray(self.position // WINDOW, dtype=np.intp)


def paint(
    model: Tables, haplotypes: NDArray[np.int8], build: int, hidden: NDArray[np.int8] | None = None
) -> Painting | None:
    """The painting of a phased person, or None with too few SNPs whose phase is known.

    `haplotypes` (sites x 2) is 1 where a copy carries the counted allele, 0 where the other, -1 where that is not
    known; `hidden` is as in Genotypes.
    """
    layout = _lay_out(model.sites, haplotypes, build)
    if layout.rows.size < MIN_SNPS:
        return None
    alleles = haplotypes[layout.rows]
    frequency = component_frequencies(model, layout.rows)
    unseen = None if hidden is None or (hidden[layout.rows] < 0).all() else hidden[layout.rows]
    found = fit(alleles.sum(axis=1, dtype=np.int8), frequency, unseen)
    shown = (1 - 2 * found.wrong) * frequency + found.wrong
    painted = paint_copies(alleles, shown, layout, found.shares, unseen)
    ends = _ends(layout)
    inside = np.zeros(painted.shape[:3], dtype=bool)
    for number, (first, last) in ends.items():
        inside[number, :, first // WINDOW : last // WINDOW + 1] = True
    called = call(painted, inside)
    return Painting(build, tuple(_chromosome(number, *place, painted, called) for number, place in ends.items()))


def paint_copies(
    alleles: NDArray[np.int8],
    frequency: Floats,
    layout: Layout,
    shares: Floats,
    hidden: NDArray[np.int8] | None = None,
) -> Floats:
    """The probability of each source in each window: chromosomes x copies x windows x sources.

    `alleles` is SNPs x 2 (0 or 1), `frequency` SNPs x sources; `hidden` is the dosage never shown at each, or -1.
    """
    chromosomes, windows = int(layout.chromosome.max()) + 1, int(layout.window.max()) + 1
    cell = layout.chromosome * windows + layout.window
    evidence = np.stack([window_evidence(copy, frequency, cell, chromosomes * windows) for copy in alleles.T], axis=1)
    if hidden is not None:
        evidence -= window_selection(hidden, frequency, shares, cell, chromosomes * windows)[:, None]
    evidence = evidence.reshape(chromosomes, windows, 2, -1).transpose(0, 2, 1, 3)
    found = posterior(evidence.reshape(2 * chromosomes, windows, -1), WINDOW * MORGANS_A_BASE, shares, GENERATIONS)
    return found.reshape(evidence.shape)


def _lay_out(sites: Sites, haplotypes: NDArray[np.int8], build: int) -> Layout:
    """The sites that both copies show, with a place in the build, on chromosomes with enough of them."""
    place = {36: sites.position36, 37: sites.position37, 38: sites.position38}[build]
    known = (haplotypes >= 0).all(axis=1) & (place > 0) & (sites.chromosome >= 1) & (sites.chromosome <= AUTOSOMES)
    on_each = np.bincount(sites.chromosome[known], minlength=AUTOSOMES + 1)
    known &= np.isin(sites.chromosome, np.flatnonzero(on_each >= MIN_ON_CHROMOSOME))
    rows = np.flatnonzero(known)
    return Layout(rows, sites.chromosome[rows].astype(np.intp) - 1, place[rows].astype(np.int64))


def call(probability: Floats, inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The source named for each window, such that among those `inside` each source is named about as often as its
    probabilities there add up to. `probability` has one more axis, of sources.
    """
    least = np.minimum(POSSIBLE, probability.max(axis=-1, keepdims=True))
    possible = np.where(probability >= least, probability, 0.0)
    rows = possible[inside]
    expected = probability[inside].mean(axis=0)
    weight = np.ones_like(expected)
    for _ in range(ROUNDS):
        named = np.bincount((rows * weight).argmax(axis=1), minlength=len(weight)) / len(rows)
        weight = weight * np.sqrt((expected + LEAST) / (named + LEAST))
    return np.asarray((possible * weight).argmax(axis=-1))


def _ends(layout: Layout) -> dict[int, tuple[int, int]]:
    """The first and the last position on each chromosome, which count from 0 here."""
    numbers = np.unique(layout.chromosome).tolist()
    positions = {number: layout.position[layout.chromosome == number] for number in numbers}
    return {number: (int(place.min()), int(place.max())) for number, place in positions.items()}


def _chromosome(number: int, first: int, last: int, painted: Floats, called: NDArray[np.intp]) -> Chromosome:
    copies = [tuple(_segments(painted[number, copy], called[number, copy], first, last)) for copy in range(2)]
    return Chromosome(number + 1, (copies[0], copies[1]))


def _segments(probability: Floats, called: NDArray[np.intp], first: int, last: int) -> Iterator[Segment]:
    """Runs of windows (windows x components) that are called the same, from the first to the last position."""
    start, end = first // WINDOW, last // WINDOW + 1
    edges = [start, *(start + 1 + np.flatnonzero(np.diff(called[start:end]))).tolist(), end]
    for left, right in pairwise(edges):
        component = int(called[left])
        mean = round(float(probability[left:right, component].mean()), DECIMALS)
        yield Segment(max(first, left * WINDOW), min(last, right * WINDOW), COMPONENTS[component], mean)
