"""Tempering: what is too sure is made less so, region by region, and people who fit nothing spoil it for nobody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palabs.workload.ancestry.regression import softmax
from palabs.workload.ancestry.tempering import Temper, Tempers

REGIONS = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])


@given(st.lists(st.floats(-50, 50), min_size=5, max_size=5), st.floats(0.01, 4), st.floats(0.01, 4), st.floats(0, 0.5))
def test_tempered_probabilities_sum_to_one_and_keep_their_order_within_a_region(logits, between, within, lapse):
    tempers = Tempers(REGIONS, Temper(between, lapse), (Temper(within, lapse), Temper(2.0)))
    p = tempers.probabilities(np.array([logits]))[0]
    assert p.sum() == pytest.approx(1)
    for number in range(2):
        inside = np.flatnonzero(REGIONS[:, number])
        order = inside[np.argsort(np.array(logits)[inside], kind="stable")]
        assert (np.diff(p[order]) >= -1e-12).all()


def test_tempers_of_nobody_change_nothing():
    logits = np.random.default_rng(5).normal(size=(6, 5))
    assert Tempers.none(REGIONS).probabilities(logits) == pytest.approx(softmax(logits))
    assert Temper.fit(np.zeros((0, 3)), np.zeros(0, int), np.zeros(0)) == Temper()
    assert Temper.fit(np.zeros((4, 1)), np.zeros(4, int), np.ones(4)) == Temper()


def test_overconfidence_is_undone_between_regions_and_within_each_of_them_apart():
    rng = np.random.default_rng(6)
    honest = softmax(rng.normal(size=(20000, 5)) * 1.5)
    truth = np.array([rng.choice(5, p=row) for row in honest])
    # three times too sure which region; in the first half as sure as it could be which population, in the other twice
    spoilt = Tempers(REGIONS, Temper(3.0), (Temper(0.5), Temper(2.0))).probabilities(np.log(honest))
    found = Tempers.fit(np.log(spoilt), truth, np.ones(len(truth)), REGIONS)
    assert found.between.factor == pytest.approx(1 / 3, abs=0.03)
    assert found.within[0].factor == pytest.approx(2, abs=0.2)
    assert found.within[1].factor == pytest.approx(0.5, abs=0.05)
    assert found.probabilities(np.log(spoilt)) == pytest.approx(honest, abs=0.05)


def test_a_few_people_who_fit_nothing_do_not_make_the_others_diffident():
    rng = np.random.default_rng(7)
    logits = rng.normal(size=(20000, 3)) * 4
    truth = np.array([rng.choice(3, p=row) for row in softmax(logits)])
    strange = rng.random(len(truth)) < 0.03
    truth[strange] = rng.integers(0, 3, strange.sum())
    found = Temper.fit(logits, truth, np.ones(len(truth)))
    assert found.lapse == pytest.approx(0.03, abs=0.01)
    assert found.factor == pytest.approx(1, abs=0.05)
    assert found.probabilities(np.array([[100.0, 0, 0]])).max() == pytest.approx(1 - 0.02, abs=0.008)
