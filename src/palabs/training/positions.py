"""Positions in the three builds of the reference genome (NCBI36, GRCh37, GRCh38), by interpolation.

Sites known in two builds are the anchors: where the nearest anchors on either side moved by the same distance,
everything between them is taken to have moved with them.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palabs.workload.ancestry.model import Sites

Positions = NDArray[np.uint32]


@dataclass(frozen=True)
class Lift:
    """Moves positions from one build to another by anchors: chromosome, position before, position after."""

    chromosome: NDArray[np.uint8]
    before: Positions
    after: Positions

    def __call__(self, chromosome: NDArray[np.uint8], position: Positions) -> Positions:
        """The positions in the other build, 0 where unknown or where the anchors around do not agree."""
        moved = np.zeros(len(position), dtype=np.uint32)
        for number in np.unique(chromosome):
            anchors = np.flatnonzero(self.chromosome == number)
            rows = np.flatnonzero((chromosome == number) & (position > 0))
            if len(anchors):
                moved[rows] = _moved(self.before[anchors], self.after[anchors], position[rows])
        return moved

    def one(self, chromosome: int, position: int) -> int:
        """One position in the other build, or 0."""
        return int(self(np.array([chromosome], dtype=np.uint8), np.array([position], dtype=np.uint32))[0])

    def back(self) -> Lift:
        """The same anchors the other way."""
        return Lift(self.chromosome, self.after, self.before)


def _moved(before: Positions, after: Positions, position: Positions) -> Positions:
    order = np.argsort(before, kind="stable")
    start, shift = before[order].astype(np.int64), after[order].astype(np.int64) - before[order]
    right = np.searchsorted(start, position, side="right")
    left = np.maximum(right - 1, 0)
    next_one = np.minimum(right, len(start) - 1)
    exact = start[left] == position
    between = (right > 0) & (right < len(start)) & (shift[left] == shift[next_one])
    return np.where(exact | between, position.astype(np.int64) + shift[left], 0).astype(np.uint32)


def lift_from_files(folder: Path) -> Lift:
    """GRCh37 to GRCh38 by the 100,000 sites known in both (VerifyBamID)."""
    old, new = (_bed(folder / f"1000g.phase3.100k.b{build}.vcf.gz.dat.bed.gz") for build in (37, 38))
    stayed = old[:, 0] == new[:, 0]  # the others are on an unplaced contig of GRCh38, here chromosome 0
    return Lift(old[stayed, 0].astype(np.uint8), old[stayed, 1].astype(np.uint32), new[stayed, 1].astype(np.uint32))


def _bed(path: Path) -> NDArray[np.int64]:
    with gzip.open(path, "rt") as file:
        rows = [line.split() for line in file]
    names = [row[0].removeprefix("chr") for row in rows]
    return np.array([(int(name) if name.isdigit() else 0, int(row[2])) for name, row in zip(names, rows, strict=True)])


def complete(sites: Sites, to_38: Lift) -> Sites:
    """The sites with the positions filled in that their sources did not give.

    The sites that have both stand as anchors for the others: GRCh37 to NCBI36 in the genome-wide panel.
    """
    position37 = np.where(sites.position37, sites.position37, to_38.back()(sites.chromosome, sites.position38))
    position38 = np.where(sites.position38, sites.position38, to_38(sites.chromosome, sites.position37))
    both = (sites.position36 > 0) & (position37 > 0)
    to_36 = Lift(sites.chromosome[both], position37[both], sites.position36[both])
    position36 = np.where(sites.position36, sites.position36, to_36(sites.chromosome, position37))
    return replace(sites, position36=position36, position37=position37, position38=position38)
