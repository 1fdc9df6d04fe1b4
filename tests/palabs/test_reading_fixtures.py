"""The small files of some 25 formats, valid and broken, that the project `snps` tests itself with: each one is listed.

Their SNPs are made up: rs1 to rs8 are at 101 to 108 of chromosome 1, with the genotypes AA CC GG TT -- GC TC AT. So the
panel here is made of them, without rs6 and rs8, which a panel without palindromic SNPs could not have.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest

from palabs.workload.ancestry.genotypes import REASONS, read_genotypes
from palabs.workload.ancestry.model import Sites
from palabs.workload.ancestry.refusal import BadGenotypes

# rs number, chromosome, places in GRCh36, 37 and 38, and the two letters.
ROWS = (
    (1, 1, 0, 101, 0, "AG"),
    (2, 1, 0, 102, 0, "CT"),
    (3, 1, 0, 103, 0, "GA"),
    (4, 1, 0, 104, 0, "TC"),
    (5, 1, 0, 105, 0, "CT"),
    (7, 1, 0, 107, 0, "TC"),
    (3094315, 1, 742429, 752566, 817186, "AG"),
    (2500347, 1, 143649677, 144938320, 148946169, "AG"),
    (11928389, 3, 50908372, 50927009, 50889578, "TC"),
)


@pytest.fixture(scope="module")
def panel():
    rs, chromosome, *places, letters = zip(*ROWS, strict=True)
    counted, other = np.array([list(pair.encode()) for pair in letters], np.uint8).T
    return Sites(
        np.array(rs, np.uint32), np.array(chromosome, np.uint8), *np.array(places, np.uint32), counted, other,
        reference=np.zeros(len(rs), np.uint8), source=np.zeros(len(rs), np.uint8),
    )  # fmt: skip


@dataclass(frozen=True)
class Read:
    """A file that is read: its format, rows and build, and the dosage of each SNP of the panel, a dot for none."""

    format: str
    rows: int = 8
    dosages: str = "2222.1..."
    build: int | None = 37
    no_call: int = 1
    flipped: int = 0
    phased: bool = False


REFERENCE = "......2.1"
FIXTURES = {
    "23andme.txt": Read("23andMe", 10),
    "23andme_allele.txt": Read("23andMe"),
    "23andme_win.txt": Read("23andMe", 10),
    "23mofang.txt": Read("23Mofang"),
    "DNALand.txt": Read("DNA.Land"),
    "GRCh37.csv": Read("generic", 4, REFERENCE),
    "GRCh37_PAR.csv": "genotypes.no_panel_snps",
    "GRCh38.csv": Read("generic", 4, REFERENCE, 38),
    "NCBI36.csv": Read("generic", 4, REFERENCE, 36, flipped=1),
    "ancestry.txt": Read("AncestryDNA"),
    "ancestry_mt.txt": "genotypes.no_panel_snps",
    "ancestry_multi_sep.txt": Read("AncestryDNA"),
    "chromosomes.csv": "genotypes.no_panel_snps",
    "circledna.txt": Read("CircleDNA", 9, no_call=0),
    "codigo46.txt": Read("Codigo46"),
    "discrepant_snps.csv": "genotypes.format",  # a table of two files compared: two genotypes a row
    "duplicate_rsids.csv": "genotypes.no_panel_snps",  # rs1 three times, AA, CC and GG
    "empty.txt": "genotypes.empty",
    "ftdna.csv": Read("FTDNA"),
    "ftdna_famfinder.csv": Read("FTDNA"),
    "generic.csv": Read("generic"),
    "generic.fa": "genotypes.format",
    "generic.tsv": Read("generic"),
    "generic_extra_column.tsv": Read("generic"),
    "generic_header_comment.tsv": Read("generic"),
    "generic_multi_rsid.tsv": Read("generic"),
    "generic_no_header.tsv": Read("generic"),
    "generic_non_standard_columns.tsv": Read("generic"),
    "genesforgood.txt": Read("Genes for Good"),
    "livingdna.csv": Read("Living DNA"),
    "mapmygenome.txt": Read("Mapmygenome"),
    "mapmygenome_alt_header.txt": Read("Mapmygenome"),
    "mapmygenome_new_format.txt": Read("Mapmygenome"),
    "myheritage.csv": Read("MyHeritage"),
    "myheritage_extra_quotes.csv": Read("MyHeritage"),
    "plink.txt": Read("PLINK text"),
    "sano.txt": Read("Sano", flipped=1),  # rs7 is given on the other strand
    "sano_dtc.txt": Read("Sano"),
    "sano_dtc_no_comments.txt": Read("Sano"),
    "selfdecode.txt": Read("SelfDecode"),
    "tellmeGen.txt": Read("tellmeGen"),
    "testvcf.vcf": Read("VCF", 17),
    "testvcf_chr_prefix.vcf": Read("VCF", 17),
    "testvcf_multi_sample.vcf": "genotypes.samples",
    "testvcf_phased.vcf": Read("VCF", 17, phased=True),
    "unannotated_testvcf.vcf": Read("VCF", 9),
}
VALID = [name for name, expected in FIXTURES.items() if isinstance(expected, Read)]
BROKEN = [name for name, expected in FIXTURES.items() if isinstance(expected, str)]


def in_zip(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../any/name.dat", data)
    return buffer.getvalue()


PACKINGS = {"plain": bytes, "gzip": gzip.compress, "zip": in_zip, "gzip in zip": lambda d: in_zip(gzip.compress(d))}


def test_every_fixture_is_listed(genomes):
    assert {path.name for path in (genomes / "fixtures").iterdir()} == set(FIXTURES)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", VALID)
def test_a_valid_fixture_is_read(name, packing, genomes, panel):
    expected = FIXTURES[name]
    genotypes = read_genotypes(PACKINGS[packing]((genomes / "fixtures" / name).read_bytes()), panel)
    assert (genotypes.format, genotypes.rows, genotypes.build) == (expected.format, expected.rows, expected.build)
    assert "".join(str(d) if d >= 0 else "." for d in genotypes.dosage.tolist()) == expected.dosages
    assert genotypes.tally["no_call"] == expected.no_call
    assert genotypes.tally["strand_flipped"] == expected.flipped
    assert sum(genotypes.tally[reason] for reason in REASONS) == expected.no_call
    assert genotypes.phased == expected.phased
    assert not genotypes.variants_only


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_fixture_is_a_typed_finding(name, packing, genomes, panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(PACKINGS[packing]((genomes / "fixtures" / name).read_bytes()), panel)
    assert caught.value.finding["code"] == FIXTURES[name]


@pytest.mark.parametrize(("sample", "dosages"), [("SAMPLEID", "2222.1..."), ("MULTISAMPLE", None)])
def test_one_of_the_two_people_of_the_vcf_is_read_by_name(sample, dosages, genomes, panel):
    data = (genomes / "fixtures/testvcf_multi_sample.vcf").read_bytes()
    if dosages is None:  # nothing was called for the second
        with pytest.raises(BadGenotypes, match="no_panel_snps"):
            read_genotypes(data, panel, sample=sample)
    else:
        genotypes = read_genotypes(data, panel, sample=sample)
        assert "".join(str(d) if d >= 0 else "." for d in genotypes.dosage.tolist()) == dosages
        assert genotypes.people == 2
