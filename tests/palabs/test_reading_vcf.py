"""Reading VCF: rows of every shape, lists of variants, gVCF blocks, phase, one of many people."""

from __future__ import annotations

import gzip
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palabs.workload.ancestry.genotypes import REASONS, detect_build, read_genotypes, read_rows
from palabs.workload.ancestry.hits import FINE, no_hits
from palabs.workload.ancestry.refusal import BadGenotypes
from palabs.workload.ancestry.table import Table
from palabs.workload.ancestry.vcf import _fill_plain
from palabs.workload.ancestry.vcf_genotype import parse_genotype

HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"


def row_of(snp, *, name=".", ref=None, alt=None, filtered="PASS", info=".", keys="GT", call="0/1", place=None):
    place = place or snp.place[37]
    fields = [snp.chromosome, place, name, ref or snp.other, alt or snp.counted, ".", filtered, info, keys, call]
    return "\t".join(map(str, fields)) + "\n"


def with_row(person, panel, index=3, **row):
    """What is read where one SNP of a VCF without names has this row instead of its own."""
    snp = person.snps[index]
    others = type(person)(person.snps[:index] + person.snps[index + 1 :])
    genotypes = read_genotypes(others.vcf(names=False) + row_of(snp, **row).encode(), panel)
    assert genotypes.tally["used"] + genotypes.tally["missing"] + sum(genotypes.tally[r] for r in REASONS) == len(panel)
    return genotypes, snp


SHAPES = {
    "plain": ({}, 1),
    "both alternative": ({"call": "1/1"}, 2),
    "phased": ({"call": "1|0"}, 1),
    "other fields": ({"keys": "GT:DP:GQ", "call": "1/1:30:99"}, 2),
    "other fields, phased": ({"keys": "GT:DP:GQ", "call": "1|1:30:99"}, 2),
    "genotype not first": ({"keys": "DP:GT", "call": "30:1/1"}, 2),
    "lower case": ({"ref": "LOWER", "alt": "LOWER"}, 1),
    "no filter": ({"filtered": "."}, 1),
    "any other allele": ({"alt": "{},<NON_REF>", "call": "0/1"}, 1),
    "any other allele, as bcftools writes it": ({"alt": "{},<*>", "call": "1/1"}, 2),
    "a deleted base as well": ({"alt": "{},*", "call": "0/1"}, 1),
    "no alternative": ({"alt": ".", "call": "0/0"}, 0),
    "no alternative, gVCF": ({"alt": "<NON_REF>", "call": "0/0"}, 0),
    "second alternative": ({"alt": "OTHER,{}", "call": "0/2"}, 1),
    "written with its neighbour": ({"ref": "{}T", "alt": "{}T,{}", "call": "0/1"}, 1),
    "changed with its neighbour": ({"ref": "{}T", "alt": "{}G", "call": "1/1"}, 2),
}
UNUSABLE = {
    "not called": ({"call": "./."}, "no_call"),
    "not called, one dot": ({"call": "."}, "no_call"),
    "half called": ({"call": "0/."}, "no_call"),
    "half called, phased": ({"call": ".|1"}, "no_call"),
    "no genotype field": ({"keys": "DP", "call": "30"}, "no_call"),
    "an allele that is not listed": ({"call": "0/7"}, "no_call"),
    "an allele of a thousand digits": ({"call": "0/" + "9" * 1000}, "no_call"),
    "one haplotype": ({"call": "1"}, "not_single_nucleotide"),
    "three haplotypes": ({"call": "0/1/1"}, "not_single_nucleotide"),
    "insertion": ({"alt": "{}TG", "call": "0/1"}, "not_single_nucleotide"),
    "deletion": ({"ref": "{}TG", "call": "0/1"}, "not_single_nucleotide"),
    "deleted": ({"alt": "*", "call": "0/1"}, "not_single_nucleotide"),
    "symbolic": ({"alt": "<DEL>", "call": "0/1"}, "not_single_nucleotide"),
    "filtered": ({"filtered": "LowQual"}, "low_quality"),
    "filtered by two": ({"filtered": "q10;s50"}, "low_quality"),
}


