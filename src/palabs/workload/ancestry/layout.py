"""What the columns of a consumer file mean: told from its header where there is one, else from its first rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_ROWS = 1000
FIRST_ROW = re.compile(rb"^[ \t]*[^# \t\n]", re.MULTILINE)  # neither empty nor a comment

# Marks of the laboratories and services in what stands before the data, in lower case; the earliest decides.
VENDORS = (
    (b"23andme", "23andMe"),
    (b"ancestrydna", "AncestryDNA"),
    (b"myheritage", "MyHeritage"),
    (b"famfinder", "FTDNA"),
    (b"familytreedna", "FTDNA"),
    (b"ftdna", "FTDNA"),
    (b"rsid,chromosome,position,result", "FTDNA"),
    (b"living dna", "Living DNA"),
    (b"23mofang", "23Mofang"),
    (b"dna.land", "DNA.Land"),
    (b"genes for good", "Genes for Good"),
    (b"selfdecode", "SelfDecode"),
    (b"mapmygenome", "Mapmygenome"),
    (b"allele1...top", "Mapmygenome"),
    (b"# circle", "CircleDNA"),
    (b"codigo46", "Codigo46"),
    (b"sano", "Sano"),
    (b"derived from the corresponding vcf", "Sano"),
    (b"allele_1", "Sano"),
    (b"below is a text version of your data", "PLINK text"),
)
# What the first line says where no laboratory is named.
FIRST_LINES = ((b"[Header]", "Illumina report"), (b"rsid\tChromosome\tposition\tgenotype", "tellmeGen"))

NAMES = ("rsid", "snpname", "markername", "marker", "name", "snp", "id")
CHROMOSOMES = ("chromosome", "chrom", "chr")
POSITIONS = ("position", "pos", "bp")
GENOTYPES = ("genotype", "result", "gt", "alleles")
SAMPLES = ("samplename", "sampleid")
# Illumina's reports give the alleles on several strands: that of the reference first.
STRANDS = ("plus", "forward", "", "top")


@dataclass(frozen=True)
class Columns:
    """The number of each column; `second` is that of the second allele where each has its own."""

    name: int = 0
    chromosome: int | None = 1
    position: int | None = 2
    first: int = 3
    second: int | None = None
    sample: int | None = None


@dataclass(frozen=True)
class Layout:
    """How to read a consumer file. `skip` bytes stand before its first row."""

    format: str
    separator: bytes
    columns: Columns
    skip: int
    spaces_separate: bool


def find_layout(first: bytes) -> Layout:
    """The layout of the file that begins with these lines."""
    comment, skip = _after_comments(first, _after_data_mark(first))
    row = _line_at(first, skip)
    names = _header_fields(row)
    columns = _named_columns(names)
    if columns or not any(field.isdigit() for field in names):
        skip += len(row) + 1
    else:
        names = _header_fields(comment.lstrip(b"# \t"))
        columns = _named_columns(names)
    spaced = columns is not None and any(b" " in name for name in names)
    separator = b"\t" if spaced else _separator(_line_at(first, skip))
    return Layout(_vendor(first[:skip]), separator, columns or Columns(), min(skip, len(first)), not spaced)


def _after_data_mark(first: bytes) -> int:
    """Illumina's reports begin with [Header]; their table begins after [Data]."""
    mark = re.search(rb"^\[Data\][^\n]*\n", first, re.MULTILINE) if first.startswith(b"[Header]") else None
    return mark.end() if mark else 0


def _after_comments(text: bytes, start: int) -> tuple[bytes, int]:
    """The last comment before the first row, which may be the header; and where that row begins."""
    row = FIRST_ROW.search(text, start)
    end = row.start() if row else len(text)
    return text[start:end].rstrip().rpartition(b"\n")[2], end


def _line_at(text: bytes, start: int) -> bytes:
    end = text.find(b"\n", start)
    return text[start : end if end >= 0 else len(text)]


def _header_fields(line: bytes) -> list[bytes]:
    """Fields of a header: parted by tabs, commas or several spaces, for names may hold one space; else by spaces."""
    fields = re.split(rb"\t+|[,;]| {2,}", line.strip().replace(b'"', b""))
    return [field.strip() for field in fields] if len(fields) > 1 else line.split()


def _named_columns(header: list[bytes]) -> Columns | None:
    """The columns by their names, or None where the names are not those of a genotype table."""
    names = [re.sub(r"[^a-z0-9]", "", field.decode("latin-1").lower()) for field in header]
    name = _column(names, NAMES)
    first, second = _allele_columns(names)
    if name is None or first is None:
        return None
    places = _column(names, CHROMOSOMES), _column(names, POSITIONS)
    return Columns(name, *places, first, second, _column(names, SAMPLES))


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _allele_columns(names: list[str]) -> tuple[int | None, int | None]:
    for strand in STRANDS:
        pair = f"allele1{strand}", f"allele2{strand}"
        if set(pair) <= set(names):
            return names.index(pair[0]), names.index(pair[1])
    exact = _column(names, GENOTYPES)
    alike = [i for i, name in enumerate(names) if name.startswith("genotype")]
    return (exact if exact is not None else alike[0] if len(alike) == 1 else None), None


def _separator(row: bytes) -> bytes:
    """A tab where the row has one, for a name may hold a comma; spaces count as tabs."""
    return next((mark for mark in (b"\t", b",", b";") if mark in row), b"\t")


def _vendor(head: bytes) -> str:
    text = head.lower()
    found = [(text.find(mark), name) for mark, name in VENDORS if mark in text]
    unnamed = (name for line, name in FIRST_LINES if head.startswith(line))
    return min(found)[1] if found else next(unnamed, "generic")
