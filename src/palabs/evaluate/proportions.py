"""How right the shares and their intervals are: against published fractions, and on simulated people with exact truth.

- Published: ADMIXTURE (supervised, K = 6, genome-wide) of the 1000 Genomes people themselves. Every person is estimated
  with counts that leave out the person's fold. These fractions are estimates too, by another definition of the
  sources (its Europeans include Basques and Sardinians, say): they bound the error, but no interval is made for them.
- Simulated: see simulation.py. The truth is exact, so that the coverage of the intervals means something.
  `fastmixture` (Santander, Refoyo-Martinez & Meisner 2024) gets the same people and the same references.
- Painting: the same simulated people, copy by copy.

The one constant of the intervals (FLOOR of admixture.py) was fitted on simulations with FIT_SEEDS; SEEDS are others.
"""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from confide.errors import Misuse
from palabs.evaluate.mixture_tool import fastmixture_shares
from palabs.evaluate.simulation import SOURCES, Simulated, Size, simulate
from palabs.training.panel import POPULATIONS, Panel
from palabs.training.validation import FOLDS, assign_folds, count
from palabs.workload.ancestry.admixture import BLOCK, Admixture, Estimate, estimate, estimate_shares
from palabs.workload.ancestry.components import with_error
from palabs.workload.ancestry.model import Counts, Sites
from palabs.workload.ancestry.painting import Layout, call, paint_copies

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Progress = Callable[[str], None]

FIT_SEEDS = (11, 12, 13, 14, 15, 16)
SEEDS = (1, 2)
MIXED_POPULATIONS = ("ACB", "ASW", "CLM", "MXL", "PEL", "PUR")
# Columns of the published table, in the order of COMPONENTS.
PUBLISHED = ("African", "American", "East Asian", "European", "South Asian", "Oceanian")
# Kinds of files: name, panels, share of the SNPs missing.
KINDS = (
    ("169 ancestry-informative SNPs", ("aisnp",), 0.0),
    ("169, 30 % missing", ("aisnp",), 0.3),
    ("169 + 9,300 of phased genomes", ("aisnp", "vcf"), 0.0),
    ("169 + 14,000 genome-wide", ("aisnp", "kg_p1"), 0.0),
    ("169 + both", ("aisnp", "vcf", "kg_p1"), 0.0),
    ("169 + both, 30 % missing", ("aisnp", "vcf", "kg_p1"), 0.3),
    ("aisnp, microhaplotypes and exome", ("aisnp", "microhap", "exome"), 0.0),
)
PEOPLE_A_KIND = 200
STRENGTH = 2.0  # of the prior in a simulation, in chromosomes: a fiftieth of its references
ROUNDING = 1e-4  # published shares have a least value of 1e-5, simulated ones are exact
SURE = 0.9


@dataclass(frozen=True)
class PublishedRow:
    """One kind of file against the published fractions. Errors are root mean squares over people and components;
    `covered` is the share of the published values inside the 90 % intervals; `mixed_` of admixed populations alone.
    """

    kind: str
    people: int
    snps: int
    rmse: float
    covered: float
    mixed_people: int
    mixed_rmse: float
    mixed_covered: float
    seconds: float


@dataclass(frozen=True)
class SimulatedRow:
    """One method on one simulation: everybody, and the people of the admixed population with both parents in it.
    `covered` is of all shares, `present_covered` of those strictly between 0 and 1; both None
    for a method without intervals.
    """

    method: str
    seed: int
    people: int
    snps: int
    rmse: float
    covered: float | None
    present_covered: float | None
    mixed_people: int
    mixed_rmse: float
    seconds: float


@dataclass(frozen=True)
class PaintedRow:
    """Paintings of the admixed people of one simulation: the share of the genome that is named rightly, the share that
    is named with a probability of at least SURE and how much of that is right, and the root mean square error of the
    lengths as shares.
    """

    seed: int
    people: int
    snps: int
    right: float
    sure: float
    sure_right: float
    rmse: float


@dataclass(frozen=True)
class Tables:
    """All rows of the evaluation of admixture."""

    published: list[PublishedRow]
    simulated: list[SimulatedRow]
    painted: list[PaintedRow]


def admixture_tables(
    panel: Panel, genomes: Path, progress: Progress = lambda _: None, seeds: Sequence[int] = SEEDS
) -> Tables:
    """Everything: some four minutes. Raises Misuse where msprime or stdpopsim is not installed."""
    simulations = [_simulation(seed, progress) for seed in seeds]
    progress("admixture: estimating and painting the simulated people")
    rows = [row for simulation in simulations for row in compare(simulation)]
    painted = [paint_all(simulation) for simulation in simulations]
    return Tables(published(panel, genomes, progress), rows, painted)


