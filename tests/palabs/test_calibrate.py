"""What training keeps for the calibration: each person's distance out of fold, and nothing of a genotype."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from palabs.training.calibrate import _usual, blank_score, calibrate, source_scores
from palabs.workload.ancestry.calibration import Witnesses, moments
from palabs.workload.ancestry.fit_test import Deviance
from palabs.workload.ancestry.model import SOURCES, frequencies, load

EACH = 4  # people of every population
FOLDS = 2


@pytest.fixture(scope="module")
def model():
    return load()[0]


@pytest.fixture(scope="module")
def panel(model):
    """People drawn from every population; gw14k typed nobody of the second half of the populations."""
    rng = np.random.default_rng(0)
    population = np.repeat(np.arange(len(model.populations)), EACH)
    dosage = rng.binomial(2, frequencies(model)[:, population].T).astype(np.int8)
    lacking = population >= len(model.populations) // 2
    dosage[np.ix_(lacking, model.sites.source == SOURCES.index("gw14k"))] = -1
    dosage[:, model.sites.source == SOURCES.index("vcf")] = -1
    return SimpleNamespace(population=population, dosage=dosage)


@pytest.fixture(scope="module")
def folds(panel):
    return np.arange(len(panel.population)) % FOLDS


def calibrated(model, panel, folds, models=None, people=None):
    everybody = np.ones(len(folds), dtype=bool)
    found = calibrate(model, panel, everybody if people is None else people, folds, models or [model] * FOLDS)
    return Witnesses.of(replace(model, calibration=found)), found


@pytest.fixture(scope="module")
def whole(model, panel, folds):
    return calibrated(model, panel, folds)


def test_a_persons_row_is_the_score_less_what_the_population_leads_to_expect(model, panel, whole):
    witnesses, kept = whole
    told = source_scores(model, panel.dosage)
    blank = blank_score(model, np.arange(len(model.sites)))
    for name in ("aisnp", "exome"):
        source = SOURCES.index(name)
        mean = moments(model, blank, np.flatnonzero(model.sites.source == source)).mean
        wanted = told[:, source] - mean[panel.population]
        assert witnesses.residual[witnesses.row[:, source]] == pytest.approx(wanted, abs=kept.values["step"])


def test_people_of_untyped_populations_are_marked_and_have_donors(model, panel, whole):
    witnesses, _ = whole
    wide, phased = SOURCES.index("gw14k"), SOURCES.index("vcf")
    half = panel.population < len(model.populations) // 2
    assert (witnesses.typed[:, wide] == half).all()
    assert not witnesses.typed[:, phased].any()
    donors = witnesses.donor_population[:, wide]
    assert (donors[half] == panel.population[half]).all()
    assert (donors < len(model.populations) // 2).all()


def test_a_persons_row_comes_from_the_model_of_their_own_fold(model, panel, folds, whole):
    shifted = replace(model, counts=model.totals - model.counts)
    witnesses, _ = calibrated(model, panel, folds, [model, shifted])
    plain, _ = whole
    changed = np.abs(witnesses.residual[witnesses.row[:, 0]] - plain.residual[plain.row[:, 0]]).max(axis=1) > 1
    assert (changed == (folds == 1)).all()


def test_only_the_chosen_people_are_kept(model, panel, folds):
    some = panel.population % 3 == 0
    witnesses, kept = calibrated(model, panel, np.where(some, folds, -1), people=some)
    assert (witnesses.population == panel.population[some]).all()
    assert len(kept.arrays["population"]) == some.sum()


def test_nothing_of_a_genotype_is_kept(model, whole):
    _, kept = whole
    for name, array in kept.arrays.items():
        assert len(model.sites) not in array.shape, name
        assert array.size <= 26 * len(SOURCES) * EACH * len(model.populations), name


def test_people_whose_snps_are_independent_need_no_inflation(whole):
    values = whole[1].values["fit"]
    for name, bound in (("aisnp", 0.2), ("exome", 0.05)):  # a mixture fits few SNPs a little too well
        source = SOURCES.index(name)
        bias, inflation = (np.array(values[key])[:, source] for key in ("bias", "inflation"))
        assert np.abs(bias).max() < 2 * bound
        assert np.abs(bias.mean()) < bound
        assert (inflation >= 0.5).all()
        assert inflation.mean() < 2.0  # of some ten people a continent


@pytest.mark.parametrize("continent", ["SAS"])
def test_a_continent_without_people_has_the_values_of_all(model, panel, folds, continent):
    left = np.array(model.continents)[panel.population] != continent
    _, kept = calibrated(model, panel, np.where(left, folds, -1), people=left)
    values, number = kept.values["fit"], sorted(set(model.continents)).index(continent)
    assert np.shape(values["bias"]) == np.shape(values["inflation"]) == (5, len(SOURCES))
    assert np.shape(values["tail"]) == (5, 2)
    assert values["tail"][number] == pytest.approx([1.645, 0.418], abs=1e-3)  # of a normal distribution
    assert np.isfinite(values["bias"][number]).all()


def test_the_same_people_give_the_same_bytes(model, panel, folds, whole):
    again = calibrated(model, panel, folds)[1]
    assert again.values == whole[1].values
    assert all((again.arrays[name] == array).all() for name, array in whole[1].arrays.items())


def test_a_continent_that_nobody_is_from_takes_the_values_of_all():
    found = Deviance(np.full((40, 2), 3.0), np.full((40, 2), 2.0))
    continent = np.repeat([0, 1], 20)
    bias, inflation = _usual(found, continent, np.ones((40, 2), dtype=bool), 3)
    assert bias.shape == inflation.shape == (3, 2)
    assert (bias[2] == bias[0]).all()
