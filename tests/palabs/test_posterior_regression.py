"""The regressions behind the probabilities: right optimum, right leave-one-out, no confidence out of nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry.regression import Fitted, fit, fit_temperature, leave_one_out, log_loss, softmax

PEOPLE, FEATURES, CLASSES = 150, 4, 3


def problem(seed=0, people=PEOPLE):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(people, FEATURES))
    p = softmax(features @ rng.normal(size=(FEATURES, CLASSES)))
    truth = np.array([rng.choice(CLASSES, p=row) for row in p])
    return features, truth, np.ones(people)


def fitted(features, truth, weight, ridge=1.0, prior=None):
    return fit(features, truth, weight, np.zeros((FEATURES, CLASSES)) if prior is None else prior, ridge)


def test_no_small_step_from_the_fit_lowers_the_penalised_loss():
    features, truth, weight = problem()
    found = fitted(features, truth, weight, ridge=2.0)
    design = np.hstack([features, np.ones((PEOPLE, 1))])

    def objective(weights):
        penalty = np.full(weights.shape, 2.0)
        penalty[-1] = 1e-3
        return log_loss(design @ weights, truth, weight) + 0.5 * (penalty * weights**2).sum()

    best = objective(found.weights)
    rng = np.random.default_rng(1)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=found.weights.shape)
        assert objective(found.weights + step) > best


@pytest.mark.parametrize("person", [0, 7, 31])
def test_leaving_one_out_is_what_a_fit_without_the_person_says(person):
    features, truth, weight = problem()
    found = fitted(features, truth, weight)
    others = np.arange(PEOPLE) != person
    without = fitted(features[others], truth[others], weight[others])
    expected = softmax(without.logits(features[[person]]))[0]
    assert softmax(leave_one_out(found, features, truth, weight))[person] == pytest.approx(expected, abs=1e-3)


def test_leaving_one_out_is_less_sure_of_the_truth_than_the_fit_is():
    features, truth, weight = problem(people=40)
    found = fitted(features, truth, weight, ridge=0.1)
    assert log_loss(leave_one_out(found, features, truth, weight), truth, weight) > log_loss(
        found.logits(features), truth, weight
    )


def test_a_person_of_weight_two_counts_as_two_people():
    features, truth, weight = problem()
    twice = np.append(np.arange(PEOPLE), 5)
    weight_two = weight.copy()
    weight_two[5] = 2.0
    assert fitted(features, truth, weight_two).weights == pytest.approx(
        fitted(features[twice], truth[twice], np.ones(len(twice))).weights, abs=1e-5
    )


def test_a_strong_ridge_keeps_the_weights_where_they_were_drawn_to():
    features, truth, weight = problem()
    prior = np.random.default_rng(2).normal(size=(FEATURES, CLASSES))
    assert fitted(features, truth, weight, ridge=1e7, prior=prior).weights[:-1] == pytest.approx(prior, abs=1e-3)


def test_a_fit_to_nothing_gives_every_class_the_same():
    assert softmax(Fitted.blank(FEATURES, CLASSES).logits(np.ones((2, FEATURES)))) == pytest.approx(1 / CLASSES)


@settings(max_examples=20, deadline=None)
@given(overconfidence=st.floats(0.05, 40))
def test_the_temperature_undoes_any_overconfidence(overconfidence):
    features, truth, weight = problem()
    logits = fitted(features, truth, weight, ridge=1e-6).logits(features)
    # at the unpenalised optimum the best factor is 1
    assert fit_temperature(overconfidence * logits, truth, weight) * overconfidence == pytest.approx(1, abs=0.01)


def test_scores_that_tell_nothing_get_next_to_no_confidence():
    rng = np.random.default_rng(3)
    logits, truth = rng.normal(size=(4000, CLASSES)), rng.integers(0, CLASSES, 4000)
    assert fit_temperature(logits, truth, np.ones(4000)) < 0.1


@given(st.lists(st.floats(-700, 700), min_size=2, max_size=26))
def test_probabilities_sum_to_one_whatever_the_scores(scores):
    p = softmax(np.array(scores))
    assert p.sum() == pytest.approx(1)
    assert (p >= 0).all()
