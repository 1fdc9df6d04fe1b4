"""The example people: real files in six formats, through the very path of the command, and the time that it takes."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from palabs.answer import analyse_in_place
from palabs.evaluate.levels import true_of
from palabs.genome_file import read_genome
from palabs.report import render

ROUNDS = 5


@dataclass(frozen=True)
class Person:
    """What one example person's own file gave: truth and answer at each level, with the probability told."""

    file: str
    format: str
    snps: int
    population: str
    called: str
    probability: float
    among_three: bool
    continent: str
    continent_called: str
    continent_probability: float
    conclusion: str
    conclusion_right: bool
    reference: str


@dataclass(frozen=True)
class Speed:
    """CPU seconds from the bytes of one file to its answer and to its report, in a process that has loaded everything,
    as a service has (medians of ROUNDS), and of the whole command `palabs ancestry`, which first starts Python.
    """

    file: str
    snps: int
    kilobytes: int
    answer: float
    report: float
    command: float


def listed(genomes: Path) -> list[tuple[Path, str, str]]:
    """(file, population, continent) of the example people."""
    lines = (genomes / "people/index.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return [(genomes / "people" / row[0], row[2], row[3]) for row in rows]


def ask_everyone(genomes: Path, advance: Callable[[], None]) -> list[Person]:
    """Answers for the example people, whom no part of the model has seen; `advance` is called after each."""
    people = []
    for path, population, continent in listed(genomes):
        people.append(ask(path, population, continent))
        advance()
    return people


def ask(path: Path, population: str, continent: str) -> Person:
    """The answer about one file, beside the truth."""
    answer = analyse_in_place(read_genome(path)).answer
    ranked = sorted(answer.populations, key=lambda code: -answer.populations[code])
    best = max(answer.superpopulations, key=lambda code: answer.superpopulations[code])
    return Person(
        file=path.name,
        format=answer.file.format,
        snps=answer.snps["used"],
        population=population,
        called=ranked[0],
        probability=answer.populations[ranked[0]],
        among_three=population in ranked[:3],
        continent=continent,
        continent_called=best,
        continent_probability=answer.superpopulations[best],
        conclusion=answer.conclusion.code,
        conclusion_right=true_of(answer.conclusion.code, population),
        reference=answer.reference.verdict,
    )


def measure_speed(genomes: Path) -> list[Speed]:
    """The times of the largest file of each format."""
    largest: dict[str, Path] = {}
    for path, _, _ in sorted(listed(genomes), key=lambda row: row[0].stat().st_size):
        largest[analyse_in_place(read_genome(path)).answer.file.format] = path
    return [_speed(path) for path in largest.values()]


def _speed(path: Path) -> Speed:
    data = read_genome(path)
    answers, reports, analysis = [], [], analyse_in_place(data)
    for _ in range(ROUNDS):
        started = time.process_time()
        analysis = analyse_in_place(data)
        answers.append(time.process_time() - started)
        render(analysis.answer, analysis.protection, analysis.receipt)
        reports.append(time.process_time() - started)
    size = round(len(data) / 1000)
    used = analysis.answer.snps["used"]
    return Speed(path.name, used, size, round(median(answers), 3), round(median(reports), 3), _command_seconds(path))


def _command_seconds(path: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        words = ["ancestry", str(path), "--protect", "none", "-o", f"{folder}/report.html"]
        subprocess.run([sys.executable, "-m", "palabs.cli", *words], check=True, capture_output=True)  # noqa: S603 - this very program
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3)
