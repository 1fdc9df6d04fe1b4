"""A short run of the fuzzer for genotype files, the same one each time, from a corpus of small valid files."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZER = Path(__file__).with_name("fuzz_genotypes.py")
RUNS, SECONDS_AN_INPUT = 4000, 5
TABLE = b"rs1\t1\t101\tAA\nrs2\t1\t102\tCT\nrs3\t1\t103\t--\ni7\t1\t107\tAG\nrs6\tX\t106\tDI\n"
VCF = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1"
ROW = b"\n1\t101\trs1\tG\tA,<NON_REF>\t.\tPASS\tDP=3\tGT:DP:PS\t0|1:9:5\nchr1\t102\t.\tT\tC\t.\t.\tEND=108\tGT\t0/0"
BED = b"\x6c\x1b\x01\x02\x03\xff\xff1 rs1 0 101 A G\n1 rs2 0 102 C T\n\xff\xffF S1 0 0 0 0\n"
CORPUS = {
    "table": b"# 23andMe\n# rsid\tchromosome\tposition\tgenotype\n" + TABLE,
    "table in gzip": b"\0" + TABLE,
    "gzip": gzip.compress(TABLE),
    "table in zip": b"\1" + TABLE,
    "csv": b'RSID,CHROMOSOME,POSITION,RESULT\n"rs1","1","101","AA"\n"rs2","1","102","CT"\n',
    "alleles": b"rsid chromosome position allele1 allele2\nrs1 1 101 A G\nrs2,rs9  1 102 C T\n",
    "report": b"[Header]\n[Data]\nSample Name\tSNP Name\tAllele1 - Plus\tAllele2 - Plus\nS1\t1:101\tA\tA\n",
    "vcf": VCF + ROW + b"\n",
    "vcf of two": b"\2" + VCF + b"\tS2" + ROW.replace(b"\n", b"\t./.\n") + b"\t./.\n",
    "bed": b"\1" + BED,
    "ped": b"\1F S1 0 0 0 0 A G C C\n\xff\xff1 rs1 0 101\n1 rs2 0 102\n",
}


def fuzz(folder, *options, source=None):
    limits = "-seed=1", f"-timeout={SECONDS_AN_INPUT}", "-max_len=2000"
    environment = os.environ | {"PYTHONPATH": str(FUZZER.parents[2] / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, source or FUZZER, folder, *limits, *options],
        capture_output=True, text=True, check=False, env=environment, cwd=folder,
    )  # fmt: skip


@pytest.fixture
def corpus(tmp_path):
    pytest.importorskip("atheris", reason="the fuzzer is not installed")
    for name, data in CORPUS.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_nothing_but_typed_errors_comes_out_and_in_bounded_time(corpus):
    done = fuzz(corpus, f"-runs={RUNS}")
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr


def test_the_fuzzer_finds_a_planted_fault(corpus, tmp_path):
    """The same fuzzer with a reader that forgets to catch one error: it must stop with it."""
    source = tmp_path / "planted.py"
    fault = (
        'def one_input(data: bytes) -> None:\n    int(data.split(b"\\t")[-1]) if b"\\t" in data else 0\n\n\nif __name__'
    )
    source.write_text(FUZZER.read_text().replace("if __name__", fault))
    done = fuzz(corpus, f"-runs={RUNS}", source=source)
    assert done.returncode != 0
    assert "ValueError" in done.stderr + done.stdout
