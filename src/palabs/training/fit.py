"""From the open genotypes to the model, and to the figures that say how good it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from palabs.training.panel import POPULATIONS, read_panel
from palabs.training.validation import (
    FOLDS,
    Figures,
    Scores,
    Validation,
    count,
    cross_fitted,
    fit_temper,
    measure,
    to_continents,
)
from palabs.workload.ancestry.model import Model, Settings

# Chosen once by cross-validated log-loss among 5, 10 and 20 chromosomes; the error rate is what typing arrays and
# wrongly oriented alleles need rather than what these clean genotypes would like.
SETTINGS = Settings(to_world=2, to_continent=10, error=0.02)

# (share of the sites shown, only the ancestry-informative ones?) of the runs behind each knot; runs of one knot
# carry about the same information.
KNOTS = (
    ((1.0, False),),
    ((0.7, False),),
    ((0.4, False),),
    ((0.16, False), (1.0, True)),
    ((0.065, False), (0.4, True)),
    ((0.02, False), (0.1, True)),
)

# What is reported, drawn with seeds that no knot was fitted on.
REPORTED = (
    ("all SNPs", 1.0, False),
    ("all SNPs, 30 % missing", 0.7, False),
    ("ancestry-informative SNPs only", 1.0, True),
    ("ancestry-informative SNPs only, 30 % missing", 0.7, True),
    ("5 % of all SNPs", 0.05, False),
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
    data = Model(POPULATIONS, panel.continents, panel.sites, *count(panel, everyone), SETTINGS, temper).encode()
    progress("measuring")
    return Training(
        data,
        "sha256:" + hashlib.sha256(data).hexdigest(),
        len(panel.people),
        len(panel.sites),
        panel.ancestry_sites,
        panel.dropped,
        _figures(validation, groups),
    )


def _group(validation: Validation, number: int, knot: tuple[tuple[float, bool], ...]) -> list[Scores]:
    return [validation.run(keep, number, chosen_only=chosen) for keep, chosen in knot]


def _figures(validation: Validation, groups: list[list[Scores]]) -> tuple[Row, ...]:
    grouping = validation.grouping
    tempers = [fit_temper(groups, grouping, without=fold) for fold in range(FOLDS)]
    rows = []
    for number, (name, keep, chosen) in enumerate(REPORTED):
        run = validation.run(keep, REPORT_SEED + number, chosen_only=chosen)
        probabilities = cross_fitted(run, grouping, tempers)
        continents = measure(to_continents(probabilities, grouping), grouping[run.truth])
        rows.append(Row(name, int(np.median(run.used)), measure(probabilities, run.truth), continents))
    return tuple(rows)
