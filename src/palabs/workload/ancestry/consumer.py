"""Genotype tables as laboratories offer them for download: a row a SNP, with its name, place and letters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from .hits import NO_CALL, NOT_SINGLE, Gathering, Hits, Panel, joined
from .layout import HEAD_ROWS, Columns, Layout, find_layout
from .letters import KIND, OTHER, UNCALLED, UPPER, problems
from .refusal import BadGenotypes
from .rows import Rows
from .samples import check_unnamed, choose, decode
from .table import Bytes, Ints, Table

ALLELES_A_GENOTYPE = 2
SAMPLED_BYTES = 10_000
SURPLUS = re.compile(rb"\t\t|\n\t|\A\t")
# A genotype in one column may part its letters.
PARTED = 3
PARTERS = list(b"/|")
PLACE_NAME = re.compile(rb"(?:chr)?(\d{1,2}):(\d{1,9})", re.IGNORECASE)


def read_consumer(blocks: Iterable[bytes], panel: Panel, sample: str | None) -> Rows:
    """The rows of a consumer file at the panel's SNPs. Raises BadGenotypes where it is none."""
    stream = iter(blocks)
    first = next(stream, b"")
    layout = find_layout(first)
    reader = _Reader(layout, panel, sample)
    for block in chain([first[layout.skip :]], stream):
        reader.read(block)
    return reader.rows()


class _Reader:
    def __init__(self, layout: Layout, panel: Panel, sample: str | None) -> None:
        self.layout, self.panel, self.sample = layout, panel, sample
        self.columns = layout.columns
        self.count = 0
        self.looks_right = False
        self.people: dict[str, None] = {}
        self.found = Gathering(panel.sites)
        if self.columns.sample is None:
            check_unnamed(sample)

    def read(self, block: bytes) -> None:
        table = _table(block, self.layout)
        if not len(table):
            return
        if not self.looks_right:
            self._look_at(table)
        self.count += len(table)
        rows, hits = _find(table, self.columns, self.panel)
        hits["first"], hits["second"], hits["problem"] = _genotypes(table, self.columns, rows)
        self.found.add(hits[self._of_the_person(table, rows)])

    def _look_at(self, table: Table) -> None:
        """Whether the first rows are genotypes, and whether each allele has a column of its own."""
        rows = np.arange(min(len(table), HEAD_ROWS))
        if self.columns.second is None:
            pair = [table.field(self.columns.first + i, rows) for i in range(ALLELES_A_GENOTYPE)]
            single = np.all(
                [(ends - starts == 1) & (KIND[table.text[starts]] != OTHER) for starts, ends in pair], axis=0
            )
            if single.mean() > 1 / 2:
                self.columns = replace(self.columns, second=self.columns.first + 1)
        *_, problem = _genotypes(table, self.columns, rows)
        placed = _positions(table, self.columns, rows) >= 0
        self.looks_right = bool((placed & (problem != NOT_SINGLE)).any())

    def _of_the_person(self, table: Table, rows: Ints) -> NDArray[np.bool_]:
        """Which of the rows are the person's who is meant: all of them where the table names nobody."""
        if self.columns.sample is None:
            return np.ones(len(rows), dtype=np.bool_)
        names = [decode(name) for name in table.strings(*table.field(self.columns.sample, rows))]
        self.people.update(dict.fromkeys(names))
        return np.array([self.sample in {None, name} for name in names], dtype=np.bool_)

    def rows(self) -> Rows:
        """What was read. Raises BadGenotypes where it was no genotype table, or not of one person."""
        if not self.looks_right:
            raise _unknown_format()
        if self.people:
            choose(list(self.people), self.sample)
        return Rows(self.layout.format, self.count, joined(self.found.parts), people=max(1, len(self.people)))


def _table(block: bytes, layout: Layout) -> Table:
    """The block as a table: quotes go, spaces count as tabs, and several tabs count as one."""
    if b'"' in block:
        block = block.translate(None, b'"')
    if layout.separator != b"\t":
        return Table(block.translate(None, b" \t"), layout.separator)
    if not layout.spaces_separate:
        return Table(block, b"\t")
    block = block.replace(b" ", b"\t")
    table = Table(block, b"\t")
    even = not len(table) or table.fields.min() == table.fields.max()
    sample = block[:SAMPLED_BYTES] if even else block  # it costs as much as all the rest to look at every tab
    return Table(re.sub(rb"(?m)^\t+|(?<=\t)\t+", b"", block), b"\t") if SURPLUS.search(sample) else table


