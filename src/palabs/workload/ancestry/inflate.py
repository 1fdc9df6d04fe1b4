"""Gzip (RFC 1952) of one or more members to text, a bounded piece at a time and with bounded work.

A few bytes can ask for much work: text that repeats itself packs a thousandfold, and members without text cost time
each. No genotype file is packed so: letters pack 4 to 8 times, VCF files of many people up to some 100 times.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .refusal import BadGenotypes
from .text import BLOCK_BYTES

MAX_RATIO, FREE_TEXT = 250, 64 << 20  # of text to packed bytes; so much text is not asked
LEAST_MEMBER, FREE_MEMBERS = 128, 4096  # packed bytes of a member on average; so many members are not asked
PIECE = 512 << 10  # of text, inflated at once
WINDOW = 64 << 10  # packed bytes taken at once: those after the end of a member are copied for each member in it


@dataclass
class _Work:
    """What was done so far."""

    packed: int = 0
    text: int = 0
    members: int = 1

    def add(self, packed: int, text: int) -> None:
        self.packed += packed
        self.text += text
        check_ratio(self.packed, self.text)
        if self.members > FREE_MEMBERS and self.members * LEAST_MEMBER > self.packed:
            raise BadGenotypes(
                "genotypes.damaged",
                got="a gzip file of thousands of tiny parts",
                wanted="a gzip file of one part, or of blocks as bgzip makes them",
                remedy="Unpack it and give the file inside.",
            )


def check_ratio(packed: int, text: int) -> None:
    """Raises BadGenotypes for more text than MAX_RATIO times its packed bytes, where it is more than FREE_TEXT."""
    if text > FREE_TEXT and text > MAX_RATIO * packed:
        raise BadGenotypes(
            "genotypes.too_large",
            got=f"{packed} packed bytes that unpack to {text} or more",
            wanted=f"at most {MAX_RATIO} times as much text as packed bytes",
            remedy="Give one person's genotype file: from a VCF of many, the one person's columns alone.",
        )


def inflate(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text of a gzip file in pieces of at most BLOCK_BYTES. Raises BadGenotypes where it is damaged or cut off, or
    asks for work that no genotype file does.
    """
    held, size = [], 0
    for text in _texts(_windows(pieces)):
        held.append(text)
        size += len(text)
        if size > BLOCK_BYTES - PIECE:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _windows(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), WINDOW):
            yield piece[start : start + WINDOW]


def _texts(windows: Iterable[bytes]) -> Iterator[bytes]:
    """The text of the members as it comes. Zeros after the last one are padding."""
    member, work = zlib.decompressobj(wbits=31), _Work()
    for window in windows:
        rest = window
        while rest:
            if member.eof:
                if not rest.strip(b"\x00"):
                    break
                member = zlib.decompressobj(wbits=31)
                work.members += 1
            text = _next_text(member, rest)
            left = member.unused_data if member.eof else member.unconsumed_tail
            work.add(len(rest) - len(left), len(text))
            yield text
            rest = left
    if not member.eof:
        raise BadGenotypes(
            "genotypes.truncated",
            got="a gzip file that ends in the middle",
            wanted="a whole gzip file",
            remedy="Download the file again; the last transfer was cut off.",
        )


def _next_text(member: zlib._Decompress, rest: bytes) -> bytes:
    try:
        return member.decompress(rest, PIECE)
    except zlib.error:
        raise damaged("gzip") from None


def damaged(kind: str) -> BadGenotypes:
    """The finding for a damaged gzip or zip file."""
    return BadGenotypes(
        "genotypes.damaged",
        got=f"a damaged {kind} file",
        wanted=f"a whole {kind} file",
        remedy="Download the file again.",
    )
