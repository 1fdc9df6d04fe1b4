"""The parts of the evaluation, by the names that `--only` knows, and the page that they make together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from palabs.evaluate import admixture_part, fit_part, sections, words, workers
from palabs.evaluate.conditions import (
    ALL_POPULATIONS,
    CHOSEN,
    EVERYTHING,
    KINDS,
    MIXED,
    WITH_GENOME_WIDE,
    Condition,
    Error,
    Kind,
)
from palabs.evaluate.evaluation import Evaluation, Progress
from palabs.evaluate.examples import ask_everyone, measure_speed
from palabs.evaluate.goals import Goal
from palabs.evaluate.measured import Measured, Part
from palabs.evaluate.pages import Cell, Picture, Section, Table
from palabs.evaluate.trials import Trial
from palabs.workload.ancestry.model import load

MISSING = (0.0, 0.3, 0.5, 0.7, 0.9, 0.95)
WRONG = (0.0, 0.01, 0.02, 0.05, 0.1)
WRONGLY: tuple[tuple[Kind, Error], ...] = (
    (ALL_POPULATIONS, "alleles"),
    (ALL_POPULATIONS, "SNPs"),
    (EVERYTHING, "alleles"),
)


def measure(genomes: Path, images: Path, only: Sequence[str], progress: Progress) -> Measured:
    """Measures the parts named, and draws their pictures into the folder `images`."""
    with Evaluation(genomes, progress) as evaluation:
        if "admixture" in only:
            _ = evaluation.shares  # beside the other parts, from the start
        return Measured(load()[1], {name: PARTS[name](evaluation, images) for name in only})


def kinds(evaluation: Evaluation, images: Path) -> Part:
    """Kinds of files: quality, calibration, confusion, conclusions and sets."""
    tree = evaluation.tree
    trials = evaluation.trials([Condition(kind, missing=missing) for kind in KINDS for missing in (0, 0.3)])
    whole = dict(zip(KINDS, trials[::2], strict=True))
    shown = [whole[ALL_POPULATIONS], whole[CHOSEN], whole[MIXED]]
    pictures = [
        sections.confusion(whole[ALL_POPULATIONS], tree, images, "ancestry-confusion.svg"),
        sections.confusion(whole[MIXED], tree, images, "ancestry-confusion-mixed.svg"),
    ]
    return Part(
        [
            sections.kinds(trials, tree, words.KINDS),
            Section("Who is taken for whom", words.CONFUSION, pictures),
            sections.calibration(shown, tree, images, words.CALIBRATION),
            sections.conclusions(trials, tree, words.CONCLUSIONS),
        ],
        _kind_goals(whole[ALL_POPULATIONS], whole[MIXED], evaluation),
        {
            "classes": [sections.as_class(trial, tree) for trial in trials if not trial.name.startswith(MIXED.name)],
            "sets": {trial.name: sections.covered(trial, tree) for trial in trials},
        },
    )


def _kind_goals(large: Trial, mixed: Trial, evaluation: Evaluation) -> list[Goal]:
    populations, _, continents = evaluation.tree
    found = [
        Goal(f"accuracy of 26 populations, {large.snps:,} SNPs", large.at(populations).accuracy, 0.84, hoped="0.90"),
        Goal(f"log-loss of 26 populations, {large.snps:,} SNPs", large.at(populations).log_loss, high=0.52),
        Goal("accuracy of 26 populations, mixed formats", mixed.at(populations).accuracy, 0.72, hoped="0.80"),
    ]
    for trial in (large, mixed):
        if trial.settled is None:
            continue
        told = np.array([code != "world" for code in trial.settled.conclusions])
        world = float(1 - told.mean())
        accuracy = trial.only(np.flatnonzero(told)).at(continents).accuracy
        found += [
            Goal(f"accuracy of continents, of those told one: {trial.name}", accuracy, 0.998, hoped="0.999"),
            Goal(f"abstaining from a continent: {trial.name}", world, high=0.01),
        ]
    for trial in (large, mixed):
        for level in evaluation.tree:
            found.append(Goal(f"ECE of {level.name}: {trial.name}", trial.at(level).ece, high=0.02, hoped="0.01"))
    return found + _continent_goals(large, evaluation)


def _continent_goals(trial: Trial, evaluation: Evaluation) -> list[Goal]:
    """By continent: with some 250 people each, perfectly calibrated answers would miss the bar of populations too."""
    found = []
    for code, part in sections.by_continent(trial, evaluation.tree).items():
        for level in (evaluation.tree[2], evaluation.tree[0]):
            quality = part.at(level)
            chance = f"perfect answers: {quality.ece_by_chance:.3f}"
            what = f"ECE of {level.name}, people of {code}: {trial.name} ({chance})"
            found.append(Goal(what, quality.ece, high=0.02, hoped="0.01"))
    return found


def missing(evaluation: Evaluation, images: Path) -> Part:
    """SNPs missing, beside the comparisons."""
    conditions = [Condition(ALL_POPULATIONS, missing=share) for share in MISSING]
    own = {sections.OWN: evaluation.trials(conditions)}
    picture = Picture("ancestry-missing.svg", words.MISSING_PICTURE)
    scale = sections.Scale("share of SNPs missing", MISSING, picture)
    parts = sections.curve(scale, own | evaluation.compared(conditions), evaluation.tree, images)
    classes = [sections.as_class(trial, evaluation.tree) for trial in own[sections.OWN][2:]]
    last = own[sections.OWN][-1].at(evaluation.tree[2]).accuracy
    return Part(
        [Section("SNPs missing, and other methods", words.MISSING, parts)],
        [Goal("accuracy of continents, 95 % of 8,400 SNPs missing", last, 0.984)],
        {"classes": classes},
    )


def errors(evaluation: Evaluation, images: Path) -> Part:
    """Genotypes wrong."""
    methods = {
        f"{kind.name}: {error}": evaluation.trials(
            [Condition(kind, wrong=share, error=error, seed=1) for share in WRONG], folds=1
        )
        for kind, error in WRONGLY
    }
    picture = Picture("ancestry-errors.svg", words.ERRORS_PICTURE)
    parts = sections.curve(sections.Scale("share wrong", WRONG, picture), methods, evaluation.tree, images)
    return Part([Section("Wrong genotypes", words.ERRORS, parts)])


def untyped(evaluation: Evaluation, _: Path) -> Part:
    """People of populations that the genome-wide panel never typed."""
    trial = evaluation.untyped(WITH_GENOME_WIDE, WITH_GENOME_WIDE.panels[1])
    rows: list[tuple[Cell, ...]] = [
        (level.name, len(trial.truth), *sections.cells(trial.at(level))) for level in evaluation.tree
    ]
    table = Table(("level", "people", *sections.HEADS), rows)
    return Part([Section("Populations that a panel never typed", words.UNTYPED, [table])])


def people(evaluation: Evaluation, _: Path) -> Part:
    """The example people, by their own files."""
    evaluation.progress("asking about the example people")
    found = ask_everyone(evaluation.genomes, lambda: None)
    rows = [
        (
            person.file, person.format, person.snps, person.population, f"{person.called} {person.probability:.2f}",
            f"{person.continent_called} {person.continent_probability:.2f}", person.conclusion,
            "yes" if person.conclusion_right else "**no**", person.reference,
        )
        for person in found
    ]  # fmt: skip
    heads = ("file", "format", "SNPs used", "truth", "likeliest", "continent", "conclusion", "true", "reference")
    counts = (
        f"Continents right: {sum(p.continent == p.continent_called for p in found)} of {len(found)}; populations: "
        f"{sum(p.population == p.called for p in found)}, among the first three: {sum(p.among_three for p in found)}; "
        f"conclusions true: {sum(p.conclusion_right for p in found)}; called outside the reference: "
        f"{sum(p.reference == 'outside' for p in found)}."
    )
    return Part(
        [Section("The example people, by their own files", f"{words.PEOPLE}\n\n{counts}", [Table(heads, rows)])]
    )


def speed(evaluation: Evaluation, _: Path) -> Part:
    """CPU seconds."""
    evaluation.progress("measuring the time")
    found = workers.alone(measure_speed, evaluation.genomes)
    rows = [(row.file, row.kilobytes, row.snps, row.answer, row.report, row.command) for row in found]
    heads = ("file", "kB", "SNPs used", "to the answer", "to the report", "whole command")
    return Part(
        [Section("Speed", words.SPEED, [Table(heads, rows)])],
        [Goal("CPU seconds from bytes to report, slowest file", max(row.report for row in found), high=1)],
    )


PARTS: Mapping[str, Callable[[Evaluation, Path], Part]] = {
    "kinds": kinds,
    "missing": missing,
    "errors": errors,
    "untyped": untyped,
    "reference": fit_part.measure,
    "admixture": admixture_part.measure,
    "people": people,
    "speed": speed,
}
