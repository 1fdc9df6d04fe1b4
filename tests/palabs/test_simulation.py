"""Simulated people: the truth is the truth, the tables are reproducible, and the comparison gets the same people."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from confide.errors import Misuse
from palabs.evaluate import mixture_tool, proportions
from palabs.evaluate.mixture_tool import fastmixture_shares, write_plink
from palabs.evaluate.proportions import Simulation, compare, estimate_all, paint_all, read_published
from palabs.evaluate.simulation import LENGTHS, SNPS_A_WINDOW, SOURCES, Size, Tracts, simulate
from palabs.training.plink import read_plink

SMALL = Size(snps=600, references=60, admixed=12, unmixed=20)


@pytest.fixture(scope="module")
def simulated():
    pytest.importorskip("msprime")
    pytest.importorskip("stdpopsim")
    return simulate(SMALL, seed=3)


@pytest.fixture(scope="module")
def simulation(simulated):
    return Simulation.of(simulated)


def test_the_simulation_has_the_size_asked_for(simulated):
    copies = SMALL.admixed + len(SOURCES) * SMALL.unmixed
    assert simulated.alleles.shape == simulated.ancestry.shape == (copies, SMALL.snps)
    assert simulated.counts.shape == (SMALL.snps, len(SOURCES))
    assert (simulated.counts <= simulated.totals).all()
    assert set(np.unique(simulated.alleles)) == {0, 1}


def test_snps_lie_in_genome_order_all_over_the_genome(simulated):
    chromosome, position = simulated.chromosome.astype(int), simulated.position.astype(int)
    assert set(chromosome) == set(range(1, 23))
    assert (position < np.array(LENGTHS)[chromosome - 1] * 1_000_000).all()
    place = chromosome * 1_000_000_000 + position
    assert (np.diff(place) > 0).all()


def test_shares_are_those_of_the_founders(simulated):
    at_snps = np.stack([(simulated.ancestry == source).mean(axis=1) for source in range(len(SOURCES))], axis=1)
    assert simulated.shares.sum(axis=1) == pytest.approx(np.ones(len(at_snps)))
    assert at_snps == pytest.approx(simulated.shares, abs=0.03)
    admixed = simulated.shares[: SMALL.admixed].mean(axis=0)
    assert admixed == pytest.approx([1 / 6, 1 / 3, 1 / 2], abs=0.06)


def test_admixed_chromosomes_are_mosaics_and_the_others_are_not(simulated):
    assert (np.diff(simulated.ancestry[: SMALL.admixed], axis=1) != 0).sum(axis=1).min() > 30
    assert (np.diff(simulated.ancestry[SMALL.admixed :], axis=1) == 0).all()


def test_alleles_follow_the_frequencies_of_their_founders_source(simulated):
    # Where two sources differ clearly, alleles on stretches of either are as frequent as among its references.
    frequency = simulated.counts / simulated.totals
    clear = np.flatnonzero(np.abs(frequency[:, 0] - frequency[:, 2]) > 0.3)
    for source in (0, 2):
        here = simulated.ancestry[: SMALL.admixed, clear] == source
        shown = (simulated.alleles[: SMALL.admixed, clear] * here).sum() / here.sum()
        other = (frequency[clear, 2 - source] * here).sum() / here.sum()
        expected = (frequency[clear, source] * here).sum() / here.sum()
        assert abs(shown - expected) < max(0.05, 0.5 * abs(shown - other))


def test_the_same_seed_gives_the_same_people_and_another_others(simulated):
    few = Size(snps=20, references=10, admixed=2, unmixed=1)
    one, again, other = (simulate(few, seed) for seed in (1, 1, 2))
    assert (one.alleles == again.alleles).all()
    assert (one.shares == again.shares).all()
    assert one.shares.tolist() != other.shares.tolist()


def test_progress_goes_from_nothing_to_all():
    pytest.importorskip("msprime")
    seen = []
    simulate(Size(snps=10, references=5, admixed=2, unmixed=1), 1, seen.append)
    assert seen == [(n + 1) / (10 / SNPS_A_WINDOW) for n in range(5)]


def test_tracts_know_the_founder_at_each_place():
    tracts = Tracts([np.array([10.0, 30.0])], [np.array([1, 0], np.int32)], np.array([0, 2], np.int32))
    assert [tracts.founders_at(place)[0] for place in (0, 9.9, 10, 29)] == [1, 1, 0, 0]
    assert tracts.shares() == pytest.approx(np.array([[2 / 3, 0, 1 / 3]]))


def test_nobody_is_a_reference_of_themselves_and_no_copy_serves_twice(simulation):
    copies = simulation.pairs.ravel().tolist()
    assert len(set(copies)) == len(copies)
    assert simulation.truth.sum(axis=1) == pytest.approx(np.ones(len(simulation.pairs)))


def test_shares_of_simulated_people_are_found_and_the_intervals_hold_most(simulation):
    found = estimate_all(simulation)
    error = np.array([one.shares for one in found]) - simulation.truth
    assert proportions.rms(error) < 0.09  # with 600 SNPs; with 10,000 it is .015
    low, high = (np.array(ends) for ends in zip(*(one.interval() for one in found), strict=True))
    assert ((low <= simulation.truth + 1e-4) & (simulation.truth <= high + 1e-4)).mean() > 0.8


def test_fastmixture_gets_the_same_people_and_both_are_measured(simulation):
    pytest.importorskip("fastmixture")
    ours, theirs = compare(simulation)
    assert (ours.method, theirs.method) == ("this service", "fastmixture")
    assert ours.people == theirs.people == len(simulation.pairs)
    assert theirs.covered is None
    assert ours.covered > 0.8
    assert theirs.rmse < 0.12


def test_a_missing_fastmixture_is_a_misuse_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(mixture_tool.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Misuse) as caught:
        fastmixture_shares(np.zeros((1, 1), np.int8), np.full((1, 2), 0.5))
    assert [finding.code for finding in caught.value.findings] == ["evaluate.extra"]
    assert "confide[compare]" in str(caught.value)


def test_without_fastmixture_the_service_is_measured_alone(simulation, monkeypatch, tmp_path):
    monkeypatch.setattr(mixture_tool.sys, "executable", str(tmp_path / "python"))
    assert [row.method for row in compare(simulation)] == ["this service"]


def test_painting_is_better_than_the_best_guess_and_surer_where_it_says_so(simulation):
    row = paint_all(simulation)
    assert row.right > 0.52  # always saying the largest source would be right on half of the genome
    assert row.sure_right > row.right
    assert 0 < row.sure < 1


@pytest.mark.parametrize("people", [1, 3, 4, 5])
def test_plink_files_read_back_as_written(tmp_path: Path, people):
    dosage = np.random.default_rng(people).integers(-1, 3, (people, 7)).astype(np.int8)
    write_plink(tmp_path / "some", dosage)
    assert (read_plink(tmp_path / "some").dosage == dosage).all()


def test_people_without_published_shares_have_none(tmp_path: Path):
    folder = tmp_path / "admixture_truth"
    folder.mkdir()
    head = "sample_id," + ",".join(proportions.PUBLISHED)
    with gzip.open(folder / "K6.csv.gz", "wt") as file:
        file.write(f"{head}\nA,0.1,0.2,0.3,0.4,0,0\nB,,,,,,\n")
    found = read_published(tmp_path, ["B", "A", "C"])
    assert found[1] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0, 0])
    assert np.isnan(found[[0, 2]]).all()


def test_published_people_are_estimated_without_their_own_fold(monkeypatch, genomes):
    pytest.importorskip("msprime")
    from palabs.training.panel import read_panel
    from palabs.training.validation import assign_folds, count

    monkeypatch.setattr(proportions, "PEOPLE_A_KIND", 12)
    monkeypatch.setattr(proportions, "KINDS", proportions.KINDS[3:4])
    used = []
    counted = proportions.Counted.of.__func__
    monkeypatch.setattr(
        proportions.Counted,
        "of",
        classmethod(lambda cls, panel, people: used.append(people) or counted(cls, panel, people)),
    )
    panel = read_panel(genomes)
    (row,) = proportions.published(panel, genomes)
    folds = assign_folds(panel)
    assert [(people == (folds != fold)).all() for fold, people in enumerate(used)] == [True] * 5
    assert (count(panel, used[0])[1] <= count(panel, np.ones(len(folds), dtype=bool))[1]).all()
    assert row.rmse < 0.04
    assert row.covered > 0.8
