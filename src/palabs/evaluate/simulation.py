"""Admixed people with exactly known ancestry, by coalescent simulation.

The demography is stdpopsim's AmericanAdmixture_4B18 (Browning et al. 2018): twelve generations ago 1/6 African, 1/3
European and 1/2 Asian (standing for Indigenous American) founders, and everything that shaped those before.
Two steps, so that whole genomes take seconds:

1. The last twelve generations, all 22 autosomes, by the discrete-time Wright-Fisher model of msprime (Nelson et al.
   2020), stopped at a census: which founder each piece of each chromosome comes from. This is the truth.
2. Some windows of 20 kb, evenly spread: msprime from today's reference people and that window's founders backwards,
   with mutations. Windows half a megabase apart are independent but for what step 1 links.

msprime and stdpopsim are of the extra `evaluate`; they are imported when used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palabs.evaluate.extra import load

MODEL = "AmericanAdmixture_4B18"
SOURCES = ("AFR", "EUR", "ASIA")
MIXED = "ADMIX"
ADMIXTURE_TIME = 12
CENSUS_TIME = ADMIXTURE_TIME + 0.5
RECOMBINATION = 1.2e-8  # per base and generation: 1.2 cM per Mb
MUTATION = 2.36e-8  # what the model was fitted with
# Lengths of the autosomes in Mb (GRCh37).
LENGTHS = (249, 243, 198, 191, 181, 171, 159, 146, 141, 136, 135, 134, 115, 107, 103, 90, 81, 78, 59, 63, 48, 51)
MEGABASE = 1_000_000
WINDOW = 20_000
SNPS_A_WINDOW = 2
MIN_FREQUENCY = 0.05  # as on arrays: of the less frequent allele among all reference chromosomes

Bytes = NDArray[np.int8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How much to simulate: SNPs, reference chromosomes of each source, admixed chromosomes, and further chromosomes
    of each source who are in no reference.
    """

    snps: int = 10_000
    references: int = 100
    admixed: int = 60
    unmixed: int = 20


@dataclass(frozen=True)
class Simulated:
    """Sites, references and test chromosomes.

    `counts` of `totals` reference chromosomes of each of SOURCES have the derived allele (sites x 3). `alleles` and
    `ancestry` (chromosome copies x sites) are the derived allele and the index into SOURCES of the founder it came
    from; `shares` (copies x 3) is the exact share of each source in the copy's whole genome. The first
    `size.admixed` copies are of the admixed population, then come those of each source in order.
    """

    size: Size
    seed: int
    chromosome: NDArray[np.uint8]
    position: NDArray[np.uint32]
    counts: Floats
    totals: Floats
    alleles: Bytes
    ancestry: Bytes
    shares: Floats


@dataclass(frozen=True)
class Tracts:
    """Which founder each stretch of each chromosome copy comes from. `right` and `founder` are, for each copy, the
    ends of its stretches in genome order and the founders' numbers; `source` is each founder's.
    """

    right: list[Floats]
    founder: list[NDArray[np.int32]]
    source: NDArray[np.int32]

    def founders_at(self, place: float) -> NDArray[np.int32]:
        """The founder of each copy at a place of the genome."""
        pairs = zip(self.right, self.founder, strict=True)
        return np.array([founder[np.searchsorted(right, place, "right")] for right, founder in pairs], dtype=np.int32)

    def shares(self) -> Floats:
        """The share of each source in each copy, by length (copies x SOURCES)."""
        spans = [np.diff(right, prepend=0.0) for right in self.right]
        pairs = zip(spans, self.founder, strict=True)
        sums = [np.bincount(self.source[founder], weights=span, minlength=len(SOURCES)) for span, founder in pairs]
        return np.array([row / row.sum() for row in sums], dtype=np.float64)


def simulate(size: Size, seed: int, progress: Callable[[float], None] = lambda _: None) -> Simulated:
    """A simulation, the same for the same seed; `progress` is told the part done.

    Raises Misuse where msprime or stdpopsim is not installed.
    """
    demography = load("stdpopsim").get_species("HomSap").get_demographic_model(MODEL).model
    tracts = _last_generations(demography, size.admixed, seed)
    places = _windows(size.snps)
    parts = []
    for number, place in enumerate(places):
        founders, founder_of_copy = np.unique(tracts.founders_at(place), return_inverse=True)
        alleles = _window(demography, size, tracts.source[founders], seed * len(places) + number + 1)
        parts.append(_split(size, alleles, tracts.source[founders], founder_of_copy))
        progress((number + 1) / len(places))
    counts, alleles, ancestry = (
        np.concatenate([part[i] for part in parts], axis=axis) for i, axis in enumerate((0, 1, 1))
    )
    chromosome, position = _places(places, [part[1].shape[1] for part in parts])
    unmixed = np.repeat(np.eye(len(SOURCES)), size.unmixed, axis=0)
    totals = np.full_like(counts, size.references)
    shares = np.vstack([tracts.shares(), unmixed])
    return Simulated(size, seed, chromosome, position, counts, totals, alleles, ancestry, shares)


