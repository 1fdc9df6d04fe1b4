"""The page on shares: goals over all simulations, and what was not compared is said."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from palabs.evaluate import admixture_part, words
from palabs.evaluate.proportions import PaintedRow, PublishedRow, SimulatedRow, Tables


def simulated(method, seed, rmse, covered):
    return SimulatedRow(
        method=method, seed=seed, people=58, snps=10_000, rmse=rmse, covered=covered, present_covered=covered,
        mixed_people=20, mixed_rmse=rmse, seconds=0.01,
    )  # fmt: skip


OWN = [simulated("this service", 1, 0.01, 0.9), simulated("this service", 2, 0.03, 0.94)]
OTHER = [simulated("fastmixture", 1, 0.5, None)]


def measured(rows):
    published = [
        PublishedRow(
            kind="169", people=9, snps=165, rmse=0.06, covered=0.9, mixed_people=3, mixed_rmse=0.07, mixed_covered=0.8,
            seconds=0.1,
        )
    ]  # fmt: skip
    painted = [PaintedRow(seed=1, people=9, snps=10_000, right=0.8, sure=0.5, sure_right=0.9, rmse=0.01)]
    shares: Future[Tables] = Future()
    shares.set_result(Tables(published=published, simulated=rows, painted=painted))
    return admixture_part.measure(SimpleNamespace(shares=shares, progress=lambda _: None), None)


def test_goals_are_of_the_services_own_shares_over_all_simulations():
    part = measured(OWN + OTHER)
    error, coverage = part.goals
    assert error.measured == pytest.approx(((0.01**2 + 0.03**2) / 2) ** 0.5)
    assert coverage.measured == pytest.approx(0.92)
    assert error.met
    assert coverage.met
    assert len(part.figures["admixture"]["rows"]) == 2


@pytest.mark.parametrize(("rows", "said"), [(OWN, True), (OWN + OTHER, False)])
def test_a_comparison_that_was_not_made_is_said(rows, said):
    text = "\n".join(measured(rows).sections[0].lines())
    assert (words.ALONE in text) is said
    assert ("| fastmixture | 1 |" in text) is not said
