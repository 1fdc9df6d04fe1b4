"""The same person in any format and build gets the same answer: every probability to 0.01, from bytes to document."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from palabs.workload.ancestry.main import main

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows(model):
    """(name, chromosome, place by build, REF, ALT, both letters) of the Luhya example, a VCF in GRCh37."""
    sites = model.sites
    places = (sites.chromosome, sites.position36, sites.position37, sites.position38)
    others = {
        (c, p37): {36: p36, 37: p37, 38: p38} for c, p36, p37, p38 in zip(*(a.tolist() for a in places), strict=True)
    }
    lines = (REPO / "examples/luhya.vcf").read_text().splitlines()
    found = []
    for chromosome, position, name, ref, alt, *_, call in (
        line.split("\t") for line in lines if not line.startswith("#")
    ):
        letters = "".join({"0": ref, "1": alt}[index] for index in call.split("/"))
        place = others.get((int(chromosome), int(position)))
        if place and all(place.values()):
            found.append((name, chromosome, place, ref, alt, letters))
    return found


def table(rows, build, head, separator="\t", apart=False):
    lines = (
        separator.join([name, chromosome, str(place[build]), *(letters if apart else [letters])])
        for name, chromosome, place, _, _, letters in rows
    )
    return (head + "\n".join(lines) + "\n").encode()


def vcf(rows, build, prefix="", names=True):
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    lines = []
    for name, chromosome, place, ref, alt, letters in rows:
        call = "/".join(str(int(letter == alt)) for letter in letters)
        where = f"{prefix}{chromosome}\t{place[build]}\t{name if names else '.'}"
        lines.append(f"{where}\t{ref}\t{alt}\t.\tPASS\t.\tGT\t{call}\n")
    return (head + "".join(lines)).encode()


def plink(rows, build):
    pairs = " ".join(" ".join(letters) for *_, letters in rows)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.ped", f"F P1 0 0 0 -9 {pairs}\n")
        archive.writestr("x.map", "".join(f"{row[1]}\t{row[0]}\t0\t{row[2][build]}\n" for row in rows))
    return buffer.getvalue()


WAYS = {
    "23andMe, 36": lambda r: table(r, 36, "# 23andMe\n# rsid\tchromosome\tposition\tgenotype\n"),
    "AncestryDNA, 38": lambda r: table(
        r, 38, "#AncestryDNA\nrsid\tchromosome\tposition\tallele1\tallele2\n", apart=True
    ),
    "FTDNA": lambda r: gzip.compress(table(r, 37, "RSID,CHROMOSOME,POSITION,RESULT\n", ",")),
    "VCF, 38, no names": lambda r: gzip.compress(vcf(r, 38, "chr", names=False)),
    "PLINK": lambda r: plink(r, 37),
}
BUILDS = {"23andMe, 36": 36, "AncestryDNA, 38": 38, "VCF, 38, no names": 38}


def answer(data):
    return json.loads(main({"genome": data}, {}))


@pytest.fixture(scope="module")
def expected(rows):
    return answer(vcf(rows, 37))


@pytest.mark.parametrize("way", WAYS)
def test_the_same_person_in_any_format_and_build_gets_the_same_answer(way, rows, expected):
    found = answer(WAYS[way](rows))
    for level in ("superpopulations", "regions", "populations"):
        assert found[level] == pytest.approx(expected[level], abs=0.01)
    assert found["conclusion"] == expected["conclusion"]
    assert found["superpopulations"]["AFR"] > 0.9
    assert found["snps"]["used"] == expected["snps"]["used"] > 1500
    assert found["file"]["build"] == f"GRCh{BUILDS.get(way, 37)}"
