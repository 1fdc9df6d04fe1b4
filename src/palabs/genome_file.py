"""A genotype file from the disk, as the one input that goes to the enclave: a PLINK data set becomes one zip."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

from confide.errors import Misuse
from palabs.workload.ancestry.refusal import BadGenotypes
from palabs.workload.ancestry.text import MAX_FILE_BYTES, check_size

BINARY, TEXT = ("bed", "bim", "fam"), ("ped", "map")
SAME_DATE = (1980, 1, 1, 0, 0, 0)  # the same files make the same bytes


def read_genome(path: Path) -> bytes:
    """The bytes of a genotype file, or of a zip of the PLINK data set that the file belongs to.

    A file that is empty or too large is Misuse, a large one before it is read. OSError where it cannot be read.
    """
    try:
        return bundle_plink(path) if _plink_kinds(path) else _read(path)
    except BadGenotypes as bad:
        raise Misuse.because(**bad.finding) from None


def bundle_plink(path: Path) -> bytes:
    """One zip of the files of a PLINK data set, of which `path` is one; the others lie beside it.

    Raises Misuse where one of them is not there, BadGenotypes where they are too large together.
    """
    files = {kind: path.with_suffix(_like(path.suffix, kind)) for kind in _plink_kinds(path)}
    if lacking := [file.suffix for file in files.values() if not file.exists()]:
        raise Misuse.because(
            "genotypes.plink",
            got=f"a PLINK file without its {' and '.join(lacking)} beside it",
            wanted=" with ".join(file.suffix for file in files.values()),
            remedy="Put the files of the data set beside each other under the same name.",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, file in files.items():
            archive.writestr(zipfile.ZipInfo(f"genome.{kind}", SAME_DATE), _read(file), zipfile.ZIP_DEFLATED)
    check_size(buffer.tell())
    return buffer.getvalue()


def _plink_kinds(path: Path) -> tuple[str, ...]:
    kind = path.suffix.lower().removeprefix(".")
    return next((kinds for kinds in (BINARY, TEXT) if kind in kinds), ())


def _like(suffix: str, kind: str) -> str:
    """The suffix of a kind of file, in capitals where `suffix` is."""
    return f".{kind.upper() if suffix.isupper() else kind}"


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            check_size(status.st_size)
        data = file.read(MAX_FILE_BYTES + 1)
    check_size(len(data))
    return data
