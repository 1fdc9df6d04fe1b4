"""Bad files: each gets one typed finding with a remedy, and nothing but typed findings comes out."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.errors import Misuse
from palabs.answer import analyse_in_place, read_genome
from palabs.workload.ancestry.genotypes import read_genotypes
from palabs.workload.ancestry.main import main
from palabs.workload.ancestry.refusal import BadGenotypes
from palabs.workload.ancestry.text import MAX_FILE_BYTES, MAX_LINE_BYTES, blocks

ROWS = b"".join(b"rs%d\t1\t%d\tAG\n" % (i, i) for i in range(900_000_000, 900_000_500))


def zipped(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("genome.txt", data)
    return buffer.getvalue()


def tarred(data):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("genome.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


BAD = {
    "empty": (b"", "genotypes.empty"),
    "only blanks": (b" \n\n\t\n", "genotypes.empty"),
    "empty inside gzip": (gzip.compress(b""), "genotypes.empty"),
    "random bytes": (random.Random(1).randbytes(5000), "genotypes.binary"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + random.Random(2).randbytes(5000), "genotypes.binary"),
    "binary inside gzip": (gzip.compress(b"BAM\1" + random.Random(3).randbytes(5000)), "genotypes.binary"),
    "binary after good rows": (ROWS + b"\x00\x01\x02\x03" * 100 + b"\n", "genotypes.binary"),
    "a tar archive": (tarred(ROWS), "genotypes.binary"),
    "a zip archive": (zipped(ROWS), "genotypes.archive"),
    "UTF-16 with a mark": ("\ufeff".encode("utf-16-le") + ROWS.decode().encode("utf-16-le"), "genotypes.encoding"),
    "UTF-16, big end first": ("\ufeff".encode("utf-16-be") + ROWS.decode().encode("utf-16-be"), "genotypes.encoding"),
    "UTF-16 without a mark": (ROWS.decode().encode("utf-16-le"), "genotypes.encoding"),
    "UTF-32": (ROWS.decode().encode("utf-32"), "genotypes.encoding"),
    "gzip cut off": (gzip.compress(ROWS)[:-700], "genotypes.truncated"),
    "gzip without its end": (gzip.compress(ROWS)[:-4], "genotypes.truncated"),
    "gzip, only a header": (gzip.compress(ROWS)[:10], "genotypes.truncated"),
    "gzip with a wrong checksum": (gzip.compress(ROWS)[:-8] + b"\0" * 8, "genotypes.damaged"),
    "gzip with a byte changed": (
        gzip.compress(ROWS)[:60] + b"\xff\xff\xff" + gzip.compress(ROWS)[63:],
        "genotypes.damaged",
    ),
    "gzip followed by something else": (gzip.compress(ROWS) + b"hello", "genotypes.damaged"),
    "prose": (b"Dear Sir or Madam,\nplease find my genome attached.\n" * 20, "genotypes.format"),
    "JSON": (json.dumps({"rs1": "AA"}).encode(), "genotypes.format"),
    "FASTA": (b">chr1\n" + b"ACGT" * 15 + b"\n", "genotypes.format"),
    "one endless line": (b"A" * (MAX_LINE_BYTES + 10), "genotypes.format"),
    "no panel SNPs": (ROWS, "genotypes.no_panel_snps"),
    "comments only": (b"# 23andMe\n# rsid\tchromosome\tposition\tgenotype\n", "genotypes.format"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_clear_finding(name, model):
    data, code = BAD[name]
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(data, model.sites)
    finding = caught.value.finding
    assert finding["code"] == code
    assert set(finding) == {"code", "got", "wanted", "remedy"}
    assert all(finding.values())


@pytest.mark.parametrize("name", BAD)
def test_the_workload_answers_a_bad_file_instead_of_crashing(name):
    data, code = BAD[name]
    document = json.loads(main({"genome": data}, {}))
    assert document["type"] == "palabs-refusal/1"
    assert document["finding"]["code"] == code


@pytest.mark.parametrize("name", BAD)
def test_outside_of_the_enclave_a_bad_file_is_misuse(name):
    data, code = BAD[name]
    with pytest.raises(Misuse) as caught:
        analyse_in_place(data)
    assert caught.value.codes == (code,)


def test_a_good_file_is_read(person, model):
    assert read_genotypes(person.twentythree(), model.sites).tally["used"] > 2000


def test_a_vcf_of_two_people_is_refused_with_the_way_to_take_one_out(person, model):
    data = person.vcf(samples="S1\tS2").replace(b"/0\n", b"/0\t0/0\n").replace(b"/1\n", b"/1\t0/0\n")
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(data, model.sites)
    assert caught.value.finding["code"] == "genotypes.samples"
    assert "2 people" in caught.value.finding["got"]
    assert "bcftools view -s" in caught.value.finding["remedy"]


def test_a_vcf_of_nobody_is_refused(person, model):
    data = person.vcf().replace(b"\tFORMAT\tS1", b"")
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(data, model.sites)
    assert caught.value.finding["code"] == "genotypes.samples"


@pytest.mark.parametrize("keep_rows", [True, False])
def test_a_vcf_without_its_column_line_is_refused(keep_rows, person, model):
    lines = [line for line in person.vcf().splitlines(keepends=True) if not line.startswith(b"#CHROM")]
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(b"".join(lines if keep_rows else lines[:1]), model.sites)
    assert caught.value.finding["code"] == "genotypes.format"


def test_a_bomb_is_stopped_at_the_limit_of_text():
    bomb = gzip.compress(ROWS * 4000)  # 60 MB of text from 150 KB
    with pytest.raises(BadGenotypes) as caught:
        for _ in blocks(bomb, max_text_bytes=8 << 20):
            pass
    assert caught.value.finding["code"] == "genotypes.too_large"
    assert sum(map(len, blocks(gzip.compress(ROWS), max_text_bytes=8 << 20))) == len(ROWS)


def test_a_bomb_without_line_ends_is_stopped_early():
    with pytest.raises(BadGenotypes) as caught:
        list(blocks(gzip.compress(b"A" * (64 << 20))))
    assert caught.value.finding["code"] == "genotypes.format"


def test_a_file_of_two_gigabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2 << 30)  # sparse: it takes no room, and reading it would take long
    with pytest.raises(Misuse) as caught:
        read_genome(path)
    assert caught.value.codes == ("genotypes.too_large",)
    assert str(MAX_FILE_BYTES) in caught.value.findings[0].wanted


def test_an_endless_file_is_refused(monkeypatch):
    monkeypatch.setattr("palabs.answer.MAX_FILE_BYTES", 1 << 20)
    monkeypatch.setattr("palabs.workload.ancestry.text.MAX_FILE_BYTES", 1 << 20)
    from pathlib import Path

    with pytest.raises(Misuse) as caught:
        read_genome(Path("/dev/zero"))
    assert caught.value.codes == ("genotypes.too_large",)


def test_a_finding_never_holds_the_persons_letters(model):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(ROWS.replace(b"AG", b"GATTACAGATTACA"), model.sites)
    assert "GATTACA" not in str(caught.value)


FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_refuse(data, model):
    """What was read, or the finding; any other exception goes through and fails the test."""
    try:
        return read_genotypes(data, model.sites)
    except BadGenotypes as bad:
        return bad.finding


def nothing_but_typed_errors(data, model):
    result = read_or_refuse(data, model)
    if isinstance(result, dict):
        assert all(isinstance(value, str) and value for value in result.values())
    else:
        assert result.tally["used"] > 0


@FUZZ
@given(data=st.binary(max_size=400))
def test_fuzz_any_bytes(data, model):
    nothing_but_typed_errors(data, model)
    nothing_but_typed_errors(b"\x1f\x8b" + data, model)
    nothing_but_typed_errors(b"##fileformat=VCFv4.2\n" + data, model)
    nothing_but_typed_errors(gzip.compress(data), model)


FIELDS = st.one_of(
    st.sampled_from(
        ["1", "22", "chr1", "X", "0", "rs3737576", "101709563", ".", "GT", "0/1", "1|1", "./.", "0/", "99/1", "A", "G",
         "AG", "--", "II", "<NON_REF>", "A,G", "PASS", "q10", "END=5", "", " ", "²", "-1", "9" * 40, "\ufeff", '"', ","]
    ),
    st.text(max_size=8),
)  # fmt: skip
LINES = st.lists(st.lists(FIELDS, max_size=12).map("\t".join), max_size=12)
HEADS = st.sampled_from(
    ["", "# 23andMe\n", "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"]
)


@FUZZ
@given(head=HEADS, lines=LINES, end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_fuzz_lines_of_likely_fields(head, lines, end, model):
    nothing_but_typed_errors((head + end.join(lines)).encode(), model)


@FUZZ
@given(position=st.integers(0, 1 << 30), patch=st.binary(max_size=40), vcf=st.booleans())
def test_fuzz_a_real_file_with_some_bytes_changed(position, patch, vcf, person, model):
    data = bytearray((person.some(60).vcf if vcf else person.some(60).twentythree)())
    start = position % len(data)
    data[start : start + len(patch)] = patch
    nothing_but_typed_errors(bytes(data), model)


def test_the_fixtures_of_other_projects_give_typed_errors_or_an_answer(genomes, model):
    """Their SNPs are made up (rs1 at 101 ...), so none may be found in them, but none may crash either."""
    codes = {}
    for path in sorted((genomes / "fixtures").iterdir()):
        with pytest.raises(BadGenotypes) as caught:
            read_genotypes(path.read_bytes(), model.sites)
        codes[path.name] = caught.value.finding["code"]
    assert codes["23andme.txt"] == codes["ancestry.txt"] == codes["testvcf.vcf"] == "genotypes.no_panel_snps"
    assert codes["testvcf_multi_sample.vcf"] == "genotypes.samples"
    assert codes["empty.txt"] == "genotypes.empty"
    assert codes["generic.fa"] == "genotypes.format"