def _starts() -> Floats:
    """Where each autosome starts, one after the other, in bases; and the end of the last."""
    return np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.float64) * MEGABASE


def _last_generations(demography: Any, copies: int, seed: int) -> Tracts:
    """Step 1: the founders of `copies` admixed chromosome copies, whole genomes."""
    msprime = load("msprime")
    census = demography.copy()
    census.add_census(time=CENSUS_TIME)
    census.sort_events()
    # Chromosomes assort independently: half of the time a crossover between the last base of one and the next.
    edges = [0.0, *(edge for start in _starts()[1:-1] for edge in (start - 1, start)), _starts()[-1]]
    rates = ([RECOMBINATION, np.log(2)] * len(LENGTHS))[:-1]
    trees = msprime.sim_ancestry(
        samples=[msprime.SampleSet(copies, population=MIXED, ploidy=1)],
        demography=census,
        recombination_rate=msprime.RateMap(position=edges, rate=rates),
        random_seed=seed,
        model="dtwf",
        end_time=CENSUS_TIME + 1,
    )
    tables = trees.tables
    at_census = np.flatnonzero(tables.nodes.flags & msprime.NODE_IS_CEN_EVENT)
    return _as_tracts(tables.link_ancestors(trees.samples(), at_census), tables.nodes.population, copies)


def _as_tracts(edges: Any, population: NDArray[np.int32], copies: int) -> Tracts:
    order = np.lexsort((edges.left, edges.child))
    ends = np.searchsorted(edges.child[order], np.arange(copies + 1))
    rows = [order[start:end] for start, end in pairwise(ends)]
    return Tracts([edges.right[row] for row in rows], [edges.parent[row] for row in rows], population)


def _windows(snps: int) -> Floats:
    """The middles of the windows that together hold this many SNPs, evenly spread over the genome."""
    number = -(-snps // SNPS_A_WINDOW)
    return np.asarray((np.arange(number) + 0.5) * _starts()[-1] / number, dtype=np.float64)


def _window(demography: Any, size: Size, founders: NDArray[np.int32], seed: int) -> Bytes:
    """Step 2: derived alleles (copies x SNPs_A_WINDOW or fewer) in one window: of the references, then of the unmixed,
    each by source, then of the founders.
    """
    msprime = load("msprime")
    groups = [(size.references, 0.0), (size.unmixed, 0.0)]
    samples = [
        msprime.SampleSet(number, population=source, time=time, ploidy=1)
        for number, time in groups
        for source in SOURCES
    ]
    samples += [msprime.SampleSet(1, population=SOURCES[source], time=CENSUS_TIME, ploidy=1) for source in founders]
    trees = msprime.sim_ancestry(
        samples=[sample for sample in samples if sample.num_samples],
        demography=demography,
        sequence_length=WINDOW,
        recombination_rate=RECOMBINATION,
        random_seed=seed,
    )
    mutated = msprime.sim_mutations(trees, rate=MUTATION, random_seed=seed, model=msprime.BinaryMutationModel())
    return _chosen(mutated.genotype_matrix().T.astype(np.int8), size, seed)


def _chosen(alleles: Bytes, size: Size, seed: int) -> Bytes:
    """SNPS_A_WINDOW of the SNPs that are common among the references, in their order."""
    frequency = alleles[: len(SOURCES) * size.references].mean(axis=0)
    common = np.flatnonzero(np.minimum(frequency, 1 - frequency) >= MIN_FREQUENCY)
    number = min(SNPS_A_WINDOW, common.size)
    return alleles[:, np.sort(np.random.default_rng(seed).choice(common, number, replace=False))]


def _split(
    size: Size, alleles: Bytes, founders: NDArray[np.int32], founder_of_copy: NDArray[np.intp]
) -> tuple[Floats, Bytes, Bytes]:
    """A window's alleles as the references' counts (SNPs x SOURCES), and alleles and ancestry of the test copies."""
    first, second = len(SOURCES) * size.references, len(SOURCES) * size.unmixed
    counts = alleles[:first].reshape(len(SOURCES), size.references, -1).sum(axis=1).T.astype(np.float64)
    rows = np.concatenate([first + second + founder_of_copy, first + np.arange(second)])
    ancestry = np.concatenate([founders[founder_of_copy], np.repeat(np.arange(len(SOURCES)), size.unmixed)])
    return counts, alleles[rows], np.repeat(ancestry.astype(np.int8)[:, None], alleles.shape[1], axis=1)


def _places(windows: Floats, snps: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Chromosome and position of every SNP; those of a window stand at its middle, one base apart."""
    starts = _starts()
    chromosome = np.searchsorted(starts, windows, "right")
    within = np.concatenate([np.arange(number) for number in snps])
    place = np.repeat(windows - starts[chromosome - 1], snps) + within
    return np.repeat(chromosome, snps).astype(np.uint8), place.astype(np.uint32)
