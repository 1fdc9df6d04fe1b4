"""`palabs evaluate`: nothing half measured is written, and what it cannot do it says."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from palabs.evaluate.comparisons import Comparison
from palabs.evaluate.conditions import Cohort, Condition, Kind
from palabs.evaluate.examples import listed
from palabs.evaluate.trials import learn_and_ask


def evaluate(*words):
    done = subprocess.run(
        [sys.executable, "-m", "palabs.cli", "evaluate", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("option", ["-o", "--write"])
def test_a_part_of_the_evaluation_is_never_written_as_the_whole(tmp_path, option):
    code, reply = evaluate("--genomes", tmp_path, "--only", "speed", option, tmp_path / "out")
    assert code == 2
    assert reply["findings"][0]["code"] == "evaluate.partial"
    assert not (tmp_path / "out").exists()


def test_a_folder_without_the_genotypes_is_misuse(tmp_path):
    code, reply = evaluate("--genomes", tmp_path, "--only", "people")
    assert code == 2
    assert reply["findings"][0]["code"] == "file.enoent"


def test_unknown_parts_are_misuse(tmp_path):
    code, reply = evaluate("--genomes", tmp_path, "--only", "luck")
    assert code == 2
    assert reply["findings"][0]["code"] == "cli.arguments"


def test_the_example_people_are_listed_with_their_files(genomes):
    rows = listed(genomes)
    assert len(rows) == 26
    assert all(path.exists() for path, _, _ in rows)
    assert len({population for _, population, _ in rows}) == 26


def test_a_comparison_never_learns_from_the_people_it_is_asked_about():
    """A method that remembers everybody it has seen knows nobody of the fold it is asked about."""
    dosage = np.arange(50, dtype=np.int8)[:, None].repeat(3, axis=1)
    first = np.ones(3, dtype=bool)
    cohort = Cohort(dosage, np.arange(50) % 2, np.arange(50) % 5, {"one": first}, ("FIN", "YRI"))
    seen = []

    def remember(learnt_from, population, number):
        assert number == 2
        assert len(population) == len(learnt_from) == 40
        seen.append(set(learnt_from[:, 0].tolist()))
        return lambda asked: np.ones((len(asked), 2)) / 2

    condition = Condition(Kind("all", "all", ("one",)))
    for fold in range(5):
        answers = learn_and_ask(cohort, Comparison("memory", "", remember), [condition], fold)
        assert len(answers[0].truth) == 10
    assert [sorted({row % 5 for row in rows}) for rows in seen] == [
        [fold for fold in range(5) if fold != left_out] for left_out in range(5)
    ]
