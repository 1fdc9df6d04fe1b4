"""Fuzzes the reading of genotype files with coverage: nothing but BadGenotypes comes out; what is read holds together.

Run as `python tests/fuzz/fuzz_genotypes.py CORPUS [options of libFuzzer, such as -max_total_time=60]`.
"""

from __future__ import annotations

import gzip
import io
import sys
import zipfile

import atheris

with atheris.instrument_imports(include=["palabs.workload.ancestry"]):
    from palabs.workload.ancestry.genotypes import REASONS, Genotypes, read_genotypes
    from palabs.workload.ancestry.refusal import BadGenotypes

import numpy as np

from palabs.workload.ancestry.model import Sites


def make_panel() -> Sites:
    """Eight SNPs at 101 to 108 of chromosome 1 in GRCh37; one without a number, one without letters."""
    place = np.arange(101, 109, dtype=np.uint32)
    return Sites(
        np.array([1, 2, 3, 4, 5, 6, 0, 8], np.uint32), np.ones(8, np.uint8), place + 1000, place, place + 2000,
        np.frombuffer(b"ACGTACG\0", np.uint8), np.frombuffer(b"GTACCTA\0", np.uint8),
        reference=np.frombuffer(b"G\0A\0C\0A\0", np.uint8), source=np.zeros(8, np.uint8),
    )  # fmt: skip


PANEL = make_panel()


def in_zip(data: bytes) -> bytes:
    """A zip of one file, or of the files of a PLINK data set where the data has three parts."""
    buffer = io.BytesIO()
    parts = data.split(b"\xff\xff")
    names = ("a.bed", "a.bim", "a.fam") if len(parts) == 3 else ("a.ped", "a.map") if len(parts) == 2 else ("a.txt",)
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in zip(names, parts, strict=False):
            archive.writestr(name, part)
    return buffer.getvalue()


def check(genotypes: Genotypes) -> None:
    """What holds of whatever is read."""
    tally, dosage = genotypes.tally, genotypes.dosage
    assert tally["used"] == (dosage >= 0).sum() > 0
    assert tally["used"] + tally["missing"] + sum(tally[reason] for reason in REASONS) == tally["panel"] == len(PANEL)
    assert set(dosage.tolist()) <= {-1, 0, 1, 2}
    assert tally["strand_flipped"] <= tally["used"]
    told = (genotypes.haplotypes >= 0).all(axis=1)
    assert (genotypes.haplotypes[told].sum(axis=1) == dosage[told]).all()
    assert genotypes.build in {None, 36, 37, 38}
    assert genotypes.rows > 0 < genotypes.people


def finding_of(data: bytes, sample: str | None) -> dict[str, str] | None:
    """Reads and checks; the finding where the data was refused."""
    try:
        check(read_genotypes(data, PANEL, sample=sample))
    except BadGenotypes as bad:
        return bad.finding
    return None


def one_input(data: bytes) -> None:
    """Reads the data as it is, or as the first byte says: packed by gzip or zip, or one person of it."""
    pack = {b"\0": gzip.compress, b"\1": in_zip, b"\2": bytes}.get(data[:1])
    finding = finding_of(pack(data[1:]) if pack else data, "S1" if data[:1] == b"\2" else None)
    assert finding is None or (len(finding) == 4 and all(isinstance(text, str) and text for text in finding.values()))


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
