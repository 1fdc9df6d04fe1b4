"""Conditions: people show what they are said to show, and nobody is asked of a method that has seen them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from palabs.evaluate.conditions import BROUGHT, EACH, EXAMPLES, Cohort, Condition, Kind, show
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
        return lambda dosage, _: (np.tile([fold / 10, 0, 1 - fold / 10], (len(dosage), 1)), None)

    made = trial("all", [ask_fold(cohort, Condition(ALL), fold, method(fold)) for fold in range(5)])
    assert len(made.truth) == 40
    asked = np.concatenate([show(cohort, Condition(ALL), fold).rows for fold in range(5)])
    assert np.array_equal(np.rint(made.probabilities[:, 0] * 10), cohort.fold[asked])
    assert np.array_equal(made.truth, cohort.population[asked])
    assert made.snps == 400


def test_people_bring_what_the_example_person_of_their_population_has(cohort):
    kind = Kind("as examples", "examples", ("one", "two"), brought=(("FIN", ("one",)), ("YRI", ("one", "two"))))
    part = show(cohort, Condition(kind), 1)
    finns = cohort.population[part.rows] == 0
    assert set(cohort.population[part.rows]) == {0, 1}, "nobody of a population without an example is asked"
    assert (part.dosage[finns, 300:] == -1).all()
    assert np.array_equal(part.dosage[~finns], cohort.dosage[part.rows][~finns])
    assert (part.rows[~finns] < 40).all(), "who was not typed on a panel cannot bring it"


def test_of_every_population_no_more_than_each_are_asked():
    crowd = Cohort(
        np.ones((90, 4), np.int8), np.arange(90) % 2, np.zeros(90, int), {"one": np.ones(4, bool)}, ("A", "B")
    )
    part = show(crowd, Condition(Kind("few", "few", ("one",), brought=(("A", ("one",)), ("B", ("one",))))), 0)
    assert np.bincount(crowd.population[part.rows]).tolist() == [EACH, EACH]
    assert part.rows.max() > 80, "spread over all of them"


def test_the_mixture_is_that_of_the_example_files(genomes):
    lines = [line.split("\t") for line in (genomes / "people/index.tsv").read_text().splitlines()[1:]]
    snps = {
        "169": ("aisnp",),
        "9473": ("aisnp", "vcf"),
        "14248": ("aisnp", "kg_p1"),
        "23547": ("aisnp", "vcf", "kg_p1"),
    }
    assert dict(EXAMPLES.brought) == {population: snps[variants] for _, _, population, _, _, variants in lines}
    assert sum(len(codes.split()) for codes in BROUGHT.values()) == 26


def test_a_vcf_of_variants_only_shows_no_genotype_without_one(cohort):
    plain = np.where(np.arange(400) % 2, 2, 0).astype(np.int8)
    part = show(replace(cohort, plain=plain), Condition(ALL, variants_only=True), 2)
    assert np.array_equal(part.hidden, plain)
    assert not (part.dosage == plain).any()
    kept = part.dosage >= 0
    assert np.array_equal(part.dosage[kept], cohort.dosage[part.rows][kept])
    assert np.array_equal(kept, cohort.dosage[part.rows] != plain)
    assert show(cohort, Condition(ALL), 2).hidden is None
