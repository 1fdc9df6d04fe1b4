"""Training: bit for bit, without the example people, and honest about what it could not settle."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from palabs.training.nucleotides import Hgdp, Lift, is_palindromic, settle
from palabs.training.panel import read_panel
from palabs.training.plink import read_plink
from palabs.training.validation import (
    FOLDS,
    assign_folds,
    calibration_error,
    count,
    fit_factors,
    log_loss,
    measure,
)
from palabs.workload.ancestry.model import MODEL_FILE, softmax


@pytest.fixture(scope="session")
def panel(genomes):
    return read_panel(genomes)


def test_training_gives_the_committed_model_and_figures_bit_for_bit(genomes, tmp_path):
    from palabs.figures import FIGURES_FILE

    command = [
        sys.executable,
        "-m",
        "palabs.cli",
        "train",
        "--genomes",
        str(genomes),
        "-o",
        str(tmp_path / "m"),
        "--figures",
    ]
    done = subprocess.run([*command, str(tmp_path / "f"), "--json"], capture_output=True, text=True, check=True)
    assert (tmp_path / "m").read_bytes() == MODEL_FILE.read_bytes()
    assert (tmp_path / "f").read_bytes() == FIGURES_FILE.read_bytes()
    assert json.loads(done.stdout)["people"] == 2102


def test_the_example_people_are_in_no_part_of_the_training(genomes, panel):
    examples = {line.split("\t")[1] for line in (genomes / "people/index.tsv").read_text().splitlines()[1:]}
    assert len(examples) == 26
    assert examples.isdisjoint(panel.people)
    assert examples & set(read_plink(genomes / "exome8k/exome8205").people) == examples


def test_the_counts_of_the_model_are_those_of_the_panel(panel, model):
    counts, totals = count(panel, np.ones(len(panel.people), bool))
    assert np.array_equal(counts, model.counts)
    assert np.array_equal(totals, model.totals)
    first = panel.dosage[panel.population == 3, 7]
    assert counts[7, 3] == first[first >= 0].sum()
    assert totals[7, 3] == 2 * (first >= 0).sum()


def test_what_is_left_out_is_counted(panel):
    assert panel.dropped == {"palindromic": 256, "nucleotides unknown": 5534}
    assert len(panel.sites) + sum(panel.dropped.values()) == 169 + 8205


def test_frequencies_settle_the_letters_that_the_panel_states_and_never_wrongly(genomes):
    exome = read_plink(genomes / "exome8k/exome8205")
    label = dict(line.split("\t")[:2] for line in (genomes / "labels/samples_1000g.tsv").read_text().splitlines()[1:])
    populations = [label[person] for person in exome.people]
    complement = dict(zip("ACGT", "TGCA", strict=True))
    blind = type(exome)(
        exome.people, [type(v)(v.chromosome, v.name, v.position, "2", "1") for v in exome.variants], exome.dosage
    )
    verdicts = Counter()
    for variant, pair in zip(exome.variants, settle(blind, populations, genomes), strict=True):
        stated = (variant.first, variant.second)
        if set(stated) <= set("ACGT") and not is_palindromic(*stated) and pair:
            verdicts[pair in {stated, (complement[stated[0]], complement[stated[1]])}] += 1
    assert verdicts[False] == 0
    assert verdicts[True] > 400


def test_letters_are_left_open_where_frequencies_do_not_tell(genomes):
    hgdp = Hgdp(genomes / "hgdp_af", {"rs3737576"})
    first, second, known = hgdp.rows["rs3737576"]
    assert hgdp.settle("rs3737576", known) == (first, second)
    assert hgdp.settle("rs3737576", 1 - known) == (second, first)
    assert hgdp.settle("rs3737576", np.full(4, 0.5)) is None
    assert hgdp.settle("rs1", known) is None


def test_positions_are_lifted_as_the_other_panels_know_them(genomes):
    lift = Lift(genomes / "sites100k")
    rows = [line.split("\t") for line in (genomes / "aisnp/sites.tsv").read_text().splitlines()[1:]]
    lifted = [(lift.to_37(row[1], int(row[3])), int(row[2])) for row in rows]
    found = [(got, wanted) for got, wanted in lifted if got]
    assert len(found) > 140
    assert all(got == wanted for got, wanted in found)
    assert lift.to_37("1", 1) == lift.to_37("99", 5) == 0


def test_folds_are_balanced_and_hold_everybody_once(panel):
    folds = assign_folds(panel)
    assert set(folds) == set(range(FOLDS))
    for number in range(26):
        sizes = np.bincount(folds[panel.population == number], minlength=FOLDS)
        assert sizes.max() - sizes.min() <= 1


def test_bed_files_are_decoded_as_the_format_says(tmp_path):
    (tmp_path / "x.fam").write_text("".join(f"F P{i} 0 0 0 0\n" for i in range(5)))
    (tmp_path / "x.bim").write_text("1 rs1 0 100 A G\n2 rs2 0 200 C T\n")
    bits = bytes([0b11100100, 0b00000000, 0b00011011, 0b00000011])  # 00 01 10 11, 00; 11 10 01 00, 11
    (tmp_path / "x.bed").write_bytes(b"\x6c\x1b\x01" + bits)
    data = read_plink(tmp_path / "x")
    assert data.dosage.tolist() == [[2, 0], [-1, 1], [1, -1], [0, 2], [2, 0]]
    (tmp_path / "x.bed").write_bytes(b"\x6c\x1b\x01" + bits[:-1])
    with pytest.raises(ValueError, match="no PLINK file"):
        read_plink(tmp_path / "x")


def test_measures_are_those_of_the_textbook():
    probabilities = np.array([[0.8, 0.1, 0.05, 0.05], [0.3, 0.4, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    figures = measure(probabilities, np.array([0, 0, 0]))
    assert figures.people == 3
    assert figures.accuracy == pytest.approx(1 / 3, abs=1e-4)
    assert figures.top3 == pytest.approx(2 / 3, abs=1e-4)
    assert figures.log_loss == pytest.approx(-np.log([0.8, 0.3, 0.1]).mean(), abs=1e-4)
    assert log_loss(probabilities, np.array([0, 1, 3])) == pytest.approx(-np.log([0.8, 0.4, 0.4]).mean())
    assert calibration_error(np.array([0.75, 0.75]), np.array([True, False])) == pytest.approx(0.25)


def test_overconfident_scores_are_tempered_and_fair_ones_are_not():
    rng = np.random.default_rng(3)
    fair = rng.normal(size=(4000, 4)) * 2
    truth = np.array([rng.choice(4, p=p) for p in softmax(fair)])
    grouping = np.array([0, 0, 1, 1])
    assert all(0.85 <= factor <= 1 for factor in fit_factors(fair, truth, grouping))
    assert all(0.15 <= factor <= 0.25 for factor in fit_factors(5 * fair, truth, grouping))
