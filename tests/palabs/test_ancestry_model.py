"""The model: probabilities that are right where the truth is known, and honest where little is known."""

from __future__ import annotations

import hashlib
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.figures import nearest
from palabs.populations import CONTINENTS, POPULATIONS
from palabs.workload.ancestry.model import (
    MODEL_FILE,
    Settings,
    Temper,
    decode,
    information,
    load,
    log_genotypes,
    log_likelihood,
    posterior,
    softmax,
    tempered,
)

REPO = Path(__file__).parents[2]
DIGEST = "sha256:de730c426ed3706183c6dab702f1ac7780f5d52a2ed3aa9e16c7cb91700ab388"


def test_the_model_is_the_one_that_the_page_describes():
    assert load()[1] == DIGEST == "sha256:" + hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest()
    page = (REPO / "docs/ancestry-model.md").read_text()
    assert DIGEST in page
    assert f"{MODEL_FILE.stat().st_size:,} bytes" in page


def test_the_page_has_the_figures_that_training_wrote():
    import json

    from palabs.figures import FIGURES_FILE

    written = json.loads(FIGURES_FILE.read_text())
    assert written["digest"] == DIGEST
    page = (REPO / "docs/ancestry-model.md").read_text()
    for row in written["figures"]:
        for classes, kind in ((26, "populations"), (5, "continents")):
            f = row[kind]
            line = f"| {row['name']} | {row['snps']} | {f['people']} | {classes} | "
            line += " | ".join(f"{f[key]:.3f}" for key in ("accuracy", "top3", "log_loss", "ece"))
            assert line in page
    assert nearest(170)[0] == 165
    assert nearest(10**6)[0] == nearest(2584)[0] == 2584


def test_the_model_file_is_read_back_as_it_was_written(model):
    assert model.encode() == MODEL_FILE.read_bytes()
    assert decode(model.encode()).encode() == model.encode()


@pytest.mark.parametrize("data", [b"", b"hello", MODEL_FILE.read_bytes()[:-1], MODEL_FILE.read_bytes() + b"\0"])
def test_a_damaged_model_file_is_not_loaded(data):
    with pytest.raises(ValueError, match=r"model|buffer"):
        decode(data)


def test_the_model_names_the_26_populations_and_their_continents(model):
    assert set(model.populations) == set(POPULATIONS)
    assert set(model.continents) == set(CONTINENTS)
    assert all(
        POPULATIONS[code].continent == continent
        for code, continent in zip(model.populations, model.continents, strict=True)
    )


def test_genotype_probabilities_sum_to_one_at_every_site_and_population(model):
    assert np.allclose(np.exp(model.log_table()).sum(axis=2), 1)


def test_a_genotype_probability_is_the_beta_binomial_worked_by_hand():
    """Two populations of two continents: counts 3 of 4 and 0 of 4, priors of 2 chromosomes each, no error."""
    counts, totals = np.array([[3, 0]], np.uint8), np.array([[4, 4]], np.uint8)
    table = log_genotypes(counts, totals, np.array([0, 1]), Settings(to_world=2, to_continent=2, error=0))
    world = (3 + 0.5) / (8 + 1)
    mean = (3 + 2 * world) / (4 + 2)
    a, b = 2 * mean + 3, 2 * (1 - mean) + 1
    expected = [b * (b + 1), 2 * a * b, a * (a + 1)] / np.float64((a + b) * (a + b + 1))
    assert np.allclose(np.exp(table[0, 0]), expected)


def test_nothing_observed_says_nothing(model):
    continents, populations = posterior(model, np.full(len(model.sites), -1, np.int8))
    assert all(p == pytest.approx(1 / 26, abs=2e-5) for p in populations.values())
    assert continents["AFR"] == pytest.approx(7 / 26, abs=2e-5)


def test_probabilities_sum_to_one_and_continents_are_sums(model, make_person):
    rng = np.random.default_rng(5)
    for number in (1, 20, 200, len(model.sites)):
        dosage = np.full(len(model.sites), -1, np.int8)
        seen = rng.permutation(len(model.sites))[:number]
        dosage[seen] = rng.integers(0, 3, number)
        continents, populations = posterior(model, dosage)
        assert sum(populations.values()) == pytest.approx(1, abs=1e-9)
        for code in CONTINENTS:
            inside = sum(p for name, p in populations.items() if POPULATIONS[name].continent == code)
            assert continents[code] == pytest.approx(inside, abs=2e-6)
        assert all(0 <= p <= 1 for p in populations.values())


