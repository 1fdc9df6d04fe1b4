"""From the rows of a file to dosages at the panel's SNPs: build, strand, duplicates, no-calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import Sites
from .refusal import BadGenotypes
from .rows import Call, Hit, Rows, read_rows
from .text import blocks

COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")
# The build with fewer places found must have less than half of the other's: chance finds a few in a whole genome.
CLEAR = 2

# Why a panel SNP was not used, the weightiest reason first.
REASONS = ("conflicting_duplicate", "allele_mismatch", "not_single_nucleotide", "low_quality", "no_call")


@dataclass(frozen=True)
class Genotypes:
    """What a file says about the panel.

    `dosage` (one a site) counts the model's counted allele, -1 where unknown; `hidden` is the dosage that the file
    cannot show there, -1 where it can show all. `tally` says what became of each panel SNP: used, missing and
    REASONS add up to the panel; `strand_flipped` of the used ones were read from the other strand.
    """

    format: str
    build: int | None
    rows: int
    variants_only: bool
    dosage: NDArray[np.int8]
    hidden: NDArray[np.int8]
    tally: dict[str, int]


def read_genotypes(data: bytes, sites: Sites) -> Genotypes:
    """The genotypes of one person from the bytes of a file. Raises BadGenotypes, and nothing else, for a bad one."""
    rows = read_rows(blocks(data), sites)
    build = detect_build(rows.hits)
    found = _collect(rows, build)
    dosage, hidden, tally = _harmonise(found, sites, variants_only=rows.variants_only)
    if not tally["used"]:
        raise BadGenotypes(
            "genotypes.no_panel_snps",
            got=f"{rows.count} rows, none of them a usable genotype at the {len(sites)} SNPs of the model",
            wanted="at least one of the model's SNPs, by rs number or by place in GRCh37 or GRCh38",
            remedy="Give the raw genotype data of an autosomal test or a whole genome.",
        )
    return Genotypes(rows.format, build, rows.count, rows.variants_only, dosage, hidden, tally)


def detect_build(hits: list[Hit]) -> int | None:
    """The build (37 or 38) in which more rows stand where the panel says, or None where neither clearly does."""
    old = sum(hit.place37 is not None and hit.name in {None, hit.place37} for hit in hits)
    new = sum(hit.place38 is not None and hit.name in {None, hit.place38} for hit in hits)
    if max(old, new) <= CLEAR * min(old, new):
        return None
    return 37 if old > new else 38


def _collect(rows: Rows, build: int | None) -> dict[int, list[Call]]:
    """The calls at each panel SNP: a row belongs to its rs number, or to its place in the build."""
    found: dict[int, list[Call]] = {}
    for hit in rows.hits:
        place = {37: hit.place37, 38: hit.place38}.get(build or 0)
        index = place if hit.name is None else hit.name
        if index is not None:
            found.setdefault(index, []).append(hit.call)
    return found


@dataclass(frozen=True)
class Settled:
    """What became of a panel SNP: `used` or one of REASONS; see Genotypes for `dosage` and `hidden`."""

    fate: str
    dosage: int = -1
    hidden: int = -1
    flipped: bool = False


def _harmonise(
    found: dict[int, list[Call]], sites: Sites, *, variants_only: bool
) -> tuple[NDArray[np.int8], NDArray[np.int8], dict[str, int]]:
    dosage = np.full(len(sites), -1, dtype=np.int8)
    hidden = np.full(len(sites), -1, dtype=np.int8)
    tally = dict.fromkeys(("panel", "used", "missing", *REASONS, "strand_flipped"), 0)
    tally |= {"panel": len(sites), "missing": len(sites) - len(found)}
    for index, calls in found.items():
        settled = _settle(calls, bytes([sites.counted[index], sites.other[index]]), variants_only=variants_only)
        dosage[index], hidden[index] = settled.dosage, settled.hidden
        tally[settled.fate] += 1
        tally["strand_flipped"] += settled.flipped
    return dosage, hidden, tally


def _settle(calls: list[Call], pair: bytes, *, variants_only: bool) -> Settled:
    """All the rows at one SNP, whose alleles are `pair` (counted, other), as one."""
    good = [call for call in calls if call.problem is None and not (variants_only and call.is_reference)]
    if not good:
        problems = {call.problem for call in calls}
        return Settled(next((reason for reason in REASONS if reason in problems), "missing"))
    letters = [_oriented(call.letters, pair) for call in good]
    if not all(set(text) <= set(pair) for text in letters):
        return Settled("allele_mismatch")
    dosages = {text.count(pair[:1]) for text in letters}
    if len(dosages) > 1:
        return Settled("conflicting_duplicate")
    hidden = 2 * _oriented(good[0].reference, pair).count(pair[:1]) if variants_only else -1
    return Settled("used", dosages.pop(), hidden, flipped=letters[0] != good[0].letters)


def _oriented(letters: bytes, pair: bytes) -> bytes:
    """The letters on the panel's strand: complemented where only that fits. No pair is palindromic, so it is safe."""
    turned = letters.translate(COMPLEMENT)
    return turned if not set(letters) <= set(pair) and set(turned) <= set(pair) else letters
