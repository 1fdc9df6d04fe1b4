"""Public keys of elliptic curves as CBOR carries them: COSE_Key, and an uncompressed point. No trust.

Sources: RFC 9052, section 7; RFC 9053, section 7.1.1 (EC2 keys); SEC 1, section 2.3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from confide.evidence.cbor import load_cbor
from confide.evidence.cose import ES256, ES384, ES512
from confide.ids import sha256_of

_KEY_TYPE, _ALGORITHM, _CURVE, _X, _Y = 1, 3, -1, -2, -3
_EC2 = 2
# The curves by their numbers in COSE, with the algorithm that goes with each, and the size of a coordinate.
_CURVES: dict[int, tuple[type[EllipticCurve], int, int]] = {
    1: (SECP256R1, ES256, 32), 2: (SECP384R1, ES384, 48), 3: (SECP521R1, ES512, 66),
}  # fmt: skip
_UNCOMPRESSED = 4


class MalformedKeyError(ValueError):
    """The bytes are no public key of a known curve."""


def read_cose_key(data: bytes, *, variant: bool = False) -> EllipticCurvePublicKey:
    """The key in a COSE_Key of type EC2 with both coordinates in full. Raises MalformedKeyError; MalformedCborError
    where it is no CBOR (`variant` is that of `load_cbor`).
    """
    key = load_cbor(data, variant=variant)
    if not isinstance(key, dict) or key.get(_KEY_TYPE) != _EC2 or key.get(_CURVE) not in _CURVES:
        raise MalformedKeyError("a key that is not of P-256, P-384 or P-521")
    curve, algorithm, size = _CURVES[key[_CURVE]]
    if key.get(_ALGORITHM, algorithm) != algorithm:
        raise MalformedKeyError("a key for another algorithm than its curve's")
    x, y = key.get(_X), key.get(_Y)
    if not isinstance(x, bytes) or not isinstance(y, bytes) or len(x) != size or len(y) != size:
        raise MalformedKeyError(f"coordinates that are not {size} bytes each")
    return _key(curve, x, y)


def read_point(data: bytes) -> EllipticCurvePublicKey:
    """The key in an uncompressed point, whose length names the curve. Raises MalformedKeyError."""
    for curve, _, size in _CURVES.values():
        if len(data) == 1 + 2 * size and data[0] == _UNCOMPRESSED:
            return _key(curve, data[1 : 1 + size], data[1 + size :])
    raise MalformedKeyError("not an uncompressed point of P-256, P-384 or P-521")


def _key(curve: type[EllipticCurve], x: bytes, y: bytes) -> EllipticCurvePublicKey:
    try:
        return EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve()).public_key()
    except ValueError:
        raise MalformedKeyError("a point that is not on its curve") from None


def write_cose_key(key: EllipticCurvePublicKey) -> Mapping[int, Any]:
    """The COSE_Key of a key, as a map to encode."""
    numbers = key.public_numbers()
    for number, (curve, _, size) in _CURVES.items():
        if isinstance(key.curve, curve):
            x, y = (value.to_bytes(size, "big") for value in (numbers.x, numbers.y))
            return {_KEY_TYPE: _EC2, _CURVE: number, _X: x, _Y: y}
    raise MalformedKeyError("a key that is not of P-256, P-384 or P-521")


def algorithm_of(key: object) -> int | None:
    """The COSE algorithm that goes with the key's curve; None for another kind of key."""
    if not isinstance(key, EllipticCurvePublicKey):
        return None
    return next((number for curve, number, _ in _CURVES.values() if isinstance(key.curve, curve)), None)


def fingerprint_of(key: EllipticCurvePublicKey) -> str:
    """`sha256:…` of the DER SubjectPublicKeyInfo: what `Trust.keys` holds."""
    return sha256_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
