"""What a file is packed in: nothing, gzip (bgzip is gzip of many members) or zip. Everything is unpacked a bounded
piece at a time; names inside a zip choose nothing but the kind of a file, and no path is ever made of them.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from .inflate import check_ratio, damaged, inflate
from .refusal import BadGenotypes
from .text import BLOCK_BYTES, MAX_FILE_BYTES, WANTED, bounded, check_size, slices

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
ENTRY_MAGIC = b"PK\x01\x02"  # of each file in the list at the end of a zip
BED_MAGIC = b"\x6c\x1b"
ARCHIVES = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"BZh", "a bzip2 file"),
    (b"Rar!", "a rar archive"),
)
MAX_MEMBERS = 1000
ENCRYPTED = 1
# Ways of packing in a zip that are not read (PKWARE APPNOTE 4.4.5), by their numbers.
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
BINARY, TEXT = {"bed", "bim", "fam"}, {"ped", "map"}
# What lies beside genotypes: indexes, checksums, explanations, logs of PLINK.
BESIDE = frozenset({"tbi", "csi", "md5", "pdf", "log", "nosex", "hh"})
# What damaged zip files make `zipfile` raise; NotImplementedError is a RuntimeError, BadZipFile is not an OSError.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, OSError, EOFError, ValueError, OverflowError)


@dataclass(frozen=True)
class Plink:
    """The files of a PLINK data set by their kind (bed, bim, fam, ped, map), unpacked."""

    files: dict[str, bytes]


def unpack(data: bytes) -> Iterator[bytes] | Plink:
    """The text of a genotype file in pieces, or a PLINK data set.

    Raises BadGenotypes, also while the pieces are taken, for what is empty, too large, damaged or packed otherwise.
    """
    check_size(len(data))
    if data.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC)):
        return _unzip(data)
    return _unpacked(slices(data), inside="")


def _unpacked(pieces: Iterator[bytes], inside: str) -> Iterator[bytes]:
    """The pieces, inflated where they are gzip. Raises BadGenotypes where yet another archive is inside."""
    first = next(pieces, b"")
    pieces = chain([first], pieces)
    if first.startswith(GZIP_MAGIC) and "gzip" not in inside:
        return _unpacked(inflate(pieces), inside=f"gzip in {inside}" if inside else "gzip")
    _check_not_archive(first, inside)
    return pieces


def _check_not_archive(first: bytes, inside: str) -> None:
    found = next((name for magic, name in ARCHIVES if first.startswith(magic)), "")
    if inside and first.startswith((ZIP_MAGIC, GZIP_MAGIC)):
        found = "an archive"
    if found:
        raise BadGenotypes(
            "genotypes.archive",
            got=f"{found} in a {inside} file" if inside else found,
            wanted=WANTED,
            remedy="Unpack it and give the file inside.",
        )
    if first.startswith(BED_MAGIC):
        raise BadGenotypes(
            "genotypes.plink",
            got="a PLINK .bed file alone",
            wanted="the .bed, .bim and .fam files of one data set together",
            remedy="Give `palabs ancestry` the .bed file with the other two beside it, or one zip of the three.",
        )


def _unzip(data: bytes) -> Iterator[bytes] | Plink:
    if (entries := data.count(ENTRY_MAGIC)) > MAX_MEMBERS:  # millions of them would fill the memory when they are read
        raise _not_one(entries)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [info for info in archive.infolist() if _is_content(info)]
    except ZIP_ERRORS:
        raise damaged("zip") from None
    if {"bed", "ped"} & set(map(_kind, members)):
        return _plink(archive, members)
    if len(members) != 1:
        raise _not_one(len(members))
    return _unpacked(_read_member(archive, members[0]), inside="zip")


def _is_content(info: zipfile.ZipInfo) -> bool:
    """Whether it is neither a folder, nor what operating systems add, nor what lies beside genotypes."""
    name = info.filename.rpartition("/")[2]
    hidden = name.startswith(".") or info.filename.startswith("__MACOSX/")
    return bool(name) and not hidden and _kind(info) not in BESIDE


def _kind(info: zipfile.ZipInfo) -> str:
    return info.filename.lower().rpartition(".")[2]


def _not_one(number: int) -> BadGenotypes:
    return BadGenotypes(
        "genotypes.archive",
        got=f"a zip archive of {number} files",
        wanted="a zip of one genotype file, or of the .bed, .bim and .fam (.ped and .map) of one PLINK data set",
        remedy="Give the one file that holds the genotypes.",
    )


def _plink(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Plink:
    kinds = [_kind(info) for info in members]
    one_set = any(set(kinds) <= kind for kind in (BINARY, TEXT))
    if len(set(kinds)) != len(kinds) or not one_set:
        raise _not_one(len(members))
    files, room = {}, MAX_FILE_BYTES  # they are held whole
    for kind, info in zip(kinds, members, strict=True):
        files[kind] = b"".join(bounded(_read_member(archive, info), room))
        room -= len(files[kind])
    return Plink(files)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A file of the archive, a bounded piece at a time; its checksum is checked at its end."""
    if info.flag_bits & ENCRYPTED:
        raise BadGenotypes(
            "genotypes.encrypted",
            got="a zip archive with a password",
            wanted="a zip archive without one",
            remedy="Unpack it with its password and give the file inside; palabs seals it for the enclave itself.",
        )
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadGenotypes(
            "genotypes.archive",
            got=f"a zip archive packed by {METHODS.get(info.compress_type, 'an uncommon method')}, which is not read",
            wanted="a zip archive packed in the usual way (Deflate)",
            remedy="Unpack it and give the file inside, or pack that one with gzip.",
        )
    check_ratio(info.compress_size, info.file_size)
    try:
        with archive.open(info) as member:
            while piece := member.read(BLOCK_BYTES):
                yield piece
    except ZIP_ERRORS:
        raise damaged("zip") from None
