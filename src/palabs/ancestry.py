"""`palabs ancestry`: a genotype file in, probabilities and a report out."""

from __future__ import annotations

import argparse
from pathlib import Path

from confide.cli import Reply
from palabs.answer import Analysis, analyse_in_place, read_genome
from palabs.populations import CONTINENTS, POPULATIONS
from palabs.report import percent, render

DESCRIPTION = """Estimate a person's ancestry from a genotype file: probabilities for 5 continental groups and
26 populations. Reads 23andMe, AncestryDNA, MyHeritage, FTDNA and VCF, plain or gzip.

--protect tee (the default) seals the file, computes in an attested enclave and verifies the receipt;
--protect none computes right here, in plain sight of this computer's administrator.

Example:
  palabs ancestry examples/finnish.23andme.txt -o report.html"""

SHOWN = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("genome", type=Path, metavar="GENOME", help="the genotype file of one person")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the report, one HTML file, here, and the receipt beside it",
    )
    parser.add_argument("--protect", choices=("tee", "none"), default="tee", help="how to protect (default: tee)")


def run(args: argparse.Namespace) -> Reply:
    """Reads, computes, writes the report."""
    genome = read_genome(args.genome)
    analysis = analyse_in_place(genome) if args.protect == "none" else _analyse_in_tee(genome)
    files = _write_files(analysis, args.output) if args.output else {}
    return Reply(analysis.to_document() | files, as_text(analysis, files.get("report"), files.get("receipt_file")))


def _write_files(analysis: Analysis, path: Path) -> dict[str, str]:
    """Writes the report, and beside it the receipt where there is one; the paths by what they hold."""
    files = {"report": str(path)}
    receipt = analysis.receipt
    if receipt and "document" in receipt:
        beside = path.with_suffix(".receipt.json")
        beside.write_text(receipt["document"], encoding="utf-8")
        files["receipt_file"] = str(beside)
        receipt = {**receipt, "file": beside.name}
    path.write_text(render(analysis.answer, analysis.protection, receipt), encoding="utf-8")
    return files


def _analyse_in_tee(genome: bytes) -> Analysis:
    from palabs.narrator import Narrator  # noqa: PLC0415 - commands start without it
    from palabs.service import analyse_in_tee  # noqa: PLC0415 - servers and launcher load only for this

    with Narrator() as narrator:
        return analyse_in_tee(genome, narrator.doing)


def as_text(analysis: Analysis, report: str | None, receipt: str | None = None) -> str:
    """The answer for a terminal: the continental groups, the likeliest populations, what it rests on."""
    answer = analysis.answer
    continents = sorted(answer.superpopulations.items(), key=lambda item: -item[1])
    populations = sorted(answer.populations.items(), key=lambda item: -item[1])[:SHOWN]
    lines = [
        "Continental groups",
        *(f"  {percent(p):>8}  {CONTINENTS[code]}" for code, p in continents),
        f"Closest of the {len(answer.populations)} reference populations",
        *(f"  {percent(p):>8}  {POPULATIONS[code].name}" for code, p in populations),
        f"From {answer.snps['used']} of {answer.snps['panel']} SNPs of the model: {answer.file.format} file.",
        f"Protection: {analysis.protection['mode']}. {analysis.protection['statement']}",
    ]
    if report:
        lines.append(f"Report: {report}")
    if receipt:
        lines.append(f"Receipt: {receipt} (check it with `confide receipt verify`)")
    return "\n".join(lines)
