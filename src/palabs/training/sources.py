"""The open genotypes as they come: one `Source` a panel, each with its people, its sites and their dosages.

A source gives the positions that it knows (0 for a build that it does not) and its letters as they are written;
the panel (panel.py) joins the sources, drops what cannot be read on either strand, and fills in the rest.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palabs.training.nucleotides import settle
from palabs.training.plink import Genotypes, Variant, read_plink
from palabs.workload.ancestry.model import SOURCES, Sites

RARE = 3  # the least number of copies of a variant of the phased VCFs in all its people, for it to be taken
UNKNOWN = ("\0", "\0")
Labels = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Source:
    """A panel: people x sites, dosage of each site's counted allele, -1 where a person was not typed."""

    name: str
    people: list[str]
    sites: Sites
    dosage: NDArray[np.int8]


@dataclass(frozen=True)
class Row:
    """A site as a source gives it: position in NCBI36, GRCh37 and GRCh38, and the (counted, other) letters.

    `other_is_reference` where the source says that the other letter is the reference genome's.
    """

    rs: int
    chromosome: int
    positions: tuple[int, int, int]
    letters: tuple[str, str]
    other_is_reference: bool = False


def read_sources(genomes: Path, labels: Labels, excluded: set[str]) -> list[Source]:
    """All the panels, without the `excluded` people and those whose population `labels` do not tell."""
    sources = [
        _ancestry(genomes),
        _microhaplotypes(genomes),
        _exome(genomes, {person: label for person, label in labels.items() if person not in excluded}),
        _genome_wide(genomes, "kg_p1", 1),
        _genome_wide(genomes, "hm3", 0),
        _phased(genomes),
    ]
    return [_only(source, labels.keys() - excluded) for source in sources]


def table(path: Path) -> list[list[str]]:
    """The rows of a tab-separated file without its header."""
    return [line.split("\t") for line in path.read_text().splitlines()[1:]]


def rs_number(name: str) -> int:
    """The number of an rs name, 0 for any other name."""
    digits = name.removeprefix("rs")
    return int(digits) if name.startswith("rs") and digits.isdigit() else 0


def as_sites(name: str, rows: list[Row]) -> Sites:
    """The rows of the source of this name as columns."""
    positions = np.array([row.positions for row in rows], dtype=np.uint32).reshape(-1, 3)
    letters = np.array([[ord(letter) for letter in row.letters] for row in rows], dtype=np.uint8).reshape(-1, 2)
    return Sites(
        rs=np.array([row.rs for row in rows], dtype=np.uint32),
        chromosome=np.array([row.chromosome for row in rows], dtype=np.uint8),
        position36=positions[:, 0],
        position37=positions[:, 1],
        position38=positions[:, 2],
        counted=letters[:, 0],
        other=letters[:, 1],
        reference=letters[:, 1] * np.array([row.other_is_reference for row in rows], dtype=np.uint8),
        source=np.full(len(rows), SOURCES.index(name), dtype=np.uint8),
    )


def _only(source: Source, people: set[str]) -> Source:
    keep = [number for number, person in enumerate(source.people) if person in people]
    return Source(source.name, [source.people[number] for number in keep], source.sites, source.dosage[keep])


def _ancestry(genomes: Path) -> Source:
    data = read_plink(genomes / "aisnp/aisnp169")
    positions = {row[0]: (0, int(row[2]), int(row[3])) for row in table(genomes / "aisnp/sites.tsv")}
    rows = [_row(variant, positions[variant.name]) for variant in data.variants]
    return Source("aisnp", data.people, as_sites("aisnp", rows), data.dosage)


def _row(variant: Variant, positions: tuple[int, int, int]) -> Row:
    return Row(rs_number(variant.name), int(variant.chromosome), positions, (variant.first, variant.second))


