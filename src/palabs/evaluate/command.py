"""`palabs evaluate`: how right and how honest the ancestry answer is, on people whom it had not seen."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from confide.cli import Reply
from confide.errors import Misuse

DESCRIPTION = """Evaluate the ancestry answer on people whom it had not seen: five folds by person of the open
genotypes, for every fold the whole service trained without it; the example people by their own files.
Accuracy, log-loss, calibration, missing SNPs, wrong genotypes, people of no reference population,
admixture and speed, beside other methods on the same folds. Takes some fifteen minutes.

Needs the extra `evaluate`: pip install 'confide[evaluate]'.

Example:
  palabs evaluate --genomes ../shared/genomes --only people speed"""

PARTS = ("kinds", "missing", "errors", "untyped", "reference", "children", "admixture", "people", "speed")
PAGE = "ancestry-evaluation.md"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--genomes", type=Path, required=True, metavar="DIR", help="the folder of open genotypes")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"only these of: {', '.join(PARTS)}"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help=f"write {PAGE} and its pictures into this folder of docs"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the figures that the report reads")


def run(args: argparse.Namespace) -> Reply:
    """Measures, writes, prints."""
    if (args.output or args.write) and set(args.only) != set(PARTS):
        raise Misuse.because(
            "evaluate.partial",
            got=f"--only {' '.join(args.only)} with files to write",
            wanted="the whole evaluation, for a page that says what was measured",
            remedy="Leave out --only, or leave out --output and --write.",
        )
    from palabs.evaluate.parts import measure  # noqa: PLC0415 - numpy is loaded when it is needed
    from palabs.narrator import Narrator  # noqa: PLC0415 - commands start without it

    with tempfile.TemporaryDirectory() as scratch, Narrator() as narrator:
        images = args.output / "images" if args.output else Path(scratch)
        images.mkdir(parents=True, exist_ok=True)
        measured = measure(args.genomes, images, args.only, narrator.doing)
    if args.output:
        (args.output / PAGE).write_text(measured.page(), encoding="utf-8")
    if args.write:
        args.write.write_text(json.dumps(measured.figures(), indent=1) + "\n", encoding="utf-8")
    return Reply(measured.document(), measured.page())
