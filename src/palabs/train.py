"""`palabs train`: rebuilds the ancestry model from the open genotypes, bit for bit."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli import Reply

if TYPE_CHECKING:
    from palabs.training.fit import Row, Training
    from palabs.training.validation import Figures

DESCRIPTION = """Train the ancestry model on a folder of open genotypes and write the model file.
The same folder gives the same bytes on every machine. Prints the cross-validated figures.

Example:
  palabs train --genomes ../shared/genomes -o model.bin --figures figures.json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--genomes", type=Path, required=True, metavar="DIR", help="the folder of open genotypes")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the model file to write")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="also write the figures, as JSON, for the report")


def run(args: argparse.Namespace) -> Reply:
    """Trains, writes, reports."""
    from palabs.training.fit import train  # noqa: PLC0415 - numpy is loaded when it is needed

    training = train(args.genomes, lambda step: print(f"{step} ...", file=sys.stderr))  # noqa: T201 - progress
    args.output.write_bytes(training.data)
    if args.figures:
        args.figures.write_text(json.dumps(training.summary(), indent=1) + "\n", encoding="utf-8")
    return Reply(training.summary() | {"model": str(args.output)}, as_markdown(training))


def as_markdown(training: Training) -> str:
    """The figures as the tables of docs/ancestry-model.md."""
    dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(training.dropped.items()))
    head = (
        f"Model `{training.digest}`, {len(training.data)} bytes: {training.sites} SNPs "
        f"({training.ancestry_sites} ancestry-informative) of {training.people} people. Left out: {dropped}.\n\n"
        "| SNPs shown | median SNPs | people | classes | accuracy | top 3 | log-loss | ECE |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    lines = [_line(row, classes, figures) for row in training.figures for classes, figures in _both(row)]
    return "\n".join([head, *lines])


def _both(row: Row) -> tuple[tuple[int, Figures], ...]:
    return ((26, row.populations), (5, row.continents))


def _line(row: Row, classes: int, figures: Figures) -> str:
    numbers = (figures.accuracy, figures.top3, figures.log_loss, figures.ece)
    return (
        f"| {row.name} | {row.snps} | {figures.people} | {classes} | " + " | ".join(f"{x:.3f}" for x in numbers) + " |"
    )
