"""From the open genotypes to the model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palabs.training.calibrate import calibrate
from palabs.training.coancestry import Coancestry, fit, predict
from palabs.training.linkage import link_weights
from palabs.training.panel import POPULATIONS, Panel, read_panel
from palabs.training.validation import FOLDS, Mask, assign_folds, count
from palabs.workload.ancestry.model import (
    REGION_OF,
    SOURCES,
    Calibration,
    Counts,
    Floats,
    Model,
    Settings,
    prior_steps,
    site_kinds,
)

# The probability of a wrongly read allele. Cross-validated log-loss hardly changes from 0.0005 to 0.005; the largest
# of these bounds best what a wrong allele can do.
ERROR = 0.005
# Chosen by cross-validated log-loss for each of SOURCES: a factor for the strengths (exonic SNPs, some of them under
# selection, drift further than the covariance of all says), and how far below the mean frequency a prior mean may lie.
FACTOR = (1 / 3, 1 / 3, 1 / 1.5, 1.0, 1.0)
FLOOR = (0.02, 0.02, 0.02, 0.05, 0.1)
# Whose SNPs tell of the covariance: the phased panel's are too rare.
COMMON = ("aisnp", "microhap", "exome", "kg_p1")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Background:
    """What the model knows beside the counts: how populations resemble each other, which SNPs are linked."""

    coancestry: Coancestry
    weight: NDArray[np.uint8]


@dataclass(frozen=True)
class Training:
    """The model file, its digest, and what it was made from."""

    data: bytes
    digest: str
    people: int
    sites: dict[str, int]
    dropped: dict[str, int]

    def summary(self) -> dict[str, object]:
        """Everything but the bytes, for JSON."""
        return {
            "digest": self.digest,
            "bytes": len(self.data),
            "people": self.people,
            "sites": self.sites,
            "dropped": self.dropped,
        }


def train(genomes: Path, progress: Progress) -> Training:
    """Trains on the folder of open genotypes. The same folder gives the same bytes."""
    progress("reading the panels and settling nucleotides")
    panel = read_panel(genomes)
    model = fit_model(panel, np.ones(len(panel.people), dtype=bool), progress)
    data = model.encode()
    sites = {source: int((panel.sites.source == number).sum()) for number, source in enumerate(SOURCES)}
    return Training(data, "sha256:" + hashlib.sha256(data).hexdigest(), model.people, sites, panel.dropped)


def fit_model(panel: Panel, people: Mask, progress: Progress = lambda _: None) -> Model:
    """The model of the panel's `people` alone, calibrated by cross-validation among them."""
    progress(f"fitting the covariance of populations to {int(people.sum())} people")
    background = fit_background(panel, people)
    model = build_model(panel, people, background, Calibration())
    folds = assign_folds(panel, people)
    progress("calibrating by scores out of fold")
    without = [build_model(panel, people & (folds != fold), background, Calibration()) for fold in range(FOLDS)]
    calibration = calibrate(model, panel, people, folds, without)
    return build_model(panel, people, background, calibration)


def fit_background(panel: Panel, people: Mask) -> Background:
    """The covariance of populations (the 26, then HGDP's) and the linkage of SNPs, by the genotypes of `people`."""
    counts, totals = count(panel, people)
    rows = panel.of(*COMMON)
    coancestry = fit(
        np.hstack([counts, panel.references.counts])[rows], np.hstack([totals, panel.references.totals])[rows]
    )
    return Background(coancestry, link_weights(panel, people))


def build_model(panel: Panel, people: Mask, background: Background, calibration: Calibration) -> Model:
    """The model with the counts of some of the panel's people."""
    counts, totals = count(panel, people)
    mean, strength = _prior(panel, counts, totals, background)
    return Model(
        populations=POPULATIONS,
        regions=tuple(REGION_OF[code] for code in POPULATIONS),
        continents=panel.continents,
        references=panel.references.names,
        reference_continent=panel.references.continents,
        people=int(people.sum()),
        sites=panel.sites,
        counts=counts,
        totals=totals,
        reference_counts=panel.references.counts,
        reference_totals=panel.references.totals,
        prior=prior_steps(mean),
        weight=background.weight,
        settings=Settings(ERROR, strength),
        calibration=calibration,
    )


def _prior(
    panel: Panel, counts: Counts, totals: Counts, background: Background
) -> tuple[Floats, tuple[tuple[float, ...], ...]]:
    """Prior means (sites x populations), and the median strengths of the populations at each kind of site."""
    mean, strength = predict(
        background.coancestry,
        np.hstack([counts, panel.references.counts]),
        np.hstack([totals, panel.references.totals]),
        len(POPULATIONS),
        np.array(FLOOR)[panel.sites.source],
    )
    kind = site_kinds(panel.sites.source, panel.references.totals)
    medians = [_median(strength[kind == number]) * FACTOR[number // 2] for number in range(2 * len(SOURCES))]
    return mean, tuple(tuple(float(value) for value in np.round(row, 1)) for row in medians)


def _median(rows: Floats) -> Floats:
    """Of each column; ones where there are no rows."""
    return np.asarray(np.median(rows, axis=0)) if len(rows) else np.ones(rows.shape[1])
