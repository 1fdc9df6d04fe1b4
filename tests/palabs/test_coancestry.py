"""What other populations tell of one, and what linked SNPs tell beside each other: against worked answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from palabs.training.coancestry import CLOSEST, Coancestry, fit, patterns, predict
from palabs.training.linkage import FULL, GROUPS, link_weights
from palabs.workload.ancestry.model import SITE_ARRAYS, Sites

NO_FLOOR = 1e-9


def history(sites=4000, seed=1):
    """Five populations: two sisters, their cousin, an outsider, and a mixture of the first and the outsider."""
    rng = np.random.default_rng(seed)
    root = rng.uniform(0.1, 0.9, sites)

    def drift(parent, amount):
        return np.clip(parent + rng.normal(0, np.sqrt(amount * parent * (1 - parent))), 0.005, 0.995)

    trunk = drift(root, 0.05)
    branch = drift(trunk, 0.02)
    first, second, cousin, outsider = drift(branch, 0.005), drift(branch, 0.005), drift(trunk, 0.02), drift(root, 0.1)
    mixed = 0.7 * first + 0.3 * outsider
    return np.stack([first, second, cousin, outsider, mixed], axis=1)


def typed(frequency, chromosomes=100, seed=2):
    totals = np.full(frequency.shape, chromosomes, np.uint8)
    return np.random.default_rng(seed).binomial(chromosomes, frequency).astype(np.uint8), totals


@pytest.fixture(scope="module")
def frequency():
    return history()


@pytest.fixture(scope="module")
def coancestry(frequency):
    return fit(*typed(frequency))


def test_the_covariance_is_that_of_the_frequencies(frequency, coancestry):
    mean = frequency.mean(axis=1, keepdims=True)
    away = frequency - mean
    true = away.T @ away / (mean * (1 - mean)).sum()
    assert np.allclose(coancestry.covariance, true, atol=0.004)


def test_sampling_noise_is_no_drift(frequency):
    """With ten chromosomes a population the sample frequencies vary far more than the frequencies do."""
    few = fit(*typed(frequency, 10))
    many = fit(*typed(frequency, 200))
    assert np.allclose(np.diag(few.covariance), np.diag(many.covariance), atol=0.01)


def test_a_covariance_is_found_although_a_population_misses_a_panel(frequency, coancestry):
    """The mean of the others is then the zero, which contrasts between populations do not see."""
    counts, totals = typed(frequency)
    totals[:1500, 1] = counts[:1500, 1] = 0
    contrast = np.eye(5) - 1 / 5
    found, wanted = (contrast @ each.covariance @ contrast for each in (fit(counts, totals), coancestry))
    assert np.allclose(found, wanted, atol=0.004)


@pytest.mark.parametrize("population", range(5))
def test_a_population_that_was_not_typed_is_predicted_better_than_by_the_mean_or_any_other(
    population, frequency, coancestry
):
    counts, totals = typed(frequency, seed=3)
    share = counts / totals
    counts[:, population] = totals[:, population] = 0
    mean, _ = predict(coancestry, counts, totals, 5, np.full(len(counts), NO_FLOOR))
    error = np.abs(mean[:, population] - frequency[:, population]).mean()
    others = np.delete(share, population, axis=1)
    assert error < np.abs(others.mean(axis=1) - frequency[:, population]).mean()
    assert error < 1.01 * np.abs(others - frequency[:, [population]]).mean(axis=0).min()


def test_a_mixed_population_is_predicted_as_its_mixture(frequency, coancestry):
    """Regression of the prediction on the two sources finds the shares 0.7 and 0.3."""
    counts, totals = typed(frequency, 250, seed=4)
    counts[:, 4] = totals[:, 4] = 0
    mean, _ = predict(coancestry, counts, totals, 5, np.full(len(counts), NO_FLOOR))
    sources = np.column_stack([frequency[:, 0], frequency[:, 3], np.ones(len(frequency))])
    shares = np.linalg.lstsq(sources, mean[:, 4], rcond=None)[0]
    assert shares[:2] == pytest.approx([0.7, 0.3], abs=0.1)


def test_a_populations_own_counts_are_in_no_part_of_its_prior(frequency, coancestry):
    counts, totals = typed(frequency)
    before, strength = predict(coancestry, counts, totals, 5, np.full(len(counts), NO_FLOOR))
    other = counts.copy()
    other[:, 2] = 100 - other[:, 2]
    after, _ = predict(coancestry, other, totals, 5, np.full(len(counts), NO_FLOOR))
    # The mean around which deviations are taken moves with all counts; an almost flat ancestral prior leaves little.
    assert np.abs(after[:, 2] - before[:, 2]).max() < 0.03
    assert np.abs(after[:, 0] - before[:, 0]).max() > 0.05
    assert strength[:, 0].mean() > strength[:, 3].mean(), "a sister tells more than a stranger"


def test_the_prediction_is_that_of_the_normal_distribution_worked_by_hand():
    """Two populations, one typed: the other's deviation is its covariance times the observed one over variance."""
    pair = Coancestry(np.array([[0.1, 0.05], [0.05, 0.1]]), np.array([0.9, 0.9]))
    counts, totals = np.array([[30, 0]], np.uint8), np.array([[100, 0]], np.uint8)
    mean, strength = predict(pair, counts, totals, 2, np.array([NO_FLOOR]))
    variance = 1.1 - 1.05**2 / (1.1 + 0.9 / 100)
    assert mean[0, 1] == pytest.approx(0.3)
    assert strength[0, 1] == pytest.approx(0.9 / variance - 1, abs=1e-9) or strength[0, 1] == 1.0


