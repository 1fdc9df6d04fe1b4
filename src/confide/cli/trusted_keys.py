"""`--trust-key`: public keys that the caller trusts, by file or fingerprint."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from confide.errors import Misuse

_MAX_BYTES = 1 << 18


def add_trust_key_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--trust-key`."""
    parser.add_argument(
        "--trust-key", action="append", default=[], metavar="KEY",
        help="trust what this key signs as a vendor's: sha256:… of its SubjectPublicKeyInfo, or a file with the public "
        "key or certificate (PEM, DER) or a JWK set; for keys without a chain to a vendor's root; may be given again",
    )  # fmt: skip


def read_trusted_keys(given: Sequence[str]) -> frozenset[str]:
    """The fingerprints of the keys. Raises Misuse for what holds no public key, OSError for files that do not open."""
    from confide.ids import DIGEST  # noqa: PLC0415 - --help needs no keys

    found: set[str] = set()
    for one in given:
        found |= {one} if DIGEST.fullmatch(one) else set(_fingerprints(Path(one)))
    return frozenset(found)


def _fingerprints(path: Path) -> list[str]:
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    try:
        found = list(_read_keys(data)) if len(data) <= _MAX_BYTES else []
    except (ValueError, TypeError, KeyError):
        found = []
    if not found:
        raise Misuse.because(
            "cli.trust_key",
            got=f"{path}, in which there is no public key",
            wanted="a public key or certificate in PEM or DER, or a JWK set",
            remedy="Give the key's file, or its fingerprint as sha256:….",
        )
    return found


def _read_keys(data: bytes) -> Iterator[str]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415 - see above

    from confide.ids import sha256_of  # noqa: PLC0415 - the same

    keys = _jwk_set(data) if data.lstrip().startswith(b"{") else _one_key(data)
    for key in keys:
        if not hasattr(key, "public_bytes"):
            raise ValueError("a key that is not public")
        yield sha256_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _jwk_set(data: bytes) -> Iterator[object]:
    import jwt  # noqa: PLC0415 - only where a JWK set was given

    document = json.loads(data)
    for one in document.get("keys", [document]):
        try:
            yield jwt.PyJWK.from_dict(one, algorithm=None if "alg" in one else _algorithm(one)).key
        except jwt.PyJWTError as error:
            raise ValueError(str(error)) from None


def _algorithm(one: dict[str, object]) -> str | None:
    return "RS256" if one.get("kty") == "RSA" else None


def _one_key(data: bytes) -> Iterator[object]:
    from cryptography import x509  # noqa: PLC0415 - only where a key was given
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - the same

    if b"-----BEGIN CERTIFICATE-----" in data:
        yield from (one.public_key() for one in x509.load_pem_x509_certificates(data))
    elif b"-----BEGIN " in data:
        yield serialization.load_pem_public_key(data)
    else:
        try:
            yield serialization.load_der_public_key(data)
        except ValueError:
            yield x509.load_der_x509_certificate(data).public_key()
