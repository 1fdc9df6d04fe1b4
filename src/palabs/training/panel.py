"""Assembles the training panel from the open genotypes: sites, people, populations, dosages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palabs.training.nucleotides import Lift, Pair, is_palindromic, settle
from palabs.training.plink import Genotypes, read_plink
from palabs.workload.ancestry.model import Sites

POPULATIONS = (
    "ACB", "ASW", "ESN", "GWD", "LWK", "MSL", "YRI",
    "CLM", "MXL", "PEL", "PUR",
    "CDX", "CHB", "CHS", "JPT", "KHV",
    "CEU", "FIN", "GBR", "IBS", "TSI",
    "BEB", "GIH", "ITU", "PJL", "STU",
)  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """People x sites: dosage of each site's counted allele, -1 where a person was not typed.

    `population` is an index into POPULATIONS; `ancestry_sites` of the sites come first and are the chosen
    ancestry-informative ones, the rest are exonic; `dropped` says how many sites were left out, and why.
    """

    people: list[str]
    population: NDArray[np.intp]
    continents: tuple[str, ...]
    sites: Sites
    dosage: NDArray[np.int8]
    ancestry_sites: int
    dropped: dict[str, int]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Which people were typed at every site."""
        return np.asarray((self.dosage >= 0).all(axis=1))


@dataclass(frozen=True)
class Row:
    """A site that may be used: its names, positions and letters, and its column in its source."""

    rs: int
    chromosome: int
    position37: int
    position38: int
    letters: Pair
    column: int


def read_panel(genomes: Path) -> Panel:
    """The training panel from the folder of open genotypes; the people of `people/index.tsv` are in no part of it."""
    labels = {row[0]: (row[1], row[2]) for row in _table(genomes / "labels/samples_1000g.tsv")}
    examples = {row[1] for row in _table(genomes / "people/index.tsv")}
    ancestry = _without(read_plink(genomes / "aisnp/aisnp169"), examples)
    exome = _without(read_plink(genomes / "exome8k/exome8205"), examples)
    dropped: Counter[str] = Counter()
    chosen = [_ancestry_rows(genomes, ancestry, dropped), _exome_rows(genomes, exome, labels, dropped)]
    rows = [row for part in chosen for row in part]
    dosage = np.full((len(ancestry.people), len(rows)), -1, dtype=np.int8)
    dosage[:, : len(chosen[0])] = ancestry.dosage[:, [row.column for row in chosen[0]]]
    index = {person: number for number, person in enumerate(ancestry.people)}
    people = [index[person] for person in exome.people]
    dosage[people, len(chosen[0]) :] = exome.dosage[:, [row.column for row in chosen[1]]]
    continents = dict(labels.values())
    return Panel(
        ancestry.people,
        np.array([POPULATIONS.index(labels[person][0]) for person in ancestry.people]),
        tuple(continents[code] for code in POPULATIONS),
        _sites(rows),
        dosage,
        len(chosen[0]),
        dict(dropped),
    )


def _table(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()[1:]]


def _without(source: Genotypes, people: set[str]) -> Genotypes:
    keep = [number for number, person in enumerate(source.people) if person not in people]
    return Genotypes([source.people[number] for number in keep], source.variants, source.dosage[keep])


def _ancestry_rows(genomes: Path, source: Genotypes, dropped: Counter[str]) -> list[Row]:
    positions = {row[0]: (int(row[2]), int(row[3])) for row in _table(genomes / "aisnp/sites.tsv")}
    rows = []
    for column, variant in enumerate(source.variants):
        if is_palindromic(variant.first, variant.second):
            dropped["palindromic"] += 1
            continue
        old, new = positions[variant.name]
        letters = (variant.first, variant.second)
        rows.append(Row(_rs(variant.name), int(variant.chromosome), old, new, letters, column))
    return rows


def _exome_rows(
    genomes: Path, source: Genotypes, labels: dict[str, tuple[str, str]], dropped: Counter[str]
) -> list[Row]:
    lift = Lift(genomes / "sites100k")
    letters = settle(source, [labels[person][0] for person in source.people], genomes)
    rows = []
    for column, (variant, pair) in enumerate(zip(source.variants, letters, strict=True)):
        if pair is None or is_palindromic(*pair):
            dropped["nucleotides unknown" if pair is None else "palindromic"] += 1
            continue
        old = lift.to_37(variant.chromosome, variant.position)
        rows.append(Row(_rs(variant.name), int(variant.chromosome), old, variant.position, pair, column))
    return rows


def _rs(name: str) -> int:
    return int(name.removeprefix("rs"))


def _sites(rows: list[Row]) -> Sites:
    return Sites(
        rs=np.array([row.rs for row in rows], dtype=np.uint32),
        chromosome=np.array([row.chromosome for row in rows], dtype=np.uint8),
        position37=np.array([row.position37 for row in rows], dtype=np.uint32),
        position38=np.array([row.position38 for row in rows], dtype=np.uint32),
        counted=np.array([ord(row.letters[0]) for row in rows], dtype=np.uint8),
        other=np.array([ord(row.letters[1]) for row in rows], dtype=np.uint8),
    )