def _positions(table: Table, columns: Columns, rows: Ints | None = None) -> Ints:
    if columns.position is not None:
        return table.numbers(*table.field(columns.position, rows))
    return np.zeros(len(table) if rows is None else len(rows), dtype=np.int64)


def _find(table: Table, columns: Columns, panel: Panel) -> tuple[Ints, Hits]:
    """The rows at panel SNPs, and a hit for each without its genotype."""
    names = list_names(table, columns.name, panel)
    positions = _positions(table, columns)
    if columns.chromosome is None or columns.position is None:
        chromosomes, positions = _places_in_names(table, columns.name, names)
        return panel.hits(names, chromosomes, positions)
    rows = panel.may_hold(names, positions)
    chromosomes = table.chromosomes(*table.field(columns.chromosome, rows))
    kept, hits = panel.hits(names[rows], chromosomes, positions[rows])
    return rows[kept], hits


def list_names(table: Table, column: int, panel: Panel) -> Ints:
    """The rs number of each row, -1 for none; of several names ("rs1,rs2") the first that the panel has."""
    starts, ends = table.field(column)
    names = table.names(starts, ends)
    odd = np.flatnonzero((names < 0) & (table.text[starts] | 0x20 == ord("r")) & (ends - starts > len("rs1,")))
    for row, text in zip(odd.tolist(), table.strings(starts[odd], ends[odd]), strict=True):
        numbers = [int(n) for n in re.findall(rb"(?<![^,;])rs(\d{1,10})(?![^,;])", text)]
        found = panel.by_name.find(np.array(numbers, dtype=np.int64))
        names[row] = next((n for n, site in zip(numbers, found, strict=True) if site >= 0), -1)
    return names


def _places_in_names(table: Table, column: int, names: Ints) -> tuple[Ints, Ints]:
    """Chromosome and position of rows named by their place ("1:101"), 0 for the others."""
    chromosomes, positions = np.zeros_like(names), np.zeros_like(names)
    starts, ends = table.field(column)
    rows = np.flatnonzero(names < 0)
    for row, text in zip(rows.tolist(), table.strings(starts[rows], ends[rows]), strict=True):
        if match := PLACE_NAME.match(text):
            chromosomes[row], positions[row] = map(int, match.groups())
    return chromosomes, positions


def _genotypes(table: Table, columns: Columns, rows: Ints) -> tuple[Bytes, Bytes, NDArray[np.uint8]]:
    """Both letters of each row in upper case, and the problem with them."""
    starts, ends = table.field(columns.first, rows)
    length = ends - starts
    if columns.second is None:
        first, second, whole = _letters_of_one_column(table.text, starts, length)
    else:
        others, other_ends = table.field(columns.second, rows)
        first, second = table.text[starts], table.text[others]
        whole = (length == 1) & (other_ends - others == 1)
    problem = problems(first, second)
    problem[~whole] = NOT_SINGLE
    problem[(length == 0) | (~whole & (KIND[first] == UNCALLED))] = NO_CALL
    return UPPER[first], UPPER[second], problem


def _letters_of_one_column(text: Bytes, starts: Ints, length: Ints) -> tuple[Bytes, Bytes, NDArray[np.bool_]]:
    """`AG`, `A/G` or `A|G`: both letters, and whether there are just two."""
    parted = (length == PARTED) & np.isin(text[starts + 1], PARTERS)
    second = np.where(parted, text[starts + 2], text[starts + 1])
    return text[starts], second, parted | (length == ALLELES_A_GENOTYPE)


def _unknown_format() -> BadGenotypes:
    return BadGenotypes(
        "genotypes.format",
        got="text that is no genotype table",
        wanted="23andMe, AncestryDNA, MyHeritage, FTDNA or another table of rsid, chromosome, position and genotype; "
        "VCF; or PLINK",
        remedy="Download the raw genotype data from the laboratory and give that file unchanged.",
    )
