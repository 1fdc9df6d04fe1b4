"""Bad files: each gets one typed finding with a remedy, and nothing but typed findings comes out."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import json
import lzma
import os
import random
import re
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.errors import Misuse
from palabs.answer import analyse_in_place
from palabs.genome_file import read_genome
from palabs.workload.ancestry.container import unpack
from palabs.workload.ancestry.genotypes import read_genotypes
from palabs.workload.ancestry.inflate import FREE_MEMBERS, FREE_TEXT
from palabs.workload.ancestry.refusal import BadGenotypes
from palabs.workload.ancestry.text import MAX_FILE_BYTES, MAX_LINE_BYTES, blocks

REPO = Path(__file__).parents[2]
HEAD = b"# 23andMe\n# rsid\tchromosome\tposition\tgenotype\n"
VCF_HEAD = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
ROWS = b"".join(b"rs%d\t1\t%d\tAG\n" % (i, i) for i in range(900_000_000, 900_000_500))


def zipped(files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def spoiled(data, position):
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def encrypted(archive):
    """The archive with the mark of a password in both of its headers (PKWARE APPNOTE 4.4.4, bit 0)."""
    data = bytearray(archive)
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


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
    "an empty zip": (zipped({}), "genotypes.archive"),
    "a zip of two": (zipped({"a.txt": ROWS, "b.txt": ROWS}), "genotypes.archive"),
    "a zip in a zip": (zipped({"a.zip": zipped({"a.txt": ROWS})}), "genotypes.archive"),
    "a zip in gzip": (gzip.compress(zipped({"a.txt": ROWS})), "genotypes.archive"),
    "gzip in gzip": (gzip.compress(gzip.compress(ROWS)), "genotypes.archive"),
    "a 7z archive in a zip": (zipped({"a.7z": b"7z\xbc\xaf\x27\x1c" + bytes(50)}), "genotypes.archive"),
    "a zip of an empty file": (zipped({"a.txt": b""}), "genotypes.empty"),
    "a zip cut off": (zipped({"a.txt": ROWS})[:-30], "genotypes.damaged"),
    "a zip with a byte changed": (spoiled(zipped({"a.txt": ROWS}), 500), "genotypes.damaged"),
    "a zip with a password": (encrypted(zipped({"a.txt": ROWS})), "genotypes.encrypted"),
    "a zip packed by LZMA": (zipped({"a.txt": ROWS}, zipfile.ZIP_LZMA), "genotypes.archive"),
    "a zip packed by bzip2": (zipped({"a.txt": ROWS}, zipfile.ZIP_BZIP2), "genotypes.archive"),
    "a thousandfold of line ends in gzip": (gzip.compress(b"\n" * (70 << 20)), "genotypes.too_large"),
    "a thousandfold of line ends in zip": (zipped({"a.txt": b"\n" * (70 << 20)}), "genotypes.too_large"),
    "thousands of empty parts of gzip": (gzip.compress(b"") * 50_000 + gzip.compress(ROWS), "genotypes.damaged"),
    "xz": (lzma.compress(ROWS), "genotypes.archive"),
    "bzip2": (bz2.compress(ROWS), "genotypes.archive"),
    "a PLINK file alone": (b"\x6c\x1b\x01\x00", "genotypes.plink"),
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
    "blocks of reference over the whole chromosome, again and again": (
        VCF_HEAD + b"1\t1\t.\tA\t<NON_REF>\t.\t.\tEND=249000000\tGT\t0/0\n" * 5000,
        "genotypes.duplicates",
    ),
    "no panel SNPs": (ROWS, "genotypes.no_panel_snps"),
    "comments only": (b"# 23andMe\n# rsid\tchromosome\tposition\tgenotype\n", "genotypes.format"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_clear_finding(name, panel):
    data, code = BAD[name]
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(data, panel)
    finding = caught.value.finding
    assert finding["code"] == code
    assert set(finding) == {"code", "got", "wanted", "remedy"}
    assert all(finding.values())


@pytest.mark.parametrize("name", BAD)
def test_the_workload_answers_a_bad_file_instead_of_crashing(name):
    from palabs.workload.ancestry.main import main

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


def test_a_good_file_is_read(somebody, panel):
    assert read_genotypes(somebody.twentythree(), panel).tally["used"] == len(somebody.snps)


def test_a_vcf_of_nobody_is_refused(somebody, panel):
    data = somebody.vcf().replace(b"\tFORMAT\tS1", b"")
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(data, panel)
    assert caught.value.finding["code"] == "genotypes.samples"


@pytest.mark.parametrize("keep_rows", [True, False])
def test_a_vcf_without_its_column_line_is_refused(keep_rows, somebody, panel):
    lines = [line for line in somebody.vcf().splitlines(keepends=True) if not line.startswith(b"#CHROM")]
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(b"".join(lines if keep_rows else lines[:1]), panel)
    assert caught.value.finding["code"] == "genotypes.format"


BOMBS = {"gzip": lambda d: gzip.compress(d, 1), "zip": lambda d: zipped({"a.txt": d})}


@pytest.mark.parametrize("packing", BOMBS)
def test_a_bomb_is_stopped_at_the_limit_of_text(packing):
    bomb = BOMBS[packing](ROWS * 4000)  # 60 MB of text from a few hundred KB
    with pytest.raises(BadGenotypes) as caught:
        collections.deque(blocks(unpack(bomb), max_text_bytes=8 << 20), maxlen=0)
    assert caught.value.finding["code"] == "genotypes.too_large"
    assert sum(map(len, blocks(unpack(BOMBS[packing](ROWS)), max_text_bytes=8 << 20))) == len(ROWS)


def test_a_bomb_in_a_plink_data_set_is_stopped_at_the_limit_of_all_its_files(monkeypatch, panel):
    monkeypatch.setattr("palabs.workload.ancestry.container.MAX_FILE_BYTES", 8 << 20)
    bomb = zipped({"a.bed": bytes(6 << 20), "a.bim": b" " * (6 << 20), "a.fam": b"F P 0 0 0 0\n"})
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(bomb, panel)
    assert caught.value.finding["code"] == "genotypes.too_large"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_that_is_packed_otherwise_is_not_called_damaged(method, panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(zipped({"a.txt": ROWS}, method), panel)
    finding = caught.value.finding
    assert {zipfile.ZIP_LZMA: "LZMA", zipfile.ZIP_BZIP2: "bzip2"}[method] in finding["got"]
    assert "Unpack it" in finding["remedy"]


def test_a_zip_that_hides_how_much_it_unpacks_to_gives_no_more_than_it_says():
    text = b"\n" * (70 << 20)
    data = zipped({"a.txt": text}).replace((70 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    with pytest.raises(BadGenotypes) as caught:
        collections.deque(unpack(data), maxlen=0)
    assert caught.value.finding["code"] == "genotypes.damaged"


def test_a_zip_that_lists_thousands_of_files_is_refused_before_they_are_looked_at(monkeypatch):
    opened = []
    archives = ((zipped({f"{i}": b"" for i in range(1001)}), 1001), (zipped({"a": ROWS}) * 1500, 1500))
    monkeypatch.setattr("palabs.workload.ancestry.container.zipfile.ZipFile", opened.append)
    for archive, number in archives:
        with pytest.raises(BadGenotypes) as caught:
            unpack(archive)
        assert caught.value.finding["code"] == "genotypes.archive"
        assert str(number) in caught.value.finding["got"]
    assert opened == []


def test_text_that_packs_some_fiftyfold_is_read():
    """As VCF files of many people do."""
    rng = random.Random(5)
    row = b"9\t%d\tx\tA\tC\t.\t.\t.\tGT\t0/0" + b"\t0|0" * 300 + b"\n"
    columns = b"\t".join(b"P%d" % i for i in range(301))
    lines = b"".join(row % rng.randrange(10**8) for _ in range(60_000))
    data = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + columns + b"\n" + lines
    packed = gzip.compress(data)
    assert len(data) > FREE_TEXT
    assert len(data) > 50 * len(packed)
    assert sum(map(len, blocks(unpack(packed)))) == len(data)


def test_bgzip_of_many_blocks_is_read():
    text = b"".join(b"rs%d\t1\t%d\tAG\n" % (i, i) for i in range(900_000_000, 900_100_000))
    parts = [gzip.compress(text[i : i + 500], 1) for i in range(0, len(text), 500)]
    assert len(parts) > FREE_MEMBERS
    assert b"".join(unpack(b"".join(parts) + gzip.compress(b""))) == text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a zip in gzip", "an archive in a gzip file"),
        ("xz", "an xz file"),
        ("bzip2", "a bzip2 file"),
        ("a 7z archive in a zip", "a 7z archive in a zip file"),
    ],
)
def test_what_was_got_is_said_in_english(name, words, panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(BAD[name][0], panel)
    assert caught.value.finding["got"] == words


@pytest.mark.parametrize("packing", BOMBS)
def test_a_bomb_without_line_ends_is_stopped_early(packing):
    with pytest.raises(BadGenotypes) as caught:
        list(blocks(unpack(BOMBS[packing](b"A" * (64 << 20)))))
    assert caught.value.finding["code"] == "genotypes.format"


@pytest.mark.parametrize("vcf", [False, True])
def test_the_same_snp_without_end_is_refused_and_a_few_times_is_not(vcf, somebody, panel):
    few = somebody.some(3)
    data = few.vcf() if vcf else few.twentythree()
    head, _, row = data.rstrip(b"\n").rpartition(b"\n")
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(head + (b"\n" + row) * 110_000, panel)
    assert caught.value.finding["code"] == "genotypes.duplicates"
    assert read_genotypes(head + (b"\n" + row) * 1000, panel).tally["used"] == 3


def test_blocks_of_reference_do_not_fill_the_memory(panel):
    data, code = BAD["blocks of reference over the whole chromosome, again and again"]
    read_or_refuse(data, panel)  # so that what is made once does not count
    tracemalloc.start()
    finding = read_or_refuse(data, panel)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert finding["code"] == code
    assert peak < 20 << 20


NAMES = ["__MACOSX/._genome.txt", ".DS_Store", "folder/", "deep/.hidden", "genome.txt.md5", "Read me.PDF"]


@pytest.mark.parametrize("extra", NAMES)
def test_what_lies_beside_genotypes_in_a_zip_is_not_counted(extra, somebody, panel):
    data = zipped(
        {extra: b"" if extra.endswith("/") else b"junk", "folder/genome_Jane_Doe.txt": somebody.twentythree()}
    )
    assert read_genotypes(data, panel).tally["used"] == len(somebody.snps)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\x", "a" * 5000, "\N{SNOWMAN}", "no suffix"])
def test_the_name_of_the_file_in_a_zip_does_not_matter(name, somebody, panel):
    assert read_genotypes(zipped({name: somebody.twentythree()}), panel).tally["used"] == len(somebody.snps)


def test_a_zip_without_compression_is_read(somebody, panel):
    data = zipped({"a.csv": somebody.myheritage()}, zipfile.ZIP_STORED)
    assert read_genotypes(data, panel).tally["used"] == len(somebody.snps)


def test_a_finding_never_holds_the_names_of_the_files_in_a_zip(panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(zipped({"genome_Jane_Doe.txt": ROWS, "b.txt": ROWS}), panel)
    assert "Jane" not in str(caught.value)


def test_a_file_of_two_gigabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2 << 30)  # sparse: it takes no room, and reading it would take long
    with pytest.raises(Misuse) as caught:
        read_genome(path)
    assert caught.value.codes == ("genotypes.too_large",)
    assert str(MAX_FILE_BYTES) in caught.value.findings[0].wanted


def test_an_endless_file_is_refused(monkeypatch):
    monkeypatch.setattr("palabs.genome_file.MAX_FILE_BYTES", 1 << 20)
    monkeypatch.setattr("palabs.workload.ancestry.text.MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(Misuse) as caught:
        read_genome(Path("/dev/zero"))
    assert caught.value.codes == ("genotypes.too_large",)


def test_a_finding_never_holds_the_persons_letters(panel):
    with pytest.raises(BadGenotypes) as caught:
        read_genotypes(ROWS.replace(b"AG", b"GATTACAGATTACA"), panel)
    assert "GATTACA" not in str(caught.value)


def test_every_code_of_a_finding_is_documented_and_no_other():
    sources = (path.read_text() for path in (REPO / "src/palabs").rglob("*.py"))
    codes = {code for source in sources for code in re.findall(r'"(genotypes\.[a-z_]+)"', source)}
    page = (REPO / "docs/reference/genotype-files.md").read_text()
    assert codes == set(re.findall(r"`(genotypes\.[a-z_]+)` \|", page))


FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_refuse(data, panel):
    """What was read, or the finding; any other exception goes through and fails the test."""
    try:
        return read_genotypes(data, panel)
    except BadGenotypes as bad:
        return bad.finding


def nothing_but_typed_errors(data, panel):
    result = read_or_refuse(data, panel)
    if isinstance(result, dict):
        assert all(isinstance(value, str) and value for value in result.values())
    else:
        assert result.tally["used"] > 0


@FUZZ
@given(data=st.binary(max_size=400))
def test_fuzz_any_bytes(data, panel):
    nothing_but_typed_errors(data, panel)
    nothing_but_typed_errors(b"\x1f\x8b" + data, panel)
    nothing_but_typed_errors(b"##fileformat=VCFv4.2\n" + data, panel)
    nothing_but_typed_errors(gzip.compress(data), panel)


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
def test_fuzz_lines_of_likely_fields(head, lines, end, panel):
    nothing_but_typed_errors((head + end.join(lines)).encode(), panel)


@FUZZ
@given(position=st.integers(0, 1 << 30), patch=st.binary(max_size=40), vcf=st.booleans())
def test_fuzz_a_real_file_with_some_bytes_changed(position, patch, vcf, somebody, panel):
    data = bytearray((somebody.some(60).vcf if vcf else somebody.some(60).twentythree)())
    start = position % len(data)
    data[start : start + len(patch)] = patch
    nothing_but_typed_errors(bytes(data), panel)
