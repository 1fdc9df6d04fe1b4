"""Reading genotypes: the same person is the same person in every format, build, strand and spelling."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry.genotypes import REASONS, read_genotypes
from palabs.workload.ancestry.main import analyse
from palabs.workload.ancestry.text import blocks

FORMATS = {
    "23andMe": lambda p, b: p.twentythree(b),
    "AncestryDNA": lambda p, b: p.ancestrydna(b),
    "MyHeritage": lambda p, b: p.myheritage(b),
    "FTDNA": lambda p, b: p.ftdna(b),
    "VCF": lambda p, b: p.vcf(b),
}


def with_place(person, build=37):
    return type(person)(tuple(person.rows(build)))


def assert_tally_adds_up(genotypes):
    tally = genotypes.tally
    assert tally["used"] + tally["missing"] + sum(tally[reason] for reason in REASONS) == tally["panel"]
    assert tally["used"] == (genotypes.dosage >= 0).sum()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("build", [37, 38])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_and_build_gives_the_same_genotypes(name, build, packed, person, model):
    data = FORMATS[name](with_place(person), build)
    genotypes = read_genotypes(gzip.compress(data) if packed else data, model.sites)
    expected = read_genotypes(person.twentythree(), model.sites)
    assert (genotypes.format, genotypes.build) == (name, build)
    assert genotypes.rows == len(person.rows(37))
    assert np.array_equal(genotypes.dosage, expected.dosage)
    assert (genotypes.dosage >= 0).sum() == len(person.rows(37))
    assert_tally_adds_up(genotypes)


def test_the_same_person_in_every_format_gets_the_same_probabilities(person):
    answers = [analyse(write(with_place(person), build)) for write in FORMATS.values() for build in (37, 38)]
    for answer in answers[1:]:
        for code, p in answer["populations"].items():
            assert p == pytest.approx(answers[0]["populations"][code], abs=0.01)


@pytest.mark.parametrize("prefix", ["", "chr"])
@pytest.mark.parametrize("build", [37, 38])
def test_a_vcf_without_names_is_matched_by_place_and_its_build_told_from_the_data(build, prefix, person, model):
    genotypes = read_genotypes(person.vcf(build, names=False, prefix=prefix), model.sites)
    named = read_genotypes(person.vcf(build), model.sites)
    assert genotypes.build == build
    assert np.array_equal(genotypes.dosage, named.dosage)


def test_a_header_that_names_the_wrong_build_is_not_believed(person, model):
    data = person.vcf(38, names=False).replace(b"##fileformat=VCFv4.2\n", b"##fileformat=VCFv4.2\n##reference=GRCh37\n")
    assert read_genotypes(data, model.sites).build == 38


def test_rows_that_carry_a_laboratorys_own_names_are_matched_by_place(person, model):
    data = person.twentythree().replace(b"\nrs", b"\ni")
    assert (read_genotypes(data, model.sites).dosage >= 0).sum() == len(person.rows(37))


def test_names_are_enough_where_the_build_is_unknown(person, model):
    shifted = type(person)(tuple(replace(s, place={37: s.place[37] + 777, 38: 0}) for s in person.rows(37)))
    genotypes = read_genotypes(shifted.twentythree(), model.sites)
    assert genotypes.build is None
    assert genotypes.tally["used"] == len(shifted.snps)


def test_genotypes_on_the_other_strand_are_turned(person, model):
    turned = read_genotypes(person.flipped().twentythree(), model.sites)
    assert np.array_equal(turned.dosage, read_genotypes(person.twentythree(), model.sites).dosage)
    assert turned.tally["strand_flipped"] == turned.tally["used"]


def test_no_snp_of_the_model_is_palindromic(model):
    pairs = {frozenset((chr(a), chr(b))) for a, b in zip(model.sites.counted, model.sites.other, strict=True)}
    assert pairs.isdisjoint({frozenset("AT"), frozenset("CG")})
    assert all(len(pair) == 2 for pair in pairs)


def changed(person, model, index, row):
    """The file with the row of SNP `index` replaced by `row`, and what was read of it."""
    snp = person.snps[index]
    old = f"rs{snp.rs}\t{snp.chromosome}\t{snp.place[37]}\t{snp.letters}\n"
    new = "".join(f"rs{snp.rs}\t{snp.chromosome}\t{snp.place[37]}\t{letters}\n" for letters in row)
    genotypes = read_genotypes(person.twentythree().replace(old.encode(), new.encode()), model.sites)
    assert_tally_adds_up(genotypes)
    return genotypes


@pytest.mark.parametrize("letters", ["--", "00", "NN", "", "-", "??", ".."])
def test_a_no_call_is_unknown(letters, person, model):
    genotypes = changed(person, model, 3, [letters])
    assert genotypes.dosage[3] == -1
    assert genotypes.tally["no_call"] == 1


@pytest.mark.parametrize("letters", ["II", "DD", "DI", "A", "ACGT", "A-"])
def test_an_indel_or_a_single_letter_is_not_used(letters, person, model):
    genotypes = changed(person, model, 3, [letters])
    assert genotypes.dosage[3] == -1
    assert genotypes.tally["not_single_nucleotide"] == 1


def test_letters_that_the_snp_does_not_have_are_not_used(person, model):
    snp = person.snps[3]
    strange = "A" if snp.counted in "CG" and snp.other in "CG" else None
    letters = strange * 2 if strange else snp.counted + snp.counted.translate(str.maketrans("ACGT", "TGCA"))
    genotypes = changed(person, model, 3, [letters])
    assert genotypes.dosage[3] == -1
    assert genotypes.tally["allele_mismatch"] == 1


def test_duplicates_that_agree_are_kept(person, model):
    letters = person.snps[3].letters
    genotypes = changed(person, model, 3, [letters, letters[::-1]])
    assert genotypes.dosage[3] == letters.count(person.snps[3].counted)
    assert genotypes.tally["conflicting_duplicate"] == 0


def test_duplicates_that_disagree_are_dropped(person, model):
    snp = person.snps[3]
    genotypes = changed(person, model, 3, [snp.counted * 2, snp.other * 2])
    assert genotypes.dosage[3] == -1
    assert genotypes.tally["conflicting_duplicate"] == 1


def test_a_duplicate_without_a_call_does_no_harm(person, model):
    letters = person.snps[3].letters
    assert changed(person, model, 3, ["--", letters]).dosage[3] == letters.count(person.snps[3].counted)


SPELLINGS = {
    "windows line ends": lambda d: d.replace(b"\n", b"\r\n"),
    "old line ends": lambda d: d.replace(b"\n", b"\r"),
    "byte order mark": lambda d: b"\xef\xbb\xbf" + d,
    "no last line end": lambda d: d.rstrip(b"\n"),
    "blank lines": lambda d: d.replace(b"\n", b"\n\n"),
    "lower case": lambda d: d.replace(b"\tAG\n", b"\tag\n").replace(b"\tCC\n", b"\tcc\n"),
    "slashes": lambda d: d.replace(b"\tAG\n", b"\tA/G\n").replace(b"\tCC\n", b"\tC|C\n"),
    "quotes and commas": lambda d: b'"' + d.replace(b"\t", b'","').replace(b"\n", b'"\n"'),
    "no header": lambda d: b"\n".join(line for line in d.split(b"\n") if not line.startswith(b"#")),
    "latin-1 comment": lambda d: "# données brutes\n".encode("latin-1") + d,
    "an extra column": lambda d: d.replace(b"\n", b"\t0.99\n"),
    "chr prefix": lambda d: d.replace(b"\t", b"\tchr", 1).replace(b"\t1\t", b"\tchr1\t"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_does_not_matter(spelling, person, model):
    data = SPELLINGS[spelling](person.twentythree())
    assert np.array_equal(
        read_genotypes(data, model.sites).dosage, read_genotypes(person.twentythree(), model.sites).dosage
    )


def test_a_vcf_with_windows_line_ends_and_phased_calls_is_read(person, model):
    data = person.vcf().replace(b"0/1", b"1|0").replace(b"\n", b"\r\n")
    assert np.array_equal(read_genotypes(data, model.sites).dosage, read_genotypes(person.vcf(), model.sites).dosage)


def test_other_fields_beside_the_genotype_do_no_harm(person, model):
    data = (
        person.vcf().replace(b"\tGT\t", b"\tGT:DP:GQ\t").replace(b"/0\n", b"/0:30:99\n").replace(b"/1\n", b"/1:30:99\n")
    )
    assert np.array_equal(read_genotypes(data, model.sites).dosage, read_genotypes(person.vcf(), model.sites).dosage)


def test_calls_that_failed_the_laboratorys_filter_are_not_used(person, model):
    genotypes = read_genotypes(person.vcf().replace(b"\tPASS\t", b"\tLowQual\t", 5), model.sites)
    assert genotypes.tally["low_quality"] == 5
    assert_tally_adds_up(genotypes)


def test_bgzip_of_many_members_is_read_whole(person, model):
    data = person.twentythree()
    packed = b"".join(gzip.compress(data[i : i + 5000]) for i in range(0, len(data), 5000)) + gzip.compress(b"")
    assert np.array_equal(read_genotypes(packed, model.sites).dosage, read_genotypes(data, model.sites).dosage)


@settings(max_examples=100, deadline=None)
@given(data=st.lists(st.text("ab\t", max_size=20), min_size=1), size=st.integers(1, 64))
def test_lines_survive_being_cut_into_blocks_anywhere(data, size):
    from palabs.workload.ancestry import text

    raw = ("\n".join(data) + "x\n").encode()
    old, text.BLOCK_BYTES = text.BLOCK_BYTES, size
    try:
        pieces = list(blocks(raw))
    finally:
        text.BLOCK_BYTES = old
    assert b"".join(pieces) == raw
    assert all(piece.endswith(b"\n") for piece in pieces)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("swap", [False, True])
def test_a_list_of_variants_hides_the_reference_genotype_whichever_allele_and_strand_it_is(swap, flip, person, model):
    """With `swap` the model's counted allele is REF, so that what cannot be shown is two of it, and not none."""
    if swap:
        person = type(person)(tuple(replace(s, counted=s.other, other=s.counted) for s in person.snps))
    if flip:
        turn = str.maketrans("ACGT", "TGCA")
        turned = (
            replace(s, counted=s.counted.translate(turn), other=s.other.translate(turn)) for s in person.flipped().snps
        )
        person = type(person)(tuple(turned))
    data = person.vcf(variants_only=True)
    genotypes = read_genotypes(data, model.sites)
    seen = genotypes.dosage >= 0
    assert 100 < seen.sum() < len(person.rows(37))
    assert set(genotypes.hidden[seen]) == {2 if swap else 0}
    assert set(genotypes.hidden[~seen]) == {-1}
    assert (genotypes.dosage[seen] != genotypes.hidden[seen]).all()
    assert set(read_genotypes(person.vcf(), model.sites).hidden) == {-1}


