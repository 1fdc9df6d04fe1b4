"""What people show: the kinds of files they bring, with SNPs missing or genotypes wrong. Each draw has its own seed.

A draw of missing SNPs is shared by the people of one fold in groups, as the customers of one chip share its SNPs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from palabs.evaluate.measures import Flags, Indices
from palabs.training.panel import POPULATIONS, Panel
from palabs.training.validation import assign_folds

Dosage = NDArray[np.int8]
Error = Literal["alleles", "SNPs"]
ERRORS: tuple[Error, ...] = get_args(Error)
SEED = 20131128
TYPED = 0.98
GROUPS = 2  # draws of missing SNPs a fold


@dataclass(frozen=True)
class Cohort:
    """People who may be asked: dosage of the counted allele (people x sites, -1 not typed), the index of each one's
    population, the fold that leaves them out, which sites each panel has, and the populations' codes. `plain` is the
    dosage of a genotype without a variant at each site, which a VCF of variants only does not show; where no source
    states the letter of the reference genome, the counted allele is taken for the variant.
    """

    dosage: Dosage = field(repr=False)
    population: Indices = field(repr=False)
    fold: Indices = field(repr=False)
    sites: Mapping[str, Flags] = field(repr=False)
    codes: tuple[str, ...]
    plain: Dosage | None = field(default=None, repr=False)

    @cached_property
    def typed(self) -> dict[str, Flags]:
        """Which people have genotypes at nearly all sites of each panel; on another platform more is lacking."""
        return {name: np.asarray((self.dosage[:, own] >= 0).mean(axis=1) > TYPED) for name, own in self.sites.items()}

    @classmethod
    def of(cls, panel: Panel) -> Cohort:
        """The people of the training panel, each with the fold that its own cross-validation gives."""
        sites = {name: panel.of(name) for name in panel.sources}
        sites["exome with letters"] = sites["exome"] & (panel.sites.counted > 0)
        known = (panel.sites.reference != 0) & (panel.sites.reference == panel.sites.counted)
        plain = np.where(known, 2, 0).astype(np.int8)
        return cls(panel.dosage, panel.population, assign_folds(panel), sites, POPULATIONS, plain)


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name and a short one, the panels whose SNPs it holds of whoever was typed on them, and which
    of these everybody asked must have been typed on, or not. `brought` says by population which of the panels its
    people bring, all of them typed so, and of each population EACH people a fold at most are asked.
    """

    name: str
    short: str
    panels: tuple[str, ...]
    needed: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    brought: tuple[tuple[str, tuple[str, ...]], ...] = ()


CHOSEN = Kind("169 ancestry-informative SNPs", "169", ("aisnp",), ("aisnp",))
WITH_PHASED = Kind("169 + 9,300 of phased genomes", "phased", ("aisnp", "vcf"), ("aisnp", "vcf"))
WITH_GENOME_WIDE = Kind("169 + 14,000 genome-wide", "genome-wide", ("aisnp", "kg_p1"), ("aisnp", "kg_p1"))
OTHER_PLATFORM = Kind(
    "169 + 12,600 genome-wide, HapMap 3's platform", "HapMap 3", ("aisnp", "hm3"), ("hm3",), ("kg_p1",)
)
EVERYTHING = Kind("169 + both", "both", ("aisnp", "vcf", "kg_p1"), ("aisnp", "vcf", "kg_p1"))
ALL_POPULATIONS = Kind("8,400 SNPs typed in all 26 populations", "8,400", ("aisnp", "microhap", "exome"), ("exome",))
LETTERED = Kind(
    "2,900 of them whose nucleotides are known", "2,900", ("aisnp", "microhap", "exome with letters"), ("exome",)
)
MIXED = Kind("mixed formats: what each person has", "mixed", ("aisnp", "vcf", "kg_p1"))
# The panels that the file of each population's example person holds (people/index.tsv of the open genotypes).
BROUGHT: dict[tuple[str, ...], str] = {
    ("aisnp",): "BEB CDX ESN GWD ITU KHV MSL PEL PJL STU",
    ("aisnp", "vcf"): "ACB GIH",
    ("aisnp", "kg_p1"): "CHS FIN IBS TSI",
    ("aisnp", "vcf", "kg_p1"): "ASW CEU CHB CLM GBR JPT LWK MXL PUR YRI",
}
EXAMPLES = Kind(
    "mixture of the example people's files",
    "examples",
    ("aisnp", "vcf", "kg_p1"),
    brought=tuple((code, panels) for panels, codes in BROUGHT.items() for code in codes.split()),
)
KINDS = (
    CHOSEN, WITH_PHASED, WITH_GENOME_WIDE, OTHER_PLATFORM, EVERYTHING, ALL_POPULATIONS, LETTERED, MIXED, EXAMPLES,
)  # fmt: skip
EACH = 8


