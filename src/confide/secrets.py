"""Secrets that cannot leak by accident: no repr, no pickle, no comparison by ==, wiped on request.

What this does not stop: a library call copies the bytes to its own heap, and Python may have copied
them before. `docs/threat-model.md` says so too.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, Self

__all__ = ["Secret", "wiped_after"]


class Secret:
    """A byte string that must not be shown. `reveal` is the only way in, and is easy to search for."""

    __slots__ = ("_buffer",)

    def __init__(self, value: bytes | bytearray) -> None:
        self._buffer = bytearray(value)

    @classmethod
    def random(cls, length: int = 32) -> Self:
        """A fresh secret of `length` bytes from the operating system's generator."""
        return cls(os.urandom(length))

    def reveal(self) -> bytes:
        """A copy of the bytes, for the library call that needs them. Raises ValueError once wiped."""
        if not self._buffer:
            raise ValueError("this secret was wiped")
        return bytes(self._buffer)

    def wipe(self) -> None:
        """Overwrites the bytes held here. Copies made by `reveal` are not reached."""
        self._buffer[:] = bytes(len(self._buffer))
        self._buffer.clear()

    def same_as(self, other: Secret) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(self._buffer, other._buffer)

    def __len__(self) -> int:
        return len(self._buffer)

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("compare secrets with same_as")

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never serialised")


@contextmanager
def wiped_after(secret: Secret) -> Iterator[Secret]:
    """Wipes the secret when the block ends, also by an exception."""
    try:
        yield secret
    finally:
        secret.wipe()
