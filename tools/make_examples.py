"""Writes the example genotype files: four people of the 1000 Genomes Project in the formats that people download.

Run as `tools/make_examples.py GENOMES FOLDER`. GENOMES is the folder of open genotypes; the people are left out of
the model's training. Only SNPs that a model may have are written, and only where the letters are those of the
reference strand.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from palabs.training.nucleotides import is_palindromic
from palabs.training.plink import read_plink
from palabs.training.positions import lift_from_files

COMMON = 0.01  # frequency from which a phased variant is written: rarer ones would make the file thrice as large
THIN = 3  # of the genome-wide SNPs of the Finnish example, the part that is written is one in so many
PHASED = "puerto-rican.phased.vcf.gz"
Letters = tuple[str, str]


@dataclass(frozen=True, order=True)
class Row:
    """One SNP of one person: place in GRCh37, REF and ALT, and the two letters."""

    chromosome: int
    position: int
    name: str
    ref: str
    alt: str
    letters: Letters


def read_person(genomes: Path, sample: str, file: str) -> list[Row]:
    """The person's genotypes at both panels, in the order of the genome."""
    return sorted([*_ancestry_rows(genomes, sample, file), *_exome_rows(genomes, sample)])


def _ancestry_rows(genomes: Path, sample: str, file: str) -> Iterator[Row]:
    """The ancestry-informative SNPs; which allele is REF stands in any VCF of the folder."""
    reference = _references(genomes / "people" / file)
    panel = read_plink(genomes / "aisnp/aisnp169")
    places = [line.split("\t") for line in (genomes / "aisnp/sites.tsv").read_text().splitlines()[1:]]
    position = {row[0]: int(row[2]) for row in places}
    for variant, dosage in zip(panel.variants, panel.dosage[panel.people.index(sample)], strict=True):
        ref = reference[variant.name]
        alt = variant.second if ref == variant.first else variant.first
        letters = _letters(variant.first, variant.second, int(dosage))
        yield Row(int(variant.chromosome), position[variant.name], variant.name, ref, alt, letters)


def _references(path: Path) -> dict[str, str]:
    with gzip.open(path, "rt") as file:
        rows = [line.split("\t", 5) for line in file if not line.startswith("#")]
    return {row[2]: row[3] for row in rows}


def _exome_rows(genomes: Path, sample: str) -> Iterator[Row]:
    """The exonic SNPs whose letters the panel states; its first allele is ALT."""
    lift = lift_from_files(genomes / "sites100k").back()
    panel = read_plink(genomes / "exome8k/exome8205")
    for variant, dosage in zip(panel.variants, panel.dosage[panel.people.index(sample)], strict=True):
        alt, ref = variant.first, variant.second
        position = lift.one(int(variant.chromosome), variant.position)
        if {alt, ref} <= set("ACGT") and not is_palindromic(alt, ref) and position:
            yield Row(int(variant.chromosome), position, variant.name, ref, alt, _letters(alt, ref, int(dosage)))


def genome_wide_rows(genomes: Path, sample: str) -> list[Row]:
    """Every THIN-th SNP of the person's MyHeritage file: enough for the test against the reference to be told."""
    with gzip.open(genomes / f"people/{sample}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))[::THIN]
    return [
        Row(int(row["CHROMOSOME"]), int(row["POSITION"]), row["RSID"], "", "", (row["RESULT"][0], row["RESULT"][1]))
        for row in rows
        if set(row["RESULT"]) <= set("ACGT")
    ]


def _letters(counted: str, other: str, dosage: int) -> Letters:
    first, second = sorted([counted] * dosage + [other] * (2 - dosage))
    return first, second


def as_23andme(sample: str, rows: list[Row]) -> str:
    """The tab-separated format of 23andMe."""
    head = (
        f"# The format of 23andMe; the person is {sample} of the 1000 Genomes Project.\n"
        "# build 37 of the human reference\n# rsid\tchromosome\tposition\tgenotype\n"
    )
    return head + "".join(f"{row.name}\t{row.chromosome}\t{row.position}\t{''.join(row.letters)}\n" for row in rows)


def as_ancestrydna(sample: str, rows: list[Row]) -> str:
    """The tab-separated format of AncestryDNA, with one column an allele and Windows line ends."""
    head = (
        f"#The format of AncestryDNA; the person is {sample} of the 1000 Genomes Project.\n"
        "#build 37.1\nrsid\tchromosome\tposition\tallele1\tallele2\n"
    )
    body = "".join("\t".join((row.name, str(row.chromosome), str(row.position), *row.letters)) + "\n" for row in rows)
    return (head + body).replace("\n", "\r\n")


def as_vcf(sample: str, rows: list[Row]) -> str:
    """VCF 4.2."""
    head = (
        "##fileformat=VCFv4.2\n##reference=GRCh37\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}\n"
    )
    return head + "".join(
        f"{row.chromosome}\t{row.position}\t{row.name}\t{row.ref}\t{row.alt}\t.\tPASS\t.\tGT\t{_genotype(row)}\n"
        for row in rows
    )


def _genotype(row: Row) -> str:
    return "/".join(sorted("0" if letter == row.ref else "1" for letter in row.letters))


# The file to write, the person, and the format.
EXAMPLES: tuple[tuple[str, str, Callable[[str, list[Row]], str]], ...] = (
    ("finnish.23andme.txt", "HG00171", as_23andme),
    ("luhya.vcf", "NA19035", as_vcf),
    ("japanese.ancestrydna.txt", "NA18939", as_ancestrydna),
)
GENOME_WIDE = "HG00171"
ANY_VCF = "HG00096.vcf.gz"


def phased_vcf(genomes: Path, sample: str) -> bytes:
    """The person's common phased single-nucleotide variants on all autosomes, as the source has them, gzipped."""
    lines = [
        line for number in range(1, 23) for line in _phased_rows(genomes / f"vcf_phased/chr{number}.vcf.gz", sample)
    ]
    head = '##fileformat=VCFv4.2\n##reference=GRCh37\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"
    return gzip.compress("\n".join([head + columns, *lines, ""]).encode(), mtime=0)


def _phased_rows(path: Path, sample: str) -> Iterator[str]:
    with gzip.open(path, "rt") as file:
        rows = (line.rstrip("\n").split("\t") for line in file if not line.startswith("##"))
        column = next(rows).index(sample)
        for row in rows:
            copies = "".join(row[9:]).count("1") / (2 * len(row[9:]))
            if {row[3], row[4]} < set("ACGT") and not is_palindromic(row[3], row[4]) and COMMON <= copies <= 1 - COMMON:
                yield "\t".join((*row[:5], ".", "PASS", ".", "GT", row[column]))


def main() -> None:
    """Writes every example."""
    if len(sys.argv) != 3:  # noqa: PLR2004 - the program and its two arguments
        sys.exit(__doc__)
    genomes, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for file, sample, write in EXAMPLES:
        rows = read_person(genomes, sample, ANY_VCF)
        if sample == GENOME_WIDE:
            known = {row.name for row in rows}
            rows = sorted([*rows, *(row for row in genome_wide_rows(genomes, sample) if row.name not in known)])
        (folder / file).write_bytes(write(sample, rows).encode())
        print(f"{file}: {sample}, {len(rows)} SNPs")
    (folder / PHASED).write_bytes(phased_vcf(genomes, "HG00553"))


if __name__ == "__main__":
    main()
