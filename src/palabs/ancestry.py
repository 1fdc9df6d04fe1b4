"""`palabs ancestry`: a genotype file in, probabilities and a report out."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from confide.cli import Reply
from confide.errors import Misuse
from palabs.answer import Analysis, Answer, analyse_in_place
from palabs.files import check_distinct, write_whole
from palabs.genome_file import read_genome
from palabs.populations import name_of
from palabs.report_words import (
    HARDLY,
    fit_in_words,
    headline,
    interval,
    is_doubted,
    percent,
    ranked,
    sets_in_words,
    shares_in_words,
)

DESCRIPTION = """Estimate a person's ancestry from a genotype file: probabilities for 5 continental groups, 14 regions
and 26 populations, with intervals; shares of six components; ancestry along the chromosomes where the file is phased;
and whether the person fits the reference populations at all.

Reads 23andMe, AncestryDNA, FTDNA, MyHeritage, Living DNA and others, VCF and PLINK, plain, gzip or zip, in the builds
36, 37 and 38 of the genome: which one is found from the data.

--protect tee (the default) seals the file, computes in an attested enclave and verifies the receipt;
--protect none computes right here, in plain sight of this computer's administrator.

Examples:
  palabs ancestry examples/finnish.23andme.txt -o report.html
  palabs ancestry family.vcf.gz --sample HG00171 --pdf report.pdf
  palabs ancestry genome.zip --protect none --json"""

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
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="write the report on one page to print, a PDF, here")
    parser.add_argument(
        "--sample",
        metavar="NAME",
        help="the person to read where the file has several; the key broker sees this name in the job",
    )
    parser.add_argument("--protect", choices=("tee", "none"), default="tee", help="how to protect (default: tee)")


def run(args: argparse.Namespace) -> Reply:
    """Reads, computes, writes the report."""
    named = {option: path for option, path in (("--output", args.output), ("--pdf", args.pdf)) if path}
    targets = named | {"the receipt": receipt_path(next(iter(named.values())))} if named else {}
    check_distinct(args.genome, targets)
    if args.pdf:
        check_pdf_can_be_written()
    genome = read_genome(args.genome)
    parameters = {} if args.sample is None else {"sample": args.sample}
    compute = analyse_in_place if args.protect == "none" else _analyse_in_tee
    analysis = compute(genome, parameters)
    files = write_reports(analysis, args.output, args.pdf)
    return Reply(analysis.to_document() | files, as_text(analysis, files))


def receipt_path(report: Path) -> Path:
    """Where the receipt of a report lies: beside it."""
    return report.with_suffix(".receipt.json")


def check_pdf_can_be_written() -> None:
    """Raises Misuse where the library that writes PDF is not installed, before anything is computed."""
    if not is_installed("reportlab"):
        raise Misuse.because(
            "report.pdf",
            got="no installed package `reportlab`",
            wanted="the extra `report` of this package",
            remedy="Install it (`pip install 'confide[report]'`), or write HTML with -o.",
        )


def is_installed(name: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(name) is not None


def write_reports(analysis: Analysis, page: Path | None, pdf: Path | None) -> dict[str, str]:
    """Writes what was asked for, and beside it the receipt where there is one; the paths by what they hold."""
    from palabs.report import render  # noqa: PLC0415 - commands start without it

    receipt, beside = analysis.receipt, receipt_path(page or pdf or Path("report"))
    files: dict[Path, bytes] = {}
    paths: dict[str, str] = {}
    if receipt and "document" in receipt and (page or pdf):
        files[beside], paths["receipt_file"] = receipt["document"].encode(), str(beside)
        receipt = {**receipt, "file": beside.name}
    if page:
        files[page], paths["report"] = render(analysis.answer, analysis.protection, receipt).encode(), str(page)
    if pdf:
        from palabs.pdf import render_pdf  # noqa: PLC0415 - an extra

        files[pdf], paths["pdf"] = render_pdf(analysis.answer, analysis.protection, receipt), str(pdf)
    write_whole(files)
    return paths


def _analyse_in_tee(genome: bytes, parameters: Mapping[str, str]) -> Analysis:
    from palabs.narrator import Narrator  # noqa: PLC0415 - commands start without it
    from palabs.service import analyse_in_tee  # noqa: PLC0415 - servers and launcher load only for this

    with Narrator() as narrator:
        return analyse_in_tee(genome, narrator.doing, parameters)


def as_text(analysis: Analysis, files: Mapping[str, str]) -> str:
    """The answer for a terminal: what was found, how sure that is, and what it rests on."""
    answer, words = analysis.answer, headline(analysis.answer)
    promise, sets = sets_in_words(answer)
    lines = [
        words.lead,
        f"  {words.more}",
        f"  {fit_in_words(answer)}",
        "Least unlike continental groups" if is_doubted(answer) else "Continental groups",
        *_lines(answer, answer.superpopulations),
        "Least unlike reference populations" if is_doubted(answer) else "Closest reference populations",
        *_lines(answer, answer.populations),
        promise,
        *(f"  {level}: {names}" for level, names in sets),
        shares_in_words(answer),
        f"From {answer.snps['used']:,} of {answer.snps['panel']:,} SNPs of the model: {answer.file.format} file.",
        f"Protection: {analysis.protection['mode']}. {analysis.protection['statement']}",
        *(f"{what}: {files[key]}" for key, what in (("report", "Report"), ("pdf", "PDF")) if key in files),
    ]
    if "receipt_file" in files:
        lines.append(f"Receipt: {files['receipt_file']} (check it with `confide receipt verify`)")
    return "\n".join(lines)


def _lines(answer: Answer, table: Mapping[str, float]) -> list[str]:
    """The likeliest of one level, with their intervals: at most SHOWN, and none under 0.1 % but the first."""
    codes = [code for code, probability in ranked(table)[:SHOWN] if probability >= HARDLY] or [ranked(table)[0][0]]
    return [f"  {percent(table[code]):>8}  {name_of(code)} ({interval(answer.intervals[code])})" for code in codes]
