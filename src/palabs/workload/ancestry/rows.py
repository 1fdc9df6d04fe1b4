"""From lines of text to calls at the panel's SNPs: consumer files (23andMe, AncestryDNA, MyHeritage, FTDNA and
others of the same shape) and VCF. The format is told from the content.

A row is matched by its rs number; without one by its place, once the build is known from the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

from .model import Sites
from .refusal import BadGenotypes

Problem = Literal["no_call", "not_single_nucleotide", "low_quality"]

SAMPLED_ROWS = 1000
VCF_COLUMNS = 9
CONSUMER_COLUMNS = 4
NUCLEOTIDES = frozenset(b"ACGT")
NOT_CALLED = frozenset(b"-0N.?")
SEPARATORS = bytes.maketrans(b", ", b"\t\t")
VENDORS = (
    (b"23andme", "23andMe"),
    (b"ancestrydna", "AncestryDNA"),
    (b"myheritage", "MyHeritage"),
    (b"famfinder", "FTDNA"),
    (b"ftdna", "FTDNA"),
    (b"living dna", "Living DNA"),
)


# The panel SNP at a place in GRCh37, and in GRCh38.
Places = tuple[int | None, int | None]
NOWHERE: Places = (None, None)


@dataclass(frozen=True, slots=True)
class Call:
    """A genotype in a file: two letters, or the problem with it. `reference` is the REF letter of a VCF row."""

    letters: bytes
    problem: Problem | None = None
    reference: bytes = b""

    @property
    def is_reference(self) -> bool:
        """Whether both letters are REF."""
        return self.letters == self.reference * 2


@dataclass(frozen=True, slots=True)
class Hit:
    """A row at a panel SNP: by its rs number, and by its place in either build (None where it is not)."""

    name: int | None
    place37: int | None
    place38: int | None
    call: Call


@dataclass
class Rows:
    """What a file holds: its format, its number of rows, its rows at panel SNPs.

    `variants_only` is true of a VCF that cannot show a place without a variant.
    """

    format: str
    count: int = 0
    hits: list[Hit] = field(default_factory=list)
    variants_only: bool = False


class Lookup:
    """Finds a panel SNP by rs number or by place (chromosome, tab, position)."""

    def __init__(self, sites: Sites) -> None:
        self.by_name = {b"rs%d" % rs: index for index, rs in enumerate(sites.rs.tolist())}
        self.by_place: dict[bytes, Places] = {}
        chromosomes = sites.chromosome.tolist()
        for build, positions in enumerate((sites.position37.tolist(), sites.position38.tolist())):
            for index, (chromosome, position) in enumerate(zip(chromosomes, positions, strict=True)):
                if position:
                    self._add(b"%d\t%d" % (chromosome, position), build, index)

    def _add(self, key: bytes, build: int, index: int) -> None:
        for spelling in (key, b"chr" + key):
            places = list(self.by_place.get(spelling, NOWHERE))
            places[build] = index
            self.by_place[spelling] = (places[0], places[1])


def read_rows(blocks: Iterable[bytes], sites: Sites) -> Rows:
    """The rows of a file at the panel's SNPs. Raises BadGenotypes where the format is none of the known ones."""
    stream = iter(blocks)
    first = next(stream, b"")
    lookup = Lookup(sites)
    if first.startswith((b"##fileformat=VCF", b"#CHROM\tPOS\t")):
        return _read_vcf(chain([first], stream), lookup)
    return _read_consumer(first, stream, lookup)


def _read_consumer(first: bytes, rest: Iterator[bytes], lookup: Lookup) -> Rows:
    rows = Rows(_vendor(first))
    looks_right = False
    for block in chain([first], rest):
        lines = [line for line in block.translate(SEPARATORS, b'"').split(b"\n") if line and line[0] != ord("#")]
        looks_right = looks_right or any(map(_is_consumer_row, lines[:SAMPLED_ROWS]))
        header = not rows.count and lines and not _is_consumer_row(lines[0])
        rows.count += len(lines) - bool(header)
        rows.hits.extend(_consumer_hits(lines, lookup))
    if not looks_right:
        raise _unknown_format()
    return rows


def _vendor(first: bytes) -> str:
    head = first[:2000].lower()
    for mark, name in VENDORS:
        if mark in head:
            return name
    return "FTDNA" if b"rsid,chromosome,position,result" in head else "generic"


def _is_consumer_row(line: bytes) -> bool:
    fields = line.split()
    return len(fields) >= CONSUMER_COLUMNS and fields[2].isdigit()


def _unknown_format() -> BadGenotypes:
    return BadGenotypes(
        "genotypes.format",
        got="text that is no genotype table",
        wanted="23andMe, AncestryDNA, MyHeritage, FTDNA (rsid, chromosome, position, genotype) or VCF",
        remedy="Download the raw genotype data from the laboratory and give that file unchanged.",
    )