def _simulation(seed: int, progress: Progress) -> Simulation:
    progress(f"admixture: simulating genomes, seed {seed}")
    return Simulation.of(simulate(Size(), seed))


# Published fractions


@dataclass(frozen=True)
class Counted:
    """What of a model admixture needs (components.Tables), counted without a fold."""

    populations: tuple[str, ...]
    references: tuple[str, ...]
    sites: Sites
    counts: Counts
    totals: Counts
    reference_counts: Counts
    reference_totals: Counts

    @classmethod
    def of(cls, panel: Panel, people: Flags) -> Counted:
        """The panel's counts among some of its people."""
        references = panel.references
        return cls(
            POPULATIONS, references.names, panel.sites, *count(panel, people), references.counts, references.totals
        )


def published(panel: Panel, genomes: Path, progress: Progress = lambda _: None) -> list[PublishedRow]:
    """A row for each of KINDS, of at most PEOPLE_A_KIND people each, evenly chosen."""
    truth = read_published(genomes, panel.people)
    folds = assign_folds(panel)
    tables = [Counted.of(panel, folds != fold) for fold in range(FOLDS)]
    rows = []
    for number, (kind, names, missing) in enumerate(KINDS):
        progress(f"admixture: published fractions, {kind}")
        people = _choose(panel, names, np.isfinite(truth[:, 0]))
        draws = np.random.default_rng(number)
        started = time.process_time()
        found = []
        for person in people:
            shown = panel.of(*names) & (draws.random(len(panel.sites)) >= missing)
            dosage = np.where(shown, panel.dosage[person], -1).astype(np.int8)
            found.append((person, estimate(tables[folds[person]], dosage)))
        seconds = (time.process_time() - started) / len(people)
        rows.append(_published_row(kind, found, truth, panel, seconds))
    return rows


def read_published(genomes: Path, people: Sequence[str]) -> Floats:
    """The published shares of some people, in the order of COMPONENTS; not a number where there are none."""
    with gzip.open(genomes / "admixture_truth/K6.csv.gz", "rt") as file:
        known = {row["sample_id"]: row for row in csv.DictReader(file) if row[PUBLISHED[0]]}
    nothing = dict.fromkeys(PUBLISHED, "nan")
    return np.array([[float(known.get(person, nothing)[column]) for column in PUBLISHED] for person in people])


def _choose(panel: Panel, names: Sequence[str], known: Flags) -> NDArray[np.intp]:
    typed = np.flatnonzero(np.all([panel.typed(name) for name in names], axis=0) & known)
    return np.asarray(typed[np.unique(np.linspace(0, len(typed) - 1, PEOPLE_A_KIND).astype(int))])


def _published_row(
    kind: str, found: Sequence[tuple[int, Admixture | None]], truth: Floats, panel: Panel, seconds: float
) -> PublishedRow:
    answered = [(person, one) for person, one in found if one]
    people = [person for person, _ in answered]
    mixed = np.isin(panel.population[people], [POPULATIONS.index(code) for code in MIXED_POPULATIONS])
    values = np.array([[(row.share, row.low, row.high) for row in one.components] for _, one in answered])
    error = values[:, :, 0] - truth[people]
    covered = _covered(values[:, :, 1], values[:, :, 2], truth[people])
    return PublishedRow(
        kind=kind,
        people=len(people),
        snps=int(np.median([one.snps for _, one in answered])),
        rmse=rms(error),
        covered=float(covered.mean()),
        mixed_people=int(mixed.sum()),
        mixed_rmse=rms(error[mixed]),
        mixed_covered=float(covered[mixed].mean()),
        seconds=seconds,
    )


def _covered(low: Floats, high: Floats, truth: Floats) -> Flags:
    return np.asarray((low <= truth + ROUNDING) & (truth <= high + ROUNDING))


def rms(error: Floats) -> float:
    """The root of the mean square."""
    return float(np.sqrt((error**2).mean()))


# Simulated people