@pytest.mark.parametrize("population", sorted(POPULATIONS))
def test_a_person_drawn_from_a_population_is_placed_on_its_continent(population, model, make_person):
    dosage = np.array([s.letters.count(s.counted) for s in make_person(population).snps], np.int8)
    continents, populations = posterior(model, dosage)
    assert max(continents, key=continents.get) == POPULATIONS[population].continent
    assert population in sorted(populations, key=populations.get)[-3:]


def test_an_unobserved_snp_contributes_nothing(model):
    table = model.log_table()
    dosage = np.full(len(model.sites), -1, np.int8)
    dosage[:10] = 1
    assert np.allclose(log_likelihood(table, dosage), table[:10, :, 1].sum(axis=0))


def test_a_genotype_that_could_not_be_hidden_is_conditioned_on_being_shown(model):
    table = model.log_table()
    dosage = np.full(len(model.sites), -1, np.int8)
    hidden = dosage.copy()
    dosage[0], hidden[0] = 1, 0
    expected = np.exp(table[0, :, 1]) / (1 - np.exp(table[0, :, 0]))
    assert np.allclose(np.exp(log_likelihood(table, dosage, hidden)), expected)


def test_ten_in_a_hundred_swapped_alleles_do_not_make_it_sure_of_the_wrong_continent(model, make_person):
    dosage = np.array([s.letters.count(s.counted) for s in make_person("CHB").snps], np.int8)
    wrong = np.random.default_rng(1).random(len(dosage)) < 0.1
    continents, _ = posterior(model, np.where(wrong, 2 - dosage, dosage).astype(np.int8))
    assert continents["EAS"] > 0.9


def test_the_less_is_known_the_less_is_claimed(model, make_person):
    dosage = np.array([s.letters.count(s.counted) for s in make_person("IBS").snps], np.int8)
    draws = np.random.default_rng(2).random(len(dosage))
    highest = []
    for share in (1.0, 0.3, 0.05, 0.005):
        _, populations = posterior(model, np.where(draws < share, dosage, -1).astype(np.int8))
        highest.append(max(populations.values()))
    assert highest == sorted(highest, reverse=True)


def test_information_is_zero_where_all_populations_are_alike_and_positive_elsewhere(model):
    amounts = information(model.log_table())
    assert (amounts > 0).all()
    same = np.log(np.full((1, 26, 3), 1 / 3))
    assert information(same)[0] == pytest.approx(0, abs=1e-12)


def test_factors_are_interpolated_between_knots_and_held_beyond_them(model):
    temper = Temper((1.0, 100.0), ((1.0, 0.5), (0.2, 0.1)))
    assert np.allclose(temper.at(np.array([0.01, 1.0, 10.0, 100.0, 1e9]))[:, 0], [1, 1, 0.6, 0.2, 0.2])
    assert all(0 < factor <= 1 for row in model.temper.factors for factor in row)
    assert list(model.temper.information) == sorted(model.temper.information)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-2000, 0), min_size=4, max_size=4), st.floats(0.02, 1))
def test_with_equal_factors_tempering_is_one_softmax(scores, factor):
    grouping = np.array([0, 0, 1, 1])
    given_scores = np.array([scores])
    result = tempered(given_scores, grouping, np.full((1, 3), factor))
    assert np.allclose(result, softmax(factor * given_scores), atol=1e-9)
    assert result.sum() == pytest.approx(1)


def test_the_workload_imports_numpy_and_the_standard_library_only():
    folder = MODEL_FILE.parent
    modules = set()
    for path in folder.glob("*.py"):
        modules |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE))
    import sys

    assert modules - set(sys.stdlib_module_names) == {"numpy"}


def test_every_place_is_on_the_map():
    from palabs.world import EAST, NORTH, SOUTH, WEST

    for a, b in itertools.pairwise(sorted(POPULATIONS.values())):
        assert (a.north, a.east) != (b.north, b.east)
    assert all(WEST < p.east < EAST and SOUTH < p.north < NORTH for p in POPULATIONS.values())
