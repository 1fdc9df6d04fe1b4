"""Identifiers and digests: how things are named, and how their bytes are bound to their names."""

from __future__ import annotations

import base64
import hashlib
import os
import re

import rfc8785

from confide.errors import Misuse

__all__ = ["canonical_json", "digest_of", "new_id", "sha256_of", "to_base64"]

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def new_id(prefix: str) -> str:
    """A fresh identifier such as `object-7k2m…`: 128 random bits, base32, lower case."""
    return f"{prefix}-{base64.b32encode(os.urandom(16)).decode().rstrip('=').lower()}"


def sha256_of(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits (FIPS 180-4)."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def canonical_json(value: object) -> bytes:
    """The one byte string for a JSON value (RFC 8785): what is hashed and what is signed."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def digest_of(value: object) -> str:
    """The SHA-256 of the canonical JSON of `value`."""
    return sha256_of(canonical_json(value))


def to_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str, what: str = "value") -> bytes:
    """The reverse of `to_base64`. Anything but the canonical form is refused: Misuse."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if to_base64(data) != text:
        raise Misuse.because(
            "encoding.base64",
            got=f"a {what} that is not canonical base64",
            wanted="base64 with padding, without white space",
            remedy="Copy the value again from where it was made.",
        )
    return data
