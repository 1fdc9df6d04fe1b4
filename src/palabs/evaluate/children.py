"""The part of the evaluation about people whose parents are of two populations: how sure the service is of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from palabs.evaluate import words
from palabs.evaluate.conditions import WITH_GENOME_WIDE, Cohort, Condition, Dosage, show
from palabs.evaluate.evaluation import Evaluation
from palabs.evaluate.measured import Part
from palabs.evaluate.measures import Flags
from palabs.evaluate.outsiders import Group, Verdicts
from palabs.evaluate.pages import Cell, Section, Table
from palabs.evaluate.sections import LEVEL_OF
from palabs.populations import POPULATIONS

KIND = WITH_GENOME_WIDE
SEED = 18660208
NUMBER = 20
COUPLES = (
    ("GBR", "CEU"), ("GBR", "TSI"), ("FIN", "TSI"), ("CHB", "CHS"), ("CHB", "JPT"), ("YRI", "LWK"), ("YRI", "ASW"),
    ("CLM", "PUR"), ("MXL", "PUR"),
    ("MXL", "CEU"), ("PUR", "TSI"), ("ASW", "CEU"), ("ASW", "MXL"), ("YRI", "CEU"), ("CHB", "CEU"), ("JPT", "MXL"),
    ("YRI", "CHB"),
)  # fmt: skip
LEVELS = ("population", "region", "continent", "world")


def measure(evaluation: Evaluation, _: Path) -> Part:
    """Children of the first fold's people, by the service that has seen neither parent."""
    evaluation.progress("asking about children of two populations")
    cohort, service = evaluation.cohort, evaluation.services[0]
    groups = [
        Group(service, " x ".join(couple), KIND.name, children(cohort, couple, number))
        for number, couple in enumerate(COUPLES)
    ]
    rows = [_row(couple, found) for couple, found in zip(COUPLES, evaluation.judged(groups), strict=True)]
    heads = ("parents", "of one", "children", "outside", *(f"told a {level}" for level in LEVELS[:3]), "world", "true")
    return Part([Section("Children of two populations", words.CHILDREN, [Table(heads, rows)])])


def children(cohort: Cohort, couple: Sequence[str], seed: int) -> Dosage:
    """NUMBER children of the first fold's people of two populations, at the SNPs that both parents were typed on: each
    parent gives one of two alleles at every SNP, drawn independently of the SNPs beside it.
    """
    rng = np.random.default_rng([SEED, seed])
    shown = show(cohort, Condition(KIND), 0)
    parents = [shown.dosage[cohort.population[shown.rows] == cohort.codes.index(code)] for code in couple]
    chosen = [each[rng.integers(0, len(each), NUMBER)] for each in parents]
    given = [rng.binomial(1, np.maximum(each, 0) / 2) for each in chosen]
    known: Flags = (chosen[0] >= 0) & (chosen[1] >= 0)
    return np.where(known, given[0] + given[1], -1).astype(np.int8)


def _row(couple: Sequence[str], found: Verdicts) -> tuple[Cell, ...]:
    """How deep the children's conclusions are, and the share that hold for both parents."""
    levels = [LEVEL_OF[code] for code in found.conclusions]
    homes = [POPULATIONS[code] for code in couple]
    alike = "region" if homes[0].region == homes[1].region else "continent"
    shared = alike if homes[0].continent == homes[1].continent else "none"
    above = [{code, place.region, place.continent, "world"} for code, place in zip(couple, homes, strict=True)]
    true = np.mean([code in above[0] & above[1] for code in found.conclusions])
    shares = [levels.count(level) / len(levels) for level in LEVELS]
    return (" x ".join(couple), shared, len(levels), found.share("outside"), *shares, float(true))
