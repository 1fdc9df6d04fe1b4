"""The genotype of one person in one VCF row of any shape (VCF 4.3, sections 1.6.1 and 1.6.2)."""

from __future__ import annotations

from dataclasses import dataclass

from .hits import FINE, LOW_QUALITY, NO_CALL, NOT_SINGLE
from .letters import KIND, NUCLEOTIDE

CHROM, POS, ID, REF, ALT, FILTER, INFO, FORMAT, FIXED_COLUMNS = 0, 1, 2, 3, 4, 6, 7, 8, 9
PASSED = frozenset({b"PASS", b".", b""})
MAX_INDEX_DIGITS = 3  # no locus has a thousand alleles


@dataclass(frozen=True)
class Genotype:
    """A genotype that was read by itself; the fields are those of a hit."""

    first: int = 0
    second: int = 0
    reference: int = 0
    alternative: int = -1
    problem: int = FINE
    phased: bool = False


def parse_genotype(fields: list[bytes], column: int) -> Genotype:
    """The genotype in a row, cut into its fields; what cannot be told from it is a problem, never an error."""
    if len(fields) <= column:
        return Genotype(problem=NO_CALL)
    reference = fields[REF].upper()
    values = sample_values(fields, column)
    genotype = values.get(b"GT", b".")
    alleles = [reference, *fields[ALT].upper().split(b",")]
    chosen = [_allele(alleles, index) for index in genotype.replace(b"|", b"/").split(b"/")]
    letter = reference[0] if reference[:1] and KIND[reference[0]] == NUCLEOTIDE else 0
    problem = _problem(chosen, reference, fields[FILTER].upper())
    if problem != FINE:
        return Genotype(reference=letter, problem=problem)
    local = values.get(b"PS", b".") != b"."  # the phase holds within a set of neighbours alone
    pair = [allele[0] for allele in chosen]
    count = _alternatives(alleles, chosen)
    return Genotype(pair[0], pair[1], letter, count, phased=b"|" in genotype and not local)


def _allele(alleles: list[bytes], index: bytes) -> bytes:
    number = int(index) if index.isdigit() and len(index) <= MAX_INDEX_DIGITS else -1
    return alleles[number] if 0 <= number < len(alleles) else b"."


def _problem(chosen: list[bytes], reference: bytes, passed: bytes) -> int:
    if passed not in PASSED:
        return LOW_QUALITY
    if b"." in chosen:
        return NO_CALL
    single = all(len(a) == len(reference) and KIND[a[0]] == NUCLEOTIDE for a in chosen if a)
    return FINE if len(chosen) == 2 and all(chosen) and single else NOT_SINGLE  # noqa: PLR2004 - two chromosomes


def _alternatives(alleles: list[bytes], chosen: list[bytes]) -> int:
    """How many of the chosen alleles are ALT, where there is but one; -1 where there are several."""
    real = [allele for allele in alleles[1:] if allele[:1] not in {b"<", b"*", b"."}]
    count = sum(allele != alleles[0] for allele in chosen)
    return count if count == 0 or len(real) == 1 else -1


def sample_values(fields: list[bytes], column: int) -> dict[bytes, bytes]:
    """The values of a person by their keys in FORMAT."""
    return dict(zip(fields[FORMAT].split(b":"), fields[column].rstrip().split(b":"), strict=False))