def test_blocks_of_reference_in_a_gvcf_are_not_taken_for_single_genotypes(person, model):
    """A block's first place is shown and its others are not: its reference genotypes would be seen by chance."""
    data = person.vcf().replace(b"\t.\tGT\t0/0", b"\tEND=7\tGT\t0/0")
    genotypes = read_genotypes(data, model.sites)
    assert genotypes.variants_only
    assert (genotypes.dosage[genotypes.dosage >= 0] > 0).all()


def test_a_list_of_variants_does_not_make_a_person_look_foreign(make_person):
    """Only genotypes other than the reference are listed: read without care, rare alleles seem common."""
    for population, continent in (("GBR", "EUR"), ("JPT", "EAS"), ("YRI", "AFR"), ("GIH", "SAS")):
        answer = analyse(make_person(population).vcf(variants_only=True))
        assert answer["file"]["variants_only"]
        assert answer["superpopulations"][continent] > 0.9


def test_640000_lines_are_read_in_less_than_a_second_of_cpu(person, model):
    filler = b"".join(b"rs%d\t7\t%d\tAG\n" % (10**9 + i, 10**8 + i) for i in range(640_000))
    started = time.process_time()
    genotypes = read_genotypes(person.twentythree() + filler, model.sites)
    assert time.process_time() - started < 1
    assert genotypes.tally["used"] == len(person.rows(37))
