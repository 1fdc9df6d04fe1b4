"""Blocks of reference in a gVCF: rows that say, up to the END of their INFO, that nothing else was found there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .hits import BUILDS, Gathering, Hits, Panel, no_hits, place_key
from .table import Bytes, Ints, Table
from .vcf_genotype import CHROM, FILTER, INFO, PASSED, POS, sample_values

END_FIRST, END_LATER = b"END=", b";END="
MAX_POSITION_DIGITS = 9


def add_covered(found: Gathering, table: Table, last: Ints, column: int, panel: Panel) -> None:
    """Adds a hit for each panel SNP that a block of reference covers, in each build, for the person in `column`. Raises
    BadGenotypes where blocks cover the same SNPs over and over: a few bytes can ask for millions of hits.

    `last` is the last position of each row's block, 0 for a row that is none.
    Where the panel does not know the letter of the reference, it is 0 in the hit too.
    """
    rows = np.flatnonzero(last > 0)
    chromosomes = table.chromosomes(*table.field(CHROM, rows))
    first = np.maximum(table.numbers(*table.field(POS, rows)), 1)
    for build, finder in zip(BUILDS, panel.by_place, strict=True):
        low, high = finder.between(place_key(chromosomes, first), place_key(chromosomes, last[rows]))
        number = np.where(chromosomes > 0, np.maximum(high - low, 0), 0)
        found.check_room(int(number.sum()))
        block = np.repeat(np.arange(len(rows)), number)
        offset = np.arange(len(block)) - np.repeat(np.cumsum(number) - number, number)
        sites = finder.sites[low[block] + offset]
        shown = _are_shown(table, rows[block], column)
        found.add(_reference_hits(panel, build, sites[shown]))


def _reference_hits(panel: Panel, build: int, sites: NDArray[np.int32]) -> Hits:
    hits = no_hits(len(sites))
    hits[f"place{build}"] = sites
    hits["first"] = hits["second"] = hits["reference"] = panel.sites.reference[sites]
    hits["alternative"], hits["covered"] = 0, True
    return hits


def ends_of_blocks(table: Table) -> Ints:
    """The number after END= in the INFO of each row, 0 where there is none."""
    starts, ends = table.field(INFO)
    last = np.zeros(len(table), dtype=np.int64)
    at_front = np.flatnonzero(table.begins(starts, END_FIRST))
    last[at_front] = _number_at(table.text, starts[at_front] + len(END_FIRST), ends[at_front])
    others = np.flatnonzero(last == 0)
    for row, info in zip(others.tolist(), table.strings(starts[others], ends[others]), strict=True):
        digits = info.partition(END_LATER)[2].partition(b";")[0]
        last[row] = int(digits) if digits.isdigit() and len(digits) <= MAX_POSITION_DIGITS else 0
    return last


def _number_at(text: Bytes, starts: Ints, ends: Ints) -> Ints:
    """The digits from `starts` on as numbers."""
    value, going = np.zeros(len(starts), dtype=np.int64), np.ones(len(starts), dtype=np.bool_)
    for i in range(MAX_POSITION_DIGITS):
        digit = text[np.minimum(starts + i, ends)] - ord("0")
        going &= (digit < 10) & (starts + i < ends)  # noqa: PLR2004 - decimal
        value = np.where(going, 10 * value + digit, value)
    return value


def _are_shown(table: Table, rows: Ints, column: int) -> NDArray[np.bool_]:
    """Whether blocks say reference and had reads to say so: one of GATK without any has DP or MIN_DP 0."""
    unique, back = np.unique(rows, return_inverse=True)
    verdicts = [_is_shown(line.split(b"\t"), column) for line in table.lines(unique)]
    return np.array(verdicts, dtype=np.bool_)[back]


def _is_shown(fields: list[bytes], column: int) -> bool:
    if len(fields) <= column or fields[FILTER].upper() not in PASSED:
        return False
    values = sample_values(fields, column)
    reads = {values.get(b"DP"), values.get(b"MIN_DP")}
    return values.get(b"GT") in {b"0/0", b"0|0"} and b"0" not in reads
