"""The parts of the evaluation's page that are about probabilities: tables, pictures and numbers from trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from palabs.evaluate import plots
from palabs.evaluate.levels import Level, true_of
from palabs.evaluate.measures import Bin, Figures, Floats
from palabs.evaluate.pages import Cell, Picture, Section, Table
from palabs.evaluate.trials import Settled, Trial
from palabs.populations import CONTINENTS, POPULATIONS, REGIONS

Tree = tuple[Level, Level, Level]
OWN = "palabs"
HEADS = ("accuracy", "top 3", "log-loss", "Brier", "ECE", "by chance")


def cells(quality: Figures) -> tuple[float, ...]:
    """The figures under HEADS."""
    return (quality.accuracy, quality.top3, quality.log_loss, quality.brier, quality.ece, quality.ece_by_chance)


def _row(trial: Trial, level: Level) -> tuple[Cell, ...]:
    return (trial.name, trial.snps, len(trial.truth), *cells(trial.at(level)))


def kinds(trials: Sequence[Trial], tree: Tree, words: str) -> Section:
    """Quality for each kind of file, a table for each level."""
    heads = ("file", "median SNPs", "people", *HEADS)
    tables = [
        Table(heads, [_row(trial, level) for trial in trials], f"**{len(level.codes)} {level.name}**") for level in tree
    ]
    return Section("Kinds of files", words, tables)


def calibration(trials: Sequence[Trial], tree: Tree, folder: Path, words: str) -> Section:
    """Reliability at every level and for the people of each continent, of the first trial as a picture."""
    rows: list[tuple[Cell, ...]] = []
    for trial in trials:
        for code, part in by_continent(trial, tree).items():
            quality = [part.at(level) for level in tree]
            errors = [cell for one in quality for cell in (one.ece, one.ece_by_chance, one.ece_corrected)]
            rows.append((trial.name, CONTINENTS[code], len(part.truth), quality[0].accuracy, *errors))
    plots.reliability(folder / "ancestry-calibration.svg", _panels(trials[0], tree), plots.colours())
    heads = ["file", "people from", "people", "accuracy of populations"]
    heads += [head for level in tree for head in (f"ECE of {level.name}", "by chance", "corrected")]
    picture = Picture(
        "ancestry-calibration.svg",
        f"Eight reliability diagrams ({trials[0].name}): the share of answers that were right against the probability "
        "told, at the three levels of the tree, and of populations for the people of each continent. "
        "Larger dots are more people; lines are 90 % intervals.",
    )
    return Section("Calibration", words, [picture, Table(heads, rows)])


def by_continent(trial: Trial, tree: Tree) -> dict[str, Trial]:
    """The trial of the people of each continent alone."""
    continents = tree[2]
    home = continents.node[trial.truth]
    return {code: trial.only(np.flatnonzero(home == number)) for number, code in enumerate(continents.codes)}


def _panels(trial: Trial, tree: Tree) -> dict[str, Sequence[Bin]]:
    levels: dict[str, Sequence[Bin]] = {level.name: trial.at(level).bins for level in tree}
    return levels | {code: part.at(tree[0]).bins for code, part in by_continent(trial, tree).items()}


def confusion(trial: Trial, tree: Tree, folder: Path, file: str) -> Picture:
    """Who is taken for whom, as a picture."""
    shares = confused(trial, tree[0])
    continents = [POPULATIONS[code].continent for code in tree[0].codes]
    plots.confusion(folder / file, shares, tree[0].codes, continents)
    worst = sorted(
        ((float(shares[i, j]), tree[0].codes[i], tree[0].codes[j]) for i, j in np.ndindex(shares.shape) if i != j),
        reverse=True,
    )[:4]
    said = ", ".join(f"{round(100 * share)} of 100 {true} are called {called}" for share, true, called in worst)
    return Picture(file, f"Confusion of the 26 populations ({trial.name}). The largest: {said}.")


def confused(trial: Trial, level: Level) -> Floats:
    """Share of the people of each node (rows) who are called each node (columns); zeros for a node without people."""
    counts = np.zeros((len(level.codes), len(level.codes)))
    np.add.at(counts, (level.node[trial.truth], level.sums(trial.probabilities).argmax(axis=1)), 1)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def conclusions(trials: Sequence[Trial], tree: Tree, words: str) -> Section:
    """How deep the service concludes, how often that is right, and what its prediction sets hold."""
    settled = [(trial, trial.settled) for trial in trials if trial.settled]
    depth = Table(
        ("file", "population", "region", "continent", "world", "true", "true where population"),
        [_depth(trial, found, tree[0].codes) for trial, found in settled],
        "Shares of people by the depth of the conclusion, and the shares of conclusions that are true.",
    )
    held = Table(
        ("file", *(f"{head} {level.name}" for level in tree for head in ("coverage of", "mean size of"))),
        [(trial.name, *(cell for level in tree for cell in coverage(trial, found, level))) for trial, found in settled],
        "Prediction sets: how often the truth is in the set, and how many codes it has.",
    )
    return Section("Conclusions and prediction sets", words, [depth, held])


LEVEL_OF = dict.fromkeys(POPULATIONS, "population") | dict.fromkeys(REGIONS, "region")
LEVEL_OF |= dict.fromkeys(CONTINENTS, "continent") | {"world": "world"}


def _depth(trial: Trial, settled: Settled, codes: Sequence[str]) -> tuple[Cell, ...]:
    levels = np.array([LEVEL_OF[code] for code in settled.conclusions])
    pairs = zip(settled.conclusions, trial.truth, strict=True)
    right = np.array([true_of(code, codes[truth]) for code, truth in pairs])
    shares = [float((levels == name).mean()) for name in ("population", "region", "continent", "world")]
    deepest = levels == "population"
    return (trial.name, *shares, float(right.mean()), float(right[deepest].mean()) if deepest.any() else "none")


def coverage(trial: Trial, settled: Settled, level: Level) -> tuple[float, float]:
    """The share of people whose true node is in their prediction set, and the mean size of the sets."""
    sets = settled.sets[level.name]
    truths = [level.codes[level.node[truth]] for truth in trial.truth]
    covered = np.mean([truth in one for truth, one in zip(truths, sets, strict=True)])
    return float(covered), float(np.mean([len(one) for one in sets]))


@dataclass(frozen=True)
class Scale:
    """A scale of conditions: its name, the places on it, and the picture of what happens along it."""

    name: str
    places: Sequence[float]
    picture: Picture


Methods = Mapping[str, Sequence[Trial]]


def curve(scale: Scale, methods: Methods, tree: Tree, folder: Path) -> list[Table | Picture]:
    """Trials of some methods at the places of a scale, drawn and listed; the method OWN stands out."""
    rows: list[tuple[Cell, ...]] = []
    panels: dict[str, list[plots.Curve]] = {}
    for level in (tree[0], tree[2]):
        panels[f"{len(level.codes)} {level.name}"] = lines = []
        for name, trials in methods.items():
            quality = [trial.at(level) for trial in trials]
            lines.append(plots.Curve(name, scale.places, [row.accuracy for row in quality], own=name == OWN))
            rows += [
                (level.name, name, f"{100 * place:.0f} %", *cells(row))
                for place, row in zip(scale.places, quality, strict=True)
            ]
    plots.curves(folder / scale.picture.file, panels, scale.name, scale.places)
    return [scale.picture, Table(("level", "method", scale.name, *HEADS), rows)]


def as_class(trial: Trial, tree: Tree) -> dict[str, object]:
    """What the report reads of a trial. Raises ValueError for a trial without the information of its SNPs."""
    if trial.settled is None:
        raise ValueError("only the service's own answers have a class")
    information = round(float(np.median(trial.settled.information)), 2)
    head = {"name": trial.name, "snps": trial.snps, "information": information, "people": len(trial.truth)}
    return head | {level.name: asdict(trial.at(level)) for level in tree}


def covered(trial: Trial, tree: Tree) -> dict[str, float]:
    """The measured coverage of the prediction sets at each level; nothing for a method without sets."""
    if trial.settled is None:
        return {}
    return {level.name: round(coverage(trial, trial.settled, level)[0], 4) for level in tree}
