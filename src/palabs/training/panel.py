"""Joins the open genotypes into one panel: the union of all their sites, the same people, one dosage each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palabs.training.nucleotides import is_palindromic
from palabs.training.positions import complete, lift_from_files
from palabs.training.references import References, orientation, read_references
from palabs.training.sources import Source, read_sources, table
from palabs.workload.ancestry.model import SITE_ARRAYS, Sites

POPULATIONS = (
    "ACB", "ASW", "ESN", "GWD", "LWK", "MSL", "YRI",
    "CLM", "MXL", "PEL", "PUR",
    "CDX", "CHB", "CHS", "JPT", "KHV",
    "CEU", "FIN", "GBR", "IBS", "TSI",
    "BEB", "GIH", "ITU", "PJL", "STU",
)  # fmt: skip

# Two panels that typed the same people must agree on this share of their genotypes, else the later one's are left.
AGREEMENT = 0.95


@dataclass(frozen=True)
class Panel:
    """People x sites: dosage of each site's counted allele, -1 where a person was not typed.

    `population` is an index into POPULATIONS; `sources` names the panels and `membership` (sites x sources) says
    which of them hold a site; `dropped` says how many sites were left out, and why.
    """

    people: list[str]
    population: NDArray[np.intp]
    continents: tuple[str, ...]
    sites: Sites
    dosage: NDArray[np.int8]
    sources: tuple[str, ...]
    membership: NDArray[np.bool_]
    references: References
    dropped: dict[str, int]

    def of(self, *names: str) -> NDArray[np.bool_]:
        """Which sites are in any of these sources."""
        return np.asarray(self.membership[:, [self.sources.index(name) for name in names]].any(axis=1))

    def typed(self, name: str) -> NDArray[np.bool_]:
        """Which people were typed by this source: at most of its sites."""
        return np.asarray((self.dosage[:, self.of(name)] >= 0).mean(axis=1) > 0.5)  # noqa: PLR2004 - most


def read_panel(genomes: Path) -> Panel:
    """The training panel from the folder of open genotypes; the people of `people/index.tsv` are in no part of it."""
    labels = {row[0]: (row[1], row[2]) for row in table(genomes / "labels/samples_1000g.tsv")}
    excluded = {row[1] for row in table(genomes / "people/index.tsv")}
    people = [person for person in labels if person not in excluded]
    union = Union(people)
    lift = lift_from_files(genomes / "sites100k")
    for source in read_sources(genomes, labels, excluded):
        union.add(replace(source, sites=complete(source.sites, lift)))
    continents = dict(labels.values())
    sites, dosage, membership = union.joined()
    sites = complete(sites, lift)
    order = np.lexsort((sites.rs, np.where(sites.position37, sites.position37, sites.position38), sites.chromosome))
    sites, dosage = count_the_rarer(sites.take(order), dosage[:, order])
    return Panel(
        people,
        np.array([POPULATIONS.index(labels[person][0]) for person in people]),
        tuple(continents[code] for code in POPULATIONS),
        sites,
        dosage,
        tuple(union.names),
        membership[order],
        read_references(genomes, sites),
        dict(union.dropped),
    )


def count_the_rarer(sites: Sites, dosage: NDArray[np.int8]) -> tuple[Sites, NDArray[np.int8]]:
    """The same with the rarer allele counted, which keeps the weights of a linear score small. Where the letters are
    unknown the ALT of a VCF stays the counted one.
    """
    typed = dosage >= 0
    common = np.where(typed, dosage, 0).sum(axis=0) > typed.sum(axis=0)
    turn = common & (sites.counted > 0)
    counted, other = np.where(turn, sites.other, sites.counted), np.where(turn, sites.counted, sites.other)
    turned = np.where(turn & typed, 2 - dosage, dosage).astype(np.int8)
    return replace(sites, counted=counted, other=other), turned


class Union:
    """Sites and dosages of the sources added so far. The first source that has a site tells which allele is counted."""

    def __init__(self, people: list[str]) -> None:
        self.people = {person: number for number, person in enumerate(people)}
        self.names: list[str] = []
        self.parts: list[Sites] = []
        self.columns: list[NDArray[np.int8]] = []
        self.members: list[set[int]] = []
        self.by_key: dict[tuple[int, ...], int] = {}
        self.dropped: Counter[str] = Counter()

    def add(self, source: Source) -> None:
        """Adds a source: its new sites, and its dosages at the sites that are here already."""
        self.names.append(source.name)
        dosage = np.full((len(self.people), len(source.sites)), -1, dtype=np.int8)
        dosage[[self.people[person] for person in source.people]] = source.dosage
        sites = source.sites
        palindromic = _palindromic(sites)
        self.dropped["palindromic"] += int(palindromic.sum())
        for row in np.flatnonzero(~palindromic).tolist():
            keys = _keys(sites, row)
            known = {self.by_key[key] for key in keys if key in self.by_key}
            if not known:
                self._append(sites.take(np.array([row])), dosage[:, row], keys)
            elif len(known) == 1:
                self._merge(known.pop(), sites.take(np.array([row])), dosage[:, row], keys)
            else:
                self.dropped["two sites at once"] += 1

    def joined(self) -> tuple[Sites, NDArray[np.int8], NDArray[np.bool_]]:
        """All sites, people x sites, and sites x sources."""
        sites = Sites(**{name: np.concatenate([getattr(part, name) for part in self.parts]) for name, _ in SITE_ARRAYS})
        members = np.array([[number in row for number in range(len(self.names))] for row in self.members])
        return sites, np.stack(self.columns, axis=1), members

    def _append(self, site: Sites, dosage: NDArray[np.int8], keys: list[tuple[int, ...]]) -> None:
        self.by_key |= dict.fromkeys(keys, len(self.parts))
        self.parts.append(site)
        self.columns.append(dosage)
        self.members.append({len(self.names) - 1})

    def _turn(self, number: int, site: Sites, dosage: NDArray[np.int8]) -> int:
        """How a site's letters stand to those of the same site here (1, -1, or 0 for other letters). Where they are
        unknown here, the genotypes of the people typed by both tell.
        """
        here = self.parts[number]
        if here.counted[0]:
            return int(orientation(np.stack([site.counted, site.other], axis=1), here)[0])
        both = (dosage >= 0) & (self.columns[number] >= 0)
        first, second = dosage[both], self.columns[number][both]
        shares = {1: float((first == second).mean()), -1: float((first == 2 - second).mean())} if both.any() else {}
        return max((turn for turn, share in shares.items() if share >= AGREEMENT), key=lambda t: shares[t], default=0)

    def _merge(self, number: int, site: Sites, dosage: NDArray[np.int8], keys: list[tuple[int, ...]]) -> None:
        """Joins a site of the last source with one that is here, if letters and genotypes agree."""
        here = self.parts[number]
        turn = self._turn(number, site, dosage)
        if not turn or not (here.rs[0] == site.rs[0] or not here.rs[0] or not site.rs[0]):
            self.dropped["other letters or number than another panel"] += 1
            return
        turned = np.where((dosage >= 0) & (turn < 0), 2 - dosage, dosage).astype(np.int8)
        both = (turned >= 0) & (self.columns[number] >= 0)
        if both.any() and (turned == self.columns[number])[both].mean() < AGREEMENT:
            self.dropped["genotypes that contradict another panel"] += 1
            return
        self.columns[number] = np.where(self.columns[number] >= 0, self.columns[number], turned)
        self.parts[number] = _letters(_filled(here, site), site, turn)
        self.members[number].add(len(self.names) - 1)
        self.by_key |= dict.fromkeys(keys, number)


def _letters(here: Sites, other: Sites, turn: int) -> Sites:
    """A site with the letters that it lacks taken from another source, whose first letter is the counted one if `turn`
    is 1 and the other one if it is -1.
    """
    if here.counted[0] or not other.counted[0]:
        return here
    pair = (other.counted, other.other) if turn > 0 else (other.other, other.counted)
    return replace(here, counted=pair[0], other=pair[1], reference=pair[1])


def _keys(sites: Sites, row: int) -> list[tuple[int, ...]]:
    """By what a site is known: its rs number, its place in GRCh37, its place in GRCh38."""
    chromosome = int(sites.chromosome[row])
    keys = [
        (0, int(sites.rs[row])),
        (37, chromosome, int(sites.position37[row])),
        (38, chromosome, int(sites.position38[row])),
    ]
    return [key for key in keys if key[-1]]


def _filled(here: Sites, other: Sites) -> Sites:
    """A site with the number and positions that it lacks taken from another source."""
    names = ("rs", "position36", "position37", "position38")
    return replace(
        here, **{name: np.where(getattr(here, name), getattr(here, name), getattr(other, name)) for name in names}
    )


def _palindromic(sites: Sites) -> NDArray[np.bool_]:
    """Which of the sites have letters that are each other's complement."""
    letters = zip(sites.counted.tolist(), sites.other.tolist(), strict=True)
    return np.array([is_palindromic(chr(counted), chr(other)) for counted, other in letters], dtype=bool)
