"""Real people: the examples of the repository, and the 26 people in six formats whom the model never saw."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from palabs.workload.ancestry.main import analyse

REPO = Path(__file__).parents[2]
EXAMPLES = {
    "finnish.23andme.txt": ("FIN", "EUR", "23andMe"),
    "luhya.vcf": ("LWK", "AFR", "VCF"),
    "japanese.ancestrydna.txt": ("JPT", "EAS", "AncestryDNA"),
    "puerto-rican.phased.vcf.gz": ("PUR", "AMR", "VCF"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_small_and_placed_where_it_belongs(name):
    population, continent, format_name = EXAMPLES[name]
    data = (REPO / "examples" / name).read_bytes()
    answer = analyse(data)
    assert len(data) < 300_000
    phased = {"variants_only": False, "phased": "phased" in name}
    assert answer["file"] == {"format": format_name, "build": "GRCh37", **phased}
    assert answer["snps"]["used"] > 1900
    assert answer["snps"]["allele_mismatch"] == answer["snps"]["strand_flipped"] == 0
    assert answer["reference"]["verdict"] != "outside"
    assert answer["superpopulations"][continent] > 0.99
    assert max(answer["populations"], key=answer["populations"].get) == population


def test_the_examples_are_written_again_bit_for_bit(genomes, tmp_path):
    subprocess.run(
        [sys.executable, REPO / "tools/make_examples.py", genomes, tmp_path], check=True, capture_output=True
    )
    for name in EXAMPLES:
        assert (tmp_path / name).read_bytes() == (REPO / "examples" / name).read_bytes()


def index(genomes):
    lines = (genomes / "people/index.tsv").read_text().splitlines()[1:]
    return [line.split("\t") for line in lines]


VENDORS = {"23andme": "23andMe", "ancestry": "AncestryDNA", "ftdna": "FTDNA", "myheritage": "MyHeritage"}


def test_26_real_people_in_six_formats(genomes):
    """Two of them, a Colombian and a Mexican, have 91 % European ancestry by published supervised admixture."""
    first = top3 = continents = 0
    for file, _, population, continent, kind, variants in index(genomes):
        answer = analyse((genomes / "people" / file).read_bytes())
        ranked = sorted(answer["populations"], key=answer["populations"].get, reverse=True)
        assert (answer["file"]["format"], answer["file"]["build"]) == (VENDORS.get(kind, "VCF"), "GRCh37")
        assert answer["snps"]["in_file"] == int(variants)
        assert answer["snps"]["used"] > 0.84 * int(variants)
        assert answer["snps"]["allele_mismatch"] == answer["snps"]["strand_flipped"] == 0
        assert answer["reference"]["verdict"] != "outside"
        continents += max(answer["superpopulations"], key=answer["superpopulations"].get) == continent
        first += ranked[0] == population
        top3 += population in ranked[:3]
    assert continents >= 25
    assert first >= 18
    assert top3 >= 23


def test_a_list_of_a_whole_genomes_variants_of_chromosome_20_is_read_by_place(genomes):
    """One person's own published genome (a European): GRCh37, "chr" prefixes, no names, variants only."""
    answer = analyse((genomes / "corpas30x/chr20_snps_indels.vcf.gz").read_bytes())
    assert answer["file"] == {"format": "VCF", "build": "GRCh37", "variants_only": True, "phased": False}
    assert answer["snps"]["used"] > 300
    assert max(answer["superpopulations"], key=answer["superpopulations"].get) == "EUR"


def test_a_phased_file_of_many_people_is_refused(genomes):
    from palabs.workload.ancestry.refusal import BadGenotypes

    data = (genomes / "vcf_phased/chr22.vcf.gz").read_bytes()
    with pytest.raises(BadGenotypes, match=r"genotypes.samples.*957 people"):
        analyse(data)
    head = gzip.decompress(data)[:200_000].split(b"\n#CHROM")[0]
    assert head.startswith(b"##fileformat=VCF")