@dataclass(frozen=True)
class Simulation:
    """What the methods are given, and the truth: people as pairs of chromosome copies."""

    simulated: Simulated
    pairs: NDArray[np.intp]
    mixed: Flags

    @classmethod
    def of(cls, simulated: Simulated) -> Simulation:
        """Two thirds of the admixed copies as people of that population; the rest with another parent of one source;
        and people of two sources, and of one.
        """
        admixed, unmixed = simulated.size.admixed, simulated.size.unmixed
        both = 2 * (admixed // 3)
        pure = admixed + np.arange(len(SOURCES) * unmixed).reshape(len(SOURCES), unmixed)
        pairs = [(copy, copy + 1) for copy in range(0, both, 2)]
        pairs += [
            (copy, pure[copy % len(SOURCES), (copy - both) // len(SOURCES) % unmixed]) for copy in range(both, admixed)
        ]
        pairs += [(pure[source, -1 - n], pure[source - 1, -4 - n]) for source in range(len(SOURCES)) for n in range(3)]
        pairs += [
            (pure[source, -7 - 2 * n], pure[source, -8 - 2 * n]) for source in range(len(SOURCES)) for n in range(3)
        ]
        return cls(simulated, np.array(pairs), np.arange(len(pairs)) < both // 2)

    @property
    def dosage(self) -> NDArray[np.int8]:
        """Dosages, people x SNPs."""
        return np.asarray(self.simulated.alleles[self.pairs].sum(axis=1), dtype=np.int8)

    @property
    def truth(self) -> Floats:
        """Exact shares, people x SOURCES."""
        return np.asarray(self.simulated.shares[self.pairs].mean(axis=1))

    @property
    def frequency(self) -> Floats:
        """The sources' frequencies as the service estimates them: shrunken towards their mean, with its error."""
        counts, totals = self.simulated.counts, self.simulated.totals
        world = counts.sum(axis=1, keepdims=True) / totals.sum(axis=1, keepdims=True)
        return with_error((counts + STRENGTH * world) / (totals + STRENGTH))

    @property
    def blocks(self) -> NDArray[np.intp]:
        """The block of each SNP."""
        place = self.simulated.chromosome.astype(np.int64) * 1000 + self.simulated.position // BLOCK
        return np.asarray(np.unique(place, return_inverse=True)[1], dtype=np.intp)


def compare(simulation: Simulation) -> list[SimulatedRow]:
    """The service and fastmixture on the same people; the service alone where fastmixture is not installed."""
    started = time.process_time()
    found = estimate_all(simulation)
    seconds = (time.process_time() - started) / len(found)
    low, high = (np.array(ends) for ends in zip(*(one.interval() for one in found), strict=True))
    ours = _simulated_row("this service", simulation, np.array([one.shares for one in found]), (low, high), seconds)
    started = time.perf_counter()
    raw = simulation.simulated.counts / simulation.simulated.totals
    try:
        theirs = fastmixture_shares(simulation.dosage, raw)
    except Misuse:
        return [ours]
    seconds = (time.perf_counter() - started) / len(found)
    return [ours, _simulated_row("fastmixture", simulation, theirs, None, seconds)]


def estimate_all(simulation: Simulation) -> list[Estimate]:
    """The service's estimate of everybody."""
    frequency, blocks = simulation.frequency, simulation.blocks
    return [estimate_shares(dosage, frequency, blocks) for dosage in simulation.dosage]


def _simulated_row(
    method: str, simulation: Simulation, shares: Floats, ends: tuple[Floats, Floats] | None, seconds: float
) -> SimulatedRow:
    truth, size = simulation.truth, simulation.simulated.size
    covered = _covered(*ends, truth) if ends else None
    present = (truth > 0) & (truth < 1)
    return SimulatedRow(
        method=method,
        seed=simulation.simulated.seed,
        people=len(truth),
        snps=size.snps,
        rmse=rms(shares - truth),
        covered=None if covered is None else float(covered.mean()),
        present_covered=None if covered is None else float(covered[present].mean()),
        mixed_people=int(simulation.mixed.sum()),
        mixed_rmse=rms((shares - truth)[simulation.mixed]),
        seconds=seconds,
    )


def paint_all(simulation: Simulation) -> PaintedRow:
    """The painting of the people of the admixed population, against the founder of every piece."""
    simulated, frequency = simulation.simulated, simulation.frequency
    chromosome = simulated.chromosome.astype(np.intp) - 1
    layout = Layout(np.arange(chromosome.size), chromosome, simulated.position.astype(np.int64))
    named, sure, error = [], [], []
    for pair in simulation.pairs[simulation.mixed]:
        alleles = simulated.alleles[pair].T
        shares = estimate_shares(alleles.sum(axis=1, dtype=np.int8), frequency, simulation.blocks).shares
        probability = paint_copies(alleles, frequency, layout, shares)
        inside = np.zeros(probability.shape[:3], dtype=bool)
        inside[layout.chromosome, :, layout.window] = True
        called = call(probability, inside)[layout.chromosome, :, layout.window]
        truth = simulated.ancestry[pair].T
        named.append(called == truth)
        chance = probability[layout.chromosome, :, layout.window]
        sure.append(np.take_along_axis(chance, called[:, :, None], axis=2)[:, :, 0] >= SURE)
        lengths = np.bincount(called.ravel(), minlength=len(SOURCES)) / called.size
        error.append(lengths - simulated.shares[pair].mean(axis=0))
    right, certain = np.array(named), np.array(sure)
    return PaintedRow(
        seed=simulated.seed,
        people=len(named),
        snps=simulated.size.snps,
        right=float(right.mean()),
        sure=float(certain.mean()),
        sure_right=float(right[certain].mean()),
        rmse=rms(np.array(error)),
    )