def test_prior_means_stay_off_zero_and_strengths_in_bounds(frequency, coancestry):
    counts, totals = typed(np.where(frequency < 0.3, 0.004, frequency))
    mean, strength = predict(coancestry, counts, totals, 5, np.full(len(counts), 0.05))
    assert ((mean > 0) & (mean < 1)).all()
    assert strength.min() >= 1
    assert strength.max() <= 1 / CLOSEST


def test_every_site_is_in_one_pattern():
    table = np.array([[True, False], [True, True], [True, False]])
    found = {tuple(row.tolist()): sites.tolist() for row, sites in patterns(table)}
    assert found == {(True, False): [0, 2], (True, True): [1]}


@dataclass
class Typed:
    """As much of a panel as linkage looks at."""

    dosage: np.ndarray
    population: np.ndarray
    sites: Sites

    def of(self, *names):
        return np.full(len(self.sites), names == ("exome",))

    def typed(self, name):
        return np.full(len(self.dosage), name == "exome")


def linked(dosage, position, population=None):
    columns = {name: np.zeros(dosage.shape[1], kind) for name, kind in SITE_ARRAYS}
    columns |= {"chromosome": np.ones(dosage.shape[1], np.uint8), "position37": np.array(position, np.uint32)}
    people = np.zeros(len(dosage), int) if population is None else population
    return link_weights(Typed(dosage.astype(np.int8), people, Sites(**columns)), np.ones(len(dosage), bool))


@pytest.fixture
def alone():
    return np.random.default_rng(0).binomial(2, 0.4, (600, 3))


def test_a_snp_that_repeats_its_neighbour_counts_half(alone):
    weights = linked(np.column_stack([alone, alone[:, 0]]), [1000, 5 * 10**6, 9 * 10**6, 2000])
    assert weights.tolist() == [pytest.approx(FULL / 2, abs=1), FULL, FULL, pytest.approx(FULL / 2, abs=1)]


def test_distant_or_unlinked_snps_count_fully(alone):
    far = linked(np.column_stack([alone, alone[:, 0]]), [1000, 2000, 3000, 3 * 10**6])
    assert far.tolist() == [FULL] * 4


def test_a_difference_of_populations_is_no_linkage():
    """Two SNPs that differ between populations correlate over all people, not within one."""
    rng = np.random.default_rng(5)
    population = np.repeat([0, 1], 400)
    dosage = np.column_stack([rng.binomial(2, np.where(population == 0, 0.1, 0.9)) for _ in range(2)])
    assert np.corrcoef(dosage.T)[0, 1] > 0.5
    assert linked(dosage, [1000, 2000], population).tolist() == [FULL, FULL]


def test_missing_genotypes_are_no_linkage(alone):
    holes = alone.copy()
    holes[:300, :2] = -1
    assert linked(holes, [1000, 2000, 9 * 10**6]).tolist() == [FULL] * 3


def test_panels_are_weighed_apart():
    assert all(len(names) == 1 for names in GROUPS)
