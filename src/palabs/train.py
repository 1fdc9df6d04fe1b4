"""`palabs train`: rebuilds the ancestry model from the open genotypes, bit for bit."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli import Reply

if TYPE_CHECKING:
    from palabs.training.fit import Training

DESCRIPTION = """Train the ancestry model on a folder of open genotypes and write the model file.
The same folder gives the same bytes on every machine. `palabs evaluate` measures how good such a model is.

Example:
  palabs train --genomes ../shared/genomes -o model.bin"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--genomes", type=Path, required=True, metavar="DIR", help="the folder of open genotypes")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the model file to write")


def run(args: argparse.Namespace) -> Reply:
    """Trains, writes, reports."""
    from palabs.narrator import Narrator  # noqa: PLC0415 - commands start without rich
    from palabs.training.fit import train  # noqa: PLC0415 - numpy is loaded when it is needed

    with Narrator() as narrator:
        training = train(args.genomes, narrator.doing)
        args.output.write_bytes(training.data)
        narrator.say("trained", f"{sum(training.sites.values())} SNPs of {training.people} people")
    return Reply(training.summary() | {"model": str(args.output)}, as_text(training))


def as_text(training: Training) -> str:
    """What was made, and of what."""
    dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(training.dropped.items()))
    sites = ", ".join(f"{number} {source}" for source, number in training.sites.items())
    head = f"Model `{training.digest}`, {len(training.data)} bytes, {training.people} people."
    return f"{head}\nSNPs: {sites}.\nLeft out: {dropped}."
