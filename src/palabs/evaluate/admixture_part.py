"""The part of the evaluation about shares of ancestry and paintings of chromosomes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from palabs.evaluate import words
from palabs.evaluate.evaluation import Evaluation
from palabs.evaluate.goals import Goal
from palabs.evaluate.measured import Part
from palabs.evaluate.pages import Cell, Section, Table
from palabs.evaluate.proportions import Tables

OWN = "this service"


def measure(evaluation: Evaluation, _: Path) -> Part:
    """Against published fractions and against simulated people with exact truth, beside fastmixture."""
    shares = evaluation.shares
    evaluation.progress("estimating shares of published and of simulated people")
    tables = shares.result()
    shown = [_simulated(tables), _published(tables), _painted(tables)]
    own = [row for row in tables.simulated if row.method == OWN]
    error = float(np.sqrt(np.mean([row.rmse**2 for row in own])))
    covered = float(np.mean([row.covered for row in own if row.covered is not None]))
    return Part(
        [Section("Shares of ancestry, and paintings", words.ADMIXTURE, shown)],
        [
            Goal("RMSE of simulated shares, 10,000 SNPs", error, high=0.03, hoped="0.02"),
            Goal("coverage of their 90 % intervals", covered, 0.88, 0.92),
        ],
        {"admixture": {"rmse": round(error, 4), "coverage": round(covered, 4), "rows": [asdict(row) for row in own]}},
    )


def _or_none(value: float | None) -> Cell:
    return "none" if value is None else value


def _simulated(tables: Tables) -> Table:
    heads = (
        "method",
        "seed",
        "people",
        "SNPs",
        "RMSE",
        "coverage",
        "of shares over 0",
        "RMSE, admixed people",
        "seconds",
    )
    rows = [
        (
            row.method, str(row.seed), row.people, row.snps, row.rmse, _or_none(row.covered),
            _or_none(row.present_covered), row.mixed_rmse, row.seconds,
        )
        for row in tables.simulated
    ]  # fmt: skip
    alone = all(row.method == OWN for row in tables.simulated)
    note = f" {words.ALONE}" if alone else ""
    return Table(heads, rows, f"**Simulated people, exact truth** (seconds a person).{note}")


def _published(tables: Tables) -> Table:
    heads = ("file", "people", "SNPs", "RMSE", "in 90 % interval", "RMSE, admixed people", "in interval", "CPU seconds")
    rows = [
        (
            row.kind, row.people, row.snps, row.rmse, row.covered, row.mixed_rmse, row.mixed_covered, row.seconds,
        )
        for row in tables.published
    ]  # fmt: skip
    return Table(heads, rows, "**Published fractions** (supervised ADMIXTURE, K = 6), counts out of fold")


def _painted(tables: Tables) -> Table:
    heads = ("seed", "people", "SNPs", "named rightly", "named with 90 % or more", "of that right", "RMSE of lengths")
    rows = [
        (str(row.seed), row.people, row.snps, row.right, row.sure, row.sure_right, row.rmse) for row in tables.painted
    ]
    return Table(heads, rows, "**Paintings of simulated admixed people** (shares of the genome)")
