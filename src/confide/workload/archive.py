"""The one tar file for a set of files: ustar (POSIX.1-1988), sorted, without time, owner or mode.

There is exactly one archive for a set of files, and reading accepts nothing else: every header is
compared with the header that would have been written. So links, devices, directories, absolute and
climbing paths, duplicates and hidden trailing bytes have no encoding here. `tar tf` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from confide.errors import Misuse, Refused

BLOCK = 512
MAX_FILES = 20_000
MAX_BYTES = 1 << 30

_NAME_SIZE, _PREFIX_SIZE = 100, 155
_END = bytes(2 * BLOCK)
_PART = re.compile(r"[!-.0-\[\]-~][ -.0-\[\]-~]*")  # printable ASCII without slash and backslash, no leading blank


def is_safe_name(name: str) -> bool:
    """Whether `name` is a relative path of printable ASCII that stays below its root on any system."""
    parts = name.split("/")
    return all(_PART.fullmatch(part) and part not in {".", ".."} for part in parts) and _split(name) is not None


def _split(name: str) -> tuple[str, str] | None:
    """(prefix, name) as ustar stores a path of up to 255 characters, or None where it does not fit."""
    if len(name) <= _NAME_SIZE:
        return "", name
    for cut in (at for at, letter in enumerate(name) if letter == "/"):
        if cut <= _PREFIX_SIZE and len(name) - cut - 1 <= _NAME_SIZE:
            return name[:cut], name[cut + 1 :]
    return None


def _header(name: str, size: int) -> bytes:
    """The header block of a regular file: mode 0644, owner 0, time 0 (POSIX.1-1988, ustar)."""
    prefix, base = _split(name) or ("", "")
    fields = (
        base.encode().ljust(_NAME_SIZE, b"\0"),
        b"%07o\0%07o\0%07o\0" % (0o644, 0, 0),
        b"%011o\0%011o\0" % (size, 0),
        b" " * 8,  # the checksum is computed with blanks in its place
        b"0".ljust(101, b"\0"),
        b"ustar\x0000".ljust(72, b"\0"),
        bytes(16),  # device numbers, which a plain file has none of
        prefix.encode().ljust(_PREFIX_SIZE, b"\0"),
    )
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of `files` (path to content). Raises Misuse for a name that has no place in it."""
    pieces = []
    for name in sorted(files):
        if not is_safe_name(name):
            raise Misuse.because(
                "workload.name",
                got=ascii(name[:120]),
                wanted="a relative path of printable ASCII, at most 255 characters long",
                remedy="Rename the file.",
            )
        content = files[name]
        pieces += [_header(name, len(content)), content, bytes(-len(content) % BLOCK)]
    return b"".join([*pieces, _END])


def _bad(got: str) -> Refused:
    return Refused.because(
        "workload.bundle",
        got=got,
        wanted="a bundle exactly as `confide workload build` writes it",
        remedy="Build the bundle again from its source.",
    )


def unpack(data: bytes) -> dict[str, memoryview]:
    """The files of an archive that `pack` made. Raises Refused for any other bytes; copies nothing."""
    if len(data) > MAX_BYTES:
        raise _bad(f"{len(data)} bytes, more than {MAX_BYTES}")
    files: dict[str, memoryview] = {}
    last = ""
    for name, content in _entries(data):
        if name <= last:
            raise _bad("entries that are not in order, or one twice")
        if len(files) >= MAX_FILES:
            raise _bad(f"more than {MAX_FILES} files")
        files[name] = content
        last = name
    return files


def _entries(data: bytes) -> Iterator[tuple[str, memoryview]]:
    view = memoryview(data)
    at = 0
    while data[at : at + BLOCK] != bytes(BLOCK):
        name, size = _read_header(data[at : at + BLOCK])
        start, end = at + BLOCK, at + BLOCK + size
        at = end + -size % BLOCK
        if at > len(data) or any(data[end:at]):
            raise _bad("a file that is cut short or badly padded")
        yield name, view[start:end]
    if data[at:] != _END:
        raise _bad("an archive without its end, or with bytes behind it")


def _read_header(block: bytes) -> tuple[str, int]:
    """(path, size) of a header block, after comparing it with the only block allowed for them."""
    if len(block) < BLOCK:
        raise _bad("an archive that is cut short")
    try:
        base = block[:100].rstrip(b"\0").decode("ascii")
        prefix = block[345:500].rstrip(b"\0").decode("ascii")
        size = int(block[124:135], 8)
    except ValueError:
        raise _bad("a header that is not one of this format") from None
    name = f"{prefix}/{base}" if prefix else base
    if size < 0 or not is_safe_name(name) or _header(name, size) != block:
        raise _bad("an entry that is not a plain file with fixed metadata and a safe name")
    return name, size
