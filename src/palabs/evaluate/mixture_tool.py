"""`fastmixture` as a comparison: shares of some people given the sources' allele frequencies (its projection mode).

Santander, Refoyo-Martinez & Meisner 2024. It is of the extra `compare` and runs as the program that it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from confide.errors import Misuse
from palabs.training.plink import MAGIC

Floats = NDArray[np.float64]

SEED = 42
MINUTES = 5
LEAST = 1e-5  # it takes logarithms of the frequencies
# Two bits a genotype of 0, 1 or 2 first alleles, and -1 for missing last (see palabs.training.plink).
BITS_OF_DOSAGE = np.array([3, 2, 0, 1], dtype=np.uint8)


def fastmixture_shares(dosage: NDArray[np.int8], frequency: Floats) -> Floats:
    """Shares (people x sources) of people with these dosages (people x SNPs, -1 missing).

    `frequency` is that of the counted allele in each source (SNPs x sources).
    Raises Misuse where fastmixture is not installed beside this Python.
    """
    program = Path(sys.executable).with_name("fastmixture")
    if not program.exists():
        raise Misuse.because(
            "evaluate.extra",
            got="no program fastmixture",
            wanted="the comparison for proportions",
            remedy="Install it: pip install 'confide[compare]'.",
        )
    sources = frequency.shape[1]
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "people"
        write_plink(prefix, dosage)
        np.savetxt(prefix.with_suffix(".P"), np.clip(frequency, LEAST, 1 - LEAST), fmt="%.6f")
        files = ["--bfile", str(prefix), "--projection", f"{prefix}.P", "--out", str(prefix)]
        command = [str(program), *files, "--K", str(sources), "--seed", str(SEED)]
        subprocess.run(command, check=True, capture_output=True, timeout=60 * MINUTES)  # noqa: S603 - no shell, our files
        return np.loadtxt(f"{prefix}.K{sources}.s{SEED}.Q", ndmin=2)


def write_plink(prefix: Path, dosage: NDArray[np.int8]) -> None:
    """Writes `prefix`.bed, .bim and .fam: people and SNPs without names worth keeping."""
    people, snps = dosage.shape
    padded = np.zeros((snps, -(-people // 4) * 4), dtype=np.uint8)
    padded[:, :people] = BITS_OF_DOSAGE[dosage.T]
    packed = (padded.reshape(snps, -1, 4) << np.array([0, 2, 4, 6], dtype=np.uint8)).sum(axis=2, dtype=np.uint8)
    prefix.with_suffix(".bed").write_bytes(MAGIC + packed.tobytes())
    prefix.with_suffix(".bim").write_text("".join(f"1\ts{n}\t0\t{n + 1}\tA\tC\n" for n in range(snps)))
    prefix.with_suffix(".fam").write_text("".join(f"p{n} p{n} 0 0 0 -9\n" for n in range(people)))
