"""The score: a linear form in 8-bit integers that says what the exact likelihood says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry.calibration import recalibrate
from palabs.workload.ancestry.misreading import CLEARLY, error_rate, misread
from palabs.workload.ancestry.model import SOURCES, frequencies
from palabs.workload.ancestry.score import STEP, Weights, exact_weights, linear_form, read_frequencies, score

KINDS = {"169": ("aisnp",), "exome": ("aisnp", "microhap", "exome"), "file": ("aisnp", "gw14k", "vcf")}


def draw(model, population, seed, sources=SOURCES):
    """A person of a population, typed at the SNPs of these sources."""
    rows = np.isin(model.sites.source, [SOURCES.index(name) for name in sources])
    column = frequencies(model)[:, model.populations.index(population)]
    return np.where(rows, np.random.default_rng(seed).binomial(2, column), -1).astype(np.int8)


def exactly(model, told, dosage):
    """The score in floats, without rounding to integers."""
    mask, weights = exact_weights(model, told.used, told.frequencies)
    return mask.sum(axis=0) + dosage[told.used] @ weights


def test_a_score_is_the_log_likelihood_worked_by_hand(model):
    dosage = np.full(len(model.sites), -1, np.int8)
    dosage[[7, 500, 9000]] = [0, 1, 2]
    f = read_frequencies(model, np.array([7, 500, 9000]))
    w = model.weight[[7, 500, 9000]] / 255
    byhand = w[0] * 2 * np.log(1 - f[0]) + w[1] * (np.log(f[1]) + np.log(1 - f[1])) + w[2] * 2 * np.log(f[2])
    got = score(model, dosage).nats
    assert np.allclose(got - got.mean(), byhand - byhand.mean(), atol=0.05)


def test_an_allele_is_read_as_one_of_anybody_with_the_probability_of_an_error(model):
    rows = np.arange(50)
    frequency = frequencies(model, rows)
    wanted = 0.995 * frequency + 0.005 * frequency.mean(axis=1, keepdims=True)
    assert model.settings.error == 0.005
    assert np.allclose(read_frequencies(model, rows), wanted)


@pytest.mark.parametrize("sources", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("population", ["YRI", "CLM", "CHB", "GBR", "ITU"])
def test_integers_and_floats_agree_in_the_answer_and_to_0_005_in_probability(population, sources, model):
    dosage = draw(model, population, 3, sources)
    told = score(model, dosage)
    calibrated = recalibrate(model, told)
    integers = calibrated.probabilities(told.nats[None])[0]
    floats = calibrated.probabilities(exactly(model, told, dosage)[None])[0]
    assert integers.argmax() == floats.argmax()
    assert np.abs(integers - floats).max() < 0.005


def test_weights_fit_into_8_bits_and_the_total_is_whole_units(model):
    dosage = draw(model, "PEL", 1)
    told = score(model, dosage)
    for weights in (told.form.mask, told.form.dosage):
        assert weights.high.dtype == weights.low.dtype == np.int8
        assert (np.log2(weights.scale) % 1 == 0).all()
        assert np.abs(weights.low).max() <= 64, "a low digit of more would be one of the high digit"
    assert told.total.dtype == np.int64
    assert np.allclose(told.nats, told.total * STEP)


def test_the_linear_form_is_what_the_score_adds_up(model):
    """Another way of computing (encrypted, shared) needs the weights and W x alone."""
    dosage = draw(model, "JPT", 2, ("aisnp", "vcf"))
    used = np.flatnonzero(dosage >= 0)
    form = linear_form(model, used)
    observed = form.mask.scale.astype(np.int64)
    alleles = form.dosage.scale * dosage[used].astype(np.int64)
    high = form.mask.high.T @ observed + form.dosage.high.T @ alleles
    low = form.mask.low.T @ observed + form.dosage.low.T @ alleles
    assert np.array_equal(128 * high + low, score(model, dosage).total)


def test_one_digit_of_8_bits_would_not_do(model):
    """Why there are two: of many people, some answers would differ by more than 0.005."""
    used = np.flatnonzero(draw(model, "YRI", 0, KINDS["file"]) >= 0)
    form = linear_form(model, used)
    calibrated = recalibrate(model, score(model, draw(model, "YRI", 0, KINDS["file"])))
    weights = [(128 * each.high.astype(np.int64) * each.scale[:, None]) * STEP for each in (form.mask, form.dosage)]
    people = np.stack([draw(model, "YRI", seed, KINDS["file"])[used] for seed in range(20)])
    coarse, fine = (m.sum(axis=0) + people @ w for m, w in (weights, form.nats(np.arange(len(used)))))
    apart = np.abs(calibrated.probabilities(coarse) - calibrated.probabilities(fine)).max(axis=1)
    assert apart.max() > 0.005


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-40, 40), min_size=3, max_size=3))
def test_a_weight_is_kept_to_a_sixteen_thousandth_of_the_largest(weights):
    nats = np.array([weights])
    kept = Weights.of(nats)
    apart = nats - nats.mean()
    assert np.abs(kept.integers() * STEP - apart).max() <= max(np.abs(apart).max() / (126 * 64), STEP) / 2 + 1e-12


def test_nothing_observed_says_nothing(model):
    told = score(model, np.full(len(model.sites), -1, np.int8))
    assert told.nats.tolist() == [0.0] * 26
    assert (told.blocks, told.information, len(told.used)) == (0, 0.0, 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 400))
def test_blocks_add_up_to_the_score(model, seed, number):
    rng = np.random.default_rng(seed)
    dosage = np.full(len(model.sites), -1, np.int8)
    dosage[rng.permutation(len(dosage))[:number]] = rng.integers(0, 3, number)
    told = score(model, dosage)
    assert np.allclose(told.by_block.sum(axis=0), told.nats)
    assert 1 <= told.blocks <= number


def test_a_block_is_five_million_bases_of_one_chromosome(model):
    place = np.where(model.sites.position37, model.sites.position37, model.sites.position38)
    apart = set(zip(model.sites.chromosome.tolist(), (place // 5_000_000).tolist(), strict=True))
    assert score(model, np.ones(len(model.sites), np.int8)).blocks == len(apart)


def test_a_genotype_that_could_not_be_hidden_is_conditioned_on_being_shown(model):
    dosage = np.full(len(model.sites), -1, np.int8)
    hidden = dosage.copy()
    dosage[[3, 4]], hidden[[3, 4]] = 1, [0, 2]
    f = read_frequencies(model, np.array([3, 4]))
    w = model.weight[[3, 4]] / 255
    more = score(model, dosage, hidden).nats - score(model, dosage).nats
    wanted = -w[0] * np.log(1 - (1 - f[0]) ** 2) - w[1] * np.log(1 - f[1] ** 2)
    assert np.allclose(more, wanted)


def test_a_linked_snp_counts_for_what_its_weight_says(model):
    dosage = np.full(len(model.sites), -1, np.int8)
    dosage[40] = 1
    whole = score(replace(model, weight=np.full(len(model.sites), 255, np.uint8)), dosage)
    half = score(replace(model, weight=np.full(len(model.sites), 51, np.uint8)), dosage)
    assert np.allclose(half.nats - half.nats.mean(), (whole.nats - whole.nats.mean()) / 5, atol=0.01)
    assert half.information == pytest.approx(whole.information / 5)


def test_information_is_more_between_all_than_within_a_continent_and_adds_over_sites(model):
    told = score(model, draw(model, "TSI", 4))
    assert told.information > told.information_within.max() > told.information_within.min() > 0
    some = draw(model, "TSI", 4, ("exome",))
    others = draw(model, "TSI", 4, tuple(name for name in SOURCES if name != "exome"))
    parts = score(model, some).information + score(model, others).information
    assert parts == pytest.approx(told.information, rel=1e-9)


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_swapped_alleles_are_estimated_and_do_not_change_the_answer(rate, model):
    """The attack that a fixed error rate does not withstand: thousands of rare alleles that nobody has."""
    rng = np.random.default_rng(7)
    dosage = draw(model, "CHS", 5, KINDS["file"])
    seen = dosage >= 0
    right = dosage[seen]
    dosage[seen] = rng.binomial(right, 1 - rate) + rng.binomial(2 - right, rate)
    told = score(model, dosage)
    assert told.error == pytest.approx(rate, rel=0.15)
    assert model.continents[told.nats.argmax()] == "EAS"
    assert np.allclose(told.frequencies, misread(read_frequencies(model, told.used), told.error))


@pytest.mark.parametrize("population", ["MSL", "MXL", "KHV", "FIN", "BEB"])
@pytest.mark.parametrize("sources", KINDS.values(), ids=KINDS)
def test_a_clean_file_has_no_error(population, sources, model):
    assert score(model, draw(model, population, 6, sources)).error == 0.0


def test_a_file_of_variants_only_is_not_taken_for_one_of_errors(model):
    """It shows no reference genotype, so it seems full of rare alleles."""
    dosage = draw(model, "IBS", 8)
    shown = np.where(dosage > 0, dosage, -1).astype(np.int8)
    hidden = np.where(dosage > 0, 0, -1).astype(np.int8)
    assert score(model, shown, hidden).error == 0.0
    assert score(model, shown).error > 0.01


def test_an_error_rate_needs_evidence():
    rare = np.full((4, 26), 0.001)
    one_wrong = np.array([1, 0, 0, 0], np.int8)
    assert error_rate(rare, one_wrong) == 0.0
    assert error_rate(np.repeat(rare, 100, axis=0), np.repeat(one_wrong, 100)) == pytest.approx(0.125, abs=0.01)
    assert error_rate(rare[:0], one_wrong[:0]) == 0.0
    assert CLEARLY >= 3
