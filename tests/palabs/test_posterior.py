"""The answer: levels that agree, intervals that hold their point, sets that cover, conclusions that stop in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry.admixture import Admixture, Component
from palabs.workload.ancestry.calibration import recalibrate
from palabs.workload.ancestry.fit_test import Fit
from palabs.workload.ancestry.model import SOURCES, frequencies, load
from palabs.workload.ancestry.posterior import (
    COVERAGE,
    THRESHOLD,
    conclude,
    cut_off,
    ladder,
    posterior,
    prediction_set,
    resample,
    rounded,
)
from palabs.workload.ancestry.score import score

FILE = ("aisnp", "gw14k")


@pytest.fixture(scope="module")
def model():
    return load()[0]


@pytest.fixture(scope="module")
def shown(model):
    return np.isin(model.sites.source, [SOURCES.index(name) for name in FILE])


def person(model, shown, population, seed=0, keep=1.0):
    """Somebody drawn from the frequencies of a population, who shows some of the sites."""
    rng = np.random.default_rng(seed)
    frequency = frequencies(model)[:, model.populations.index(population)]
    seen = shown & (rng.random(len(shown)) < keep)
    return np.where(seen, rng.binomial(2, frequency), -1).astype(np.int8)


@pytest.fixture(scope="module")
def finn(model, shown):
    return score(model, person(model, shown, "FIN"))


@pytest.fixture(scope="module")
def calibrated(model, finn):
    return recalibrate(model, finn)


def levels(model, answer):
    return [
        (rung, values)
        for rung, values in zip(ladder(model), (answer.populations, answer.regions, answer.continents), strict=True)
    ]


def test_somebody_with_a_populations_frequencies_is_placed_there(model, finn, calibrated):
    answer = posterior(model, finn, calibrated=calibrated)
    assert answer.conclusion.code == "FIN"
    assert answer.conclusion.level == "population"
    assert answer.conclusion.probability == answer.populations["FIN"] >= THRESHOLD
    assert answer.sets["population"][0] == "FIN"


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), keep=st.sampled_from([0.001, 0.03, 0.3]), population=st.sampled_from(["PEL", "ITU"]))
def test_every_level_sums_to_one_and_agrees_with_the_one_below(model, shown, seed, keep, population):
    answer = posterior(model, score(model, person(model, shown, population, seed, keep)), replicates=20)
    for rung, values in levels(model, answer):
        assert set(values) == set(rung.codes)
        assert sum(values.values()) == pytest.approx(1, abs=1e-5)
        for number, code in enumerate(rung.codes):
            inside = [name for name, parent in zip(model.populations, rung.parent, strict=True) if parent == number]
            assert values[code] == pytest.approx(sum(answer.populations[name] for name in inside), abs=2e-6)
            low, high = answer.intervals[code]
            assert 0 <= low <= values[code] <= high <= 1
        assert max(values, key=values.__getitem__) in answer.sets[rung.name]


def test_the_same_file_has_the_same_answer(model, finn):
    assert posterior(model, finn) == posterior(model, finn)


def test_one_snp_more_or_less_hardly_changes_the_answer(model, shown):
    dosage = person(model, shown, "GBR")
    without = dosage.copy()
    without[np.flatnonzero(dosage == 1)[5]] = -1
    one, other = (posterior(model, score(model, each), replicates=0).populations for each in (dosage, without))
    assert max(abs(one[code] - other[code]) for code in one) < 0.05


def test_a_file_that_shows_nothing_concludes_nothing(model, shown):
    answer = posterior(model, score(model, np.full(len(shown), -1, dtype=np.int8)))
    assert answer.conclusion.level == "world"
    assert max(answer.populations.values()) < 0.1


def test_less_of_a_person_means_wider_intervals_and_less_confidence(model, shown):
    spans, tops = [], []
    for keep in (0.02, 1.0):
        answers = [posterior(model, score(model, person(model, shown, "TSI", seed, keep))) for seed in range(4)]
        tops.append(np.mean([answer.populations["TSI"] for answer in answers]))
        spans.append(np.mean([answer.intervals["EUR-S"][1] - answer.intervals["EUR-S"][0] for answer in answers]))
    assert tops[0] < tops[1]
    assert spans[0] > spans[1]


def test_without_replicates_the_interval_is_the_point(model, finn, calibrated):
    answer = posterior(model, finn, calibrated=calibrated, replicates=0)
    assert all(
        answer.intervals[code] == (value, value)
        for _, values in levels(model, answer)
        for code, value in values.items()
    )


def test_the_bootstrap_draws_whole_blocks():
    blocks = np.diag([1.0, 10.0, 100.0])
    draws = resample(blocks, 500)
    assert draws.shape == (500, 3)
    times = draws / np.diag(blocks)
    assert (times == np.rint(times)).all()
    assert (times.sum(axis=1) == len(blocks)).all()
    assert times.mean(axis=0) == pytest.approx(1, abs=0.15)


@given(st.lists(st.floats(0, 1), min_size=26, max_size=26).filter(lambda values: sum(values) > 0))
def test_rounding_leaves_probabilities_that_sum_to_one(values):
    result = rounded(np.array(values) / sum(values))
    assert round(float(result.sum()), 9) == 1
    assert (result >= 0).all()


def test_the_conclusion_is_the_deepest_node_that_is_probable_enough(model):
    rungs = ladder(model)

    def told(**shares):
        p = np.array([shares.get(code, 0.0) for code in model.populations])
        return conclude(rungs, [dict(zip(r.codes, (p @ r.membership).tolist(), strict=True)) for r in rungs])

    assert told(GBR=THRESHOLD, FIN=1 - THRESHOLD).code == "GBR"
    assert told(GBR=0.5, CEU=0.4, FIN=0.1).code == "EUR-N"
    assert told(GBR=0.3, FIN=0.3, TSI=0.3, PUR=0.1).code == "EUR"
    nowhere = told(GBR=0.5, PUR=0.5)
    assert (nowhere.level, nowhere.code, nowhere.probability) == ("world", "world", 1.0)


def test_no_population_is_concluded_whose_people_are_unlike_the_person(model):
    rungs = ladder(model)
    p = np.array([0.95 if code == "FIN" else 0.05 if code == "TSI" else 0.0 for code in model.populations])
    nodes = [dict(zip(rung.codes, (p @ rung.membership).tolist(), strict=True)) for rung in rungs]

    def told(*codes):
        return conclude(rungs, nodes, np.isin(model.populations, codes)).code

    assert told("FIN") == "FIN"
    assert told("GBR", "TSI", "JPT") == "EUR"
    assert told() == "EUR", "a continent is no question of likeness"
    q = np.array([0.95 if code == "GBR" else 0.05 if code == "CEU" else 0.0 for code in model.populations])
    british = [dict(zip(rung.codes, (q @ rung.membership).tolist(), strict=True)) for rung in rungs]
    assert conclude(rungs, british, np.isin(model.populations, ["CEU"])).code == "EUR-N"


def test_a_child_of_finns_and_tuscans_is_told_neither(model, shown):
    table = frequencies(model)
    finn, tuscan = (table[:, model.populations.index(code)] for code in ("FIN", "TSI"))
    told = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        child = np.where(shown, rng.binomial(1, finn) + rng.binomial(1, tuscan), -1).astype(np.int8)
        told.append(posterior(model, score(model, child), replicates=0).conclusion.code)
    assert sum(code in {"FIN", "EUR-F", "TSI", "EUR-S"} for code in told) <= 1
    assert "EUR" in told


def test_somebody_outside_the_reference_is_concluded_to_be_of_the_world(model, finn, calibrated):
    inside, outside = Fit("inside", 0.5, 0.0), Fit("outside", 1e-9, 6.0)
    assert posterior(model, finn, calibrated=calibrated, fit=inside).conclusion.code == "FIN"
    assert posterior(model, finn, calibrated=calibrated, fit=outside).conclusion.level == "world"


def test_shares_that_contradict_the_continent_stop_the_conclusion(model, finn, calibrated):
    def told(code):
        listed = tuple(
            Component(each, float(each == code), 0.9 * (each == code), 1.0) for each in ("EUR", "EAS", "OCE")
        )
        return posterior(model, finn, calibrated=calibrated, shares=Admixture(listed, 5000, 300), replicates=0)

    assert told("EUR").conclusion.code == "FIN"
    assert told("EAS").conclusion.level == "world"
    assert told("EAS").populations == told("EUR").populations


def test_a_set_holds_all_that_reach_the_cut_and_never_nothing():
    p = np.array([0.1, 0.5, 0.4])
    assert prediction_set(p, 0.2).tolist() == [1, 2]
    assert prediction_set(p, 0.45).tolist() == [1]
    assert prediction_set(p, 2.0).tolist() == [1]
    assert prediction_set(p, 0.0).tolist() == [1, 2, 0]


def coverage(calibrated, rung, cut):
    p = calibrated.held_out @ rung.membership
    truth = rung.parent[calibrated.truth]
    own = p[np.arange(len(truth)), truth]
    return float(calibrated.weight @ ((own >= cut) | (p.argmax(axis=1) == truth))) / calibrated.weight.sum()


def test_sets_cover_what_they_promise_among_the_people_left_out(model, calibrated):
    for rung in ladder(model):
        cut = cut_off(calibrated, rung)
        covered, alone = coverage(calibrated, rung, cut), coverage(calibrated, rung, 2.0)
        assert covered >= COVERAGE
        assert covered <= max(COVERAGE + 0.01, alone)


def test_sets_of_a_poor_file_are_larger_not_less_reliable(model, shown):
    few = score(model, person(model, shown, "TSI", keep=0.01))
    poor, rung = recalibrate(model, few), ladder(model)[0]
    cut = cut_off(poor, rung)
    assert COVERAGE <= coverage(poor, rung, cut) <= COVERAGE + 0.01
    assert len(prediction_set(poor.probabilities(few.nats[None])[0], cut)) > 2


def test_a_threshold_of_certainty_is_never_reached_by_rounding(model, finn, calibrated):
    answer = posterior(model, replace(finn, nats=finn.nats * 1000), calibrated=calibrated, replicates=0)
    assert max(answer.continents.values()) < 1
