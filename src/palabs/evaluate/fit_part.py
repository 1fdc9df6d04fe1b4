"""The part of the evaluation about people of no reference population: who is noticed, on which platform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from palabs.evaluate import plots, words
from palabs.evaluate.conditions import (
    ALL_POPULATIONS,
    CHOSEN,
    EVERYTHING,
    OTHER_PLATFORM,
    WITH_GENOME_WIDE,
    WITH_PHASED,
    Condition,
    Kind,
)
from palabs.evaluate.evaluation import Evaluation
from palabs.evaluate.goals import Goal
from palabs.evaluate.measured import Part
from palabs.evaluate.measures import Flags
from palabs.evaluate.outsiders import Group, Verdicts, separation, shuffled, some, strangers
from palabs.evaluate.pages import Cell, Picture, Section, Table
from palabs.populations import POPULATIONS, continent_of

PLATFORMS = (WITH_GENOME_WIDE, OTHER_PLATFORM, EVERYTHING, WITH_PHASED, ALL_POPULATIONS, CHOSEN)
SHORT = {kind.name: kind.short for kind in PLATFORMS}
SHUFFLED = ("FIN", "TSI", "YRI", "LWK", "CHB", "JPT", "PUR", "GBR")
LEFT_OUT = (
    ("FIN",), ("LWK",), ("JPT",), ("GIH", "PJL"), ("GIH",),
    tuple(code for code, place in POPULATIONS.items() if place.continent == "SAS"),
    tuple(code for code, place in POPULATIONS.items() if place.continent == "EAS"),
)  # fmt: skip
PEOPLE = 60  # of a group that was left out, on a platform
WHOLE = "without any"
NEAR_CODES = ("GIH",)
NEAR = "without GIH, whose region stays"
INSIDERS = "of the reference"
DRAWN = "drawn from frequencies, genome-wide"


def measure(evaluation: Evaluation, images: Path) -> Part:
    """Insiders on every platform, strangers, and real people whose populations were left out of the training."""
    insiders = _insiders(evaluation)
    drawn = _drawn_insiders(evaluation)
    outsiders = _strangers(evaluation)
    left_out = _left_out(evaluation)
    large = [group for group in insiders if group.platform != CHOSEN.name]
    told = [group for group in left_out if group.platform != CHOSEN.name]
    near = [group for group in told if group.name == NEAR]
    continents = [group for group in told if group.name.startswith(WHOLE)]
    regions = [group for group in told if group not in near and group not in continents]
    far = [*outsiders, *continents]
    found = {
        "far": separation([*large, drawn], far),
        "regions": separation(large, regions),
        "near": separation(large, near),
        "auroc": separation([*large, drawn], [*far, *regions]),
    }
    rows = [_row(group, "", large) for group in (*insiders, drawn)]
    rows += [
        _row(group, separation(_same(group, insiders, drawn), [group]), large) for group in (*outsiders, *left_out)
    ]
    picture = _draw(images, [*outsiders, *left_out], large)
    heads = ("people", "platform", "number", "inside", "uncertain", "outside", "AUROC there", "AUROC, all platforms")
    return Part(
        [Section("Not in our reference", words.REFERENCE, [picture, Table(heads, rows)])],
        [
            Goal(
                "AUROC of outsiders, of whose region nobody is in the reference, all platforms",
                found["auroc"],
                0.95,
                hoped="0.99",
                beside=f"HGDP's and whole continents {found['far']:.3f}, single regions {found['regions']:.3f}",
            ),
            Goal("AUROC of those far from all 26 populations, all platforms", found["far"], 0.95, hoped="0.99"),
        ],
        {"reference": {name: round(value, 4) for name, value in found.items()}},
    )


def _insiders(evaluation: Evaluation) -> list[Verdicts]:
    """Everybody on every platform, out of fold."""
    groups = []
    for trial, kind in zip(evaluation.trials([Condition(kind) for kind in PLATFORMS]), PLATFORMS, strict=True):
        if trial.settled is not None:
            groups.append(Verdicts(INSIDERS, kind.name, trial.settled.p_values, trial.settled.verdicts))
    return groups


def _genome_wide_of_hgdp(evaluation: Evaluation) -> Flags:
    """The sites at which people are drawn from HGDP's frequencies."""
    panel = evaluation.panel
    return np.asarray((panel.references.totals > 0).any(axis=1) & panel.of("aisnp", "kg_p1"))


