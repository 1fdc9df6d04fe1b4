"""The page: every figure of every trial is on it, missed goals are shown, the report can read its part."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from palabs.evaluate import sections
from palabs.evaluate.goals import Goal, kind_goals
from palabs.evaluate.goals import section as goal_section
from palabs.evaluate.levels import tree, true_of
from palabs.evaluate.measured import Measured, Part
from palabs.evaluate.pages import Picture, Section, Table, page
from palabs.evaluate.sections import as_class, by_continent, confused, coverage
from palabs.evaluate.trials import Settled, Trial
from palabs.figures import Evaluation, evaluation
from palabs.training.panel import POPULATIONS
from palabs.workload.ancestry.model import load

TREE = tree(POPULATIONS)
DIGEST = "sha256:" + 64 * "0"


@pytest.fixture
def trial():
    """130 people, five of each population: three of five are called rightly, with a probability of .6."""
    truth = np.repeat(np.arange(26), 5)
    called = np.where(np.arange(130) % 5 < 3, truth, (truth + 1) % 26)
    probabilities = np.full((130, 26), 0.4 / 25)
    probabilities[np.arange(130), called] = 0.6
    settled = Settled(
        tuple(POPULATIONS[number] if number % 2 else "world" for number in called),
        {level.name: tuple(frozenset([level.codes[level.node[c]]]) for c in called) for level in TREE},
        np.full(130, 7.25),
        ("inside",) * 130,
        np.linspace(0, 1, 130),
    )
    return Trial("made up", 1234, truth, probabilities, settled)


def test_the_report_can_read_what_the_evaluation_writes(trial):
    measured = Measured(DIGEST, {"kinds": Part([], figures={"classes": [as_class(trial, TREE)]})})
    read = msgspec.json.decode(json.dumps(measured.figures()), type=Evaluation)
    assert read.model == DIGEST
    row = read.nearest(7)
    assert (row.name, row.snps, row.information, row.people) == ("made up", 1234, 7.25, 130)
    assert row.populations.accuracy == 0.6
    assert row.populations.bin_of(0.6).right == 0.6
    assert row.populations.ece == pytest.approx(0, abs=1e-9)


def test_the_kinds_of_files_of_all_parts_reach_the_report(trial):
    row = as_class(trial, TREE)
    parts = {"kinds": Part([], figures={"classes": [row], "sets": {}}), "missing": Part([], figures={"classes": [row]})}
    read = msgspec.json.decode(json.dumps(Measured(DIGEST, parts).figures()), type=Evaluation)
    assert len(read.classes) == 2


def test_the_coverage_of_sets_is_told_at_each_level(trial):
    told = sections.covered(trial, TREE)
    assert told["populations"] == 0.6
    assert told["continents"] >= told["regions"] >= told["populations"]
    assert sections.covered(trial.only(np.arange(9)), TREE) == {}


def test_a_trial_of_another_method_has_no_class_for_the_report(trial):
    with pytest.raises(ValueError, match="own answers"):
        as_class(trial.only(np.arange(10)), TREE)


def test_coverage_is_the_share_of_sets_that_hold_the_truth(trial):
    assert coverage(trial, trial.settled, TREE[0]) == (0.6, 1.0)
    everything = frozenset(TREE[0].codes)
    wide = Settled((), {"populations": (everything,) * 130}, np.zeros(130), (), np.zeros(130))
    assert coverage(trial, wide, TREE[0]) == (1.0, 26.0)


@pytest.mark.parametrize(
    ("code", "holds"), [("FIN", True), ("EUR-F", True), ("EUR", True), ("world", True), ("GBR", False), ("EAS", False)]
)
def test_a_conclusion_is_true_of_whoever_is_below_its_node(code, holds):
    assert true_of(code, "FIN") is holds


def test_confusion_is_of_the_people_of_each_population(trial):
    shares = confused(trial, TREE[0])
    assert shares.sum(axis=1) == pytest.approx(np.ones(26))
    assert shares[3, 3] == 0.6
    assert shares[3, 4] == 0.4
    assert confused(trial.only(np.arange(5)), TREE[0])[4:].sum() == 0


def test_the_people_of_each_continent_are_all_people(trial):
    parts = by_continent(trial, TREE)
    assert {code: len(part.truth) for code, part in parts.items()} == {
        "AFR": 35, "AMR": 20, "EAS": 25, "EUR": 25, "SAS": 25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("accuracy", 0.84, 0.84), True),
        (Goal("accuracy", 0.8394, 0.84), False),
        (Goal("log-loss", 0.52, high=0.52), True),
        (Goal("log-loss", 0.5206, high=0.52), False),
        (Goal("coverage", 0.9, 0.88, 0.92), True),
        (Goal("coverage", 0.93, 0.88, 0.92), False),
        (Goal("coverage", 0.87, 0.88, 0.92), False),
    ],
)
def test_a_goal_is_met_within_its_bar_alone_and_a_missed_one_is_shown(goal, met):
    assert goal.met is met
    text = "\n".join(goal_section([goal]).lines())
    assert ("**no**" in text) is not met
    assert f"{int(met)} of 1 are met" in text


def test_where_perfect_answers_would_miss_the_bar_the_corrected_error_is_the_goal(trial):
    found = {goal.what: goal for goal in kind_goals(trial, trial, TREE)}
    small = found["ECE corrected for chance of populations, people of EUR: made up"]
    quality = by_continent(trial, TREE)["EUR"].at(TREE[0])
    assert quality.ece_by_chance > 0.02
    assert small.measured == quality.ece_corrected
    assert f"uncorrected {quality.ece:.3f}" in small.beside
    sure = replace(trial, probabilities=np.eye(26)[trial.truth])
    assert any(goal.what == "ECE of populations: made up" and goal.met for goal in kind_goals(sure, sure, TREE))
    assert "standard error 0.043" in found["accuracy of 26 populations, 1,234 SNPs"].beside


def test_tables_show_numbers_for_people():
    table = Table(("what", "count", "share"), [("a", 12345, 0.12345)], "Caption.")
    assert list(table.lines()) == [
        "Caption.", "", "| what | count | share |", "|---|---|---|", "| a | 12,345 | 0.123 |",
    ]  # fmt: skip


def test_pictures_say_what_they_show():
    text = page("# Head", [Section("Part", "Words.", [Picture("x.svg", "a curve that falls")])])
    assert text == "# Head\n\n## Part\n\nWords.\n\n![a curve that falls](images/x.svg)\n"


def test_every_level_of_every_trial_is_on_the_page(trial):
    text = "\n".join(sections.kinds([trial], TREE, "words").lines())
    for level in TREE:
        quality = trial.at(level)
        assert f"**{len(level.codes)} {level.name}**" in text
        assert f"| made up | 1,234 | 130 | {quality.accuracy:.3f} | {quality.top3:.3f} | {quality.log_loss:.3f}" in text


def test_depths_of_conclusions_are_counted(trial):
    row = sections.conclusions([trial], TREE, "words").parts[0].rows[0]
    share = np.mean([code != "world" for code in trial.settled.conclusions])
    assert row[1:5] == pytest.approx((share, 0, 0, 1 - share))
    assert row[6] == pytest.approx(0.6, abs=0.1)


def test_pictures_are_drawn_and_are_the_same_bytes_each_time(trial, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in (tmp_path / "a", tmp_path / "b"):
        sections.confusion(trial, TREE, folder, "confusion.svg")
        sections.calibration([trial], TREE, folder, "words")
        scale = sections.Scale("share missing", (0.0, 0.5), Picture("curve.svg", "words"))
        sections.curve(scale, {"palabs": [trial, trial], "other": [trial, trial]}, TREE, folder)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["ancestry-calibration.svg", "confusion.svg", "curve.svg"]
    for name in names:
        drawn = (tmp_path / "a" / name).read_bytes()
        assert drawn == (tmp_path / "b" / name).read_bytes()
        assert drawn.startswith(b"<?xml")
        assert len(drawn) < 200_000
    assert b">FIN<" in (tmp_path / "a" / "confusion.svg").read_bytes()


REPO = Path(__file__).parents[2]


def test_the_committed_evaluation_is_of_the_committed_model():
    digest = load()[1]
    text = (REPO / "docs/ancestry-evaluation.md").read_text(encoding="utf-8")
    assert evaluation().model == digest
    assert f"The model is `{digest}`." in text
    for row in evaluation().classes:
        assert f"{row.populations.accuracy:.3f}" in text


def test_every_picture_of_the_page_is_there_and_is_described():
    text = (REPO / "docs/ancestry-evaluation.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[(.*?)\]\((.*?)\)", text)
    assert len(pictures) >= 5
    for words, path in pictures:
        assert len(words) > 40
        assert (REPO / "docs" / path).read_bytes().startswith(b"<?xml")
