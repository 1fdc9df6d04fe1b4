"""Reads PLINK 1 binary files (.bed, .bim, .fam: https://www.cog-genomics.org/plink/1.9/formats)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x6c\x1b\x01"
# Two bits a genotype, lowest first: 00 two of the first allele, 01 missing, 10 one, 11 none.
DOSAGE_OF_BITS = np.array([2, -1, 1, 0], dtype=np.int8)


@dataclass(frozen=True)
class Variant:
    """One row of a .bim file; `first` is the allele that the dosage counts."""

    chromosome: str
    name: str
    position: int
    first: str
    second: str


@dataclass(frozen=True)
class Genotypes:
    """People x variants: dosage of each variant's first allele, -1 where missing."""

    people: list[str]
    variants: list[Variant]
    dosage: NDArray[np.int8]


def read_plink(prefix: Path) -> Genotypes:
    """The genotypes in `prefix`.bed, .bim and .fam. Raises ValueError for another kind of file."""
    people = [line.split()[1] for line in _lines(prefix, ".fam")]
    rows = [line.split() for line in _lines(prefix, ".bim")]
    variants = [Variant(row[0], row[1], int(row[3]), row[4], row[5]) for row in rows]
    data = prefix.with_suffix(".bed").read_bytes()
    stride = (len(people) + 3) // 4
    if not data.startswith(MAGIC) or len(data) != len(MAGIC) + stride * len(variants):
        raise ValueError(f"{prefix.name}.bed is no PLINK file of {len(people)} people and {len(variants)} variants")
    packed = np.frombuffer(data, np.uint8, offset=len(MAGIC)).reshape(len(variants), stride)
    bits = (packed[:, :, None] >> np.array([0, 2, 4, 6], dtype=np.uint8)) & 3
    return Genotypes(people, variants, DOSAGE_OF_BITS[bits.reshape(len(variants), -1)[:, : len(people)]].T.copy())


def _lines(prefix: Path, suffix: str) -> list[str]:
    return prefix.with_suffix(suffix).read_text().splitlines()
