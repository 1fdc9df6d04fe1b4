"""The service itself, as it would be without some people: what the enclave would compute about them.

People who show the same SNPs with the same share of errors share a calibration, which the enclave fits for each file
anew; everything else is done for each of them by the enclave's own functions (a test compares).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from palabs.evaluate.conditions import Dosage
from palabs.evaluate.measures import Floats, Indices
from palabs.evaluate.trials import Settled
from palabs.workload.ancestry.admixture import estimate
from palabs.workload.ancestry.calibration import Calibrated, recalibrate
from palabs.workload.ancestry.fit_test import Fit, reference_fit
from palabs.workload.ancestry.misreading import error_rate
from palabs.workload.ancestry.model import Model
from palabs.workload.ancestry.posterior import Posterior, posterior
from palabs.workload.ancestry.score import Score, read_frequencies, score


@dataclass(frozen=True)
class Service:
    """A model, and what is asked of it; `shares` are estimated too where they may stop a conclusion (0.1 seconds
    a person; people of the reference hardly ever have foreign ones).
    """

    model: Model
    shares: bool = False

    def ask(self, dosage: Dosage, hidden: Dosage | None = None) -> tuple[Floats, Settled]:
        """Probabilities (people x populations) and the rest, for people by their dosages (people x sites); `hidden`
        (one a site) are the dosages that their files could not have shown.
        """
        answers: dict[int, tuple[Posterior, Fit, float]] = {}
        for rows in alike(dosage):
            unseen = None if hidden is None else np.where(dosage[rows[0]] >= 0, hidden, -1).astype(np.int8)
            for same in self._of_one_rate(dosage, rows, unseen):
                answers |= self._answers(dosage, same, unseen)
        found = [answers[row] for row in range(len(dosage))]
        told = [[answer.populations[code] for code in self.model.populations] for answer, _, _ in found]
        return np.array(told).reshape(-1, len(self.model.populations)), _settled(found)

    def _of_one_rate(self, dosage: Dosage, rows: Indices, hidden: Dosage | None) -> Iterator[Indices]:
        """People who show the same SNPs, in groups of one rate of errors."""
        whole = dosage[rows[0]] >= 0 if hidden is None else (dosage[rows[0]] >= 0) & (hidden < 0)
        used = np.flatnonzero(whole)
        shown = read_frequencies(self.model, used)
        rates = np.array([error_rate(shown, dosage[row, used]) for row in rows])
        for rate in np.unique(rates):
            yield rows[rates == rate]

    def _answers(
        self, dosage: Dosage, rows: Indices, hidden: Dosage | None
    ) -> Iterator[tuple[int, tuple[Posterior, Fit, float]]]:
        """The answers to people who differ in nothing but their genotypes, each test of fit, information."""
        first = score(self.model, dosage[rows[0]], hidden)
        calibrated = recalibrate(self.model, first)
        _, weights = first.form.nats(np.arange(len(first.used)))
        shown = dosage[rows][:, first.used].astype(np.float64)
        nats = first.nats + (shown - shown[0]) @ weights
        for row, own in zip(rows.tolist(), nats, strict=True):
            yield row, self._answer(dosage[row], replace(first, nats=own), calibrated, hidden)

    def _answer(
        self, dosage: Dosage, own: Score, calibrated: Calibrated, hidden: Dosage | None
    ) -> tuple[Posterior, Fit, float]:
        shares = estimate(self.model, dosage, hidden) if self.shares else None
        fit = reference_fit(self.model, dosage, own, calibrated, shares)
        answer = posterior(self.model, own, fit=fit, shares=shares, calibrated=calibrated, replicates=0)
        return answer, fit, own.information


def _settled(found: list[tuple[Posterior, Fit, float]]) -> Settled:
    return Settled(
        tuple(answer.conclusion.code for answer, _, _ in found),
        {f"{level}s": tuple(frozenset(answer.sets[level]) for answer, _, _ in found) for level in LEVELS},
        np.array([information for _, _, information in found]),
        tuple(fit.verdict for _, fit, _ in found),
        np.array([fit.p_value for _, fit, _ in found]),
    )


LEVELS = ("population", "region", "continent")


def alike(dosage: Dosage) -> Iterator[Indices]:
    """The people who show the same SNPs, group by group."""
    masks = np.packbits(dosage >= 0, axis=1)
    _, group = np.unique(masks, axis=0, return_inverse=True)
    for number in range(int(group.max(initial=-1)) + 1):
        yield np.flatnonzero(group.ravel() == number)
