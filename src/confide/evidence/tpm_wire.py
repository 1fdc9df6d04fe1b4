"""The TPM's way of writing structures (TPM 2.0 library, part 2): big-endian numbers, and buffers with their size."""

from __future__ import annotations

from collections.abc import Callable

from confide.errors import Refused


class TpmReader:
    """A position in a marshalled structure. Whatever does not fit raises the error of `refused`, called with what
    was got.
    """

    __slots__ = ("data", "position", "refused")

    def __init__(self, data: bytes, refused: Callable[[str], Refused]) -> None:
        self.data = data
        self.position = 0
        self.refused = refused

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.position + size
        if end > len(self.data):
            raise self.refused(f"{len(self.data)} bytes, which end inside a field at byte {self.position}")
        value = self.data[self.position : end]
        self.position = end
        return value

    def number(self, size: int) -> int:
        """The unsigned number in the next `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def buffer(self, most: int) -> bytes:
        """A sized buffer (TPM2B, part 2, section 10.4) of at most `most` bytes."""
        size = self.number(2)
        if size > most:
            raise self.refused(f"a buffer of {size} bytes at byte {self.position}, where at most {most} can be")
        return self.take(size)

    def finish(self) -> None:
        """Refuses bytes behind the structure: what is not read must not be there."""
        if self.position != len(self.data):
            raise self.refused(f"{len(self.data) - self.position} bytes behind the structure")


def sized(data: bytes) -> bytes:
    """The data as a sized buffer (TPM2B)."""
    return len(data).to_bytes(2, "big") + data


def unwrap(data: bytes) -> bytes:
    """The content, where the bytes are exactly one sized buffer (TPM2B), as tools often write structures;
    otherwise the bytes as they are. No structure that Confide reads begins with its own size.
    """
    return data[2:] if len(data) > 2 and int.from_bytes(data[:2], "big") == len(data) - 2 else data  # noqa: PLR2004 - the size field