def _genome_wide(genomes: Path, name: str, build: int) -> Source:
    """Phase 1 of 1000 Genomes (`kg_p1`, GRCh37) or HapMap 3 (`hm3`, NCBI36): the same SNPs on two platforms."""
    data = read_plink(genomes / "gw14k" / name)
    rows = []
    for variant in data.variants:
        positions = [0, 0, 0]
        positions[build] = variant.position
        rows.append(_row(variant, (positions[0], positions[1], positions[2])))
    return Source(name, data.people, as_sites("gw14k", rows), data.dosage)


def _exome(genomes: Path, labels: Labels) -> Source:
    """The exonic SNPs. Their letters are settled by the labelled people alone."""
    data = read_plink(genomes / "exome8k/exome8205")
    keep = [number for number, person in enumerate(data.people) if person in labels]
    data = Genotypes([data.people[number] for number in keep], data.variants, data.dosage[keep])
    pairs = settle(data, [labels[person][0] for person in data.people], genomes)
    rows = [
        Row(rs_number(variant.name), int(variant.chromosome), (0, 0, variant.position), pair or UNKNOWN, True)
        for variant, pair in zip(data.variants, pairs, strict=True)
    ]
    return Source("exome", data.people, as_sites("exome", rows), data.dosage)


def _microhaplotypes(genomes: Path) -> Source:
    """The SNPs of the microhaplotypes, counted by their commoner letter; those of more than two letters are left."""
    places = _microhaplotype_places(genomes / "microhap/tgp_meta_haps.csv")
    rows, columns = [], []
    with gzip.open(genomes / "microhap/microhap_phased.csv.gz", "rt") as file:
        people = [name.strip('"\n') for name in file.readline().split(",")][1:]
        for line in file:
            name, *values = [value.strip('"') for value in line.strip().split(",")]
            pairs = [value.split("|") for value in values]
            letters = Counter(letter for pair in pairs for letter in pair).most_common()
            if [len(letter) for letter, _ in letters] == [1, 1]:
                counted, other = letters[0][0], letters[1][0]
                chromosome, position = places[name]
                rows.append(Row(rs_number(name), chromosome, (0, position, 0), (counted, other)))
                columns.append([pair.count(counted) for pair in pairs])
    return Source("microhap", people, as_sites("microhap", rows), np.array(columns, dtype=np.int8).T)


def _microhaplotype_places(path: Path) -> dict[str, tuple[int, int]]:
    places = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            if row[4].isdigit():
                names = [name.strip() for name in row[2].split("/")]
                places.update({name: (int(row[4]), int(at)) for name, at in zip(names, row[5].split(), strict=True)})
    return places


def _phased(genomes: Path) -> Source:
    """The single-nucleotide variants of the phased VCFs with at least RARE copies of either allele; ALT is counted."""
    rows: list[Row] = []
    columns: list[NDArray[np.int8]] = []
    people: list[str] = []
    for number in range(1, 23):
        with gzip.open(genomes / f"vcf_phased/chr{number}.vcf.gz", "rb") as file:
            for line in file:
                if line.startswith(b"#CHROM"):
                    people = line.decode().split()[9:]
                elif not line.startswith(b"#"):
                    _add_variant(line.rstrip().split(b"\t"), rows, columns)
    return Source("vcf", people, as_sites("vcf", rows), np.array(columns).T)


def _add_variant(fields: list[bytes], rows: list[Row], columns: list[NDArray[np.int8]]) -> None:
    """Keeps the variant if it is single-nucleotide, wholly typed and not too rare. GT is the only field."""
    ref, alt = fields[3].decode(), fields[4].decode()
    calls = b"".join(fields[9:])
    if len(ref) != 1 or len(alt) != 1 or len(calls) != 3 * len(fields[9:]) or b"." in calls:
        return
    text = np.frombuffer(calls, np.uint8).reshape(-1, 3)
    dosage = ((text[:, 0] == ord("1")) + (text[:, 2] == ord("1")).astype(np.int8)).astype(np.int8)
    if min(dosage.sum(), 2 * len(dosage) - dosage.sum()) >= RARE:
        name, chromosome, position = fields[2].decode(), int(fields[0]), int(fields[1])
        rows.append(Row(rs_number(name), chromosome, (0, position, 0), (alt, ref), True))
        columns.append(dosage)
