"""Settles the nucleotides that the exome panel leaves open, of variants coded 2/1.

HGDP's frequencies in four populations that both projects sampled tell which of its two letters is the counted one.
HGDP's strand is not fixed; that does no harm, since palindromic pairs are never used and all others are matched up
to complement.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palabs.training.plink import Genotypes, Variant

# HGDP name and 1000 Genomes code of populations sampled in the same place.
SAME_PEOPLE = (("Yoruba_Nigeria", "YRI"), ("Han_China", "CHB"), ("Japanese_Japan", "JPT"), ("Tuscan_Italy", "TSI"))
MISSING = 255
FULL = 254
CLOSE = 0.12  # mean distance of the frequencies for a letter to be settled
CLEAR = 0.15  # and by how much nearer than the other letter's it must be

Pair = tuple[str, str]


def is_palindromic(first: str, second: str) -> bool:
    """Whether the alleles are each other's complement, so that a strand flip cannot be seen."""
    return {first, second} in ({"A", "T"}, {"C", "G"})


class Hgdp:
    """Allele letters and frequencies of the Human Genome Diversity Project, for the variants asked for."""

    def __init__(self, folder: Path, wanted: set[str]) -> None:
        with lzma.open(folder / "sites.tsv.xz", "rt") as file:
            rows = [line.split() for line in file][1:]
        names = [line.split()[0] for line in (folder / "populations.tsv").read_text().splitlines()[1:]]
        chosen = [names.index(name) for name, _ in SAME_PEOPLE]
        raw = lzma.decompress((folder / "af_u8_54x660905.bin.xz").read_bytes())
        table = np.frombuffer(raw, np.uint8).reshape(len(names), len(rows))[chosen].astype(np.float64)
        table[table == MISSING] = np.nan
        self.rows = {row[0]: (row[1], row[2], table[:, i] / FULL) for i, row in enumerate(rows) if row[0] in wanted}

    def settle(self, name: str, frequency: NDArray[np.float64]) -> Pair | None:
        """(counted, other) letters of a variant whose counted allele has these frequencies in SAME_PEOPLE."""
        first, second, known = self.rows.get(name, ("", "", np.empty(0)))
        if first not in set("ACGT") or second not in set("ACGT") or first == second or np.isnan(known).any():
            return None
        same, swapped = np.abs(frequency - known).mean(), np.abs(frequency - (1 - known)).mean()
        if min(same, swapped) > CLOSE or abs(same - swapped) < CLEAR:
            return None
        return (first, second) if same < swapped else (second, first)


def settle(exome: Genotypes, populations: list[str], genomes: Path) -> list[Pair | None]:
    """(counted, other) letters of every variant of the exome panel, None where they stay open.

    `populations` are those of the panel's people, in the panel's order; only training people may be in it.
    """
    hgdp = Hgdp(genomes / "hgdp_af", {variant.name for variant in exome.variants})
    frequencies = _frequencies(exome, populations)
    return [
        _known(variant) or hgdp.settle(variant.name, frequencies[index]) for index, variant in enumerate(exome.variants)
    ]


def _known(variant: Variant) -> Pair | None:
    return (variant.first, variant.second) if {variant.first, variant.second} <= set("ACGT") else None


def _frequencies(exome: Genotypes, populations: list[str]) -> NDArray[np.float64]:
    """Frequency of the counted allele in SAME_PEOPLE: variants x 4."""
    label = np.array(populations)
    columns = []
    for _, code in SAME_PEOPLE:
        rows = exome.dosage[label == code].astype(np.float64)
        columns.append(np.nanmean(np.where(rows < 0, np.nan, rows), axis=0) / 2)
    return np.stack(columns, axis=1)
