"""Calibration for the SNPs of a file: what the training people would have scored, and what follows from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palabs.training.calibrate import _nearest, blank_score, scores, source_scores
from palabs.workload.ancestry.calibration import (
    ENOUGH,
    Features,
    Witnesses,
    balance,
    closeness,
    eligible,
    fit_level,
    moments,
    recalibrate,
    simulate,
)
from palabs.workload.ancestry.misreading import misread
from palabs.workload.ancestry.model import SOURCES, WEIGHT_UNIT, load
from palabs.workload.ancestry.score import linear_form, score


@pytest.fixture(scope="module")
def model():
    return load()[0]


@pytest.fixture(scope="module")
def witnesses(model):
    return Witnesses.of(model)


def sites_of(model, *names):
    return np.flatnonzero(np.isin(model.sites.source, [SOURCES.index(name) for name in names]))


@pytest.mark.parametrize("cannot_show", [-1, 0, 2])
def test_expected_scores_are_those_of_all_genotypes_by_their_chances(model, cannot_show):
    used = sites_of(model, "aisnp")[:20]
    blank = replace(blank_score(model, used), hidden=np.full(len(used), cannot_show, dtype=np.int8))
    mask, weights = blank.form.nats(np.arange(len(used)))
    f = blank.frequencies
    chance = {0: (1 - f) ** 2, 1: 2 * f * (1 - f), 2: f**2}
    possible = [dosage for dosage in range(3) if dosage != cannot_show]
    shown = sum(chance[dosage] for dosage in possible)
    told = {
        dosage: mask + dosage * weights - np.log(shown) * model.weight[used, None] / WEIGHT_UNIT for dosage in possible
    }
    wanted = sum((chance[dosage] / shown).T @ told[dosage] for dosage in possible)
    assert moments(model, blank, np.arange(len(used))).mean == pytest.approx(wanted, abs=1e-9)


def test_everybody_keeps_their_own_score_where_a_file_shows_all_that_a_source_has(model, witnesses):
    blank, features = blank_score(model, sites_of(model, "aisnp")), Features.of(model)
    mean = moments(model, blank, np.arange(len(blank.used))).mean
    simulated, who = simulate(model, blank, witnesses, features)
    own = mean[witnesses.population] + witnesses.residual[witnesses.row[:, 0]]
    group = model.grouping[witnesses.population[who]]
    for number, (each, basis) in enumerate(zip(simulated, features.within, strict=True)):
        assert each == pytest.approx(own[who[group == number]] @ basis, abs=0.05)  # the spread is stored in steps


def test_fewer_snps_give_scores_that_tell_less(model):
    all_sites = sites_of(model, "aisnp", "exome")
    losses = []
    for step in (1, 4, 40):
        calibrated = recalibrate(model, blank_score(model, all_sites[::step]))
        truth = calibrated.held_out[np.arange(len(calibrated.truth)), calibrated.truth]
        losses.append(float(-(calibrated.weight @ np.log(truth)) / calibrated.weight.sum()))
    assert losses[0] < losses[1] < losses[2]
    assert losses[0] < 0.6


def test_probabilities_left_out_are_as_right_as_they_say(model):
    calibrated = recalibrate(model, blank_score(model, sites_of(model, "aisnp", "exome")))
    told, right = calibrated.held_out.max(axis=1), calibrated.held_out.argmax(axis=1) == calibrated.truth
    assert abs(told.mean() - right.mean()) < 0.02


def test_no_confidence_is_learnt_by_heart():
    rng = np.random.default_rng(4)
    features, truth = rng.normal(size=(60, 8)), rng.integers(0, 4, 60)
    level = fit_level(features, truth, np.ones(60), np.eye(4), ridge=1e-3)
    own = level.held_out[np.arange(60), truth]
    assert -np.log(own).mean() < np.log(4) + 0.1
    assert level.held_out.max(axis=1).mean() < 0.4
    assert level.probabilities(features).max(axis=1).mean() < 0.5


def test_what_is_held_out_and_what_is_told_sum_to_one(model):
    calibrated = recalibrate(model, blank_score(model, sites_of(model, "aisnp")))
    assert calibrated.held_out.sum(axis=1) == pytest.approx(1)
    told = calibrated.probabilities(np.random.default_rng(8).normal(size=(5, 26)) * 30)
    assert told.sum(axis=1) == pytest.approx(1)


def test_scores_with_wrong_alleles_share_less_with_those_of_the_training_people(model):
    used = sites_of(model, "aisnp")
    clean = blank_score(model, used)
    shown = misread(clean.frequencies, 0.05)
    wrong = replace(clean, form=linear_form(model, used, shown), frequencies=shown, error=0.05)
    here, there = (moments(model, each, np.arange(len(used))) for each in (clean, wrong))
    assert here.shared == pytest.approx(here.spread)
    assert (there.shared < here.spread).all()
    assert (there.shared**2 / here.spread < there.spread).all()  # so that there is noise of its own


def test_wrong_alleles_make_the_answer_less_sure(model):
    used = sites_of(model, "aisnp", "exome")
    clean = blank_score(model, used)
    wrong = replace(clean, frequencies=misread(clean.frequencies, 0.05), error=0.05)
    tops = [recalibrate(model, each).held_out.max(axis=1).mean() for each in (clean, wrong)]
    assert tops[1] < tops[0] - 0.02


def test_each_population_weighs_the_same_however_many_people_it_has():
    truth = np.array([0] * 5 + [2] * 50)
    weight = balance(truth)
    assert weight[truth == 0].sum() == pytest.approx(weight[truth == 2].sum())
    assert weight.mean() == pytest.approx(1)


def test_a_source_needs_its_own_people_unless_a_population_has_too_few(witnesses):
    source = SOURCES.index("gw14k")
    spread = np.zeros(len(SOURCES))
    spread[source] = 1.0
    who = eligible(witnesses, spread)
    typed = witnesses.typed[:, source]
    enough = np.bincount(witnesses.population, weights=typed) >= ENOUGH
    assert enough.any()
    assert not enough.all()
    chosen = np.isin(np.arange(len(typed)), who)
    assert (chosen == (typed | ~enough[witnesses.population])).all()
    assert len(eligible(witnesses, np.eye(len(SOURCES))[SOURCES.index("aisnp")])) == len(typed)


def test_only_people_whom_a_source_has_not_typed_borrow_from_others(witnesses):
    own = np.broadcast_to(witnesses.population[:, None], witnesses.typed.shape)
    assert (witnesses.donor_population == own)[witnesses.typed].all()
    gw14k = SOURCES.index("gw14k")
    assert (witnesses.donor_population[:, gw14k] != witnesses.population).any()


@given(share=st.floats(0.01, 1), apart=st.floats(0.1, 500))
def test_an_untyped_population_may_be_like_a_near_relative_but_not_like_a_far_one(share, apart):
    mean = np.array([[apart, 0.0], [0.0, apart]])
    one, other, itself = np.array([0]), np.array([1]), np.array([0])
    near = closeness(mean, one, other, share)[0]
    assert 0 < near <= 1
    assert closeness(10 * mean, one, other, share)[0] <= near
    assert closeness(mean, one, itself, share)[0] == 0


def test_a_donor_is_of_the_same_region_where_there_is_one(model):
    code = model.populations.index
    population = np.array([code("PEL"), code("MXL"), code("YRI"), code("CLM")])
    residual = np.random.default_rng(0).normal(size=(4, 1, len(model.populations)))
    lacking, having = np.array([0]), np.array([1, 2, 3])
    assert having[_nearest(residual, population, model, lacking, having)].tolist() == [1]
    assert having[1:][_nearest(residual, population, model, lacking, having[1:])].tolist() == [3]


def test_scores_by_source_are_the_parts_of_a_persons_score(model):
    rng = np.random.default_rng(1)
    dosage = rng.integers(-1, 3, (2, len(model.sites))).astype(np.int8)
    by_source = source_scores(model, dosage)
    whole = scores(model, dosage, np.arange(len(model.sites)))
    assert by_source.sum(axis=1) == pytest.approx(whole, abs=1.0)  # rounding along chunks differs
    typed = np.arange(0, len(model.sites), 9)
    few = np.full(len(model.sites), -1, dtype=np.int8)
    few[typed] = np.maximum(dosage[0, typed], 0)
    told = score(model, few)
    if not told.error:
        assert scores(model, few[None], typed)[0] == pytest.approx(told.nats, abs=1e-6)
