"""The little DER (X.690) that attestation needs by itself; certificates are the library's work."""

from __future__ import annotations

SEQUENCE, BIT_STRING, OCTET_STRING, IA5_STRING = 0x30, 0x03, 0x04, 0x16
_LONG_FORM = 0x80


def header(tag: int, length: int) -> bytes:
    """Tag and length in the shortest form (section 10.1)."""
    if length < _LONG_FORM:
        return bytes((tag, length))
    size = (length.bit_length() + 7) // 8
    return bytes((tag, _LONG_FORM | size)) + length.to_bytes(size, "big")


def content_of(tag: int, data: bytes) -> bytes | None:
    """The content, where the data are exactly one item with this tag in canonical form; otherwise None."""
    for size in range(2, 6):
        if len(data) >= size and data[:size] == header(tag, len(data) - size):
            return data[size:]
    return None


def small_integer(value: int) -> bytes:
    """The INTEGER 0 to 255 (section 8.3)."""
    return bytes((2, 1, value)) if value < _LONG_FORM else bytes((2, 2, 0, value))


_SMALL_INTEGERS = {small_integer(value): value for value in range(256)}


def read_small_integer(data: bytes) -> int | None:
    """The number 0 to 255 in an INTEGER of the shortest form; otherwise None."""
    return _SMALL_INTEGERS.get(data)
