"""PLINK data sets: .bed with .bim and .fam (SNP-major), or .ped with .map. One person of them is read.

Formats: https://www.cog-genomics.org/plink/1.9/formats
"""

from __future__ import annotations

import numpy as np

from .container import Plink
from .hits import Gathering, Hits, Panel, joined
from .letters import UPPER, problems
from .refusal import BadGenotypes
from .rows import Rows
from .samples import choose, decode
from .table import Bytes, Ints, Table
from .text import blocks

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


def _table(text: bytes) -> Table:
    """A file whose fields are parted by any blanks. Raises BadGenotypes where it lists no SNP."""
    lines = (b"\t".join(line.split()) for block in blocks([text]) for line in block.split(b"\n"))
    table = Table(b"\n".join(lines) + b"\n", b"\t")
    if not len(table):
        raise _bad("a list of no SNPs", "the .bim or .map of the data set")
    return table


def _read_bed(bed: bytes, bim: bytes, fam: bytes, panel: Panel, sample: str | None) -> Rows:
    people = [decode(line.split()[:FAM_COLUMNS][-1]) for line in fam.splitlines() if line.strip()]
    person = choose(people, sample)
    table, stride = _table(bim), (len(people) + 3) // 4
    size = len(BED_HEADER) + len(table) * stride
    if not bed.startswith(BED_HEADER) or len(bed) != size:
        raise _bad(f"a .bed file of {len(bed)} bytes", f"{size} bytes for the SNPs in .bim and the people in .fam")
    rows, hits = _find(table, panel, BIM_POSITION)
    codes = np.frombuffer(bed, dtype=np.uint8)[len(BED_HEADER) + person // 4 :: stride][rows] >> 2 * (person % 4) & 3
    alleles = np.stack([*(_single(table, ALLELES + i, rows) for i in (0, 1)), np.full(len(rows), ord("0"), np.uint8)])
    each = np.arange(len(rows))
    _fill(hits, alleles[FIRST[codes], each], alleles[SECOND[codes], each])
    return _rows(len(table), hits, panel, len(people))


def _read_ped(ped: bytes, snps: bytes, panel: Panel, sample: str | None) -> Rows:
    lines = [line for line in ped.splitlines() if line.strip() and not line.startswith(b"#")]
    people = [decode(line.split(None, FAM_COLUMNS)[:FAM_COLUMNS][-1]) for line in lines]
    fields = lines[choose(people, sample)].split()[PED_COLUMNS:]
    table = _table(snps)
    if len(fields) != 2 * len(table):
        raise _bad(f"a .ped file of {len(fields)} alleles", f"{2 * len(table)} for the SNPs in .map")
    rows, hits = _find(table, panel, int(table.fields.min()) - 1)
    letters = np.array([field[0] if len(field) == 1 else ord("?") for field in fields], dtype=np.uint8).reshape(-1, 2)
    _fill(hits, letters[rows, 0], letters[rows, 1])
    return _rows(len(table), hits, panel, len(people))


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


def _fill(hits: Hits, first: Bytes, second: Bytes) -> None:
    hits["first"], hits["second"], hits["problem"] = UPPER[first], UPPER[second], problems(first, second)


def _rows(count: int, hits: Hits, panel: Panel, people: int) -> Rows:
    found = Gathering(panel.sites)
    found.add(hits)
    return Rows("PLINK", count, joined(found.parts), people=people)
