"""Measures of probabilities: as the textbooks define them, and honest about what chance alone does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palabs.evaluate.levels import tree
from palabs.evaluate.measures import (
    area_under_curve,
    brier,
    calibration_error,
    corrected_error,
    error_by_chance,
    figures,
    log_loss,
    reliability,
)
from palabs.training.panel import POPULATIONS

TOLD = np.array([[0.8, 0.1, 0.05, 0.05], [0.3, 0.4, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
FIRST = np.array([0, 0, 0])


def test_measures_are_those_of_the_textbook():
    quality = figures(TOLD, FIRST)
    assert quality.people == 3
    assert quality.accuracy == pytest.approx(1 / 3, abs=1e-4)
    assert quality.top3 == pytest.approx(2 / 3, abs=1e-4)
    assert quality.log_loss == pytest.approx(-np.log([0.8, 0.3, 0.1]).mean(), abs=1e-4)
    by_hand = [0.04 + 0.01 + 2 * 0.0025, 0.49 + 0.16 + 0.04 + 0.01, 0.81 + 0.04 + 0.09 + 0.16]
    assert quality.brier == pytest.approx(np.mean(by_hand), abs=1e-4)
    assert brier(np.eye(4)[[2]], np.array([2])) == 0
    assert brier(np.eye(4)[[2]], np.array([1])) == 2


def test_a_probability_of_nought_for_the_truth_costs_no_more_than_the_floor():
    assert log_loss(np.eye(4)[[2]], np.array([1])) == pytest.approx(-np.log(1e-6))
    assert log_loss(np.eye(4)[[2]], np.array([2])) == 0


def test_nobody_has_no_figures():
    with pytest.raises(ValueError, match="no people"):
        figures(np.zeros((0, 4)), np.zeros(0, dtype=int))
    with pytest.raises(ValueError, match="nobody"):
        area_under_curve(np.array([]), np.array([1.0]))


def test_calibration_error_is_the_gap_weighted_by_people():
    assert calibration_error(np.array([0.75, 0.75]), np.array([True, False])) == pytest.approx(0.25)
    told = np.array([0.75, 0.75, 0.75, 1.0])
    assert calibration_error(told, np.array([True, False, True, True])) == pytest.approx(3 / 4 * (0.75 - 2 / 3))


def test_who_is_told_certainty_is_in_the_last_bin_and_nobody_is_lost():
    bins = reliability(np.array([1.0, 0.95, 0.31]), np.array([True, False, True]))
    assert [(b.low, b.high, b.people) for b in bins] == [(0.3, 0.4, 1), (0.9, 1.0, 2)]
    assert bins[1].told == pytest.approx(0.975)
    assert bins[1].right == 0.5


def test_honest_answers_have_the_calibration_error_that_chance_gives_and_boastful_ones_more():
    rng = np.random.default_rng(5)
    told = rng.uniform(0.3, 1, 1500)
    honest = calibration_error(told, rng.random(1500) < told)
    boastful = calibration_error(told, rng.random(1500) < told - 0.1)
    chance = error_by_chance(told)
    assert 0.3 * chance < honest < 2 * chance
    assert boastful > 3 * chance
    assert error_by_chance(np.tile(told, 16)) < 0.35 * chance


def test_the_corrected_error_of_honest_answers_is_nought_on_average_and_that_of_boastful_ones_what_they_boast():
    rng = np.random.default_rng(8)
    told = rng.uniform(0.3, 0.9, 250)
    squares = [corrected_error(told, rng.random(250) < told) for _ in range(400)]
    assert np.mean(np.array(squares) == 0) > 0.4, "chance is taken off: half of the squares would be below nought"
    assert np.mean(squares) < 0.5 * np.mean([calibration_error(told, rng.random(250) < told) for _ in range(400)])
    many = rng.uniform(0.3, 0.9, 50_000)
    assert corrected_error(many, rng.random(50_000) < many - 0.1) == pytest.approx(0.1, abs=0.01)
    assert corrected_error(np.array([0.7]), np.array([True])) == 0


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.lists(st.integers(0, 6), min_size=1, max_size=30))
def test_area_under_the_curve_is_the_share_of_pairs_in_order(inside, outside):
    pairs = [(o > i) + (o == i) / 2 for i in inside for o in outside]
    assert area_under_curve(np.array(inside), np.array(outside)) == pytest.approx(np.mean(pairs))


def test_levels_sum_to_one_and_each_population_is_in_its_own_continent():
    populations, regions, continents = tree(POPULATIONS)
    assert (len(populations.codes), len(regions.codes), len(continents.codes)) == (26, 14, 5)
    probabilities = np.random.default_rng(1).dirichlet(np.ones(26), 4)
    for level in (populations, regions, continents):
        assert level.sums(probabilities).sum(axis=1) == pytest.approx(np.ones(4))
    assert continents.codes[continents.node[POPULATIONS.index("FIN")]] == "EUR"
    assert regions.codes[regions.node[POPULATIONS.index("LWK")]] == "AFR-E"
    finn = np.eye(26)[[POPULATIONS.index("FIN")]]
    assert continents.sums(finn)[0, continents.codes.index("EUR")] == 1