def filled(row, snp):
    """The row with the SNP's letters put where {} stands."""
    free = next(letter for letter in "ACGT" if letter not in snp.counted + snp.other)
    letters = {"ref": snp.other, "alt": snp.counted}
    return {
        key: text.replace("{}", letters.get(key, ""))
        .replace("OTHER", free)
        .replace("LOWER", letters.get(key, "").lower())
        for key, text in row.items()
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_of_this_shape_is_read(shape, somebody, panel):
    row, dosage = SHAPES[shape]
    genotypes, snp = with_row(somebody, panel, **filled(row, somebody.snps[3]))
    assert genotypes.dosage[snp.site] == dosage
    assert genotypes.tally["used"] == len(somebody.snps)


@pytest.mark.parametrize("shape", UNUSABLE)
def test_a_row_of_this_shape_is_not_used_and_counted(shape, somebody, panel):
    row, reason = UNUSABLE[shape]
    genotypes, snp = with_row(somebody, panel, **filled(row, somebody.snps[3]))
    assert genotypes.dosage[snp.site] == -1
    assert genotypes.tally[reason] == 1
    assert genotypes.tally["used"] == len(somebody.snps) - 1


def test_an_alternative_that_the_panel_does_not_have_is_a_mismatch(somebody, panel):
    snp = somebody.snps[3]
    strange = next(x for x in "ACGT" if x not in snp.counted + snp.other)
    genotypes, _ = with_row(somebody, panel, alt=strange)
    assert genotypes.tally["allele_mismatch"] == 1


def read_both_ways(fields):
    """The row read as arrays, None where that way does not take it; and read by itself."""
    line = "\t".join(fields)
    table, hits = Table(f"{line}\n".encode(), b"\t"), no_hits(1)
    taken = _fill_plain(hits, table, np.arange(1), 9)[0]
    return hits[0] if taken else None, parse_genotype(line.encode().split(b"\t"), 9)


ROWS = st.tuples(
    st.sampled_from(["A", "c", "G", "N", ".", "AT"]),
    st.sampled_from(["C", "t", ".", "*", "A,T", "<NON_REF>", "TT", ""]),
    st.sampled_from(["PASS", ".", "q10", "pass", ""]),
    st.sampled_from(["GT", "GT:DP", "DP", "DP:GT", "GT:PS", "", "GTX"]),
    st.sampled_from(["0/0", "0|1", "1/1", "1|1:5", "0/1:7", "./.", "1", "0/2", "", ":", "2|0:1", "0/1/1", "5:0/1"]),
)


@settings(max_examples=300, deadline=None)
@given(row=ROWS)
def test_rows_read_as_arrays_are_read_as_rows_read_by_themselves(row):
    """The quick way and the careful way: where the quick one takes a row, both say the same of it."""
    ref, alt, filtered, keys, call = row
    quick, careful = read_both_ways(["1", "5", ".", ref, alt, ".", filtered, ".", keys, call])
    if quick is not None:
        assert careful.problem == FINE
        for name in ("first", "second", "reference", "alternative", "problem", "phased"):
            assert quick[name] == getattr(careful, name)


@pytest.mark.parametrize(("keys", "call"), [("GT", "0/1"), ("GT", "1|0"), ("GT:AD:DP", "0/1:3,4:7")])
def test_ordinary_rows_are_read_as_arrays(keys, call):
    assert read_both_ways(["1", "5", ".", "A", "C", "9", "PASS", "AC=1", keys, call])[0] is not None


@pytest.mark.parametrize("prefix", ["", "chr", "Chr"])
@pytest.mark.parametrize("build", [36, 37, 38])
def test_a_vcf_without_names_is_matched_by_place_and_its_build_told_from_the_data(build, prefix, somebody, panel):
    genotypes = read_genotypes(somebody.vcf(build, names=False, prefix=prefix), panel)
    assert genotypes.build == build
    assert genotypes.tally["used"] == len(somebody.rows(build))


def test_a_header_that_names_the_wrong_build_is_not_believed(somebody, panel):
    lie = b"##fileformat=VCFv4.2\n##reference=GRCh37\n##contig=<ID=1,length=249250621,assembly=b37>\n"
    data = somebody.vcf(38, names=False).replace(b"##fileformat=VCFv4.2\n", lie)
    assert read_genotypes(data, panel).build == 38


def test_names_are_enough_where_the_build_is_unknown(somebody, panel):
    shifted = type(somebody)(tuple(replace(s, place={37: s.place[37] + 777}) for s in somebody.snps))
    genotypes = read_genotypes(shifted.vcf(), panel)
    assert genotypes.build is None
    assert genotypes.tally["used"] == len(somebody.snps)


def test_places_are_not_used_where_two_builds_fit_alike(somebody, panel):
    """A file put together of two builds: rs numbers count, and nothing else."""
    half = len(somebody.snps) // 2
    parts = type(somebody)(somebody.snps[:half]), type(somebody)(somebody.snps[half:])
    old, new = (part.vcf(build) for part, build in zip(parts, (37, 38), strict=True))
    nameless = np.flatnonzero(panel.rs == 0)[0]
    row = f"{panel.chromosome[nameless]}\t{panel.position37[nameless]}\t.\t"
    row += f"{chr(panel.other[nameless])}\t{chr(panel.counted[nameless])}\t.\t.\t.\tGT\t0/1\n"
    both = read_genotypes(old + new.partition(b"S1\n")[2] + row.encode(), panel)
    assert both.build is None
    assert both.dosage[nameless] == -1
    assert both.tally["used"] == half + len(parts[1].rows(38))
    assert read_genotypes(old + row.encode(), panel).dosage[nameless] == 1


def test_rows_of_other_snps_that_stand_at_places_of_another_build_do_not_confuse_it(somebody, panel):
    """In a whole genome chance puts many rows where another build has a panel SNP: they have other letters or names."""
    strangers = [
        row_of(s, place=s.place[36], ref=s.other, alt=next(x for x in "ACGT" if x not in s.counted + s.other))
        for s in somebody.rows(36)
    ]
    named = [row_of(s, place=s.place[36], name=f"rs{other.rs}") for s, other in pairwise(somebody.rows(36)[:2000])]
    few = somebody.some(300)
    for rows in (strangers, named):
        found = read_rows(few.vcf(38) + "".join(rows).encode(), panel)
        assert len(found.hits) > 2000
        assert detect_build(found.hits, panel) == 38


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("swap", [False, True])
def test_a_list_of_variants_hides_the_reference_genotype_whichever_allele_and_strand_it_is(swap, flip, somebody, panel):
    """With `swap` the panel's counted allele is REF, so that what cannot be shown is two of it, and not none."""
    person = somebody
    if swap:
        person = type(person)(tuple(replace(s, counted=s.other, other=s.counted) for s in person.snps))
    if flip:
        turn = str.maketrans("ACGT", "TGCA")
        turned = (
            replace(s, counted=s.counted.translate(turn), other=s.other.translate(turn)) for s in person.flipped().snps
        )
        person = type(person)(tuple(turned))
    genotypes = read_genotypes(person.vcf(variants_only=True), panel)
    seen = genotypes.dosage >= 0
    assert genotypes.variants_only
    assert seen.sum() == sum(s.dosage > 0 for s in person.snps)
    assert set(genotypes.hidden[seen]) == {2 if swap else 0}
    assert set(genotypes.hidden[~seen]) == {-1}
    assert (genotypes.dosage[seen] != genotypes.hidden[seen]).all()
    assert set(read_genotypes(person.vcf(), panel).hidden) == {-1}


def test_a_few_reference_genotypes_in_a_list_of_variants_are_not_used(somebody, panel):
    """A joint call of several people cut down to one keeps some rows where that one has no variant."""
    few = [s for s in somebody.snps if s.dosage == 0][:10]
    data = somebody.vcf(variants_only=True) + "".join(row_of(s, call="0/0") for s in few).encode()
    genotypes = read_genotypes(data, panel)
    assert genotypes.variants_only
    assert (genotypes.dosage[[s.site for s in few]] == -1).all()


def gvcf(person, *, blocks, filtered="PASS", keys="GT:DP", call="0/0:30", info="END={}"):
    """The person's variants as rows, and `blocks` (chromosome, first and last position) where there are none."""
    rows = [
        row_of(s, alt=f"{s.counted},<NON_REF>", call=f"{'0' if s.dosage == 1 else '1'}/1")
        for s in person.snps
        if s.dosage
    ]
    for chromosome, first, last in blocks:
        fields = [chromosome, first, ".", "N", "<NON_REF>", ".", filtered, info.format(last), keys, call]
        rows.append("\t".join(map(str, fields)) + "\n")
    return (HEAD + "".join(rows)).encode()


def reference_blocks(person):
    """A block around each SNP of the person that is no variant."""
    return [(s.chromosome, s.place[37] - 5, s.place[37] + 5) for s in person.snps if not s.dosage]


@pytest.mark.parametrize("info", ["END={}", "DP=3;END={}", "DP=3;END={};MIN=2"])
def test_a_block_of_reference_shows_the_reference_where_its_letter_is_known(info, somebody, panel):
    genotypes = read_genotypes(gvcf(somebody, blocks=reference_blocks(somebody), info=info), panel)
    assert genotypes.build == 37
    assert not genotypes.variants_only
    known = panel.reference[[s.site for s in somebody.snps]] != 0
    for snp, known_here in zip(somebody.snps, known, strict=True):
        if known_here:
            assert (genotypes.dosage[snp.site], genotypes.hidden[snp.site]) == (snp.dosage, -1)
        else:  # there the file shows variants alone
            assert (genotypes.dosage[snp.site], genotypes.hidden[snp.site]) == (
                (snp.dosage, 0) if snp.dosage else (-1, -1)
            )


def test_one_long_block_covers_all_snps_between_its_ends_and_no_others(somebody, panel):
    inside = [s for s in somebody.snps if s.chromosome == 7 and panel.reference[s.site]]
    first, last = inside[3].place[37], inside[-3].place[37]
    few = type(somebody)(tuple(s for s in somebody.snps if s.chromosome != 7))
    genotypes = read_genotypes(gvcf(few, blocks=[(7, first, last)]), panel)
    shown = {s.site for s in inside if genotypes.dosage[s.site] == 0}
    assert shown == {s.site for s in inside[3:-2]}


def test_blocks_that_cover_a_whole_genome_say_nothing_of_its_build(somebody, panel):
    whole = [(chromosome, 1, 250_000_000) for chromosome in range(1, 23)]
    few = type(somebody)(tuple(s for s in somebody.snps if s.dosage)[:50])
    assert read_genotypes(gvcf(few, blocks=whole), panel).build == 37


def test_a_block_shows_snps_whose_nucleotides_are_unknown(somebody, panel):
    site = np.flatnonzero(panel.counted == 0)[0]
    block = int(panel.chromosome[site]), int(panel.position37[site]) - 1, int(panel.position37[site]) + 1
    assert read_genotypes(gvcf(somebody, blocks=[block]), panel).dosage[site] == 0


@pytest.mark.parametrize(
    "what",
    [
        {"call": "./.:0"},
        {"call": "0/0:0"},
        {"filtered": "LowQual"},
        {"call": "0/1:30"},
        {"info": "CIEND={}"},
        {"info": "END=x{}"},
    ],
)
def test_a_block_without_reads_or_reference_shows_nothing(what, somebody, panel):
    genotypes = read_genotypes(gvcf(somebody, blocks=reference_blocks(somebody), **what), panel)
    assert (genotypes.dosage != 0).all()


def test_a_block_that_contradicts_a_variant_drops_the_snp(somebody, panel):
    snp = next(s for s in somebody.snps if s.dosage and panel.reference[s.site])
    data = gvcf(somebody, blocks=[(snp.chromosome, snp.place[37] - 1, snp.place[37] + 1)])
    genotypes = read_genotypes(data, panel)
    assert genotypes.tally["conflicting_duplicate"] == 1
    assert genotypes.dosage[snp.site] == -1


def test_a_phased_file_gives_haplotypes_in_the_order_of_the_file(somebody, panel):
    genotypes = read_genotypes(somebody.vcf(parted="|"), panel)
    assert genotypes.phased
    for snp in somebody.snps:
        assert genotypes.haplotypes[snp.site].tolist() == [
            int(letter == snp.counted) for letter in reversed(snp.letters)
        ]
    assert np.array_equal(
        genotypes.haplotypes.sum(axis=1)[genotypes.dosage >= 0], genotypes.dosage[genotypes.dosage >= 0]
    )
    assert (genotypes.haplotypes[genotypes.dosage < 0] == -1).all()


def test_in_a_phased_file_a_genotype_that_is_not_phased_is_on_no_haplotype(somebody, panel):
    snp = next(s for s in somebody.snps if s.dosage == 1)
    others = type(somebody)(tuple(s for s in somebody.snps if s != snp))
    genotypes = read_genotypes(others.vcf(parted="|") + row_of(snp, call="0/1").encode(), panel)
    assert genotypes.phased
    assert genotypes.dosage[snp.site] == 1
    assert genotypes.haplotypes[snp.site].tolist() == [-1, -1]


@pytest.mark.parametrize("data", ["unphased", "few phased", "phased in sets of neighbours"])
def test_a_file_is_not_called_phased_for_some_phased_neighbours(data, somebody, panel):
    if data == "unphased":
        text = somebody.vcf()
    elif data == "few phased":
        text = somebody.vcf().replace(b"0/1", b"0|1", 500)
    else:
        text = (
            somebody.vcf(parted="|")
            .replace(b"\tGT\t", b"\tGT:PS\t")
            .replace(b"|0\n", b"|0:5\n")
            .replace(b"|1\n", b"|1:5\n")
        )
    genotypes = read_genotypes(text, panel)
    assert not genotypes.phased
    assert (genotypes.haplotypes == -1).all()
    assert genotypes.tally["used"] == len(somebody.snps)


def several(person, names, wanted):
    """A VCF of several people; all but the one wanted were not called."""
    calls = ["./."] * len(names)
    head, _, rows = person.vcf(samples="\t".join(names)).partition(b"\n#CHROM")
    columns, _, rows = rows.partition(b"\n")
    lines = []
    for line in rows.decode().splitlines():
        calls[names.index(wanted)] = line.rpartition("\t")[2]
        lines.append("\t".join([line.rpartition("\t")[0], *calls]))
    return head + b"\n#CHROM" + columns + b"\n" + "\n".join(lines).encode()


NAMES = [f"S{i}" for i in range(12)]


@pytest.mark.parametrize("wanted", ["S0", "S5", "S11"])
def test_one_of_many_people_is_read_by_name(wanted, somebody, panel):
    data = several(somebody, NAMES, wanted)
    genotypes = read_genotypes(gzip.compress(data, 1), panel, sample=wanted)
    assert genotypes.people == 12
    assert [genotypes.dosage[s.site] for s in somebody.snps] == [s.dosage for s in somebody.snps]


def test_many_people_are_refused_with_ten_names_and_the_way_to_choose(somebody, panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(several(somebody, NAMES, "S1"), panel)
    assert caught.value.finding["code"] == "genotypes.samples"
    assert caught.value.finding["got"] == f"a file of 12 people: {', '.join(NAMES[:10])} and 2 more"
    assert "--sample NAME" in caught.value.finding["remedy"]


@pytest.mark.parametrize("data", ["many", "one", "consumer"])
def test_a_name_that_the_file_does_not_have_is_refused(data, somebody, panel):
    files = {"many": several(somebody, NAMES, "S1"), "one": somebody.vcf(), "consumer": somebody.twentythree()}
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(files[data], panel, sample="S99")
    assert caught.value.finding["code"] == "genotypes.sample_unknown"


def test_a_name_that_two_people_have_is_refused(somebody, panel):
    with pytest.raises(BadGenotypes, match="sample_unknown"):
        read_genotypes(several(somebody, ["A", "B", "A"], "A"), panel, sample="A")


def test_names_in_a_finding_are_short_and_steer_no_terminal(somebody, panel):
    names = ["\N{RIGHT-TO-LEFT OVERRIDE}abc", "x" * 500]
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(somebody.vcf(samples="\t".join(names)), panel)
    assert caught.value.finding["got"] == f"a file of 2 people: ?abc, {'x' * 40}"


def test_a_vcf_with_windows_line_ends_is_read(somebody, panel):
    genotypes = read_genotypes(somebody.vcf().replace(b"\n", b"\r\n"), panel)
    assert genotypes.tally["used"] == len(somebody.snps)


def test_a_vcf_of_millions_of_rows_needs_memory_for_its_hits_alone(somebody, panel, monkeypatch):
    """Peak memory while 60 MB of rows pass by stays under 60 MB: blocks are let go."""
    import tracemalloc

    monkeypatch.setattr("palabs.workload.ancestry.container.BLOCK_BYTES", 1 << 20)
    filler = b"".join(b"9\t%d\t.\tA\tG\t.\tPASS\tDP=5\tGT\t0/1\n" % (240_000_000 + i) for i in range(60_000))
    data = gzip.compress(somebody.vcf() + filler * 30, 1)
    tracemalloc.start()
    genotypes = read_genotypes(data, panel)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert genotypes.rows == len(somebody.snps) + 1_800_000
    assert peak < 60 << 20
