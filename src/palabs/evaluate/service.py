"""The service itself, as it would be without some people: what the enclave would compute about them.

People who show the same SNPs share the calibration for these, which the enclave fits for each file anew; everything
else is `posterior`'s own functions (a test compares).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from palabs.evaluate.conditions import Dosage
from palabs.evaluate.measures import Floats, Indices
from palabs.evaluate.trials import Settled
from palabs.training.calibrate import scores
from palabs.workload.ancestry.calibration import Calibrated, recalibrate
from palabs.workload.ancestry.model import Model
from palabs.workload.ancestry.posterior import conclude, cut_off, ladder, prediction_set, rounded
from palabs.workload.ancestry.score import score


@dataclass(frozen=True)
class Service:
    """A model, and what is asked of it."""

    model: Model

    def ask(self, dosage: Dosage) -> tuple[Floats, Settled]:
        """Probabilities (people x populations) and the rest, for people by their dosages (people x sites)."""
        told = np.zeros((len(dosage), len(self.model.populations)))
        information = np.zeros(len(dosage))
        concluded: dict[int, str] = {}
        held: dict[int, dict[str, frozenset[str]]] = {}
        for rows in alike(dosage):
            first = score(self.model, dosage[rows[0]])
            calibrated = recalibrate(self.model, first)
            information[rows] = first.information
            found = calibrated.probabilities(scores(self.model, dosage[rows], first.used))
            told[rows] = [rounded(row) for row in found]
            concluded |= dict(zip(rows.tolist(), self._conclusions(told[rows]), strict=True))
            held |= dict(zip(rows.tolist(), self._sets(calibrated, told[rows]), strict=True))
        everybody = range(len(dosage))
        sets = {
            level: tuple(held[row][level] for row in everybody) for level in ("populations", "regions", "continents")
        }
        return told, Settled(tuple(concluded[row] for row in everybody), sets, information)

    def _conclusions(self, told: Floats) -> Iterator[str]:
        rungs = ladder(self.model)
        for row in told:
            nodes = [dict(zip(rung.codes, (row @ rung.membership).tolist(), strict=True)) for rung in rungs]
            yield conclude(rungs, nodes).code

    def _sets(self, calibrated: Calibrated, told: Floats) -> Iterator[dict[str, frozenset[str]]]:
        rungs = ladder(self.model)
        cuts = [cut_off(calibrated, rung) for rung in rungs]
        for row in told:
            yield {
                f"{rung.name}s": frozenset(rung.codes[node] for node in prediction_set(row @ rung.membership, cut))
                for rung, cut in zip(rungs, cuts, strict=True)
            }


def alike(dosage: Dosage) -> Iterator[Indices]:
    """The people who show the same SNPs, group by group."""
    masks = np.packbits(dosage >= 0, axis=1)
    _, group = np.unique(masks, axis=0, return_inverse=True)
    for number in range(int(group.max(initial=-1)) + 1):
        yield np.flatnonzero(group.ravel() == number)
