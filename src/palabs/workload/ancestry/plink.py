"""PLINK data sets: .bed with .bim and .fam (SNP-major), or .ped with .map. One person of them is read.

Formats: https://www.cog-genomics.org/plink/1.9/formats
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .container import Plink
from .hits import Gathering, Hits, Panel, joined
from .letters import UPPER, problems
from .refusal import BadGenotypes
from .rows import Rows
from .samples import choose, decode
from .table import Bytes, Ints, Table
from .text import blocks, slices

FAM_COLUMNS, PED_COLUMNS = 2, 6
BED_HEADER = b"\x6c\x1b\x01"
# The two bits of a genotype: which of the two alleles each letter is, 0 the first in .bim, 1 the second, 2 unknown.
FIRST, SECOND = np.array([0, 2, 0, 1]), np.array([0, 2, 1, 1])
CHROMOSOME, NAME, ALLELES = 0, 1, 4
BIM_POSITION = 3  # in a .map it is the last column: the genetic distance before it may be left out


def read_plink(plink: Plink, panel: Panel, sample: str | None) -> Rows:
    """The rows of one person of a PLINK data set at the panel's SNPs. Raises BadGenotypes where it is not whole."""
    files = plink.files
    if "bed" in files:
        return _read_bed(_file(files, "bed"), _file(files, "bim"), _file(files, "fam"), panel, sample)
    return _read_ped(_file(files, "ped"), _file(files, "map"), panel, sample)


def _file(files: dict[str, bytes], kind: str) -> bytes:
    if kind not in files:
        raise _bad(f"a PLINK data set without its .{kind} file", ".bed with .bim and .fam, or .ped with .map")
    return files[kind]


def _bad(got: str, wanted: str) -> BadGenotypes:
    return BadGenotypes(
        "genotypes.plink", got=got, wanted=wanted, remedy="Make the data set again, for example: plink --make-bed"
    )


@dataclass(frozen=True)
class _Snps:
    """What a .bim or .map lists: how many SNPs; of those at panel SNPs their rows, a hit without its genotype for each,
    and the letters of their two alleles (2 x hits), which a .map has not.
    """

    count: int
    rows: Ints
    hits: Hits
    alleles: Bytes


def _read_snps(text: bytes, panel: Panel, position: int | None = None) -> _Snps:
    """The SNPs of a .bim or .map, a block at a time; positions are in the last column where none is named. Raises
    BadGenotypes where it lists none.
    """
    count, rows, alleles, found = 0, [], [], Gathering(panel.sites)
    for table in _tables(text):
        at, hits = _find(table, panel, int(table.fields.min()) - 1 if position is None else position)
        found.add(hits)
        rows.append(at + count)
        alleles.append(np.stack([_single(table, ALLELES + i, at) for i in (0, 1)]))
        count += len(table)
    if not count:
        raise _bad("a list of no SNPs", "the .bim or .map of the data set")
    return _Snps(count, np.concatenate(rows), joined(found.parts), np.concatenate(alleles, axis=1))


def _tables(text: bytes) -> Iterator[Table]:
    """The blocks of a file whose fields are parted by any blanks."""
    for block in blocks(slices(text)):
        table = Table(b"\n".join(b"\t".join(line.split()) for line in block.split(b"\n")) + b"\n", b"\t")
        if len(table):
            yield table


def _read_bed(bed: bytes, bim: bytes, fam: bytes, panel: Panel, sample: str | None) -> Rows:
    people = [decode(line.split()[:FAM_COLUMNS][-1]) for line in fam.splitlines() if line.strip()]
    person = choose(people, sample)
    snps, stride = _read_snps(bim, panel, BIM_POSITION), (len(people) + 3) // 4
    size = len(BED_HEADER) + snps.count * stride
    if not bed.startswith(BED_HEADER) or len(bed) != size:
        raise _bad(f"a .bed file of {len(bed)} bytes", f"{size} bytes for the SNPs in .bim and the people in .fam")
    column = np.frombuffer(bed, dtype=np.uint8)[len(BED_HEADER) + person // 4 :: stride]
    codes, each = column[snps.rows] >> 2 * (person % 4) & 3, np.arange(len(snps.rows))
    alleles = np.vstack([snps.alleles, np.full(len(each), ord("0"), np.uint8)])
    return _filled(snps, alleles[FIRST[codes], each], alleles[SECOND[codes], each], len(people))


def _read_ped(ped: bytes, listed: bytes, panel: Panel, sample: str | None) -> Rows:
    lines = [line for line in ped.splitlines() if line.strip() and not line.startswith(b"#")]
    people = [decode(line.split(None, FAM_COLUMNS)[:FAM_COLUMNS][-1]) for line in lines]
    line, snps = lines[choose(people, sample)], _read_snps(listed, panel)
    fields = line.split(None, PED_COLUMNS + 2 * snps.count)[PED_COLUMNS:]
    if len(fields) != 2 * snps.count:
        found = "more" if len(fields) > 2 * snps.count else str(len(fields))
        raise _bad(f"a .ped file of {found} alleles", f"{2 * snps.count} for the SNPs in .map")
    letters = np.array([field[0] if len(field) == 1 else ord("?") for field in fields], dtype=np.uint8).reshape(-1, 2)
    return _filled(snps, letters[snps.rows, 0], letters[snps.rows, 1], len(people))


def _find(table: Table, panel: Panel, position: int) -> tuple[Ints, Hits]:
    """The rows of a .bim or .map at panel SNPs, and a hit for each without its genotype."""
    return panel.hits(
        table.names(*table.field(NAME)),
        table.chromosomes(*table.field(CHROMOSOME)),
        table.numbers(*table.field(position)),
    )


def _single(table: Table, column: int, rows: Ints) -> Bytes:
    """The letters of a column of alleles, 0 for one of several nucleotides."""
    starts, ends = table.field(column, rows)
    return np.where(ends - starts == 1, table.text[starts], np.uint8(0))


def _filled(snps: _Snps, first: Bytes, second: Bytes, people: int) -> Rows:
    hits = snps.hits
    hits["first"], hits["second"], hits["problem"] = UPPER[first], UPPER[second], problems(first, second)
    return Rows("PLINK", snps.count, hits, people=people)
