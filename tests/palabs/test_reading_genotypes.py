"""Reading genotypes: the same person is the same person in every format, build, strand and spelling."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace

import numpy as np
import pytest

from palabs.workload.ancestry.genotypes import REASONS, read_genotypes
from palabs.workload.ancestry.refusal import BadGenotypes

FORMATS = {
    "23andMe": lambda p, b: p.twentythree(b),
    "23andMe, alleles apart": lambda p, b: p.twentythree_alleles(b),
    "AncestryDNA": lambda p, b: p.ancestrydna(b),
    "MyHeritage": lambda p, b: p.myheritage(b),
    "MyHeritage, extra quotes": lambda p, b: p.myheritage_extra_quotes(b),
    "FTDNA": lambda p, b: p.ftdna(b),
    "FTDNA, famfinder": lambda p, b: p.famfinder(b),
    "Living DNA": lambda p, b: p.livingdna(b),
    "VCF": lambda p, b: p.vcf(b),
    "VCF, phased": lambda p, b: p.vcf(b, parted="|"),
    "VCF, chr, no names": lambda p, b: p.vcf(b, names=False, prefix="chr"),
    "PLINK": lambda p, b: p.plink(b),
    "PLINK, text": lambda p, b: p.plink_text(b),
}


def expected_dosage(somebody, panel):
    dosage = np.full(len(panel), -1, dtype=np.int8)
    for snp in somebody.snps:
        dosage[snp.site] = snp.dosage
    return dosage


def assert_tally_adds_up(genotypes):
    tally = genotypes.tally
    assert tally["used"] + tally["missing"] + sum(tally[reason] for reason in REASONS) == tally["panel"]
    assert tally["used"] == (genotypes.dosage >= 0).sum()


def gzipped(data):
    """Packed by gzip, unless it is packed already."""
    return data if data.startswith(b"PK") else gzip.compress(data, 1)


CASES = [(name, build, pack) for name in FORMATS for build, pack in ((36, bytes), (37, gzipped), (38, bytes))]


@pytest.mark.parametrize(("name", "build", "pack"), CASES)
def test_every_format_and_build_gives_the_same_genotypes(name, build, pack, somebody, panel):
    same = somebody.everywhere()
    genotypes = read_genotypes(pack(FORMATS[name](same, build)), panel)
    assert (genotypes.format, genotypes.build) == (name.partition(",")[0], build)
    assert genotypes.rows == len(same.snps) > 4000
    assert np.array_equal(genotypes.dosage, expected_dosage(same, panel))
    assert genotypes.tally["strand_flipped"] == 0
    assert genotypes.phased == (name == "VCF, phased")
    assert_tally_adds_up(genotypes)


def test_a_report_without_places_is_read_by_rs_number(somebody, panel):
    genotypes = read_genotypes(somebody.illumina_report(), panel)
    assert (genotypes.format, genotypes.build) == ("Illumina report", None)
    assert np.array_equal(genotypes.dosage, expected_dosage(somebody, panel))


def test_one_of_two_people_of_a_report_is_read_by_name(somebody, panel):
    other = somebody.illumina_report().partition(b"Plus\n")[2].replace(b"Jane Doe", b"NA1")
    both = somebody.flipped().illumina_report().replace(b"\tA\tA\n", b"\t-\t-\n") + other
    genotypes = read_genotypes(both, panel, sample="NA1")
    assert (genotypes.people, genotypes.tally["strand_flipped"]) == (2, 0)
    assert np.array_equal(genotypes.dosage, expected_dosage(somebody, panel))
    for sample, code in ((None, "genotypes.samples"), ("NA2", "genotypes.sample_unknown")):
        with pytest.raises(BadGenotypes) as caught:
            read_genotypes(both, panel, sample=sample)
        assert caught.value.finding["code"] == code
        assert "Jane Doe, NA1" in str(caught.value)


def test_rows_that_carry_a_laboratorys_own_names_are_matched_by_place(somebody, panel):
    data = somebody.twentythree().replace(b"\nrs", b"\ni")
    assert np.array_equal(read_genotypes(data, panel).dosage, expected_dosage(somebody, panel))


def test_genotypes_on_the_other_strand_are_turned(somebody, panel):
    turned = read_genotypes(somebody.flipped().twentythree(), panel)
    assert np.array_equal(turned.dosage, expected_dosage(somebody, panel))
    assert turned.tally["strand_flipped"] == turned.tally["used"]


def test_no_snp_of_the_model_is_palindromic(model):
    known = model.sites.counted > 0
    letters = zip(model.sites.counted[known], model.sites.other[known], strict=True)
    pairs = {frozenset(map(chr, pair)) for pair in letters}
    assert pairs.isdisjoint({frozenset("AT"), frozenset("CG")})
    assert all(len(pair) == 2 for pair in pairs)


def changed(somebody, panel, rows):
    """The file with the row of one SNP replaced by `rows`, what was read of it, and the SNP."""
    snp = somebody.snps[3]
    old = f"rs{snp.rs}\t{snp.chromosome}\t{snp.place[37]}\t{snp.letters}\n"
    new = "".join(f"rs{snp.rs}\t{snp.chromosome}\t{snp.place[37]}\t{letters}\n" for letters in rows)
    genotypes = read_genotypes(somebody.twentythree().replace(old.encode(), new.encode()), panel)
    assert_tally_adds_up(genotypes)
    return genotypes, snp


@pytest.mark.parametrize("letters", ["--", "00", "NN", "", "-", "??", "..", "NC", "-/-", "A-", "A0", "NoCall"])
def test_a_no_call_is_unknown(letters, somebody, panel):
    genotypes, snp = changed(somebody, panel, [letters])
    assert genotypes.dosage[snp.site] == -1
    assert genotypes.tally["no_call"] == 1


@pytest.mark.parametrize("letters", ["II", "DD", "DI", "A", "ACGT", "I/D", "A/AG", "XY"])
def test_an_indel_or_a_single_letter_is_not_used(letters, somebody, panel):
    genotypes, snp = changed(somebody, panel, [letters])
    assert genotypes.dosage[snp.site] == -1
    assert genotypes.tally["not_single_nucleotide"] == 1


def strange_letters(snp):
    """A letter of each strand: no SNP that is not palindromic has both."""
    return snp.counted + snp.counted.translate(str.maketrans("ACGT", "TGCA"))


def test_letters_that_the_snp_does_not_have_are_not_used(somebody, panel):
    genotypes, snp = changed(somebody, panel, [strange_letters(somebody.snps[3])])
    assert genotypes.dosage[snp.site] == -1
    assert genotypes.tally["allele_mismatch"] == 1


def test_duplicates_that_agree_are_kept(somebody, panel):
    letters = somebody.snps[3].letters
    genotypes, snp = changed(somebody, panel, [letters, letters[::-1]])
    assert genotypes.dosage[snp.site] == snp.dosage
    assert genotypes.tally["conflicting_duplicate"] == 0


def test_duplicates_that_disagree_are_dropped(somebody, panel):
    snp = somebody.snps[3]
    genotypes, _ = changed(somebody, panel, [snp.counted * 2, snp.other * 2])
    assert genotypes.dosage[snp.site] == -1
    assert genotypes.tally["conflicting_duplicate"] == 1


@pytest.mark.parametrize("bad", ["--", "DD", "A"])
def test_a_duplicate_that_says_nothing_does_no_harm(bad, somebody, panel):
    genotypes, snp = changed(somebody, panel, [bad, somebody.snps[3].letters])
    assert genotypes.dosage[snp.site] == snp.dosage


def test_a_duplicate_with_other_letters_spoils_the_snp(somebody, panel):
    genotypes, snp = changed(somebody, panel, [strange_letters(somebody.snps[3]), somebody.snps[3].letters])
    assert genotypes.dosage[snp.site] == -1
    assert genotypes.tally["allele_mismatch"] == 1


def with_wrong_letters(somebody, number):
    """The person with letters that `number` of the SNPs do not have."""
    wrong = (replace(s, letters=strange_letters(s)) if i < number else s for i, s in enumerate(somebody.snps))
    return type(somebody)(tuple(wrong))


def test_a_file_with_more_than_3_percent_of_wrong_letters_is_refused_with_the_numbers(somebody, panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(with_wrong_letters(somebody.some(1000), 31).twentythree(), panel)
    assert caught.value.finding["code"] == "genotypes.allele_mismatch"
    assert "31 of 1000" in caught.value.finding["got"]
    assert "3%" in caught.value.finding["wanted"]


def test_a_file_with_3_percent_of_wrong_letters_is_read(somebody, panel):
    genotypes = read_genotypes(with_wrong_letters(somebody.some(1000), 30).twentythree(), panel)
    assert (genotypes.tally["used"], genotypes.tally["allele_mismatch"]) == (970, 30)


@pytest.mark.parametrize(("wrong", "refused"), [(1, False), (2, True)])
def test_one_wrong_letter_alone_never_refuses_a_file(wrong, refused, somebody, panel):
    data = with_wrong_letters(somebody.some(6), wrong).twentythree()
    if refused:
        with pytest.raises(BadGenotypes, match="allele_mismatch"):
            read_genotypes(data, panel)
    else:
        assert read_genotypes(data, panel).tally["used"] == 5


@pytest.mark.parametrize("chromosome", ["X", "Y", "MT", "XY", "23", "25", "26", "PAR", "chrX", "chrM"])
def test_rows_of_other_chromosomes_are_ignored_whatever_their_names(chromosome, somebody, panel):
    snp = somebody.snps[3]
    row = f"rs{snp.rs}\t{chromosome}\t{snp.place[37]}\t{strange_letters(snp)}\n"
    genotypes = read_genotypes(somebody.twentythree() + row.encode(), panel)
    assert genotypes.dosage[snp.site] == snp.dosage
    assert genotypes.tally["allele_mismatch"] == 0


@pytest.mark.parametrize("chromosome", ["0", "--", ".", ""])
def test_a_row_without_a_chromosome_is_read_by_its_rs_number(chromosome, somebody, panel):
    snp = somebody.snps[3]
    old, new = f"rs{snp.rs},{snp.chromosome},", f"rs{snp.rs},{chromosome},"
    data = somebody.famfinder().replace(old.encode(), new.encode())
    assert read_genotypes(data, panel).dosage[snp.site] == snp.dosage


@pytest.mark.parametrize("names", ["rs1,rs{}", "rs{},rs2", "rs1;rs{};rs7"])
def test_of_several_names_in_a_row_the_one_that_the_model_has_counts(names, somebody, panel):
    snp = somebody.snps[3]
    elsewhere = f"\t{snp.chromosome}\t1\t{snp.letters}\n"
    data = somebody.twentythree().replace(
        f"rs{snp.rs}\t{snp.chromosome}\t{snp.place[37]}\t{snp.letters}\n".encode(),
        (names.format(snp.rs) + elsewhere).encode(),
    )
    assert read_genotypes(data, panel).dosage[snp.site] == snp.dosage


def test_snps_whose_nucleotides_are_unknown_are_shown_by_a_vcf_alone(somebody, panel):
    site = int(np.flatnonzero((panel.counted == 0) & (panel.rs > 0))[0])
    rs, chromosome, place = (int(a[site]) for a in (panel.rs, panel.chromosome, panel.position37))
    genotypes = read_genotypes(somebody.twentythree() + f"rs{rs}\t{chromosome}\t{place}\tAG\n".encode(), panel)
    assert (genotypes.dosage[site], genotypes.tally["nucleotides_unknown"]) == (-1, 1)
    assert_tally_adds_up(genotypes)
    row = f"{chromosome}\t{place}\trs{rs}\tA\tG\t.\tPASS\t.\tGT\t0/1\n"
    genotypes = read_genotypes(somebody.vcf() + row.encode(), panel)
    assert (genotypes.dosage[site], genotypes.tally["nucleotides_unknown"]) == (1, 0)


SPELLINGS = {
    "windows line ends": lambda d: d.replace(b"\n", b"\r\n"),
    "old line ends": lambda d: d.replace(b"\n", b"\r"),
    "byte order mark": lambda d: b"\xef\xbb\xbf" + d,
    "no last line end": lambda d: d.rstrip(b"\n"),
    "blank lines": lambda d: d.replace(b"\n", b"\n\n"),
    "lower case": lambda d: d.replace(b"\tAG\n", b"\tag\n").replace(b"\tCC\n", b"\tcc\n"),
    "names in upper case": lambda d: d.replace(b"\nrs", b"\nRS"),
    "slashes": lambda d: d.replace(b"\tAG\n", b"\tA/G\n").replace(b"\tCC\n", b"\tC|C\n"),
    "quotes and commas": lambda d: b'"' + d.replace(b"\t", b'","').replace(b"\n", b'"\n"'),
    "commas and blanks": lambda d: d.replace(b"\t", b" , "),
    "semicolons": lambda d: d.replace(b"\t", b";"),
    "spaces": lambda d: d.replace(b"\t", b" "),
    "several blanks": lambda d: d.replace(b"\t1\t", b"\t\t1\t \t "),
    "several tabs everywhere": lambda d: d.replace(b"\t", b"\t\t"),
    "blanks before": lambda d: d.replace(b"\n", b"\n\t "),
    "a tab before": lambda d: d.replace(b"\nrs", b"\n\trs"),
    "no header": lambda d: b"\n".join(line for line in d.split(b"\n") if not line.startswith(b"#")),
    "latin-1 comment": lambda d: "# données brutes\n".encode("latin-1") + d,
    "an extra column": lambda d: d.replace(b"\n", b"\t0.99\n"),
    "chr prefix": lambda d: re.sub(rb"\t(\d+)\t", rb"\tchr\1\t", d),
    "a header that names another build": lambda d: b"# build 36 GRCh38 hg18\n" + d,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_does_not_matter(spelling, somebody, panel):
    data = SPELLINGS[spelling](somebody.twentythree())
    genotypes = read_genotypes(data, panel)
    assert np.array_equal(genotypes.dosage, expected_dosage(somebody, panel))
    assert genotypes.build == 37


def test_bgzip_of_many_members_is_read_whole(somebody, panel):
    data = somebody.twentythree()
    pieces = [gzip.compress(data[i : i + 20_000], 1) for i in range(0, len(data), 20_000)]
    genotypes = read_genotypes(b"".join(pieces) + gzip.compress(b""), panel)
    assert np.array_equal(genotypes.dosage, expected_dosage(somebody, panel))


def test_a_long_file_is_read_in_blocks_of_bounded_size(somebody, panel, monkeypatch):
    monkeypatch.setattr("palabs.workload.ancestry.container.BLOCK_BYTES", 5000)
    for data in (somebody.twentythree(), gzip.compress(somebody.vcf(), 1)):
        assert np.array_equal(read_genotypes(data, panel).dosage, expected_dosage(somebody, panel))