@dataclass(frozen=True)
class Condition:
    """A kind of file, the share of its SNPs that is missing, and the share of alleles that is wrong; whether it is a
    VCF of variants only, which shows no genotype without a variant.

    `error` says how: each of a genotype's two `alleles` read as the other one with that probability, or both alleles of
    that share of the `SNPs` taken for each other in everybody, as where a file has the wrong strand.
    """

    kind: Kind
    missing: float = 0
    wrong: float = 0
    error: Error = "alleles"
    seed: int = 0
    variants_only: bool = False

    @property
    def name(self) -> str:
        """The condition in words."""
        missing = f", {100 * self.missing:.0f} % missing" if self.missing else ""
        variants = ", VCF of variants only" if self.variants_only else ""
        return (
            self.kind.name
            + variants
            + missing
            + (f", {100 * self.wrong:.0f} % of {self.error} wrong" if self.wrong else "")
        )

    def complete(self) -> Condition:
        """The same kind with nothing missing or wrong."""
        return replace(self, missing=0, wrong=0)


@dataclass(frozen=True)
class Shown:
    """The people asked (indices into the cohort) and what they show: dosage (these people x all sites), and `hidden`,
    one a site: the dosage that their files could not have shown there, or -1.
    """

    rows: Indices
    dosage: Dosage
    hidden: Dosage | None = None


def show(cohort: Cohort, condition: Condition, fold: int) -> Shown:
    """What the people of a fold show under a condition. The same on every machine."""
    kind = condition.kind
    asked = cohort.fold == fold
    for panel in (*kind.needed, *kind.lacking):
        asked = asked & (cohort.typed[panel] == (panel in kind.needed))
    brings = {panel: cohort.typed[panel] for panel in kind.panels}
    if kind.brought:
        asked, brings = _bringing(cohort, kind, asked)
    rows = np.flatnonzero(asked)
    rng = np.random.default_rng([SEED, condition.seed, fold])
    dosage = cohort.dosage[rows]
    dosage[~np.any([np.outer(brings[panel][rows], cohort.sites[panel]) for panel in kind.panels], axis=0)] = -1
    if condition.wrong:
        dosage = _with_errors(dosage, condition, rng)
    if condition.missing:
        hidden = rng.random((GROUPS, dosage.shape[1])) < condition.missing
        dosage[hidden[np.arange(len(rows)) % GROUPS]] = -1
    if condition.variants_only and cohort.plain is not None:
        dosage[dosage == cohort.plain] = -1
        return Shown(rows, dosage, cohort.plain)
    return Shown(rows, dosage)


def _bringing(cohort: Cohort, kind: Kind, asked: Flags) -> tuple[Flags, dict[str, Flags]]:
    """Of those who may be asked, EACH of every population who were typed on what their population brings, spread over
    them evenly; and who brings each panel.
    """
    chosen = np.zeros_like(asked)
    brings = {panel: np.zeros_like(asked) for panel in kind.panels}
    for code, panels in kind.brought:
        own = asked & (cohort.population == cohort.codes.index(code))
        own &= np.all([cohort.typed[panel] for panel in panels], axis=0)
        people = np.flatnonzero(own)
        some = people[np.linspace(0, len(people) - 1, min(EACH, len(people))).astype(np.intp)]
        chosen[some] = True
        for panel in panels:
            brings[panel][some] = True
    return chosen, brings


def _with_errors(dosage: Dosage, condition: Condition, rng: np.random.Generator) -> Dosage:
    if condition.error == "SNPs":
        swapped = rng.random(dosage.shape[1]) < condition.wrong
        return np.where((dosage >= 0) & swapped, 2 - dosage, dosage).astype(np.int8)
    gained = rng.binomial(np.where(dosage < 0, 0, 2 - dosage), condition.wrong)
    lost = rng.binomial(np.maximum(dosage, 0), condition.wrong)
    return np.where(dosage < 0, dosage, dosage + gained - lost).astype(np.int8)
