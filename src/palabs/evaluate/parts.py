"""The parts of the evaluation, by the names that `--only` knows, and the page that they make together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from palabs.evaluate import admixture_part, children, fit_part, sections, words, workers
from palabs.evaluate.conditions import (
    ALL_POPULATIONS,
    CHOSEN,
    EVERYTHING,
    EXAMPLES,
    KINDS,
    MIXED,
    WITH_GENOME_WIDE,
    Condition,
    Error,
    Kind,
)
from palabs.evaluate.evaluation import Evaluation, Progress
from palabs.evaluate.examples import ask_everyone, measure_speed
from palabs.evaluate.goals import Goal, doubt, kind_goals
from palabs.evaluate.measured import Measured, Part
from palabs.evaluate.pages import Cell, Picture, Section, Table
from palabs.workload.ancestry.model import load

VARIANTS = (EVERYTHING, CHOSEN)
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
    report = [trial for trial in trials if not trial.name.startswith((MIXED.name, EXAMPLES.name))]
    trials += evaluation.trials([Condition(kind, variants_only=True) for kind in VARIANTS], folds=2)
    shown = [whole[ALL_POPULATIONS], whole[CHOSEN], whole[EXAMPLES]]
    pictures = [
        sections.confusion(whole[ALL_POPULATIONS], tree, images, "ancestry-confusion.svg"),
        sections.confusion(whole[EXAMPLES], tree, images, "ancestry-confusion-mixed.svg"),
    ]
    return Part(
        [
            sections.kinds(trials, tree, words.KINDS),
            Section("Who is taken for whom", words.CONFUSION, pictures),
            sections.calibration(shown, tree, images, words.CALIBRATION),
            sections.conclusions(trials, tree, words.CONCLUSIONS),
        ],
        kind_goals(whole[ALL_POPULATIONS], whole[EXAMPLES], tree),
        {
            "classes": [sections.as_class(trial, tree) for trial in report],
            "sets": {trial.name: sections.covered(trial, tree) for trial in trials},
        },
    )


def missing(evaluation: Evaluation, images: Path) -> Part:
    """SNPs missing, beside the comparisons."""
    conditions = [Condition(ALL_POPULATIONS, missing=share) for share in MISSING]
    own = {sections.OWN: evaluation.trials(conditions)}
    picture = Picture("ancestry-missing.svg", words.MISSING_PICTURE)
    scale = sections.Scale("share of SNPs missing", MISSING, picture)
    parts = sections.curve(scale, own | evaluation.compared(conditions), evaluation.tree, images)
    classes = [sections.as_class(trial, evaluation.tree) for trial in own[sections.OWN][2:]]
    last = own[sections.OWN][-1].at(evaluation.tree[2])
    return Part(
        [Section("SNPs missing, and other methods", words.MISSING, parts)],
        [Goal("accuracy of continents, 95 % of 8,400 SNPs missing", last.accuracy, 0.984, beside=doubt(last))],
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
    "children": children.measure,
    "admixture": admixture_part.measure,
    "people": people,
    "speed": speed,
}
