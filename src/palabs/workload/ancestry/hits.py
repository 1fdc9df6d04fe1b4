"""Rows of a file at panel SNPs, as one array; and the lookup that finds them among all rows.

Most rows of a file are at no panel SNP. Two tables of bits, by rs number and by position alone, let nearly all of
those go before anything else is read of them (Bloom 1970, with one hash).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .model import Sites
from .refusal import BadGenotypes
from .table import Ints

BUILDS = (36, 37, 38)
# Why a panel SNP was not used, the weightiest reason first. A hit's `problem` is its place here, or FINE.
REASONS = (
    "conflicting_duplicate",
    "allele_mismatch",
    "not_single_nucleotide",
    "low_quality",
    "no_call",
    "nucleotides_unknown",
)
FINE = len(REASONS)
NOT_SINGLE, LOW_QUALITY, NO_CALL = (REASONS.index(r) for r in ("not_single_nucleotide", "low_quality", "no_call"))
UNKNOWN_LETTERS = REASONS.index("nucleotides_unknown")

# `name` and `place36` to `place38` are panel SNPs by rs number and by place in each build, -1 for none; `first` and
# `second` the letters of the genotype in their order, `reference` REF (all 0 where unknown); `alternative` how many
# ALT the genotype has where REF and ALT are one nucleotide each, else -1; `covered` where a block of reference covers
# the place without a row of its own.
HIT = np.dtype(
    [
        ("name", "i4"),
        ("place36", "i4"),
        ("place37", "i4"),
        ("place38", "i4"),
        ("first", "u1"),
        ("second", "u1"),
        ("reference", "u1"),
        ("alternative", "i1"),
        ("problem", "u1"),
        ("phased", "?"),
        ("covered", "?"),
    ]
)
Hits = np.ndarray[tuple[int], np.dtype[np.void]]
NO_HIT = np.array((-1, -1, -1, -1, 0, 0, 0, -1, FINE, False, False), dtype=HIT)

BITS = (1 << 22) - 1
HITS_A_SITE, HITS_ANYWAY = 16, 10_000


def no_hits(number: int) -> Hits:
    """So many hits of nothing, to be filled in."""
    return np.full(number, NO_HIT, dtype=HIT)


def joined(parts: list[Hits]) -> Hits:
    """One array of many."""
    return np.concatenate(parts) if parts else no_hits(0)


class Finder:
    """Finds panel SNPs by a whole number that each has (0 for none)."""

    def __init__(self, keys: Ints, known: NDArray[np.bool_]) -> None:
        sites = np.flatnonzero(known)
        order = np.argsort(keys[sites], kind="stable")
        self.sites = np.append(sites[order], -1).astype(np.int32)
        self.keys = np.append(keys[sites][order], np.iinfo(np.int64).max)

    def find(self, keys: Ints) -> NDArray[np.int32]:
        """The panel SNP of each key, -1 for none."""
        at = np.searchsorted(self.keys, keys)
        return np.where(self.keys[at] == keys, self.sites[at], np.int32(-1))

    def between(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """For ranges of keys, both ends included: the first and one past the last of `sites` in each."""
        return np.searchsorted(self.keys, low), np.searchsorted(self.keys, high, side="right")


def place_key(chromosome: Ints, position: Ints) -> Ints:
    """One number for a chromosome and a position on it."""
    return (chromosome << 32) | position


class Panel:
    """Finds the panel's SNPs by rs number and by place in each build."""

    def __init__(self, sites: Sites) -> None:
        self.sites = sites
        names = sites.rs.astype(np.int64)
        chromosomes = sites.chromosome.astype(np.int64)
        positions = [p.astype(np.int64) for p in (sites.position36, sites.position37, sites.position38)]
        self.by_name = Finder(names, names > 0)
        self.by_place = [Finder(place_key(chromosomes, p), p > 0) for p in positions]
        self._names = _bits(names)
        self._positions = _bits(*positions)

    def may_hold(self, names: Ints, positions: Ints) -> Ints:
        """The rows that may be at a panel SNP, by rs number or by position (-1 where there is none)."""
        return np.flatnonzero(self._names[names & BITS] | self._positions[positions & BITS])

    def hits(self, names: Ints, chromosomes: Ints, positions: Ints) -> tuple[Ints, Hits]:
        """The rows at panel SNPs, and a hit for each. Rows of chromosomes other than 1 to 22 are at none."""
        hits = no_hits(len(names))
        hits["name"] = np.where(chromosomes >= 0, self.by_name.find(names), -1)
        keys = np.where((chromosomes > 0) & (positions > 0), place_key(chromosomes, positions), -1)
        for build, finder in zip(BUILDS, self.by_place, strict=True):
            hits[f"place{build}"] = finder.find(keys)
        rows = np.flatnonzero(np.any([hits[f] >= 0 for f in ("name", "place36", "place37", "place38")], axis=0))
        return rows, hits[rows]


def _bits(*keys: Ints) -> NDArray[np.bool_]:
    table = np.zeros(BITS + 1, dtype=np.bool_)
    for some in keys:
        table[some[some > 0] & BITS] = True
    return table


class Gathering:
    """Collects hits block by block. Raises BadGenotypes where a file has absurdly many rows at the same SNPs."""

    def __init__(self, sites: Sites) -> None:
        self.parts: list[Hits] = []
        self._room = HITS_A_SITE * len(sites) + HITS_ANYWAY

    def add(self, hits: Hits) -> None:
        """Adds hits."""
        self.check_room(len(hits))
        self._room -= len(hits)
        self.parts.append(hits)

    def check_room(self, number: int) -> None:
        """Raises BadGenotypes where so many hits more would be too many: to be asked before they are made."""
        if number > self._room:
            raise BadGenotypes(
                "genotypes.duplicates",
                got=f"the same SNPs more than {HITS_A_SITE} times over",
                wanted="each SNP once",
                remedy="Give one person's genotypes, not several files put together.",
            )
