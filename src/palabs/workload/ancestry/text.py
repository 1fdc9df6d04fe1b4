"""From pieces of bytes to blocks of whole lines of text, with bounded memory and work.

Limits: MAX_FILE_BYTES for the file as it is, MAX_TEXT_BYTES after decompression, MAX_LINE_BYTES for a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .refusal import BadGenotypes

MAX_FILE_BYTES = 512 << 20
MAX_TEXT_BYTES = 2 << 30
MAX_LINE_BYTES = 1 << 20
BLOCK_BYTES = 4 << 20

UTF8_MARK = b"\xef\xbb\xbf"
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
# What text holds: tab, line feed, carriage return, all printable ASCII, and any byte of another script.
TEXT_BYTES = bytes([9, 10, 13, *range(0x20, 0x7F), *range(0x80, 0x100)])
WANTED = "a genotype file as the laboratory offers it for download, plain, gzip or zip"


def check_size(size: int) -> None:
    """Raises BadGenotypes for a file that is empty or larger than MAX_FILE_BYTES; its bytes need not be read."""
    if size == 0:
        raise BadGenotypes("genotypes.empty", got="an empty file", wanted=WANTED, remedy="Download the file again.")
    if size > MAX_FILE_BYTES:
        raise BadGenotypes(
            "genotypes.too_large",
            got=f"{size} bytes",
            wanted=f"at most {MAX_FILE_BYTES} bytes",
            remedy="Use the genotype file (some megabytes), not raw reads or images; compress a large VCF with gzip.",
        )


def slices(data: bytes) -> Iterator[bytes]:
    """The same bytes in pieces of BLOCK_BYTES."""
    for start in range(0, len(data), BLOCK_BYTES):
        yield data[start : start + BLOCK_BYTES]


def blocks(pieces: Iterable[bytes], max_text_bytes: int = MAX_TEXT_BYTES) -> Iterator[bytes]:
    """Blocks of whole lines, each line ended by one line feed. Raises BadGenotypes where it is not such a text."""
    empty = True
    for block in _whole_lines(bounded(pieces, max_text_bytes)):
        text = block.removeprefix(UTF8_MARK) if empty else block
        _check_text(text, first=empty)
        empty = empty and not text.strip()
        yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
    if empty:
        raise BadGenotypes("genotypes.empty", got="no text", wanted=WANTED, remedy="Download the file again.")


def bounded(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The same pieces. Raises BadGenotypes as soon as they are more than `limit` bytes."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise BadGenotypes(
                "genotypes.too_large",
                got=f"more than {limit} bytes of text",
                wanted=f"at most {limit} bytes",
                remedy="Give one person's genotype file; leave out reads, annotations and other people.",
            )
        yield piece


def _whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes cut after line ends; the last line gets an end if it has none."""
    rest = b""
    for piece in pieces:
        joined = rest + piece
        cut = max(joined.rfind(b"\n"), joined.rfind(b"\r")) + 1
        rest = joined[cut:]
        if len(rest) > MAX_LINE_BYTES:
            _check_text(rest, first=False)
            raise BadGenotypes(
                "genotypes.format",
                got=f"a line longer than {MAX_LINE_BYTES} bytes",
                wanted="one line of text for each SNP",
                remedy="Check that this is a genotype file of one person.",
            )
        if cut:
            yield joined[:cut]
    if rest:
        yield rest + b"\n"


def _check_text(block: bytes, *, first: bool) -> None:
    if first and (block.startswith(WIDE_MARKS) or _looks_wide(block)):
        raise BadGenotypes(
            "genotypes.encoding",
            got="text in UTF-16 or UTF-32",
            wanted="text in UTF-8 or ASCII",
            remedy="Save the file as UTF-8, or download it again without opening it in an editor.",
        )
    if block.translate(None, TEXT_BYTES):
        raise BadGenotypes(
            "genotypes.binary",
            got="binary data",
            wanted=WANTED,
            remedy="Give the text file, not an image or raw reads.",
        )


def _looks_wide(block: bytes) -> bool:
    """Every second byte of the beginning is zero: UTF-16 without its mark."""
    head = block[:200]
    return len(head) > 1 and (not any(head[::2]) or not any(head[1::2]))
