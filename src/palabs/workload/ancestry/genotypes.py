"""From the bytes of a file to dosages at the panel's SNPs: build, strand, duplicates, no-calls, phase."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from .consumer import read_consumer
from .container import Plink, unpack
from .hits import BUILDS, FINE, NOT_SINGLE, REASONS, UNKNOWN_LETTERS, Hits, Panel
from .letters import COMPLEMENT
from .model import Sites
from .plink import read_plink
from .refusal import BadGenotypes
from .rows import Rows
from .table import Bytes, Ints
from .text import blocks
from .vcf import is_vcf, read_vcf

# The build with fewer places found must have less than half of the other's: chance finds a few in a whole genome.
CLEAR = 2
# More than this share of letters that fit neither strand, and it is another build, another species or damage.
MAX_MISMATCH = 0.03
CONFLICT, MISMATCH = REASONS.index("conflicting_duplicate"), REASONS.index("allele_mismatch")
USED = FINE
MISSING = FINE + 1

Dosages = NDArray[np.int8]


@dataclass(frozen=True)
class Genotypes:
    """What a file says about the panel.

    `dosage` (one a site) counts the model's counted allele, -1 where unknown; `hidden` is the dosage that the file
    cannot show there, -1 where it can show all. `haplotypes` (sites x 2) has 1 where a haplotype carries the counted
    allele, 0 where the other, -1 where that is unknown: nothing else in a file that is not `phased`. `tally` says
    what became of each panel SNP: used, missing and REASONS add up to the panel; `strand_flipped` of the used ones
    were read from the other strand. `rows` is the number of rows of the file, `people` that of its people.
    """

    format: str
    build: int | None
    rows: int
    variants_only: bool
    dosage: Dosages
    hidden: Dosages
    tally: dict[str, int]
    phased: bool
    haplotypes: Dosages
    people: int


def read_genotypes(data: bytes, sites: Sites, *, sample: str | None = None) -> Genotypes:
    """The genotypes of one person, of `sample` where the file holds several, from the bytes of a file.

    Raises BadGenotypes, and nothing else, for a file that cannot be used.
    """
    rows = read_rows(data, sites, sample)
    build = detect_build(rows.hits, sites)
    settled = _settle(rows, _sites_of(rows.hits, build), sites)
    _check(settled, rows.count)
    return Genotypes(
        rows.format, build, rows.count, rows.variants_only,
        settled.dosage, settled.hidden, settled.tally(), rows.phased, settled.haplotypes, rows.people,
    )  # fmt: skip


def read_rows(data: bytes, sites: Sites, sample: str | None = None) -> Rows:
    """The rows of a file of any known format at the panel's SNPs. Raises BadGenotypes where there is none."""
    panel, content = Panel(sites), unpack(data)
    if isinstance(content, Plink):
        return read_plink(content, panel, sample)
    stream = blocks(content)
    first = next(stream, b"")
    return (read_vcf if is_vcf(first) else read_consumer)(chain([first], stream), panel, sample)


def detect_build(hits: Hits, sites: Sites) -> int | None:
    """The build in which clearly more rows stand where the panel says; None where none does.

    A row with the panel's name counts where that SNP is at its place. One without counts where a SNP is there
    whose letters it has, not turned to the other strand: chance finds a few of those.
    """
    own = hits[~hits["covered"]]
    scores = {}
    for build in BUILDS:
        place = own[f"place{build}"]
        fits = (own["problem"] == FINE) & _has_letters(own, sites, np.maximum(place, 0))
        scores[build] = int(((place >= 0) & np.where(own["name"] >= 0, own["name"] == place, fits)).sum())
    best, second = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    return best if scores[best] > CLEAR * scores[second] else None


def _has_letters(hits: Hits, sites: Sites, index: Ints) -> NDArray[np.bool_]:
    pair = sites.counted[index], sites.other[index]
    both = [(hits[letter] == pair[0]) | (hits[letter] == pair[1]) for letter in ("first", "second")]
    return np.asarray((both[0] & both[1]) | ((pair[0] == 0) & (hits["alternative"] >= 0)))


def _sites_of(hits: Hits, build: int | None) -> Ints:
    """The panel SNP of each hit: that of its rs number, or of its place in the build; -1 for none."""
    place = np.full(len(hits), -1) if build is None else hits[f"place{build}"]
    return np.where(hits["name"] >= 0, hits["name"], place).astype(np.int64)


@dataclass(frozen=True)
class _Settled:
    """What became of each panel SNP: `fate` is a place in REASONS, USED or MISSING; see Genotypes for the rest."""

    fate: NDArray[np.uint8]
    dosage: Dosages
    hidden: Dosages
    haplotypes: Dosages
    flipped: int
    compared: int

    def tally(self) -> dict[str, int]:
        """How many panel SNPs had each fate."""
        count = np.bincount(self.fate, minlength=MISSING + 1).tolist()
        reasons = dict(zip(REASONS, count[: len(REASONS)], strict=True))
        totals = {"panel": len(self.fate), "used": count[USED], "missing": count[MISSING]}
        return totals | reasons | {"strand_flipped": self.flipped}


@dataclass(frozen=True)
class _Reading:
    """Hits of panel SNPs `site`: what each haplotype carries, on the panel's strand, and the `fate` each asks for.

    `hidden` is the dosage that the file does not show there, `told` whether the order of the haplotypes is known.
    """

    site: Ints
    carried: Dosages
    hidden: Dosages
    flipped: NDArray[np.bool_]
    told: NDArray[np.bool_]
    fate: NDArray[np.uint8]


