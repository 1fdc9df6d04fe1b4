"""From the open genotypes to the model, and to the figures that say how good it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from palabs.training.panel import read_panel
from palabs.training.validation import (
    FOLDS,
    Figures,
    Scores,
    Validation,
    build_model,
    cross_fitted,
    fit_temper,
    measure,
    to_continents,
)
from palabs.workload.ancestry.model import Calibration, Settings

SETTINGS = Settings(error=0.02, to_world=(6.0,) * 5, to_continent=(60.0,) * 5, to_region=(150.0,) * 5)

ANCESTRY = ("aisnp",)
EXOME = ("aisnp", "microhap", "exome")
GENOME_WIDE = ("aisnp", "kg_p1")
PHASED = ("aisnp", "vcf")
ALL = ("aisnp", "kg_p1", "vcf")

# (share of the sites shown, of which panels) of the runs behind each knot; runs of one knot carry about the same
# information.
KNOTS: tuple[tuple[tuple[float, tuple[str, ...]], ...], ...] = (
    ((1.0, ALL),),
    ((1.0, GENOME_WIDE),),
    ((1.0, EXOME),),
    ((0.4, GENOME_WIDE), (0.4, EXOME)),
    ((0.16, EXOME), (1.0, ANCESTRY)),
    ((0.065, EXOME), (0.4, ANCESTRY)),
    ((0.02, EXOME), (0.1, ANCESTRY)),
)

# What is reported, drawn with seeds that no knot was fitted on.
REPORTED: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("ancestry-informative, microhaplotypes and exome", 1.0, EXOME),
    ("ancestry-informative SNPs only", 1.0, ANCESTRY),
    ("ancestry-informative and genome-wide", 1.0, GENOME_WIDE),
    ("ancestry-informative and phased", 1.0, PHASED),
    ("all of a consumer file", 1.0, ALL),
    ("all of a consumer file, 30 % missing", 0.7, ALL),
)
REPORT_SEED = 1000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """The figures of one choice of SNPs."""

    name: str
    snps: int
    populations: Figures
    continents: Figures


@dataclass(frozen=True)
class Training:
    """The model file, its digest, what it was made from, and its cross-validated figures."""

    data: bytes
    digest: str
    people: int
    sites: int
    ancestry_sites: int
    dropped: dict[str, int]
    figures: tuple[Row, ...]

    def summary(self) -> dict[str, object]:
        """Everything but the bytes, for JSON."""
        return {key: value for key, value in asdict(self).items() if key != "data"} | {"bytes": len(self.data)}


def train(genomes: Path, progress: Progress) -> Training:
    """Trains on the folder of open genotypes. The same folder gives the same bytes."""
    progress("reading the panels and settling nucleotides")
    panel = read_panel(genomes)
    validation = Validation(panel, SETTINGS)
    progress(f"cross-validating {len(panel.people)} people at {len(panel.sites)} SNPs")
    groups = [_group(validation, number, knot) for number, knot in enumerate(KNOTS)]
    everyone = np.ones(len(panel.people), dtype=bool)
    temper = fit_temper(groups, validation.grouping)
    data = build_model(panel, everyone, SETTINGS, Calibration({"temper": vars(temper)})).encode()
    progress("measuring")
    return Training(
        data,
        "sha256:" + hashlib.sha256(data).hexdigest(),
        len(panel.people),
        len(panel.sites),
        int(panel.of(*ANCESTRY).sum()),
        panel.dropped,
        _figures(validation, groups),
    )


def _group(validation: Validation, number: int, knot: tuple[tuple[float, tuple[str, ...]], ...]) -> list[Scores]:
    return [validation.run(keep, number, sources) for keep, sources in knot]


def _figures(validation: Validation, groups: list[list[Scores]]) -> tuple[Row, ...]:
    grouping = validation.grouping
    tempers = [fit_temper(groups, grouping, without=fold) for fold in range(FOLDS)]
    rows = []
    for number, (name, keep, sources) in enumerate(REPORTED):
        run = validation.run(keep, REPORT_SEED + number, sources)
        probabilities = cross_fitted(run, grouping, tempers)
        continents = measure(to_continents(probabilities, grouping), grouping[run.truth])
        rows.append(Row(name, int(np.median(run.used)), measure(probabilities, run.truth), continents))
    return tuple(rows)