def _drawn_insiders(evaluation: Evaluation) -> Verdicts:
    """The first fold's people with their alleles shuffled, as the strangers' are."""
    evaluation.progress("judging strangers")
    cohort, sites = evaluation.cohort, _genome_wide_of_hgdp(evaluation)
    held_out = (cohort.fold == 0) & cohort.typed["kg_p1"]
    parts = [
        shuffled(cohort, held_out & (cohort.population == cohort.codes.index(code)), sites, 10, number)
        for number, code in enumerate(SHUFFLED)
    ]
    return evaluation.judged([Group(evaluation.services[0], INSIDERS, DRAWN, np.vstack(parts))])[0]


def _strangers(evaluation: Evaluation) -> list[Verdicts]:
    """People of HGDP populations that are none of the answers."""
    drawn = strangers(evaluation.panel)
    return evaluation.judged([Group(evaluation.services[0], name, DRAWN, dosage) for name, dosage in drawn.items()])


def _left_out(evaluation: Evaluation) -> list[Verdicts]:
    """Real people of populations that the training had nobody of, on the platforms that typed some."""
    evaluation.progress(f"training without {len(LEFT_OUT)} groups of populations")
    groups = [
        group
        for codes, service in zip(LEFT_OUT, evaluation.without(LEFT_OUT), strict=True)
        for group in _groups(evaluation, codes, service)
    ]
    evaluation.progress("judging people whose populations were left out")
    return evaluation.judged(groups)


def _groups(evaluation: Evaluation, codes: Sequence[str], service: str) -> Iterator[Group]:
    name = _left_out_name(codes)
    for kind in (WITH_GENOME_WIDE, OTHER_PLATFORM, WITH_PHASED, ALL_POPULATIONS, CHOSEN):
        people = _theirs(evaluation, codes, kind)
        if len(people) >= PEOPLE // 3:
            yield Group(service, name, kind.name, people)


def _left_out_name(codes: Sequence[str]) -> str:
    """Without a continent, the region of these populations, or a population whose region stays."""
    if codes == NEAR_CODES:
        return NEAR
    return f"{WHOLE} {continent_of(codes[0])}" if len(codes) > 2 else f"without {' and '.join(codes)}"  # noqa: PLR2004 - regions left out have one population or two


def _theirs(evaluation: Evaluation, codes: Sequence[str], kind: Kind) -> np.ndarray:
    numbers = [evaluation.cohort.codes.index(code) for code in codes]
    return some(evaluation.cohort, Condition(kind), np.isin(evaluation.cohort.population, numbers), PEOPLE)


def _same(group: Verdicts, insiders: Sequence[Verdicts], drawn: Verdicts) -> list[Verdicts]:
    """The insiders on the platform of a group."""
    return [drawn] if group.platform == DRAWN else [one for one in insiders if one.platform == group.platform]


def _row(group: Verdicts, there: Cell, insiders: Sequence[Verdicts]) -> tuple[Cell, ...]:
    shares = [group.share(verdict) for verdict in ("inside", "uncertain", "outside")]
    across: Cell = separation(insiders, [group]) if there != "" and group.platform != CHOSEN.name else ""
    return (group.name, group.platform, len(group.verdicts), *shares, there, across)


def _draw(images: Path, groups: Sequence[Verdicts], insiders: Sequence[Verdicts]) -> Picture:
    picture = Picture("ancestry-reference.svg", words.REFERENCE_PICTURE)
    dots = []
    for group in groups:
        if group.platform != CHOSEN.name:
            value = separation(insiders, [group])
            name = group.name.replace("_", ", ")
            dots.append(plots.Dot(f"{name}: {SHORT.get(group.platform, 'HGDP')}", value, value, value))
    plots.dots(images / picture.file, dots, "area under the curve against insiders of all platforms", (0.4, 1.01))
    return picture