def _settle(rows: Rows, site: Ints, sites: Sites) -> _Settled:
    """All rows at each SNP as one: the same dosage in all of them, or the weightiest reason against.

    A row that cannot be read does not spoil one that can; one with letters that the SNP does not have does.
    """
    reading = _read(rows, np.flatnonzero(site >= 0), site[site >= 0], sites)
    fate = np.full(len(sites), MISSING, dtype=np.uint8)
    np.minimum.at(fate, reading.site, reading.fate)
    good = reading.fate == USED
    low, high = np.full(len(sites), 3, dtype=np.int8), np.full(len(sites), -1, dtype=np.int8)
    dosage = reading.carried.sum(axis=1, dtype=np.int8)
    np.minimum.at(low, reading.site[good], dosage[good])
    np.maximum.at(high, reading.site[good], dosage[good])
    fate[(high >= 0) & (fate != MISMATCH)] = USED
    fate[(low < high) & (fate == USED)] = CONFLICT
    kept = np.flatnonzero(good & (fate[reading.site] == USED))
    compared = int(((fate == USED) & (sites.counted != 0)).sum() + (fate == MISMATCH).sum())
    return _Settled(
        fate,
        np.where(fate == USED, low, np.int8(-1)),
        _spread(reading.hidden[kept], reading.site[kept], len(sites)),
        _spread(reading.carried[kept], reading.site[kept], len(sites), reading.told[kept]),
        len(np.unique(reading.site[kept][reading.flipped[kept]])),
        compared,
    )


def _spread(values: Dosages, site: Ints, size: int, told: NDArray[np.bool_] | None = None) -> Dosages:
    """The values at their sites, of those that are told, and -1 elsewhere."""
    result = np.full((size, *values.shape[1:]), -1, dtype=np.int8)
    chosen = slice(None) if told is None else told
    result[site[chosen]] = values[chosen]
    return result


def _silent(rows: Rows, sites: Sites) -> NDArray[np.bool_]:
    """The sites where the file shows no genotype without a variant."""
    if rows.variants_only:
        return np.ones(len(sites), dtype=np.bool_)
    return np.asarray((sites.reference == 0) & (sites.counted != 0) & rows.blocks)


def _read(rows: Rows, which: Ints, site: Ints, sites: Sites) -> _Reading:
    """Letters turned to the panel's strand: complemented where only that fits. No pair is palindromic: it is safe."""
    hits, silent = rows.hits[which], _silent(rows, sites)[site]
    counted, other = sites.counted[site], sites.other[site]
    letters = np.stack([hits["first"], hits["second"], hits["reference"]], axis=1)
    straight, turned = (_fit(some[:, :2], counted, other) for some in (letters, COMPLEMENT[letters]))
    flipped, lettered = turned & ~straight, counted != 0
    letters = np.where(flipped[:, None], COMPLEMENT[letters], letters)
    carried = np.where(lettered[:, None], letters == counted[:, None], _are_alternative(hits, letters)).astype(np.int8)
    fate = _fates(hits, lettered=lettered, fits=straight | turned)
    unseen = silent & (hits["alternative"] == 0)  # shown by chance: others like it are not in the file
    fate[unseen & ((fate == USED) | (fate == MISMATCH))] = MISSING
    hidden = np.where(silent, 2 * carried[:, 2], -1).astype(np.int8)
    told = rows.phased & (hits["phased"] | (carried[:, 0] == carried[:, 1]))
    return _Reading(site, carried[:, :2], hidden, flipped, told, fate)


def _fates(hits: Hits, *, lettered: NDArray[np.bool_], fits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    fate = hits["problem"].copy()
    fine = fate == FINE
    fate[fine & lettered & ~fits] = MISMATCH
    unclear = fine & ~lettered & (hits["alternative"] < 0)
    fate[unclear] = np.where(hits["reference"][unclear] != 0, NOT_SINGLE, UNKNOWN_LETTERS)
    return fate


def _fit(letters: Bytes, counted: Bytes, other: Bytes) -> NDArray[np.bool_]:
    return np.asarray(((letters == counted[:, None]) | (letters == other[:, None])).all(axis=1))


def _are_alternative(hits: Hits, letters: Bytes) -> NDArray[np.bool_]:
    """Where nucleotides are unknown: which letters are ALT. Blocks of reference have none."""
    return np.asarray((letters != hits["reference"][:, None]) & (hits["alternative"] > 0)[:, None])


def _check(settled: _Settled, count: int) -> None:
    """Raises BadGenotypes where nothing can be used, or where too many letters fit neither strand."""
    tally = settled.tally()
    wrong = tally["allele_mismatch"]
    if wrong > 1 and wrong > MAX_MISMATCH * settled.compared:
        raise BadGenotypes(
            "genotypes.allele_mismatch",
            got=f"{wrong} of {settled.compared} SNPs with letters that the SNP has on neither strand",
            wanted=f"at most {MAX_MISMATCH:.0%}",
            remedy="Give the raw data unchanged: rows or columns were mixed up, or the names belong to other SNPs.",
        )
    if not tally["used"]:
        raise BadGenotypes(
            "genotypes.no_panel_snps",
            got=f"{count} rows, none of them a usable genotype at the {tally['panel']} SNPs of the model",
            wanted="at least one of the model's SNPs, by rs number or by place in GRCh36, GRCh37 or GRCh38",
            remedy="Give the raw genotype data of an autosomal test or a whole genome.",
        )