def _consumer_hits(lines: list[bytes], lookup: Lookup) -> Iterator[Hit]:
    """Two quick passes over many lines; only those at panel SNPs are taken apart."""
    named = lookup.by_name
    for line in [line for line in lines if line.partition(b"\t")[0] in named]:
        yield from _consumer_hit(line, named[line.partition(b"\t")[0]], lookup)
    for line in [line for line in lines if not line.startswith(b"rs")]:
        yield from _consumer_hit(line, None, lookup)


def _consumer_hit(line: bytes, name: int | None, lookup: Lookup) -> Iterator[Hit]:
    fields = line.split()
    if len(fields) >= CONSUMER_COLUMNS - 1:
        places = lookup.by_place.get(fields[1] + b"\t" + fields[2], NOWHERE)
        if name is not None or places is not NOWHERE:
            yield Hit(name, *places, _consumer_call(fields[3:]))


def _consumer_call(fields: list[bytes]) -> Call:
    """The genotype in one column (`AG`, `A/G`) or in two (`A`, `G`)."""
    split = len(fields) > 1 and len(fields[0]) == 1
    text = fields[0] + fields[1] if split else b"".join(fields[:1])
    return _call(text.upper().replace(b"/", b"").replace(b"|", b""))


def _call(letters: bytes, reference: bytes = b"") -> Call:
    if NOT_CALLED.issuperset(letters):
        return Call(b"", "no_call", reference)
    if len(letters) == 2 and NUCLEOTIDES.issuperset(letters):  # noqa: PLR2004 - two chromosomes
        return Call(letters, None, reference)
    return Call(b"", "not_single_nucleotide", reference)


def _read_vcf(blocks: Iterable[bytes], lookup: Lookup) -> Rows:
    rows = Rows("VCF")
    header_seen = reference_seen = banded = False
    for block in blocks:
        lines = block.split(b"\n")
        header_seen = header_seen or any(_check_header(line) for line in lines if line.startswith(b"#CHROM"))
        lines = [line for line in lines if line and line[0] != ord("#")]
        if lines and not header_seen:
            raise _no_header()
        reference_seen = reference_seen or b"\t0/0" in block or b"\t0|0" in block
        banded = banded or b"\tEND=" in block or b";END=" in block
        rows.count += len(lines)
        rows.hits.extend(_vcf_hits(lines, lookup))
    if not header_seen:
        raise _no_header()
    rows.variants_only = banded or not reference_seen
    return rows


def _no_header() -> BadGenotypes:
    return BadGenotypes(
        "genotypes.format",
        got="a VCF without its #CHROM line",
        wanted="a whole VCF file",
        remedy="Give the file as it was made; the line that begins with #CHROM names the columns.",
    )


def _check_header(line: bytes) -> bool:
    """True. Raises BadGenotypes where the VCF has not exactly one person."""
    people = max(0, len(line.rstrip().split(b"\t")) - VCF_COLUMNS)
    if people != 1:
        raise BadGenotypes(
            "genotypes.samples",
            got=f"a VCF of {people} people",
            wanted="a VCF of one person",
            remedy="Take one person out first, for example: bcftools view -s NAME file.vcf.gz -O z -o one.vcf.gz"
            if people
            else "Give a VCF with a genotype column, not a list of sites.",
        )
    return True


def _vcf_hits(lines: list[bytes], lookup: Lookup) -> Iterator[Hit]:
    named, placed = lookup.by_name, lookup.by_place
    for line in lines:
        head = line.split(b"\t", 3)
        if len(head) > 3:  # noqa: PLR2004 - chromosome, position, name and the rest
            name = named.get(head[2])
            places = placed.get(head[0] + b"\t" + head[1], NOWHERE)
            if name is not None or places is not NOWHERE:
                yield Hit(name, *places, _vcf_call(line.split(b"\t")))


def _vcf_call(fields: list[bytes]) -> Call:
    """The genotype of the one person of a VCF row (VCF 4.3, sections 1.6.1 and 1.6.2)."""
    if len(fields) <= VCF_COLUMNS:
        return Call(b"", "no_call")
    _, _, _, ref, alt, _, passed, _, keys, sample = fields[: VCF_COLUMNS + 1]
    if passed.upper() not in {b"PASS", b".", b""}:
        return Call(b"", "low_quality", ref)
    values = dict(zip(keys.split(b":"), sample.rstrip().split(b":"), strict=False))
    alleles = [ref.upper(), *alt.upper().split(b",")]
    chosen = [_allele(alleles, index) for index in values.get(b"GT", b".").replace(b"|", b"/").split(b"/")]
    if any(len(allele) != 1 for allele in chosen) or len(ref) != 1:
        return Call(b"", "not_single_nucleotide", ref)
    return _call(b"".join(chosen), ref.upper())


def _allele(alleles: list[bytes], index: bytes) -> bytes:
    number = int(index) if index.isdigit() and len(index) < 4 else -1  # noqa: PLR2004 - no locus has a thousand alleles
    return alleles[number] if 0 <= number < len(alleles) else b"."
