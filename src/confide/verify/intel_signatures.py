"""ECDSA with P-256 and SHA-256 as Intel's quotes and collateral carry it: raw numbers, big-endian, 32 bytes each."""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.verify.signatures import verifies
from confide.verify.x509 import Certificate

ALGORITHMS = frozenset({"ecdsa-sha256"})
_NUMBER = 32
_POINT = b"\x04"

# The order of the group of P-256 (SEC 2, section 2.4.2): r and s lie between 1 and this number less one.
ORDER = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)


def in_range(signature: bytes) -> bool:
    """Whether both numbers of a signature of 64 bytes are ones that a signature can have."""
    return all(0 < number < ORDER for number in _numbers(signature))


def _numbers(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:_NUMBER], "big"), int.from_bytes(signature[_NUMBER:], "big")


@lru_cache(maxsize=64)
def is_point(key: bytes) -> bool:
    """Whether 64 bytes are a point of the curve."""
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _POINT + key)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=64)
def point_of(certificate: Certificate) -> bytes | None:
    """The key of a certificate as 64 bytes, or None where it is no key on P-256."""
    key = certificate.public_key
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        return None
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


# A machine's quoting enclave, its key and its collateral are the same for weeks. What is remembered is arithmetic: that
# these bytes are signed by that key; never a verdict, which depends on the time and on whom the caller trusts.
@lru_cache(maxsize=256)
def is_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the key (64 bytes, a point) made the signature (64 bytes) over the message."""
    if not is_point(key) or not in_range(signature):
        return False
    public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _POINT + key)
    return verifies("ecdsa-sha256", public, encode_dss_signature(*_numbers(signature)), message)
