"""What this reader says against what two well-known readers say of the same files: `snps` and `cyvcf2`.

Neither is believed everywhere; where one is known to be wrong, or cannot work without a network, the test says so.
"""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from palabs.workload.ancestry.genotypes import read_genotypes
from palabs.workload.ancestry.model import Sites

# Both libraries use what later versions of pandas and numpy will not have.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*inplace keyword.*")

PALINDROMES = ({"A", "T"}, {"C", "G"})


def panel_of(rows):
    """A panel of (rs number, chromosome, place in GRCh37, REF, ALT); ALT is the counted letter."""
    good = [row for row in rows if len(row[3]) == len(row[4]) == 1 and {*row[3:]} not in PALINDROMES]
    rs, chromosome, position, ref, alt = zip(*good, strict=True)
    letters = [np.frombuffer("".join(column).encode(), np.uint8) for column in (ref, alt)]
    nothing = np.zeros(len(good), np.uint32)
    return Sites(
        np.array(rs, np.uint32), np.array(chromosome, np.uint8), nothing, np.array(position, np.uint32), nothing,
        letters[1], letters[0], reference=letters[0], source=nothing.astype(np.uint8),
    )  # fmt: skip


def rows_of_vcf(path):
    """(rs number or 0, chromosome, position, REF, ALT) of the rows with one ALT."""
    with gzip.open(path, "rt") as file:
        for line in file:
            if not line.startswith("#"):
                chromosome, position, name, ref, alt = line.split("\t", 5)[:5]
                number = int(name[2:]) if name.startswith("rs") else 0
                yield number, int(chromosome.removeprefix("chr")), int(position), ref, alt


@pytest.fixture(scope="module")
def people_panel(genomes):
    """The SNPs of the people's largest files."""
    return panel_of(rows_of_vcf(genomes / "people/HG00096.vcf.gz"))


def dosages_by_cyvcf2(path, panel, sample=None):
    """Dosages at the panel by cyvcf2, found by place."""
    cyvcf2 = pytest.importorskip("cyvcf2")
    at = {place: i for i, place in enumerate(zip(panel.chromosome.tolist(), panel.position37.tolist(), strict=True))}
    dosage = np.full(len(panel), -1, np.int8)
    for row in cyvcf2.VCF(str(path), samples=[sample] if sample else None):
        index = at.get((int(row.CHROM.removeprefix("chr")), row.POS))
        if index is not None and len(row.REF) == 1:
            alleles = [row.REF, *row.ALT]
            letters = [alleles[i] if i >= 0 else "." for i in row.genotypes[0][:2]]
            pair = {chr(panel.counted[index]), chr(panel.other[index])}
            if set(letters) <= pair:
                dosage[index] = letters.count(chr(panel.counted[index]))
    return dosage


def people(genomes, *kinds):
    lines = (genomes / "people/index.tsv").read_text().splitlines()[1:]
    return [line.split("\t")[0] for line in lines if line.split("\t")[4] in kinds]


def test_vcfs_of_people_are_read_as_cyvcf2_reads_them(genomes, people_panel):
    files = people(genomes, "vcf37", "vcf37chr")
    assert len(files) == 8
    for file in files:
        genotypes = read_genotypes((genomes / "people" / file).read_bytes(), people_panel)
        assert (genotypes.format, genotypes.build, genotypes.variants_only) == ("VCF", 37, False)
        assert np.array_equal(genotypes.dosage, dosages_by_cyvcf2(genomes / "people" / file, people_panel))
        assert genotypes.tally["used"] > 160


def test_a_whole_genomes_variants_are_read_as_cyvcf2_reads_them(genomes):
    """105,006 rows of chromosome 20 without names, with GATK's fields; every tenth SNP of them is the panel."""
    path = genomes / "corpas30x/chr20_snps_indels.vcf.gz"
    panel = panel_of(list(rows_of_vcf(path))[::10])
    genotypes = read_genotypes(path.read_bytes(), panel)
    assert (genotypes.build, genotypes.rows) == (37, 105_006)
    assert genotypes.variants_only
    assert not genotypes.phased  # GATK's phase is one of neighbours
    assert genotypes.tally["used"] > 6000
    assert np.array_equal(genotypes.dosage, dosages_by_cyvcf2(path, panel))


def test_one_of_957_phased_people_is_read_as_cyvcf2_reads_them(genomes):
    path = genomes / "vcf_phased/chr21.vcf.gz"
    panel = panel_of(rows_of_vcf(path))
    for sample in ("HG00096", "NA21144"):
        genotypes = read_genotypes(path.read_bytes(), panel, sample=sample)
        assert (genotypes.people, genotypes.phased) == (957, True)
        assert np.array_equal(genotypes.dosage, dosages_by_cyvcf2(path, panel, sample))
        used = genotypes.dosage >= 0
        assert np.array_equal(genotypes.haplotypes[used].sum(axis=1), genotypes.dosage[used])


def read_by_snps(path, tmp_path):
    """Genotypes by chromosome and place, its source and its build."""
    snps = pytest.importorskip("snps")
    read = snps.SNPs(str(path), resources_dir=str(tmp_path))
    rows = read.snps.dropna().itertuples()
    return {(str(row.chrom), int(row.pos)): row.genotype for row in rows}, read.source, read.build


