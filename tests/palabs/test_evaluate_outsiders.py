"""Strangers are drawn from the frequencies of their own population, and told apart by one p-value on every platform."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

from palabs.evaluate import workers
from palabs.evaluate.conditions import Cohort, Condition, Kind
from palabs.evaluate.outsiders import DRAWN, Verdicts, from_reference, separation, shuffled, some, strangers
from palabs.evaluate.service import Service
from palabs.workload.ancestry.model import MODEL_FILE, frequencies

SITES = 500


@pytest.fixture
def panel():
    """Two HGDP populations, one of them of a continent; the last hundred sites lack the other one."""
    totals = np.full((SITES, 2), 40, dtype=np.uint8)
    totals[400:, 1] = 0
    counts = np.stack([np.full(SITES, 20), np.where(np.arange(SITES) < 400, 4, 0)], axis=1).astype(np.uint8)
    references = SimpleNamespace(names=("French", "Papuan"), continents=("EUR", ""), counts=counts, totals=totals)
    return SimpleNamespace(references=references, of=lambda *_: np.arange(SITES) >= 50)


def test_only_populations_that_support_no_answer_are_strangers(panel):
    assert list(strangers(panel)) == ["Papuan"]


def test_strangers_have_their_populations_frequencies_where_it_was_typed_and_nothing_elsewhere(panel):
    dosage = from_reference(panel, "Papuan")
    assert dosage.shape == (DRAWN, SITES)
    assert (dosage[:, :50] == -1).all()
    assert (dosage[:, 400:] == -1).all()
    assert dosage[:, 50:400].mean() == pytest.approx(2 * 4 / 40, abs=0.03)
    assert np.array_equal(dosage, from_reference(panel, "Papuan"))


@pytest.fixture
def cohort():
    """Linked genotypes: everybody is homozygous, the same at every site, for one of two alleles."""
    dosage = np.repeat(np.arange(40) % 4 == 0, SITES).reshape(40, SITES).astype(np.int8) * 2
    return Cohort(dosage, np.arange(40) % 2, np.arange(40) % 5, {"one": np.ones(SITES, bool)}, ("FIN", "YRI"))


def test_shuffled_people_keep_the_frequencies_and_lose_the_linkage(cohort):
    sites = np.arange(SITES) < 300
    dosage = shuffled(cohort, np.ones(40, bool), sites, 30, 1)
    assert dosage.shape == (30, SITES)
    assert (dosage[:, 300:] == -1).all()
    assert dosage[:, :300].mean() == pytest.approx(2 / 4, abs=0.03)
    assert dosage[:, :300].mean(axis=1).max() < 0.8, "nobody is one of the people again"


def test_some_people_are_those_asked_for_and_no_others(cohort):
    carriers = np.arange(40) % 4 == 0
    dosage = some(cohort, Condition(Kind("all", "all", ("one",))), carriers, 4)
    assert dosage.shape == (4, SITES)
    assert (dosage == 2).all()
    assert len(some(cohort, Condition(Kind("all", "all", ("one",))), carriers, 1000)) == 10


def test_platforms_are_compared_by_one_threshold():
    """Two platforms, each perfect by itself, but with p-values that do not mean the same."""
    here, there = Verdicts("in", "a", np.array([0.5]), ("inside",)), Verdicts("in", "b", np.array([1e-3]), ("inside",))
    out = [Verdicts("out", "a", np.array([1e-2]), ("outside",)), Verdicts("out", "b", np.array([1e-5]), ("outside",))]
    assert separation([here], [out[0]]) == separation([there], [out[1]]) == 1
    assert separation([here, there], out) == 0.75
    assert out[0].share("outside") == 1
    assert out[0].share("inside") == 0


def test_other_processes_say_what_this_one_says_and_leave_the_environment_as_it_was(model):
    rng = np.random.default_rng(6)
    dosage = rng.binomial(2, frequencies(model).T[[0, 17]]).astype(np.int8)
    dosage[:, ::5] = -1
    before = dict(os.environ)
    with workers.workers(None) as crew:
        assert os.environ["OMP_NUM_THREADS"] == "1"
        (crew.folder / "packaged").write_bytes(MODEL_FILE.read_bytes())
        found = crew.start(workers.judge, "packaged", dosage).result()
    assert dict(os.environ) == before
    here = Service(model, shares=True).ask(dosage)[1]
    assert found.conclusions == here.conclusions
    assert found.verdicts == here.verdicts
    assert found.sets == here.sets
    assert found.p_values == pytest.approx(here.p_values, rel=1e-3)
