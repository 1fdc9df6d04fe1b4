"""Not in our reference: strangers are noticed, insiders and admixed people are not called strangers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palabs.training.calibrate import blank_score
from palabs.workload.ancestry.admixture import Admixture, Component
from palabs.workload.ancestry.calibration import recalibrate
from palabs.workload.ancestry.fit_test import (
    DOUBTFUL,
    EXTREME,
    OUTSIDE,
    OUTSIDE_BY_LITTLE,
    Cloud,
    Tail,
    _surprise,
    combine,
    deviances,
    deviate,
    is_foreign,
    mixture,
    reference_fit,
    tail,
    verdict,
)
from palabs.workload.ancestry.model import SOURCES, frequencies, load
from palabs.workload.ancestry.score import score


@pytest.fixture(scope="module")
def model():
    return load()[0]


@pytest.fixture(scope="module")
def shown(model):
    """The genome-wide SNPs that HGDP was typed on too, so that both kinds of people can be drawn."""
    wide = np.isin(model.sites.source, [SOURCES.index("aisnp"), SOURCES.index("gw14k")])
    return wide & (model.reference_totals > 0).all(axis=1)


def draw(frequency, shown, seed, keep=1.0):
    rng = np.random.default_rng(seed)
    return np.where(shown & (rng.random(len(shown)) < keep), rng.binomial(2, frequency), -1).astype(np.int8)


def of(model, **shares):
    """The frequencies of a mixture of populations."""
    table = frequencies(model)
    return sum(share * table[:, model.populations.index(code)] for code, share in shares.items())


def stranger(model, name):
    column = next(number for number, each in enumerate(model.references) if each.startswith(name))
    return model.reference_counts[:, column] / np.maximum(model.reference_totals[:, column], 1)


def test_of(model, dosage):
    told = score(model, dosage)
    return reference_fit(model, dosage, told, recalibrate(model, told))


test_of.__test__ = False  # a helper


@pytest.mark.parametrize("name", ["Papuan", "San", "Biaka", "Yakut", "Kalash", "Karitiana", "Bedouin", "Druze"])
def test_people_of_populations_without_a_reference_are_outside(model, shown, name):
    found = test_of(model, draw(stranger(model, name), shown, 1))
    assert found.p_value < EXTREME
    if name != "Bedouin":  # between Europe and Africa as others are, and few SNPs
        assert found.verdict != "inside"
    if name in {"Papuan", "San", "Biaka", "Karitiana"}:
        assert found.verdict == "outside"
        assert found.statistic > 3


@pytest.mark.parametrize("code", ["YRI", "LWK", "PEL", "CLM", "CHB", "JPT", "FIN", "TSI", "GIH", "STU"])
def test_people_drawn_in_the_same_way_from_a_reference_population_are_not(model, shown, code):
    found = test_of(model, draw(of(model, **{code: 1.0}), shown, 2))
    assert found.verdict != "outside"
    assert found.p_value >= OUTSIDE


@pytest.mark.parametrize("shares", [{"YRI": 0.8, "CEU": 0.2}, {"IBS": 0.6, "PEL": 0.3, "YRI": 0.1}])
def test_admixed_people_of_the_americas_are_not_strangers(model, shown, shares):
    assert test_of(model, draw(of(model, **shares), shown, 3)).verdict != "outside"


@pytest.mark.parametrize("parents", [("ITU", "ESN"), ("GIH", "GBR"), ("CEU", "CHB")])
def test_a_mixture_that_no_population_shows_is_outside(model, shown, parents):
    assert test_of(model, draw(of(model, **dict.fromkeys(parents, 0.5)), shown, 4)).verdict == "outside"


def test_with_few_snps_nobody_is_called_inside(model):
    few = model.sites.source == SOURCES.index("aisnp")
    for code in ("FIN", "YRI", "CHS"):
        assert test_of(model, draw(of(model, **{code: 1.0}), few, 5)).verdict == "uncertain"


@pytest.mark.parametrize("missing", [0, 2])
def test_a_file_of_variants_only_makes_nobody_a_stranger(model, shown, missing):
    for code in ("CEU", "CHB", "YRI", "PUR"):
        dosage = draw(of(model, **{code: 1.0}), shown, 10)
        dosage[dosage == missing] = -1
        hidden = np.where(dosage >= 0, missing, -1).astype(np.int8)
        told = score(model, dosage, hidden)
        assert reference_fit(model, dosage, told).p_value >= DOUBTFUL
    dosage = draw(stranger(model, "Papuan"), shown, 10)
    dosage[dosage == missing] = -1
    told = score(model, dosage, np.where(dosage >= 0, missing, -1).astype(np.int8))
    assert reference_fit(model, dosage, told).verdict == "outside"


def test_a_mixture_is_found_again_where_a_genotype_is_hidden(model, shown):
    used = np.flatnonzero(shown)
    table, dosage = frequencies(model)[used], draw(of(model, YRI=0.5, CEU=0.5), shown, 11)[used]
    for missing in (0, 2):
        seen = np.flatnonzero(dosage != missing)
        shares = mixture(table[seen], dosage[seen], np.full(len(seen), missing, np.int8))
        african = sum(share for share, continent in zip(shares, model.continents, strict=True) if continent == "AFR")
        assert african == pytest.approx(0.5, abs=0.12)


def test_wrong_alleles_leave_it_uncertain_whether_somebody_is_a_stranger(model, shown):
    rng = np.random.default_rng(6)
    for code in ("CEU", "CHB", "YRI"):
        dosage = draw(of(model, **{code: 1.0}), shown, 7)
        wrong = (dosage >= 0) & (rng.random(len(dosage)) < 0.1)
        dosage[wrong] = 2 - dosage[wrong]
        found = test_of(model, dosage)
        assert found.verdict == "uncertain"
        assert found.p_value < OUTSIDE  # they could be one


def test_the_genotype_that_cannot_be_shown_is_not_expected():
    frequency = np.array([0.1, 0.4, 0.8])
    for hidden in (-1, 0, 2):
        chances = np.stack([(1 - frequency) ** 2, 2 * frequency * (1 - frequency), frequency**2])
        possible = [dosage for dosage in range(3) if dosage != hidden]
        chances /= chances[possible].sum(axis=0)
        mean, square = np.zeros(3), np.zeros(3)
        for dosage in possible:
            surprise, variance = _surprise(frequency, np.full(3, dosage, np.int8), np.full(3, hidden, np.int8))
            mean += chances[dosage] * surprise
            square += chances[dosage] * surprise**2
        assert mean == pytest.approx(0, abs=1e-12)
        assert square == pytest.approx(variance)


def test_insiders_are_as_probable_as_expected(model, shown):
    used = np.flatnonzero(shown)
    people = np.stack([draw(of(model, CEU=1.0), shown, seed) for seed in range(30)])[:, used]
    found = deviances(model, blank_score(model, used), people)
    z = found.excess.sum(axis=1) / np.sqrt(found.variance.sum(axis=1))
    assert abs(z.mean()) < 0.8
    assert 0.6 < z.std() < 1.4


def test_a_mixture_is_found_again(model, shown):
    used = np.flatnonzero(shown)
    table = frequencies(model)[used]
    dosage = draw(of(model, YRI=0.5, CEU=0.5), shown, 8)[used]
    share = dict(zip(model.continents, np.zeros(26), strict=True))
    for continent, value in zip(model.continents, mixture(table, dosage, np.full(len(used), -1, np.int8)), strict=True):
        share[continent] += value
    assert share["AFR"] == pytest.approx(0.5, abs=0.1)
    assert sum(share.values()) == pytest.approx(1)


def test_distances_without_a_person_are_those_of_a_cloud_made_without():
    rng = np.random.default_rng(9)
    points, truth = rng.normal(size=(40, 3)) + np.repeat([[0.0], [4.0]], 20, axis=0), np.repeat([3, 8], 20)
    others = np.arange(40) != 5
    without = Cloud.of(points[others], truth[others])
    apart = points[5] - without.means[0]
    wanted = apart @ without.precision @ apart / 3
    assert Cloud.of(points, truth).own(points, truth)[5] == pytest.approx(wanted, rel=1e-3)


@given(st.floats(1e-12, 1))
def test_two_equal_p_values_are_combined_to_the_same(p):
    assert combine([p, p]) == pytest.approx(min(p, 0.9), rel=1e-6)


@given(st.floats(1e-300, 1))
def test_a_perfect_fit_in_one_way_hides_no_bad_fit_in_the_other(other):
    assert combine([1e-6, other]) < 3e-6


def test_p_values_mean_the_same_for_light_and_heavy_tails():
    rng = np.random.default_rng(13)
    for draws in (rng.normal, rng.gumbel, rng.standard_exponential):
        known, others = draws(size=2000), draws(size=20000)
        found = Tail.of((known - known.mean()) / known.std())
        p_values = np.array([found.p_value(each) for each in (others - known.mean()) / known.std()])
        assert (p_values < 0.01).mean() == pytest.approx(0.01, abs=0.006)
        assert (p_values < OUTSIDE).mean() < 0.004


def test_further_out_is_always_less_probable():
    found = Tail(1.6, 0.7)
    p_values = [found.p_value(each) for each in (-3, 0, 1.59, 1.7, 5, 50, 1e6)]
    assert p_values == sorted(p_values, reverse=True)
    assert found.p_value(1.6) == pytest.approx(EXTREME, rel=0.1)
    assert p_values[-1] > 0


@given(st.floats(-5, 30))
def test_deviates_and_tails_are_inverse(z):
    assert deviate(tail(z)) == pytest.approx(z, abs=1e-6)


def test_p_values_of_the_extreme_are_still_in_order():
    p = [combine([tail(z), 0.5]) for z in (5, 10, 20, 30)]
    assert all(math.isfinite(each) and each > 0 for each in p)
    assert p == sorted(p, reverse=True)
    assert len(set(p)) == len(p)


def shares(**parts):
    """Shares with intervals of a tenth to both sides."""
    listed = tuple(
        Component(
            code, parts.get(code, 0.0), max(0.0, parts.get(code, 0.0) - 0.1), min(1.0, parts.get(code, 0.0) + 0.1)
        )
        for code in ("AFR", "AMR", "EAS", "EUR", "SAS", "OCE")
    )
    return Admixture(listed, 5000, 300)


def test_shares_that_nobody_of_the_continent_has_are_foreign():
    assert is_foreign("SAS", shares(EUR=0.55, SAS=0.45))
    assert is_foreign("SAS", shares(OCE=0.3, SAS=0.7))
    assert is_foreign("EUR", shares(AFR=0.6, EUR=0.4))
    assert not is_foreign("SAS", shares(EUR=0.45, SAS=0.55))
    assert not is_foreign("AMR", shares(EUR=0.9, AMR=0.1))
    assert not is_foreign("AFR", shares(EUR=0.6, AFR=0.4))
    assert not is_foreign("EAS", None)


def test_nobody_with_foreign_shares_is_called_inside(model, shown):
    dosage = draw(of(model, FIN=1.0), shown, 12)
    told = score(model, dosage)
    known = recalibrate(model, told)
    at_home = reference_fit(model, dosage, told, known, shares(EUR=1.0))
    assert at_home == reference_fit(model, dosage, told, known)
    assert at_home.verdict == "inside"
    assert at_home.p_value == float(f"{at_home.p_value:.4g}")  # the same text on every machine
    assert reference_fit(model, dosage, told, known, shares(EUR=0.2, EAS=0.8)).verdict == "uncertain"


def test_the_verdict_follows_the_p_value_and_what_the_file_can_show():
    assert verdict(OUTSIDE / 2, OUTSIDE / 2, enough=True) == "outside"
    assert verdict(OUTSIDE / 2, OUTSIDE / 2, enough=False) == "uncertain"
    assert verdict(OUTSIDE_BY_LITTLE / 2, OUTSIDE_BY_LITTLE / 2, enough=False) == "outside"
    assert verdict(OUTSIDE / 2, 0.5, enough=True) == "uncertain"
    assert verdict(DOUBTFUL / 2, DOUBTFUL / 2, enough=True) == "uncertain"
    assert verdict(0.5, 0.5, enough=False) == "uncertain"
    assert verdict(0.5, 0.5, enough=True, foreign=True) == "uncertain"
    assert verdict(0.5, 0.5, enough=True) == "inside"
