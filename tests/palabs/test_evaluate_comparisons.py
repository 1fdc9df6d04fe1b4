"""The comparisons learn what they are meant to, never see whom they are asked about, and fill gaps with the mean."""

from __future__ import annotations

import numpy as np
import pytest

from palabs.evaluate.comparisons import COMPARISONS, Standard, naive_bayes


@pytest.fixture(scope="module")
def people():
    """150 people of three populations that differ at 200 SNPs, and 60 more to ask about."""
    rng = np.random.default_rng(8)
    frequency = rng.uniform(0.05, 0.95, (3, 200))
    population = np.arange(210) % 3
    dosage = rng.binomial(2, frequency[population]).astype(np.int8)
    return dosage[:150], population[:150], dosage[150:], population[150:]


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.name)
def test_a_comparison_tells_clear_populations_apart_and_gives_probabilities(people, comparison):
    if comparison.learn is not naive_bayes:
        pytest.importorskip("sklearn")
    dosage, population, asked, truth = people
    told = comparison.learn(dosage, population, 5)(asked)
    assert told.shape == (60, 5)
    assert told.sum(axis=1) == pytest.approx(np.ones(60))
    assert (told.argmax(axis=1) == truth).mean() > 0.95
    if comparison.learn is not naive_bayes:
        assert (told[:, 3:] == 0).all()


def test_naive_bayes_is_laplaces_binomial(people):
    dosage = np.array([[2, 0], [2, -1], [0, 0]], dtype=np.int8)
    predict = naive_bayes(dosage, np.array([0, 0, 1]), 2)
    by_hand = np.array([(4 + 1) / (4 + 2), (0 + 1) / (2 + 2)]) ** 2
    told = predict(np.array([[2, -1]], dtype=np.int8))
    assert told[0] == pytest.approx(by_hand / by_hand.sum())


def test_what_is_missing_counts_as_the_mean():
    dosage = np.array([[0, 2], [2, 2], [1, 2]], dtype=np.int8)
    standard = Standard.of(dosage)
    found = standard.apply(np.array([[-1, -1], [2, 0]], dtype=np.int8))
    assert found[0].tolist() == [0, 0]
    assert found[1, 0] == pytest.approx(1 / np.sqrt(0.5))
    assert found[1, 1] == 0, "a site at which nobody differed says nothing"


def test_a_missing_library_is_misuse_with_the_remedy(people, monkeypatch):
    import sys

    from confide.errors import Misuse

    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(Misuse) as raised:
        COMPARISONS[0].learn(people[0], people[1], 3)
    assert raised.value.findings[0].code == "evaluate.extra"
    assert "confide[evaluate]" in raised.value.findings[0].remedy
