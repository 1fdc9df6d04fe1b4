"""Training: bit for bit, without the example people, and honest about what it could not settle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from palabs.training.nucleotides import Hgdp, is_palindromic, settle
from palabs.training.panel import Union, count_the_rarer, read_panel
from palabs.training.plink import read_plink
from palabs.training.positions import Lift, complete, lift_from_files
from palabs.training.references import orientation
from palabs.training.sources import Row, Source, as_sites, rs_number
from palabs.training.validation import FOLDS, assign_folds, count
from palabs.workload.ancestry.model import MODEL_FILE, SOURCES, load

PEOPLE = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def panel(genomes):
    return read_panel(genomes)


def source(name, rows, dosage, people=PEOPLE):
    return Source(name, people, as_sites(name, rows), np.array(dosage, dtype=np.int8).T)


def joined(*sources):
    union = Union(PEOPLE)
    for each in sources:
        union.add(each)
    return (*union.joined(), dict(+union.dropped))


def test_training_gives_the_committed_model_bit_for_bit(genomes, tmp_path):
    command = [sys.executable, "-m", "palabs.cli", "train", "--genomes", str(genomes), "-o", str(tmp_path / "m")]
    alone = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, env=alone)
    assert (tmp_path / "m").read_bytes() == MODEL_FILE.read_bytes()
    told = json.loads(done.stdout)
    assert (told["people"], sum(told["sites"].values()), told["digest"]) == (2102, 30621, load()[1])


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
    assert np.array_equal(panel.references.counts, model.reference_counts)


def test_what_is_left_out_is_counted(panel):
    assert panel.dropped == {"palindromic": 3917, "genotypes that contradict another panel": 445}
    assert [int((panel.sites.source == number).sum()) for number in range(len(SOURCES))] == [
        165,
        326,
        7953,
        13039,
        9138,
    ]


@pytest.mark.parametrize(("name", "step"), [("aisnp/aisnp169", 1), ("gw14k/kg_p1", 50)])
def test_a_person_has_the_genotypes_that_the_files_say(name, step, genomes, panel):
    """A source's dosages, looked up by rs number and turned to the panel's letters, are the panel's."""
    row = {int(rs): number for number, rs in enumerate(panel.sites.rs) if rs}
    data = read_plink(genomes / name)
    both = [person for person in panel.people[::97] if person in set(data.people)]
    there, here = ([people.index(person) for person in both] for people in (data.people, panel.people))
    seen = 0
    for column in range(0, len(data.variants), step):
        variant = data.variants[column]
        if (at := row.get(rs_number(variant.name))) is not None:
            dosage = data.dosage[there, column]
            turned = panel.sites.counted[at] != ord(variant.first)
            assert panel.dosage[here, at].tolist() == (np.where(turned, 2 - dosage, dosage)).tolist()
            seen += 1
    assert seen > 150


def test_the_rarer_allele_is_counted_where_the_letters_are_known(panel):
    typed = panel.dosage >= 0
    share = np.where(typed, panel.dosage, 0).sum(axis=0) / (2 * typed.sum(axis=0))
    assert (share[panel.sites.counted > 0] <= 0.5).all()


def test_turning_an_allele_turns_letters_and_dosages_alike():
    sites = as_sites("aisnp", [Row(1, 1, (0, 5, 0), ("A", "G")), Row(2, 1, (0, 6, 0), ("\0", "\0"))])
    dosage = np.array([[2, 2], [2, 2], [-1, 1]], np.int8)
    turned, after = count_the_rarer(sites, dosage)
    assert (chr(turned.counted[0]), chr(turned.other[0])) == ("G", "A")
    assert after[:, 0].tolist() == [0, 0, -1]
    assert after[:, 1].tolist() == [2, 2, 1], "without letters ALT stays counted"


def test_frequencies_settle_the_letters_that_the_panel_states_and_never_wrongly(genomes):
    exome = read_plink(genomes / "exome8k/exome8205")
    label = dict(line.split("\t")[:2] for line in (genomes / "labels/samples_1000g.tsv").read_text().splitlines()[1:])
    populations = [label[person] for person in exome.people]
    complement = dict(zip("ACGT", "TGCA", strict=True))
    blind = replace(exome, variants=[replace(variant, first="2", second="1") for variant in exome.variants])
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


def test_hgdp_is_on_the_panels_strand(panel):
    """The same people have the same frequencies; a fifth of them flipped would leave a correlation of about a half."""
    for hgdp, code in (("Japanese_Japan", 14), ("Yoruba_Nigeria", 6), ("Han_China", 12)):
        column = panel.references.names.index(hgdp)
        counts, totals = count(panel, np.ones(len(panel.people), bool))
        rows = (panel.references.totals[:, column] > 0) & (totals[:, code] > 0)
        there = panel.references.counts[rows, column] / panel.references.totals[rows, column]
        here = counts[rows, code] / totals[rows, code]
        assert np.corrcoef(there, here)[0, 1] > 0.85
        assert rows.sum() > 8000


def test_positions_are_lifted_as_the_other_panels_know_them(genomes):
    back = lift_from_files(genomes / "sites100k").back()
    rows = [line.split("\t") for line in (genomes / "aisnp/sites.tsv").read_text().splitlines()[1:]]
    lifted = [(back.one(int(row[1]), int(row[3])), int(row[2])) for row in rows]
    found = [(got, wanted) for got, wanted in lifted if got]
    assert len(found) > 140
    assert all(got == wanted for got, wanted in found)
    assert back.one(1, 1) == back.one(99, 5) == 0


