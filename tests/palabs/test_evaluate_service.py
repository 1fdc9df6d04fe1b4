"""The evaluation asks the service itself: what it measures is what the enclave would say."""

from __future__ import annotations

import numpy as np
import pytest

from palabs.evaluate.service import Service, alike
from palabs.workload.ancestry.fit_test import reference_fit
from palabs.workload.ancestry.model import frequencies
from palabs.workload.ancestry.posterior import posterior
from palabs.workload.ancestry.score import score


@pytest.fixture(scope="module")
def people(model):
    """Six people drawn from the frequencies; the last two show fewer SNPs."""
    rng = np.random.default_rng(4)
    columns = [model.populations.index(code) for code in ("FIN", "YRI", "PEL", "JPT", "GIH", "ASW")]
    dosage = rng.binomial(2, frequencies(model).T[columns]).astype(np.int8)
    dosage[:, ::2] = -1
    dosage[4:, : len(dosage[0]) // 2] = -1
    return dosage


def test_people_are_grouped_by_the_snps_that_they_show(people):
    groups = sorted(rows.tolist() for rows in alike(people))
    assert groups == [[0, 1, 2, 3], [4, 5]]
    assert list(alike(people[:0])) == []


def test_the_service_is_asked_by_the_enclaves_own_code(model, people):
    told, settled = Service(model).ask(people)
    for number in (1, 5):
        found = score(model, people[number])
        one = posterior(model, found, replicates=0)
        assert told[number] == pytest.approx([one.populations[code] for code in model.populations], abs=2e-6)
        assert settled.conclusions[number] == one.conclusion.code
        for level, codes in one.sets.items():
            assert settled.sets[f"{level}s"][number] == frozenset(codes)
        assert settled.information[number] == found.information


def test_a_file_with_errors_does_not_change_the_answers_to_clean_ones(model, people):
    rng = np.random.default_rng(9)
    mixed = people[:4].copy()
    wrong = (rng.random(mixed[2].shape) < 0.05) & (mixed[2] >= 0)
    mixed[2, wrong] = 2 - mixed[2, wrong]
    assert score(model, mixed[2]).error > 0.02
    told, _ = Service(model).ask(mixed)
    for number in (0, 2):
        one = posterior(model, score(model, mixed[number]), replicates=0)
        assert told[number] == pytest.approx([one.populations[code] for code in model.populations], abs=2e-6)


def test_a_vcf_of_variants_only_is_answered_by_the_enclaves_own_code(model, people):
    plain = np.where(np.arange(people.shape[1]) % 7 == 0, 2, 0).astype(np.int8)
    shown = np.where(people == plain, -1, people).astype(np.int8)
    told, settled = Service(model).ask(shown, plain)
    for number in (0, 5):
        hidden = np.where(shown[number] >= 0, plain, -1).astype(np.int8)
        found = score(model, shown[number], hidden)
        one = posterior(model, found, replicates=0)
        assert told[number] == pytest.approx([one.populations[code] for code in model.populations], abs=2e-6)
        fit = reference_fit(model, shown[number], found)
        assert settled.p_values[number] == pytest.approx(fit.p_value, rel=1e-3)
        assert settled.verdicts[number] == fit.verdict
