"""A reader's key pair and sealed objects to attack."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from confide.sealed import Manifest, seal_bytes
from confide.secrets import Secret

HEADER_LENGTH = 16 + 108  # one recipient


@dataclass(frozen=True)
class Reader:
    private: X25519PrivateKey

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def raw(self) -> bytes:
        return self.private.private_bytes_raw()


@dataclass(frozen=True)
class Sealed:
    """An object, its parts, and what opens it."""

    plain: bytes
    data: bytes
    manifest: Manifest
    data_key: Secret

    @property
    def header(self) -> bytes:
        return self.data[:HEADER_LENGTH]

    @property
    def segments(self) -> list[bytes]:
        body = self.data[HEADER_LENGTH:]
        return [body[start : start + 65564] for start in range(0, len(body), 65564)]


def make_sealed(reader: Reader, size: int, data_key: Secret | None = None) -> Sealed:
    plain, data_key = os.urandom(size), data_key or Secret.random()
    data, manifest = seal_bytes(plain, recipients=[reader.public], data_key=data_key)
    return Sealed(plain, data, manifest, data_key)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader(X25519PrivateKey.generate())


@pytest.fixture(scope="session")
def seal(reader):
    """`seal(size, data_key=None)`: random bytes, sealed to the reader."""
    return lambda size, data_key=None: make_sealed(reader, size, data_key)