def dosages_of(table, panel, chromosomes, positions):
    """Dosages at the panel from genotypes by place, on either strand; letters that do not fit are unknown."""
    turn = str.maketrans("ACGT", "TGCA")
    dosage = np.full(len(panel), -1, np.int8)
    for i, place in enumerate(zip(map(str, chromosomes.tolist()), positions.tolist(), strict=True)):
        pair = {chr(panel.counted[i]), chr(panel.other[i])}
        for letters in (table.get(place, "--"), table.get(place, "--").translate(turn)):
            if set(letters) <= pair:
                dosage[i] = letters.count(chr(panel.counted[i]))
    return dosage


@pytest.mark.parametrize("kind", ["23andme", "ancestry", "ftdna", "myheritage"])
def test_consumer_files_of_people_are_read_as_snps_reads_them(kind, genomes, people_panel, tmp_path):
    path = max((genomes / "people" / file for file in people(genomes, kind)), key=lambda p: p.stat().st_size)
    table, _, build = read_by_snps(path, tmp_path)
    genotypes = read_genotypes(path.read_bytes(), people_panel)
    expected = dosages_of(table, people_panel, people_panel.chromosome, people_panel.position37)
    assert genotypes.build == build == 37
    assert np.array_equal(genotypes.dosage, expected)
    assert genotypes.tally["used"] > 160


def letters_by_place(path):
    """Genotypes by chromosome and place in a person's consumer file, by splitting its lines."""
    with gzip.open(path, "rt") as file:
        rows = [
            line.strip().replace('"', "").replace(",", "\t").split("\t") for line in file if not line.startswith("#")
        ]
    return {(row[1], int(row[2])): "".join(row[3:]) for row in rows if row[2].isdigit()}


def test_every_consumer_file_of_the_people_is_read_as_plain_python_reads_it(genomes, people_panel):
    files = people(genomes, "23andme", "ancestry", "ftdna", "myheritage")
    assert len(files) == 18
    for file in files:
        table = letters_by_place(genomes / "people" / file)
        genotypes = read_genotypes((genomes / "people" / file).read_bytes(), people_panel)
        expected = dosages_of(table, people_panel, people_panel.chromosome, people_panel.position37)
        assert (genotypes.rows, genotypes.build) == (len(table), 37)
        assert np.array_equal(genotypes.dosage, expected), file
        assert genotypes.tally["allele_mismatch"] == genotypes.tally["strand_flipped"] == 0


# `snps` calls some of them by other names, and keeps of three rows that disagree the first, and of two people too.
SOURCES = {"vcf": "VCF", "LivingDNA": "Living DNA", "GenesForGood": "Genes for Good", "PLINK": "PLINK text"}
NEEDS_NETWORK = {"codigo46.txt", "sano.txt", "tellmeGen.txt"}
READ_OTHERWISE = {"duplicate_rsids.csv", "testvcf_multi_sample.vcf"}
NOT_READ = {"empty.txt", "generic.fa", "unannotated_testvcf.vcf"}  # the last has no names, which `snps` needs
BUILDS = {"NCBI36.csv": 36, "GRCh38.csv": 38}


def test_fixtures_are_read_as_snps_reads_them(genomes, tmp_path):
    """Each file is the panel of itself: the SNPs that `snps` finds in it."""
    compared = 0
    for path in sorted((genomes / "fixtures").iterdir()):
        if path.name in NEEDS_NETWORK | READ_OTHERWISE | NOT_READ:
            continue
        table, source, build = read_by_snps(path, tmp_path)
        rows = [
            (0, int(c), p, *_pair(letters))
            for (c, p), letters in table.items()
            if c.isdigit() and set(letters) <= set("ACGT")
        ]
        rows = [row for row in rows if row[1:] and {*row[3:]} not in PALINDROMES and len(row) == 5]
        if rows and path.name != "discrepant_snps.csv":
            panel = panel_of(rows)
            genotypes = read_genotypes(path.read_bytes(), panel)
            assert np.array_equal(genotypes.dosage, dosages_of(table, panel, panel.chromosome, panel.position37)), path
            assert genotypes.format == SOURCES.get(source, source)
            assert build == BUILDS.get(path.name, 37)
            compared += 1
    assert compared >= 30


def test_a_build_that_snps_mistakes_is_found(somebody, panel, tmp_path):
    """`snps` looks for a handful of SNPs that it knows; where a file has none it believes the header, or says 37."""
    path = tmp_path / "genome.txt"
    path.write_bytes(somebody.twentythree(38).replace(b"23andMe\n", b"23andMe\n# human assembly build 37\n", 1))
    assert read_by_snps(path, tmp_path)[2] == 37
    assert read_genotypes(path.read_bytes(), panel).build == 38


def _pair(letters):
    """REF and ALT for a SNP with this genotype: the first letter, and another that makes no palindrome with it."""
    others = set(letters) - {letters[0]} or {"G" if letters[0] in "AT" else "A"}
    return letters[0], others.pop()
