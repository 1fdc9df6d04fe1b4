"""Strangers are drawn from the frequencies of their own population, and told apart by one p-value on every platform."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from palabs.evaluate import workers
from palabs.evaluate.children import KIND, NUMBER, children
from palabs.evaluate.children import _row as child_row
from palabs.evaluate.conditions import Cohort, Condition, Kind
from palabs.evaluate.fit_part import LEFT_OUT, NEAR, NEAR_CODES, WHOLE, _left_out_name
from palabs.evaluate.outsiders import DRAWN, Verdicts, from_reference, separation, shuffled, some, strangers
from palabs.evaluate.service import Service
from palabs.populations import POPULATIONS
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


def test_workers_of_a_killed_evaluation_leave(tmp_path):
    """They hold the panel and a model each: a killed run must not leave them in memory."""
    script = tmp_path / "run.py"
    script.write_text(
        "import os, signal, sys\n"
        "from palabs.evaluate import workers\n"
        "if __name__ == '__main__':\n"
        "    with workers.workers(None) as crew:\n"
        "        print(crew.pool.submit(os.getpid).result(), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with (tmp_path / "worker").open("w+") as told:  # no pipe: the worker would hold it open
        assert subprocess.run([sys.executable, script], stdout=told, check=False).returncode == -9
        told.seek(0)
        worker = int(told.read())
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or "\nState:\tZ" in Path(f"/proc/{worker}/status").read_text():
            return
        time.sleep(0.1)
    os.kill(worker, 9)
    pytest.fail("the worker still runs ten seconds after the evaluation was killed")


def test_children_have_one_allele_of_each_parent_and_nothing_that_a_parent_lacks():
    sites = {name: np.ones(SITES, bool) for name in KIND.panels}
    dosage = np.repeat([[0], [2]], [20, 20], axis=0) * np.ones((40, SITES), np.int8)
    dosage = dosage.astype(np.int8)
    dosage[:, :5] = -1
    cohort = Cohort(dosage, np.repeat([0, 1], 20), np.zeros(40, int), sites, ("FIN", "YRI"))
    assert (children(cohort, ("FIN", "YRI"), 1)[:, 5:] == 1).all()
    assert (children(cohort, ("FIN", "FIN"), 1)[:, 5:] == 0).all()
    assert (children(cohort, ("FIN", "YRI"), 1)[:, :5] == -1).all()
    assert len(children(cohort, ("FIN", "YRI"), 1)) == NUMBER


def test_a_conclusion_about_a_child_is_true_where_it_holds_for_both_parents():
    told = ("GBR", "EUR-N", "EUR", "world", "FIN")
    found = Verdicts("", "", np.ones(5), ("inside",) * 4 + ("outside",), told)
    assert child_row(("GBR", "CEU"), found)[1:] == ("region", 5, 0.2, 0.4, 0.2, 0.2, 0.2, 0.6)
    assert child_row(("GBR", "TSI"), found)[1] == "continent"
    assert child_row(("GBR", "CHB"), found)[1] == "none"
    assert child_row(("GBR", "CHB"), found)[-1] == 0.2


def test_whose_region_is_left_out_is_an_outsider_and_whose_stays_is_not():
    assert _left_out_name(("GIH",)) == NEAR
    assert _left_out_name(("GIH", "PJL")) == "without GIH and PJL"
    assert _left_out_name(("FIN",)) == "without FIN"
    assert _left_out_name(("BEB", "GIH", "ITU", "PJL", "STU")) == f"{WHOLE} SAS"
    for codes in LEFT_OUT:
        regions = {POPULATIONS[code].region for code in codes}
        left = {code for code, place in POPULATIONS.items() if place.region in regions} - set(codes)
        assert bool(left) == (codes == NEAR_CODES)


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
