"""Conditions: people show what they are said to show, and nobody is asked of a method that has seen them."""

from __future__ import annotations

import numpy as np
import pytest

from palabs.evaluate.conditions import Cohort, Condition, Kind, show
from palabs.evaluate.trials import ask_fold, trial

ALL = Kind("all", "all", ("one", "two"), ("two",))
ONE = Kind("one panel", "one panel", ("one",))


@pytest.fixture
def cohort():
    """60 people x 400 sites; the first 300 sites are of panel one, typed in everybody; the rest of panel two, in 40."""
    rng = np.random.default_rng(2)
    dosage = rng.integers(0, 3, (60, 400)).astype(np.int8)
    dosage[40:, 300:] = -1
    first = np.arange(400) < 300
    population = np.arange(60) % 3
    return Cohort(dosage, population, np.arange(60) % 5, {"one": first, "two": ~first}, ("FIN", "YRI", "JPT"))


def test_only_people_typed_on_the_needed_panels_are_asked(cohort):
    rows = np.concatenate([show(cohort, Condition(ALL), fold).rows for fold in range(5)])
    assert sorted(rows) == list(range(40))
    assert sum(len(show(cohort, Condition(ONE), fold).rows) for fold in range(5)) == 60


def test_the_sites_of_other_panels_are_not_shown(cohort):
    part = show(cohort, Condition(ONE), 1)
    assert (part.dosage[:, 300:] == -1).all()
    assert np.array_equal(part.dosage[:, :300], cohort.dosage[part.rows, :300])


def test_what_is_missing_is_as_much_as_said_and_what_is_left_is_true(cohort):
    part = show(cohort, Condition(ALL, missing=0.7), 2)
    known = part.dosage >= 0
    assert 0.25 < known.mean() < 0.35
    assert np.array_equal(part.dosage[known], cohort.dosage[part.rows][known])


@pytest.mark.parametrize("error", ["alleles", "SNPs"])
def test_as_many_alleles_are_wrong_as_said(cohort, error):
    part = show(cohort, Condition(ONE, wrong=0.1, error=error), 3)
    truth = cohort.dosage[part.rows, :300]
    homozygous = truth != 1
    wrong = (part.dosage[:, :300] != truth)[homozygous].mean()
    expected = 1 - 0.9**2 if error == "alleles" else 0.1
    assert wrong == pytest.approx(expected, abs=0.06)
    assert set(np.unique(part.dosage[:, :300])) <= {0, 1, 2}
    assert (part.dosage[:, 300:] == -1).all()


def test_swapped_snps_are_the_same_ones_in_everybody_and_leave_heterozygotes(cohort):
    part = show(cohort, Condition(ONE, wrong=0.3, error="SNPs"), 0)
    truth = cohort.dosage[part.rows, :300]
    changed = (part.dosage[:, :300] != truth).any(axis=0)
    assert np.array_equal(part.dosage[:, :300][:, changed], 2 - truth[:, changed])


def test_the_same_seed_shows_the_same_and_another_does_not(cohort):
    condition = Condition(ALL, missing=0.5, seed=4)
    assert np.array_equal(show(cohort, condition, 0).dosage, show(cohort, condition, 0).dosage)
    other = show(cohort, Condition(ALL, missing=0.5, seed=5), 0).dosage
    assert not np.array_equal(show(cohort, condition, 0).dosage, other)


def test_showing_changes_nobodys_genotypes(cohort):
    before = cohort.dosage.copy()
    show(cohort, Condition(ALL, missing=0.5, wrong=0.5), 0)
    assert np.array_equal(before, cohort.dosage)


def test_each_fold_is_asked_of_the_method_that_left_it_out(cohort):
    """Each method answers with a probability that tells which one it was."""

    def method(fold):
        return lambda dosage: (np.tile([fold / 10, 0, 1 - fold / 10], (len(dosage), 1)), None)

    made = trial("all", [ask_fold(cohort, Condition(ALL), fold, method(fold)) for fold in range(5)])
    assert len(made.truth) == 40
    asked = np.concatenate([show(cohort, Condition(ALL), fold).rows for fold in range(5)])
    assert np.array_equal(np.rint(made.probabilities[:, 0] * 10), cohort.fold[asked])
    assert np.array_equal(made.truth, cohort.population[asked])
    assert made.snps == 400
