"""VCF (versions 4.0 to 4.5), one person of it: rows at panel SNPs, blocks of reference (gVCF), phase.

Rows of the ordinary shape (one letter REF, one letter ALT, a genotype like `0/1` first in the person's column) are read
as arrays; the others at panel SNPs, which are few, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .consumer import list_names
from .gvcf import END_FIRST, add_covered, ends_of_blocks
from .hits import FINE, Gathering, Hits, Panel, joined
from .letters import KIND, NUCLEOTIDE, UPPER
from .refusal import BadGenotypes
from .rows import Rows
from .samples import choose, decode
from .table import Bytes, Ints, Table
from .vcf_genotype import ALT, CHROM, FILTER, FIXED_COLUMNS, FORMAT, ID, POS, REF, parse_genotype

MAGIC = b"##fileformat=VCF"
COLUMN_LINE = b"#CHROM\t"
# A list of variants shows hardly any genotype without one; a joint call that was cut down to one person shows some.
VARIANTS_ONLY = 0.02
# A file is phased where nearly all of its heterozygous genotypes are; callers phase some neighbours in any file.
PHASED = 0.9


def is_vcf(first: bytes) -> bool:
    """Whether the text that begins so is a VCF."""
    return first.startswith((MAGIC, COLUMN_LINE))


def read_vcf(blocks: Iterable[bytes], panel: Panel, sample: str | None) -> Rows:
    """The rows of one person's VCF at the panel's SNPs. Raises BadGenotypes where it is not whole or not of one."""
    reader = _Reader(panel, sample)
    for block in blocks:
        reader.read(block)
    return reader.rows()


class _Reader:
    def __init__(self, panel: Panel, sample: str | None) -> None:
        self.panel, self.sample = panel, sample
        self.column, self.people = 0, 0
        self.count = self.references = 0
        self.blocks = False
        self.found = Gathering(panel.sites)

    def read(self, block: bytes) -> None:
        if not self.column:
            self._read_header(block)
        table = Table(block, b"\t")
        if not len(table):
            return
        if not self.column:
            raise _no_header()
        self.count += len(table)
        references = _are_reference(table, self.column)
        self.references += int(references.sum())
        self.found.add(self._rows(table))
        if END_FIRST in block:
            last = ends_of_blocks(table) * references
            self.blocks = self.blocks or bool(last.any())
            add_covered(self.found, table, last, self.column, self.panel)

    def _read_header(self, block: bytes) -> None:
        start = 0 if block.startswith(COLUMN_LINE) else block.find(b"\n" + COLUMN_LINE) + 1
        if start or block.startswith(COLUMN_LINE):
            line = block[start : block.index(b"\n", start)].rstrip()
            names = [decode(name) for name in line.split(b"\t")[FIXED_COLUMNS:]]
            self.people = len(names)
            self.column = FIXED_COLUMNS + choose(names, self.sample)

    def _rows(self, table: Table) -> Hits:
        names = list_names(table, ID, self.panel)
        positions = table.numbers(*table.field(POS))
        rows = self.panel.may_hold(names, positions)
        chromosomes = table.chromosomes(*table.field(CHROM, rows))
        kept, hits = self.panel.hits(names[rows], chromosomes, positions[rows])
        _fill(hits, table, rows[kept], self.column)
        return hits

    def rows(self) -> Rows:
        if not self.column:
            raise _no_header()
        hits = joined(self.found.parts)
        variants_only = not self.blocks and self.references <= VARIANTS_ONLY * self.count
        mixed = hits[(hits["first"] != hits["second"]) & (hits["problem"] == FINE)]
        phased = bool(len(mixed)) and mixed["phased"].mean() >= PHASED
        return Rows("VCF", self.count, hits, variants_only, self.blocks, bool(phased), self.people)


def _no_header() -> BadGenotypes:
    return BadGenotypes(
        "genotypes.format",
        got="a VCF without its #CHROM line",
        wanted="a whole VCF file",
        remedy="Give the file as it was made; the line that begins with #CHROM names the columns.",
    )


def _are_reference(table: Table, column: int) -> NDArray[np.bool_]:
    """Which rows have the genotype 0/0 or 0|0."""
    starts, _ = table.field(column)
    return table.begins(starts, b"0/0") | table.begins(starts, b"0|0")


def _parts(letters: Bytes) -> NDArray[np.bool_]:
    return np.asarray((letters == ord("/")) | (letters == ord("|")))


def _fill(hits: Hits, table: Table, rows: Ints, column: int) -> None:
    """The genotypes of the rows, written into their hits."""
    plain = _fill_plain(hits, table, rows, column)
    others = np.flatnonzero(~plain)
    for index, line in zip(others.tolist(), table.lines(rows[others]), strict=True):
        call = parse_genotype(line.split(b"\t"), column)
        hit = hits[index]
        hit["first"], hit["second"], hit["reference"] = call.first, call.second, call.reference
        hit["alternative"], hit["problem"], hit["phased"] = call.alternative, call.problem, call.phased


def _fill_plain(hits: Hits, table: Table, rows: Ints, column: int) -> NDArray[np.bool_]:
    """Fills the hits of rows of the ordinary shape; which those are."""
    text = table.text
    (ref, ref_end), (alt, alt_end) = table.field(REF, rows), table.field(ALT, rows)
    (passed, passed_end), (keys, keys_end) = table.field(FILTER, rows), table.field(FORMAT, rows)
    call, call_end = table.field(column, rows)
    first, second = text[call] - ord("0"), text[call + 2] - ord("0")
    letters = UPPER[text[ref]], UPPER[text[alt]]
    plain = (ref_end - ref == 1) & (alt_end - alt == 1) & (KIND[letters[0]] == KIND[letters[1]])
    plain &= (KIND[letters[0]] == NUCLEOTIDE) & (letters[0] != letters[1])
    plain &= table.equal(passed, passed_end, b".") | table.equal(passed, passed_end, b"PASS")
    plain &= _parts(text[call + 1]) & (_are_alone(table, keys, keys_end, call, call_end) | _lead(table, keys, call))
    plain &= (first < 2) & (second < 2)  # noqa: PLR2004 - REF and the only ALT
    hits["first"] = np.where(first == 0, *letters)
    hits["second"] = np.where(second == 0, *letters)
    hits["reference"], hits["alternative"] = letters[0], first + second
    hits["phased"] = text[call + 1] == ord("|")
    return np.asarray(plain)


def _are_alone(table: Table, keys: Ints, keys_end: Ints, call: Ints, call_end: Ints) -> NDArray[np.bool_]:
    """Rows that give a genotype of three characters and nothing else."""
    return np.asarray(table.equal(keys, keys_end, b"GT") & (call_end - call == len(b"0/1")))


def _lead(table: Table, keys: Ints, call: Ints) -> NDArray[np.bool_]:
    """Rows that give more, but the genotype first and not phased: what follows says nothing about it."""
    text = table.text
    plain = (text[call + 1] == ord("/")) & (text[call + 3] == ord(":"))
    return np.asarray(table.begins(keys, b"GT:") & plain)