def test_a_position_moves_only_between_anchors_that_agree():
    chromosome = np.array([1, 1, 1, 2], np.uint8)
    lift = Lift(chromosome, np.array([100, 200, 300, 100], np.uint32), np.array([150, 250, 400, 90], np.uint32))
    assert [lift.one(1, at) for at in (100, 170, 200, 250, 300, 50, 400)] == [150, 220, 250, 0, 400, 0, 0]
    assert lift.one(2, 100) == 90
    assert lift.back().one(1, 220) == 170


def test_positions_that_a_source_gives_are_not_changed():
    sites = as_sites("aisnp", [Row(1, 1, (7, 150, 0), ("A", "G")), Row(2, 1, (0, 0, 160), ("A", "G"))])
    none = np.zeros(0, np.uint8)
    full = complete(sites, Lift(none, none.astype(np.uint32), none.astype(np.uint32)))
    assert full.position36.tolist() == [7, 0]
    assert full.position37.tolist() == [150, 0]
    assert full.position38.tolist() == [0, 160]


def test_a_snp_of_two_panels_is_one_site_with_everybodys_genotype():
    first = source("aisnp", [Row(9, 1, (0, 50, 0), ("A", "G"))], [[0, 1]], ["a", "b"])
    turned = source("gw14k", [Row(9, 1, (40, 0, 0), ("C", "T"))], [[1, 2]], ["b", "c"])
    sites, dosage, members, dropped = joined(first, turned)
    assert (len(sites), int(sites.position36[0]), int(sites.position37[0])) == (1, 40, 50)
    assert dosage[:, 0].tolist() == [0, 1, 0, -1], "C is the complement of G, which is not counted"
    assert members.tolist() == [[True, True]]
    assert not dropped


def test_another_letter_or_number_at_a_place_is_left_out():
    first = source("aisnp", [Row(9, 1, (0, 50, 0), ("A", "G"))], [[0, 1, 2, 0]])
    letter = source("gw14k", [Row(9, 1, (0, 50, 0), ("A", "C"))], [[0, 1, 2, 0]])
    number = source("vcf", [Row(8, 1, (0, 50, 0), ("A", "G"))], [[0, 1, 2, 0]])
    sites, _, _, dropped = joined(first, letter, number)
    assert len(sites) == 1
    assert dropped == {"other letters or number than another panel": 2}


def test_genotypes_that_contradict_another_panel_are_left_out():
    first = source("aisnp", [Row(9, 1, (0, 50, 0), ("A", "G"))], [[0, 1, 2, -1]])
    other = source("gw14k", [Row(9, 1, (0, 50, 0), ("A", "G"))], [[2, 1, 0, 1]])
    _, dosage, _, dropped = joined(first, other)
    assert dosage[:, 0].tolist() == [0, 1, 2, -1]
    assert dropped == {"genotypes that contradict another panel": 1}


def test_palindromic_snps_are_left_out_of_every_panel():
    sites, _, _, dropped = joined(
        source("aisnp", [Row(1, 1, (0, 5, 0), ("A", "T")), Row(2, 1, (0, 6, 0), ("A", "G"))], [[0] * 4, [1] * 4]),
        source("vcf", [Row(3, 1, (0, 7, 0), ("G", "C"))], [[0] * 4]),
    )
    assert sites.rs.tolist() == [2]
    assert dropped == {"palindromic": 2}


def test_unknown_letters_are_settled_by_people_whom_another_panel_typed():
    unknown = source("exome", [Row(9, 1, (0, 50, 0), ("\0", "\0"), other_is_reference=True)], [[0, 1, 2, 2]])
    other = source("gw14k", [Row(9, 1, (0, 50, 0), ("A", "G"))], [[2, 1, 0, 0]])
    sites, dosage, _, _ = joined(unknown, other)
    assert (chr(sites.counted[0]), chr(sites.other[0]), chr(sites.reference[0])) == ("G", "A", "A")
    assert dosage[:, 0].tolist() == [0, 1, 2, 2]
    strangers = joined(unknown, source("gw14k", [Row(9, 1, (0, 50, 0), ("A", "G"))], [[1, 1, 1, 1]]))
    assert strangers[0].counted[0] == 0


def test_letters_are_oriented_on_either_strand():
    sites = as_sites("aisnp", [Row(i, 1, (0, i, 0), ("A", "G")) for i in range(1, 6)])
    pairs = [b"AG", b"GA", b"TC", b"CT", b"AC"]
    letters = np.array([list(pair) for pair in pairs], np.uint8)
    assert orientation(letters, sites).tolist() == [1, -1, 1, -1, 0]


def test_folds_are_balanced_and_hold_everybody_once(panel):
    folds = assign_folds(panel)
    assert set(folds) == set(range(FOLDS))
    inner = assign_folds(panel, folds != 2)
    assert ((inner == -1) == (folds == 2)).all()
    for number in range(26):
        for each in (folds, inner[folds != 2]):
            among = panel.population if each is folds else panel.population[folds != 2]
            sizes = np.bincount(each[among == number], minlength=FOLDS)
            assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(("name", "number"), [("rs12", 12), ("rs", 0), (".", 0), ("i123", 0), ("rsx", 0)])
def test_only_rs_names_are_numbers(name, number):
    assert rs_number(name) == number


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
